//! Envelope encryption: values are sealed with a data key, data keys are wrapped by a master key.
//!
//! The cipher is XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), whose nonces of 192 bits may be random. Every value is
//! bound to its place, so that a sealed value which was moved to another row or field does not open.
//!
//! Two changes of keys are independent: wrapping the data keys anew under another master key touches no value; a new
//! generation of the data key is added beside the old one, and values are sealed anew one by one while both open.

mod cipher;
mod data_key;
mod error;
mod master;
mod place;

pub use data_key::{DataKey, generation};
pub use error::VaultError;
pub use master::{MasterKey, MasterKeys};
pub use place::Place;
