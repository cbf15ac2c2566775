use serde::{Deserialize, Serialize};

/// The situations a person can be told about. Each has one page, one status code and one way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// Nobody is signed in, or the session ended.
    SignedOut,
    /// The thing does not exist, or belongs to somebody else: the two are told apart nowhere.
    NotFound,
    /// The person is a member, but their role does not allow this.
    Forbidden,
    /// What was sent cannot be accepted; the fields say why.
    Invalid,
    /// Somebody else changed it first, or it is taken.
    Conflict,
    TooManyRequests,
    TooLarge,
    /// A limit of the team was met.
    OverLimit,
    /// Our fault. The request id finds the cause in the logs.
    Internal,
    /// A part that is needed does not answer just now.
    Unavailable,
}

/// One thing wrong with one field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    pub field: String,
    pub message: String,
}

/// What a person may read about a failure: a situation, a sentence, and what can be done about it.
///
/// Never holds the text of an internal error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct UserError {
    pub situation: Situation,
    pub message: String,
    /// What the person can do now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub way_out: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<FieldError>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
}

impl Situation {
    /// The HTTP status code (RFC 9110, and RFC 6585 for 429).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::OverLimit => 402,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}
