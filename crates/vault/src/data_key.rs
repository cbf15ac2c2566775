use std::fmt;

use zeroize::Zeroizing;

use crate::{
    Place, VaultError,
    cipher::{self, Key, NONCE},
};

/// The first byte of everything sealed; another form gets another number.
const VERSION: u8 = 1;
/// Version and generation.
const HEADER: usize = 1 + 4;

/// The key of one owner's values.
#[derive(Clone)]
pub struct DataKey {
    generation: u32,
    pub(crate) key: Key,
}

impl DataKey {
    /// A new key. Generations of one owner count up.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn generate(generation: u32) -> Result<Self, VaultError> {
        Ok(Self::from_parts(generation, Zeroizing::new(cipher::random()?)))
    }

    pub(crate) const fn from_parts(generation: u32, key: Key) -> Self {
        Self { generation, key }
    }

    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Seals a value for its place: version, generation (4 bytes, big-endian), nonce (24 bytes), ciphertext with tag.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn seal(&self, place: &Place<'_>, value: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.seal_with(&cipher::random()?, place, value)
    }

    fn seal_with(&self, nonce: &[u8; NONCE], place: &Place<'_>, value: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.generation.to_be_bytes());
        let text = cipher::encrypt(&self.key, nonce, &place.bound_to(&sealed), value)?;
        sealed.extend_from_slice(nonce);
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// Opens what was sealed for `place` with this generation.
    ///
    /// # Errors
    ///
    /// When the bytes are of another form, generation or place, or were changed.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let sealed_with = generation(sealed)?;
        if sealed_with != self.generation {
            return Err(VaultError::OtherGeneration { sealed: sealed_with, given: self.generation });
        }
        let (header, rest) = sealed.split_at(HEADER);
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or(VaultError::Form)?;
        cipher::decrypt(&self.key, nonce, &place.bound_to(header), text)
    }
}

/// The generation of the key that a value was sealed with.
///
/// # Errors
///
/// When the bytes have no form that this program knows.
pub fn generation(sealed: &[u8]) -> Result<u32, VaultError> {
    match sealed {
        [VERSION, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(VaultError::Form),
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey(generation {}, hidden)", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'_> = Place { purpose: "key of a provider", owner: b"owner", row: b"row", field: "key" };

    fn key(generation: u32) -> DataKey {
        DataKey::from_parts(generation, Zeroizing::new([7; 32]))
    }

    #[test]
    fn the_form_stays_what_it_was() {
        // Written by this program when the form was made; a change here makes every stored secret unreadable.
        let sealed = key(3).seal_with(&[9; NONCE], &PLACE, b"sk-1").unwrap();
        assert_eq!(sealed[..HEADER], [1, 0, 0, 0, 3]);
        assert_eq!(sealed[HEADER..HEADER + NONCE], [9; NONCE]);
        let hex: String = sealed[HEADER + NONCE..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "cd19cfbbcef4a43c3f0ec6fdb9737691db4d3c52");
        assert_eq!(**key(3).open(&PLACE, &sealed).unwrap(), b"sk-1"[..]);
    }

    #[test]
    fn another_place_key_or_generation_does_not_open() {
        let sealed = key(1).seal(&PLACE, b"sk-1").unwrap();
        for other in [
            Place { purpose: "key of a providero", owner: b"wner", ..PLACE },
            Place { owner: b"other", ..PLACE },
            Place { row: b"other", ..PLACE },
            Place { field: "other", ..PLACE },
        ] {
            assert_eq!(key(1).open(&other, &sealed), Err(VaultError::Tampered), "{other:?}");
        }
        assert_eq!(DataKey::generate(1).unwrap().open(&PLACE, &sealed), Err(VaultError::Tampered));
        assert_eq!(key(2).open(&PLACE, &sealed), Err(VaultError::OtherGeneration { sealed: 1, given: 2 }));
        assert_ne!(sealed, key(1).seal(&PLACE, b"sk-1").unwrap(), "nonces are random");
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", key(4)), "DataKey(generation 4, hidden)");
    }

    proptest! {
        #[test]
        fn values_come_back_and_no_changed_byte_goes_unseen(value in proptest::collection::vec(any::<u8>(), 0..80), at in any::<proptest::sample::Index>(), flip in 1_u8..) {
            let mut sealed = key(1).seal(&PLACE, &value).unwrap();
            prop_assert_eq!(&**key(1).open(&PLACE, &sealed).unwrap(), &value[..]);
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(key(1).open(&PLACE, &sealed).is_err());
            prop_assert!(key(1).open(&PLACE, &sealed[..at]).is_err());
        }
    }
}
