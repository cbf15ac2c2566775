use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct RandomError(#[from] getrandom::Error);

/// A secret of 256 bits for keyed hashes. Its memory is cleared when it is dropped, and `Debug` never shows it.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A new key from the operating system's random source.
    ///
    /// # Errors
    ///
    /// When that source fails.
    pub fn generate() -> Result<Self, RandomError> {
        random_bytes().map(Self)
    }

    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key itself, for writing it to the place where secrets are kept.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256 (RFC 2104, FIPS 180-4) over `purpose`, a zero byte, and each part led by its length.
    ///
    /// The purpose keeps one use of a key from answering for another; the lengths keep `("a", "bc")` apart from `("ab", "c")`.
    pub(crate) fn digest(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new(&hmac_block(&self.0).into());
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// The key padded to the block of SHA-256, as RFC 2104 section 2 pads it; a fixed length cannot be refused.
fn hmac_block(key: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    block
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

pub(crate) fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, RandomError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_differ_by_key_purpose_and_split() {
        let key = Key::from_bytes([7; 32]);
        let base = key.digest("a", &[b"x", b"yz"]);
        assert_eq!(base, key.digest("a", &[b"x", b"yz"]));
        assert_ne!(base, key.digest("b", &[b"x", b"yz"]));
        assert_ne!(base, key.digest("a", &[b"xy", b"z"]));
        assert_ne!(base, Key::from_bytes([8; 32]).digest("a", &[b"x", b"yz"]));
    }

    #[test]
    fn hmac_agrees_with_the_published_vector() {
        // RFC 4231, test case 1: a key of twenty 0x0b bytes over "Hi There".
        let mut block = [0; 64];
        block[..20].fill(0x0b);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(b"Hi There");
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        assert_eq!(digest[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", Key::from_bytes([9; 32])), "Key(hidden)");
    }
}
