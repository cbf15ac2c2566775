//! Who somebody is: addresses, passwords, session tokens and verification codes.
//!
//! Nothing here stores anything or speaks of teams. What comes out is made to be stored safely: password hashes in the
//! PHC string format, and keyed or plain SHA-256 digests of everything that is shown only once.

mod code;
mod common;
mod email;
mod hasher;
mod key;
mod password;
mod stored;
mod token;
mod variants;

pub use code::{Code, CodeError, CodeHash};
pub use email::{Email, EmailError};
pub use hasher::{HashError, Hasher};
pub use key::{Key, RandomError};
pub use password::{
    MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, PasswordProblem, PasswordRules, RECOMMENDED_PASSWORD_CHARS,
};
pub use stored::Verdict;
pub use token::{Token, TokenError, TokenHash};
