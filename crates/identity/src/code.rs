use std::fmt;

use subtle::ConstantTimeEq;

use crate::key::{Key, RandomError, random_bytes};

const CODES: u32 = 1_000_000;
const DIGITS: usize = 6;

/// A verification code of six digits, sent to a person who types it back.
///
/// Six digits are few, so what is stored is keyed ([`Code::hash`]), and whoever checks codes also limits tries and time.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; DIGITS]);

/// HMAC-SHA-256 of a code and what it was made for.
#[derive(Clone, Copy)]
pub struct CodeHash([u8; 32]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("The code has six digits. Type it as it stands in the message.")]
    Malformed,
    #[error("a stored code hash has 32 bytes, not {0}")]
    HashLength(usize),
}

impl Code {
    /// A new code; every one of the million is equally likely.
    ///
    /// # Errors
    ///
    /// When the operating system's random source fails.
    pub fn generate() -> Result<Self, RandomError> {
        loop {
            let drawn = u32::from_be_bytes(*random_bytes::<4>()?);
            if let Some(code) = Self::from_draw(drawn) {
                return Ok(code);
            }
        }
    }

    /// `None` for the draws above the last whole million, which would favour small codes.
    fn from_draw(drawn: u32) -> Option<Self> {
        if drawn >= u32::MAX - u32::MAX % CODES {
            return None;
        }
        let mut rest = drawn % CODES;
        let mut digits = [b'0'; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        Some(Self(digits))
    }

    /// Reads a code as people type it: blanks and dashes anywhere do not matter.
    ///
    /// # Errors
    ///
    /// When anything but six digits is left.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let mut digits = [0; DIGITS];
        let mut count = 0;
        for letter in text.chars().filter(|letter| !letter.is_whitespace() && !is_dash(*letter)) {
            if !letter.is_ascii_digit() || count == DIGITS {
                return Err(CodeError::Malformed);
            }
            digits[count] = letter as u8;
            count += 1;
        }
        if count == DIGITS { Ok(Self(digits)) } else { Err(CodeError::Malformed) }
    }

    /// The digits, for the message.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.iter().map(|digit| char::from(*digit)).collect()
    }

    /// What to store: HMAC-SHA-256 over the code and `bound_to`, which names the one attempt the code belongs to.
    #[must_use]
    pub fn hash(&self, key: &Key, bound_to: &str) -> CodeHash {
        CodeHash(key.digest("verification code", &[bound_to.as_bytes(), &self.0]))
    }
}

/// Hyphen-minus, and the dashes that keyboards and mail programs put in its place.
const fn is_dash(letter: char) -> bool {
    matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

impl CodeHash {
    /// Reads a stored digest.
    ///
    /// # Errors
    ///
    /// When it has not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodeError> {
        bytes.try_into().map(Self).map_err(|_| CodeError::HashLength(bytes.len()))
    }

    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Takes the same time wherever the first difference is.
impl PartialEq for CodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeHash {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(hidden)")
    }
}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_map_evenly_and_the_uneven_rest_is_thrown_away() {
        assert_eq!(Code::from_draw(0).unwrap().expose(), "000000");
        assert_eq!(Code::from_draw(1_000_042).unwrap().expose(), "000042");
        assert_eq!(Code::from_draw(4_293_999_999).unwrap().expose(), "999999");
        assert!(Code::from_draw(4_294_000_000).is_none());
        assert!(Code::from_draw(u32::MAX).is_none());
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = Code::parse("123456").unwrap();
        for text in ["123 456", " 123-456\n", "1 2 3 4 5 6", "123\u{2013}456", "123\u{a0}456"] {
            assert_eq!(Code::parse(text).unwrap(), code, "{text:?}");
        }
        for text in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "123.456"] {
            assert_eq!(Code::parse(text), Err(CodeError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn a_hash_holds_for_its_key_code_and_attempt_only() {
        let (key, code) = (Key::from_bytes([1; 32]), Code::parse("123456").unwrap());
        let stored = CodeHash::from_bytes(code.hash(&key, "attempt 1").as_bytes()).unwrap();
        assert_eq!(code.hash(&key, "attempt 1"), stored);
        assert_ne!(code.hash(&key, "attempt 2"), stored);
        assert_ne!(code.hash(&Key::from_bytes([2; 32]), "attempt 1"), stored);
        assert_ne!(Code::parse("123457").unwrap().hash(&key, "attempt 1"), stored);
    }

    #[test]
    fn new_codes_differ_and_stay_out_of_debug() {
        let codes: std::collections::HashSet<_> = (0..50).map(|_| Code::generate().unwrap().expose()).collect();
        assert!(codes.len() > 40, "{} different of 50", codes.len());
        assert_eq!(format!("{:?}", Code::parse("123456").unwrap()), "Code(hidden)");
    }
}
