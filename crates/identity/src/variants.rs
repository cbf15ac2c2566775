//! Common passwords in disguise: what people do to one until a form takes it, and what programs that guess try next.

use zeroize::Zeroizing;

use crate::common::is_listed;

/// Digits and signs around a known word that leave it as easy to guess: `Password-2026!!`.
const MAX_TRIVIAL_ADDITIONS: usize = 8;
/// A shorter word comes about by chance where signs are taken away or read as letters.
const MIN_READ: usize = 4;
const MIN_WITHOUT_SIGNS: usize = 6;
/// `4815` reads as a word too, and is none.
const MIN_OWN_LETTERS: usize = 2;

/// Whether `lower`, which must be in lower case, is a listed password or one in disguise: with trivial additions at its ends,
/// with signs between its letters, twice in a row, or with letters written as digits and signs.
///
/// The substitutions are those of zxcvbn (Wheeler, USENIX Security 2016).
pub(crate) fn is_common(lower: &str) -> bool {
    let mut without_signs = Zeroizing::new(String::with_capacity(lower.len()));
    without_signs.extend(lower.chars().filter(|letter| letter.is_alphanumeric()));
    let long_enough = without_signs.chars().count() >= MIN_WITHOUT_SIGNS;
    is_variant(lower) || (long_enough && is_variant(&without_signs))
}

fn is_variant(text: &str) -> bool {
    is_listed(text)
        || is_listed(trimmed(text))
        || half(text).is_some_and(is_listed)
        || bases(text).any(|base| READINGS.iter().any(|reading| reads_as_listed(base, *reading)))
}

/// The word left when the digits and signs around it go; the whole password when they are more than trivial.
fn trimmed(text: &str) -> &str {
    let word = text.trim_matches(|letter: char| !letter.is_alphabetic());
    if text.chars().count() - word.chars().count() <= MAX_TRIVIAL_ADDITIONS { word } else { text }
}

/// What stands twice in a row.
fn half(text: &str) -> Option<&str> {
    let (first, second) = text.split_at_checked(text.len() / 2)?;
    (first == second).then_some(first)
}

/// The text with fewer and fewer of the digits and signs at its ends: some of them may be letters of the word.
fn bases(text: &str) -> impl Iterator<Item = &str> {
    let signs = |letters: &mut dyn Iterator<Item = char>| {
        let run = letters.take_while(|letter| !letter.is_alphabetic()).take(MAX_TRIVIAL_ADDITIONS);
        run.map(char::len_utf8).collect::<Vec<_>>()
    };
    let (before, after) = (signs(&mut text.chars()), signs(&mut text.chars().rev()));
    let has_letters = text.chars().any(char::is_alphabetic);
    let most = if has_letters { before.len() } else { 0 };
    (0..=most).flat_map(move |from| {
        let (before, after) = (before.clone(), after.clone());
        let most = if has_letters { after.len().min(MAX_TRIVIAL_ADDITIONS - from) } else { 0 };
        (0..=most).map(move |to| {
            let (start, end) = (before[..from].iter().sum::<usize>(), text.len() - after[..to].iter().sum::<usize>());
            &text[start..end]
        })
    })
}

/// What `1`, `!` and `|` stand for, and what `7` does.
const READINGS: [(char, char); 4] = [('i', 't'), ('i', 'l'), ('l', 't'), ('l', 'l')];

fn reads_as_listed(base: &str, (one, seven): (char, char)) -> bool {
    let mut word = Zeroizing::new(String::with_capacity(base.len()));
    word.extend(base.chars().map(|letter| match letter {
        '4' | '@' => 'a',
        '8' => 'b',
        '(' | '{' | '[' | '<' => 'c',
        '3' | '€' => 'e',
        '6' | '9' => 'g',
        '1' | '!' | '|' => one,
        '0' => 'o',
        '5' | '$' => 's',
        '+' => 't',
        '7' => seven,
        '%' => 'x',
        '2' => 'z',
        other => other,
    }));
    let own_letters = base.chars().filter(|letter| letter.is_alphabetic()).count();
    own_letters >= MIN_OWN_LETTERS
        && word.as_str() != base
        && word.chars().count() >= MIN_READ
        && word.chars().all(char::is_alphabetic)
        && is_listed(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_at_the_ends_may_be_letters_of_the_word() {
        let found: Vec<&str> = bases("$un1!").collect();
        assert_eq!(found, ["$un1!", "$un1", "$un", "un1!", "un1", "un"]);
        assert!(is_common("$unshine1!") && is_common("1$unsh!ne"));
    }

    #[test]
    fn digits_alone_are_read_as_digits() {
        assert_eq!(bases("4815162342").count(), 1);
        assert!(!is_common("73920158264"));
    }

    #[test]
    fn additions_that_are_more_than_trivial_count() {
        assert!(is_common("dragon-2026!") && !is_common("dragon-83920158264"));
    }
}
