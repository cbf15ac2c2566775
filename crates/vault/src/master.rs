use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    DataKey, Place, VaultError,
    cipher::{self, Key, NONCE},
};

/// The first byte of every wrapped key.
const VERSION: u8 = 1;
const ID: usize = 8;
/// Version, the master key's id, generation.
const HEADER: usize = 1 + ID + 4;

/// A key that wraps data keys. Its id is a hash of it, so that it need not be numbered.
#[derive(Clone)]
pub struct MasterKey {
    id: [u8; ID],
    key: Key,
}

impl MasterKey {
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let key = Zeroizing::new(key);
        let digest: [u8; 32] = Sha256::new().chain_update(b"id of a master key\0").chain_update(*key).finalize().into();
        let mut id = [0; ID];
        id.copy_from_slice(&digest[..ID]);
        Self { id, key }
    }

    /// Sixteen hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&self.id)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, hidden)", self.id())
    }
}

/// The master key in use, and older ones that still open what they wrapped.
#[derive(Clone, Debug)]
pub struct MasterKeys {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl MasterKeys {
    #[must_use]
    pub const fn new(current: MasterKey, older: Vec<MasterKey>) -> Self {
        Self { current, older }
    }

    #[must_use]
    pub const fn current(&self) -> &MasterKey {
        &self.current
    }

    /// Wraps a data key for its place, under the current master key: version, the master key's id (8 bytes), generation
    /// (4 bytes, big-endian), nonce (24 bytes), ciphertext with tag.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn wrap(&self, place: &Place<'_>, key: &DataKey) -> Result<Vec<u8>, VaultError> {
        let mut wrapped = vec![VERSION];
        wrapped.extend_from_slice(&self.current.id);
        wrapped.extend_from_slice(&key.generation().to_be_bytes());
        let nonce = cipher::random()?;
        let text = cipher::encrypt(&self.current.key, &nonce, &place.bound_to(&wrapped), key.key.as_slice())?;
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(&text);
        Ok(wrapped)
    }

    /// Opens a wrapped data key.
    ///
    /// # Errors
    ///
    /// When its master key is not here, or the bytes are of another place or were changed.
    pub fn unwrap(&self, place: &Place<'_>, wrapped: &[u8]) -> Result<DataKey, VaultError> {
        let (header, rest) = wrapped.split_first_chunk::<HEADER>().ok_or(VaultError::Form)?;
        let [version, id @ .., g1, g2, g3, g4] = header;
        if *version != VERSION {
            return Err(VaultError::Form);
        }
        let master = std::iter::once(&self.current).chain(&self.older).find(|master| master.id == *id);
        let master = master.ok_or_else(|| VaultError::MasterKeyMissing { id: hex(id) })?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or(VaultError::Form)?;
        let opened = cipher::decrypt(&master.key, nonce, &place.bound_to(header), text)?;
        let key = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| VaultError::Form)?;
        Ok(DataKey::from_parts(u32::from_be_bytes([*g1, *g2, *g3, *g4]), Zeroizing::new(key)))
    }

    /// Whether a wrapped key was wrapped by an older master key and should be wrapped anew.
    #[must_use]
    pub fn is_outdated(&self, wrapped: &[u8]) -> bool {
        wrapped.get(1..=ID) != Some(&self.current.id)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { purpose: "data key", owner: b"owner", row: b"1", field: "wrapped" };

    #[test]
    fn a_new_master_key_is_taken_up_without_touching_values() {
        let (old, new) = (MasterKey::new([1; 32]), MasterKey::new([2; 32]));
        let before = MasterKeys::new(old.clone(), Vec::new());
        let key = DataKey::generate(1).unwrap();
        let sealed = key.seal(&PLACE, b"sk-1").unwrap();
        let wrapped = before.wrap(&PLACE, &key).unwrap();
        assert!(!before.is_outdated(&wrapped));

        let during = MasterKeys::new(new.clone(), vec![old]);
        assert!(during.is_outdated(&wrapped));
        let again = during.wrap(&PLACE, &during.unwrap(&PLACE, &wrapped).unwrap()).unwrap();

        let after = MasterKeys::new(new, Vec::new());
        assert!(matches!(after.unwrap(&PLACE, &wrapped), Err(VaultError::MasterKeyMissing { .. })));
        let opened = after.unwrap(&PLACE, &again).unwrap();
        assert_eq!(opened.generation(), 1);
        assert_eq!(**opened.open(&PLACE, &sealed).unwrap(), b"sk-1"[..]);
    }

    #[test]
    fn a_wrapped_key_opens_only_in_its_place_and_unchanged() {
        let keys = MasterKeys::new(MasterKey::new([1; 32]), Vec::new());
        let wrapped = keys.wrap(&PLACE, &DataKey::generate(1).unwrap()).unwrap();
        let other = Place { owner: b"another", ..PLACE };
        assert_eq!(keys.unwrap(&other, &wrapped).unwrap_err(), VaultError::Tampered);
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            assert!(keys.unwrap(&PLACE, &changed).is_err(), "byte {at}");
            assert!(keys.unwrap(&PLACE, &wrapped[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn debug_hides_the_key() {
        assert!(format!("{:?}", MasterKey::new([1; 32])).ends_with(", hidden)"));
    }
}
