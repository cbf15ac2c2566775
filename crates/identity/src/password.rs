use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::variants::is_common;

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
        if is_common(&lower) {
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

    /// From counts of leaked passwords, and what rules of composition make people type.
    #[test]
    fn well_known_passwords_are_refused_in_their_disguises() {
        let known = "P@$$w0rd pa$$word P@ssw0rd P@ssword1 Passw0rd! P455w0rd P.a.s.s.w.o.r.d Password123! pass@123 \
            Aa@123456 Aa123456 Abc@123456 abc12345! abcd@1234 Abcd1234! Asd@1234 asdf@1234 qwer1234 1g2w3e4r 1q2w3e4r \
            q1w2e3r4t5 g_czechout gwerty123 zag12wsx zaq1@WSX !QAZ2wsx 1qaz@WSX Qwerty123! Qwerty@123 Qwertyuiop1 \
            Admin@123 admin123 Master@123 Test@1234 Secret@1 Changeme1 Ch@ngeme Welcome1 Welcome@123 W3lc0me! L3tm31n! \
            letmein1 Iloveyou1 !l0v3y0u I_love_you Tru5tn01 Drag0n123 $unsh1ne Sunsh1ne! Pr1ncess1 M0nkey123 Footb4ll \
            B@seball1 Superm@n1 St4rw4rs! passwordpassword Summer2024! Winter@2023 Charl1e! Ch3ls3a1 L1verp00l Arsen4l! \
            Micha3l1 J0rdan23 Hell0w0rld 3rjs1la7qe Pok3mon1 C0mput3r Google@123 Samsung1 Pakistan1 india@123";
        let passed: Vec<&str> = known.split_whitespace().filter(|password| check(password).is_ok()).collect();
        assert!(passed.is_empty(), "{passed:?}");
    }

    #[test]
    fn good_passwords_are_not_taken_for_disguises() {
        let good = [
            "violet Harbour 8 pulleys",
            "myrtle-otter-plinth-98",
            "Seven kites over Rotterdam",
            "unsent letters to a lighthouse",
            "4 loud geese, 1 quiet owl",
            "Tromboon&Ferrule",
            "naïve walnut orbit",
            "we left the kettle on in Oslo",
            "paprika.sextant.moth",
            "ocelot7brisket",
            "B4nd0l1ne-Quartz",
            "Mulberry Sn0w Piano",
            "i sold 12 purple canoes",
            "my dog ate the admin guide",
            "password manager saved me twice",
            "T4x-r7!mQz2p",
            "gF7$kd02mQwz",
            "hjk3-9sdf-qpw1",
            "X9#vLq2@pT",
            "Rn5!tYw8#bVc",
            "z7KpQ2mW9x",
        ];
        for password in good {
            assert_eq!(check(password), Ok(()), "{password:?}");
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
