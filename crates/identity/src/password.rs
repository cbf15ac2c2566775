use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::common::is_listed;

/// The fewest characters a new password may have.
pub const MIN_PASSWORD_CHARS: usize = 8;
/// What forms should recommend.
pub const RECOMMENDED_PASSWORD_CHARS: usize = 15;
/// The most characters a password may have; more would only cost time to hash.
pub const MAX_PASSWORD_CHARS: usize = 256;

/// The fewest different characters; `aaaaaaaa` and `abababab` have one and two.
const MIN_DIFFERENT: usize = 4;
/// Shorter context words, such as the local part `al`, occur in good passwords by chance.
const MIN_CONTEXT_CHARS: usize = 4;
/// Digits and signs around a known word that leave it as easy to guess: `Password-2026!!`.
const MAX_TRIVIAL_ADDITIONS: usize = 8;

/// What is asked of a new password: a length, and not to be one that guessing tries first.
///
/// No rules of composition, no expiry (NIST SP 800-63B-4 section 3.1.1.2, OWASP ASVS 5.0 section 6.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct PasswordRules;

/// Why a password is refused; the text is for the person who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    #[error("Use at least 8 characters; 15 or more are better.")]
    TooShort,
    #[error("Use at most 256 characters.")]
    TooLong,
    #[error("This repeats a few characters over and over. Use more different ones.")]
    Repetitive,
    #[error("This is on the list of passwords that attackers try first. Choose another, such as four unrelated words.")]
    Common,
    #[error(
        "This is close to your e-mail address, your name or the name of this site, which are guessed first. Choose another."
    )]
    Personal,
}

impl PasswordRules {
    /// Checks a new password. `context` holds what guessers know: addresses (their local part counts too), names, the product's name.
    ///
    /// # Errors
    ///
    /// The first problem found.
    pub fn check(self, password: &str, context: &[&str]) -> Result<(), PasswordProblem> {
        // Before anything that takes time in proportion to the length.
        if password.chars().take(MAX_PASSWORD_CHARS + 1).count() > MAX_PASSWORD_CHARS {
            return Err(PasswordProblem::TooLong);
        }
        let password = normalised(password);
        let length = password.chars().count();
        if length < MIN_PASSWORD_CHARS {
            return Err(PasswordProblem::TooShort);
        }
        if length > MAX_PASSWORD_CHARS {
            return Err(PasswordProblem::TooLong);
        }
        let lower = Zeroizing::new(password.to_lowercase());
        if is_personal(&lower, context) {
            return Err(PasswordProblem::Personal);
        }
        if is_listed(&lower) || is_listed(without_additions(&lower)) {
            return Err(PasswordProblem::Common);
        }
        if different_chars(&lower) < MIN_DIFFERENT || is_run(&lower) {
            return Err(PasswordProblem::Repetitive);
        }
        Ok(())
    }
}

/// NFKC, so that one password typed on two keyboards gives the same bytes (Unicode Standard Annex 15).
pub(crate) fn normalised(password: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(password.len() * 2));
    text.extend(password.nfkc());
    text
}

/// The word left when the digits and signs around it go; the whole password when they are more than trivial.
fn without_additions(lower: &str) -> &str {
    let word = lower.trim_matches(|letter: char| !letter.is_alphabetic());
    let additions = lower.chars().count() - word.chars().count();
    if additions <= MAX_TRIVIAL_ADDITIONS { word } else { lower }
}

fn is_personal(lower: &str, context: &[&str]) -> bool {
    let chosen = letters(lower);
    let local_parts = context.iter().filter_map(|known| known.rsplit_once('@').map(|(local, _)| local));
    context.iter().copied().chain(local_parts).any(|known| {
        let known = normalised(known).to_lowercase();
        if known.chars().count() < MIN_CONTEXT_CHARS {
            return false;
        }
        let word = letters(&known);
        lower == known || (word.chars().count() >= MIN_CONTEXT_CHARS && chosen.as_str() == word.as_str())
    })
}

/// Only the letters: `M.u.s.t.e.r-2026` and `muster` have the same.
fn letters(text: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(text.len()));
    kept.extend(text.chars().filter(|letter| letter.is_alphabetic()));
    kept
}

fn different_chars(text: &str) -> usize {
    text.chars().collect::<std::collections::HashSet<_>>().len()
}

/// One step repeated through the whole password: `abcdefgh`, `987654321`.
fn is_run(text: &str) -> bool {
    let steps = |step: i64| {
        text.chars().zip(text.chars().skip(1)).all(|(a, b)| i64::from(u32::from(b)) - i64::from(u32::from(a)) == step)
    };
    steps(1) || steps(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &[&str] = &["ada.lovelace@example.org", "Muster", "al"];

    fn check(password: &str) -> Result<(), PasswordProblem> {
        PasswordRules.check(password, CONTEXT)
    }

    #[test]
    fn good_passwords_pass_whatever_they_are_made_of() {
        let long = "long enough to be a story ".repeat(9);
        for password in [
            "correct horse battery staple",
            "kvwq tzpl",
            "73920158264",
            "пароль-из-трёх-слов",
            "dromedary unlit teapot",
            long.as_str(),
        ] {
            assert_eq!(check(password), Ok(()), "{password:?}");
        }
    }

    #[test]
    fn lengths_count_characters() {
        assert_eq!(check("kvwqtzp"), Err(PasswordProblem::TooShort));
        assert_eq!(check("ёжикёлка"), Ok(()));
        assert_eq!(check(&"kvwqtzpl".repeat(32)), Ok(()));
        assert_eq!(check(&format!("{}x", "kvwqtzpl".repeat(32))), Err(PasswordProblem::TooLong));
    }

    #[test]
    fn common_passwords_are_refused_with_their_trivial_variants() {
        for password in [
            "password",
            "PassWord",
            "password1",
            "Password-2026!",
            "12345678",
            "123456789",
            "iloveyou",
            "!!dragon123",
            "qwertyuiop",
            "trustno1",
        ] {
            assert_eq!(check(password), Err(PasswordProblem::Common), "{password:?}");
        }
    }

    #[test]
    fn what_guessers_know_is_refused() {
        for password in
            ["ada.lovelace@example.org", "AdaLovelace", "ada_lovelace_1815", "muster2026", "Muster!!", "1234Muster"]
        {
            assert_eq!(check(password), Err(PasswordProblem::Personal), "{password:?}");
        }
        assert_eq!(check("al kvwq tzpl"), Ok(()), "short context words are no reason");
    }

    #[test]
    fn repetition_and_runs_are_refused() {
        for password in ["ababababababab", "zzzzzzzzzzzz", "mnopqrstuv", "~}|{zyxwv"] {
            assert_eq!(check(password), Err(PasswordProblem::Repetitive), "{password:?}");
        }
    }

    #[test]
    fn the_texts_name_the_limits_that_hold() {
        assert!(PasswordProblem::TooShort.to_string().contains(&MIN_PASSWORD_CHARS.to_string()));
        assert!(PasswordProblem::TooShort.to_string().contains(&RECOMMENDED_PASSWORD_CHARS.to_string()));
        assert!(PasswordProblem::TooLong.to_string().contains(&MAX_PASSWORD_CHARS.to_string()));
    }

    #[test]
    fn two_keyboards_give_one_password() {
        assert_eq!(*normalised("caf\u{e9}"), *normalised("cafe\u{301}"));
    }
}
