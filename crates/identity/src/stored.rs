use argon2::{Algorithm, Argon2, KeyId, Params, ParamsBuilder, PasswordHash, PasswordHasher, Version};
use subtle::ConstantTimeEq;

use crate::{HashError, Key};

/// Memory, in KiB: 19 MiB with two passes is one of the settings that OWASP ASVS 5.0, appendix C, accepts.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Bounds for what a stored hash may ask for: whoever can write one must not thereby be able to exhaust the machine.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
const MAX_PASSES: u32 = 8;
const MAX_LANES: u32 = 4;

const KEY_ID_BYTES: usize = 6;
/// What unknown people's passwords are hashed with, so that they take as long as known people's.
const DUMMY_SALT: &[u8; 16] = b"nobody is stored";

/// The pepper with the name that hashes made with it carry, so that adding or changing it shows instead of failing.
#[derive(Clone, Debug)]
pub(crate) struct Pepper {
    key: Key,
    id: [u8; KEY_ID_BYTES],
}

/// Whether a password fits a stored hash, and whether that hash was made with today's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub matches: bool,
    /// The password matches, and should be hashed anew and stored: the settings or the pepper changed since.
    pub needs_rehash: bool,
}

impl Verdict {
    const NO: Self = Self { matches: false, needs_rehash: false };
}

impl Pepper {
    pub(crate) fn new(key: Key) -> Self {
        let digest = key.digest("pepper id", &[]);
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        Self { key, id }
    }
}

/// Argon2id (RFC 9106) over the password, or over its HMAC when there is a pepper; in the PHC string format.
pub(crate) fn hash(password: &str, salt: &[u8], pepper: Option<&Pepper>) -> Result<String, HashError> {
    Ok(compute(current(pepper)?, &input(password, pepper), salt)?.to_string())
}

/// All that takes time.
fn compute(params: Params, input: &[u8], salt: &[u8]) -> Result<PasswordHash, HashError> {
    #[cfg(test)]
    tests::COMPUTED.with_borrow_mut(|all| all.push((params.m_cost(), params.t_cost(), params.p_cost())));
    let context = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    context.hash_password_with_salt(input, salt).map_err(HashError::Argon2)
}

/// Compares with a stored hash; without one does the same work and says no.
pub(crate) fn verify(password: &str, stored: Option<&str>, pepper: Option<&Pepper>) -> Result<Verdict, HashError> {
    let Some(stored) = stored else {
        hash(password, DUMMY_SALT, pepper)?;
        return Ok(Verdict::NO);
    };
    let parsed = PasswordHash::new(stored).map_err(|_| HashError::Stored("it is not a PHC string"))?;
    let params = bounded(&parsed)?;
    let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else {
        return Err(HashError::Stored("it has no salt or no hash"));
    };
    let made_with = match pepper {
        _ if params.keyid().is_empty() => None,
        Some(pepper) if params.keyid() == pepper.id => Some(pepper),
        _ => return Err(HashError::Stored("it was made with another pepper")),
    };
    let today = current(pepper)?;
    let needs_rehash = params.m_cost() != today.m_cost()
        || params.t_cost() != today.t_cost()
        || params.p_cost() != today.p_cost()
        || params.keyid() != today.keyid();
    let Some(computed) = compute(params, &input(password, made_with), salt)?.hash else {
        return Err(HashError::Stored("it has no output"));
    };
    let matches = bool::from(computed.as_bytes().ct_eq(expected.as_bytes()));
    Ok(Verdict { matches, needs_rehash: matches && needs_rehash })
}

fn input(password: &str, pepper: Option<&Pepper>) -> zeroize::Zeroizing<Vec<u8>> {
    zeroize::Zeroizing::new(match pepper {
        Some(pepper) => pepper.key.digest("password", &[password.as_bytes()]).to_vec(),
        None => password.as_bytes().to_vec(),
    })
}

fn current(pepper: Option<&Pepper>) -> Result<Params, HashError> {
    let mut builder = ParamsBuilder::new();
    builder.m_cost(MEMORY_KIB).t_cost(PASSES).p_cost(LANES);
    if let Some(pepper) = pepper {
        builder.keyid(KeyId::new(&pepper.id).map_err(|error| HashError::Argon2(error.into()))?);
    }
    builder.build().map_err(|error| HashError::Argon2(error.into()))
}

fn bounded(parsed: &PasswordHash) -> Result<Params, HashError> {
    if parsed.algorithm != argon2::ARGON2ID_IDENT || parsed.version != Some(Version::V0x13.into()) {
        return Err(HashError::Stored("it is not argon2id of version 19"));
    }
    let params = Params::try_from(parsed).map_err(|_| HashError::Stored("its parameters cannot be read"))?;
    if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_PASSES || params.p_cost() > MAX_LANES {
        return Err(HashError::Stored("its parameters ask for more than is allowed"));
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const SALT: &[u8] = b"sixteen bytes ok";

    std::thread_local! {
        /// Memory, passes and lanes of each hash that this thread computed.
        pub(super) static COMPUTED: RefCell<Vec<(u32, u32, u32)>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let pepper = Pepper::new(Key::from_bytes([3; 32]));
        for pepper in [None, Some(&pepper)] {
            let stored = hash("correct horse", SALT, pepper).unwrap();
            let cost_of = |stored: Option<&str>| {
                COMPUTED.take();
                verify("another horse", stored, pepper).unwrap();
                COMPUTED.take()
            };
            let known = cost_of(Some(&stored));
            assert_eq!(known, [(MEMORY_KIB, PASSES, LANES)]);
            assert_eq!(cost_of(None), known);
        }
    }

    #[test]
    fn the_right_password_matches_and_no_other() {
        let stored = hash("correct horse", SALT, None).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(
            verify("correct horse", Some(&stored), None).unwrap(),
            Verdict { matches: true, needs_rehash: false }
        );
        assert_eq!(verify("correct horsf", Some(&stored), None).unwrap(), Verdict::NO);
        assert_eq!(verify("correct horse", None, None).unwrap(), Verdict::NO);
    }

    #[test]
    fn a_pepper_is_needed_once_used_and_can_be_added_later() {
        let pepper = Pepper::new(Key::from_bytes([3; 32]));
        let other = Pepper::new(Key::from_bytes([4; 32]));
        let stored = hash("correct horse", SALT, Some(&pepper)).unwrap();
        let good = Verdict { matches: true, needs_rehash: false };
        assert_eq!(verify("correct horse", Some(&stored), Some(&pepper)).unwrap(), good);
        assert!(matches!(verify("correct horse", Some(&stored), Some(&other)), Err(HashError::Stored(_))));
        assert!(matches!(verify("correct horse", Some(&stored), None), Err(HashError::Stored(_))));

        let before = hash("correct horse", SALT, None).unwrap();
        let verdict = verify("correct horse", Some(&before), Some(&pepper)).unwrap();
        assert_eq!(verdict, Verdict { matches: true, needs_rehash: true });
    }

    #[test]
    fn weaker_stored_settings_ask_for_a_new_hash() {
        let weak = Params::new(8 * 1024, 1, 1, None).unwrap();
        let stored = Argon2::from(weak).hash_password_with_salt(b"correct horse", SALT).unwrap().to_string();
        let verdict = verify("correct horse", Some(&stored), None).unwrap();
        assert_eq!(verdict, Verdict { matches: true, needs_rehash: true });
        assert_eq!(verify("wrong", Some(&stored), None).unwrap(), Verdict::NO);
    }

    #[test]
    fn unusable_stored_hashes_are_errors_and_cost_nothing() {
        let good = hash("correct horse", SALT, None).unwrap();
        let cases = [
            good.replace("m=19456", "m=4194304"),
            good.replace("t=2", "t=4000000000"),
            good.replace("p=1", "p=255"),
            good.replace("argon2id", "argon2i"),
            good.replace("v=19", "v=16"),
            good.rsplit_once('$').unwrap().0.to_owned(),
            "plain text".to_owned(),
            String::new(),
        ];
        for stored in cases {
            let error = verify("correct horse", Some(&stored), None).unwrap_err();
            assert!(matches!(error, HashError::Stored(_)), "{stored}: {error:?}");
        }
    }
}
