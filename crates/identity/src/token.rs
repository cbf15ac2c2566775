use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key::{RandomError, random_bytes};

const TOKEN_BYTES: usize = 32;

/// A secret that its holder proves who they are with: 256 random bits, written in base64url without padding (RFC 4648, section 5).
///
/// Only its [`TokenHash`] is stored. `Debug` never shows the text.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// The SHA-256 digest of a [`Token`]'s text. Knowing it does not help to make the token.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("not a token")]
    Malformed,
    #[error("a stored token hash has 32 bytes, not {0}")]
    HashLength(usize),
}

impl Token {
    /// A new token from the operating system's random source.
    ///
    /// # Errors
    ///
    /// When that source fails.
    pub fn generate() -> Result<Self, RandomError> {
        let bytes = random_bytes::<TOKEN_BYTES>()?;
        Ok(Self(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    /// Reads a token that somebody sent.
    ///
    /// # Errors
    ///
    /// When the text has not the form of a token, so that no store need be asked.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).map_err(|_| TokenError::Malformed)?;
        if bytes.len() != TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text to hand to the holder, once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl TokenHash {
    /// Reads a stored digest.
    ///
    /// # Errors
    ///
    /// When it has not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokenError> {
        bytes.try_into().map(Self).map_err(|_| TokenError::HashLength(bytes.len()))
    }

    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Takes the same time wherever the first difference is.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_again_by_its_hash() {
        let token = Token::generate().unwrap();
        assert_eq!(token.expose().len(), 43);
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        let stored = TokenHash::from_bytes(token.hash().as_bytes()).unwrap();
        assert_eq!(Token::parse(token.expose()).unwrap().hash(), stored);
        assert_ne!(Token::generate().unwrap().hash(), stored);
    }

    #[test]
    fn the_hash_is_sha_256_of_the_text() {
        let token = Token::parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        assert_eq!(token.hash().as_bytes()[..], Sha256::digest(b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")[..]);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let long = "A".repeat(44);
        for text in [
            "",
            "short",
            long.as_str(),
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+",
            "A AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(Token::parse(text).err(), Some(TokenError::Malformed), "{text:?}");
        }
        assert_eq!(TokenHash::from_bytes(&[0; 31]).err(), Some(TokenError::HashLength(31)));
    }

    #[test]
    fn debug_shows_no_secret() {
        let token = Token::generate().unwrap();
        assert!(!format!("{token:?} {:?}", token.hash()).contains(token.expose()));
    }
}
