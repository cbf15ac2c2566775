//! People: sign-up, sign-in, sessions. Answers are the same for known and unknown addresses.

mod profile;
mod reset;
mod sessions;
mod sign_in;
mod sign_up;
mod verification;

use identity::{Email, PasswordRules, Token, TokenHash};
use types::{FieldError, UserId};

pub use sessions::{Opened, SessionSummary, SignedIn};
pub use sign_in::Credentials;
pub use sign_up::NewAccount;
pub use verification::{CODE_LIFETIME, Checked, Pending, Purpose};

use crate::Error;

/// A person, as they are shown.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub email: String,
}

/// The hash under which a token from outside is looked up; `None` for text that is no token of ours.
pub(crate) fn hash_of(token: &str) -> Option<TokenHash> {
    Token::parse(token).ok().map(|token| token.hash())
}

fn parse_email(text: &str) -> Result<Email, Error> {
    Email::parse(text).map_err(|problem| Error::field("email", problem.to_string()))
}

fn check_name(name: &str, errors: &mut Vec<FieldError>) {
    let length = name.trim().chars().count();
    if length == 0 {
        errors.push(FieldError { field: "name".into(), message: "Enter your name.".into() });
    } else if length > 100 {
        errors.push(FieldError { field: "name".into(), message: "Use at most 100 characters.".into() });
    }
}

fn check_password(password: &str, email: &str, name: &str, errors: &mut Vec<FieldError>) {
    if let Err(problem) = PasswordRules.check(password, &[email, name, "muster"]) {
        errors.push(FieldError { field: "password".into(), message: problem.to_string() });
    }
}
