use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::trouble::Trouble;

/// The installation's one secret, from which every other is derived: HMAC-SHA-256 keyed by it, over a purpose.
pub(crate) struct RootSecret(String);

impl RootSecret {
    pub(crate) fn new(secret: String) -> Self {
        Self(secret)
    }

    pub(crate) fn key(&self, purpose: &str) -> Result<identity::Key, Trouble> {
        Ok(identity::Key::from_bytes(self.derive(purpose)?))
    }

    /// A password in letters that need no escaping in an address.
    pub(crate) fn password(&self, purpose: &str) -> Result<String, Trouble> {
        Ok(self.derive(purpose)?.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn derive(&self, purpose: &str) -> Result<[u8; 32], Trouble> {
        let unusable =
            |error| Trouble::new(format!("The secret cannot be used as a key: {error}."), "Set server.secret anew.");
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).map_err(unusable)?;
        mac.update(purpose.as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_and_each_installation_has_its_own() {
        let one = RootSecret::new("a".repeat(40));
        let other = RootSecret::new("b".repeat(40));
        let password = |root: &RootSecret, purpose| root.password(purpose).expect("derived");
        assert_eq!(password(&one, "app"), password(&one, "app"));
        assert_ne!(password(&one, "app"), password(&one, "system"));
        assert_ne!(password(&one, "app"), password(&other, "app"));
        assert_eq!(password(&one, "app").len(), 64);
    }
}
