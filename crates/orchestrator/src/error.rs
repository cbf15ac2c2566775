use types::{FieldError, Permission, Situation, UserError};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a verb did not do what was asked.
///
/// All but the last two are situations a person caused or can act on; those keep their cause for the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or belongs to another team: which of the two is told nowhere.
    #[error("not found")]
    NotFound,
    #[error("nobody is signed in")]
    SignedOut,
    #[error("the role does not grant {0}")]
    Denied(Permission),
    #[error("what was sent cannot be accepted: {0:?}")]
    Invalid(Vec<FieldError>),
    /// A rule of the product stands against it; the sentence is for the person.
    #[error("{0}")]
    Refused(String),
    /// A limit has no room for a model call.
    #[error("{}", .0.sentence())]
    Budget(Box<crate::budgets::Refusal>),
    /// An agent's own limit for one run has no room for a call with the run's key.
    #[error("{}", .0.sentence())]
    AgentLimit(Box<crate::budgets::AgentRefusal>),
    /// A project or an agent may not use the model that a call asks for.
    #[error("{}", .0.sentence())]
    NotAllowed(Box<crate::models::NotAllowed>),
    /// Somebody stopped all spending of whoever would make a call, for this reason.
    #[error("paused: {0}")]
    Paused(String),
    #[error("too many attempts")]
    TooManyAttempts { retry_after: std::time::Duration },
    #[error("too busy just now")]
    Busy,
    /// Something that is needed does not answer, the database for one. The cause is for the log.
    #[error("a part that is needed does not answer")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// What a person may read about it. The text of an internal cause never gets here.
    #[must_use]
    pub fn for_user(&self) -> UserError {
        let (situation, message, way_out) = match self {
            Self::NotFound => (
                Situation::NotFound,
                "There is nothing here that you can see.".to_owned(),
                Some("Check the address, or ask whoever gave it to you for access.".to_owned()),
            ),
            Self::SignedOut => {
                (Situation::SignedOut, "You are not signed in.".to_owned(), Some("Sign in and try again.".to_owned()))
            }
            Self::Denied(permission) => (
                Situation::Forbidden,
                format!("Your role in this team does not include {permission}."),
                Some("An owner or admin of the team can change your role under Members.".to_owned()),
            ),
            Self::Invalid(_) => (Situation::Invalid, "Some of what was sent cannot be accepted.".to_owned(), None),
            Self::Refused(sentence) => (Situation::Conflict, sentence.clone(), None),
            Self::Budget(refusal) => (Situation::Conflict, refusal.sentence(), Some(refusal.way_out())),
            Self::AgentLimit(refusal) => (Situation::Conflict, refusal.sentence(), Some(refusal.way_out().to_owned())),
            Self::NotAllowed(refusal) => (Situation::Forbidden, refusal.sentence(), Some(refusal.way_out())),
            Self::Paused(reason) => (
                Situation::Conflict,
                format!("All work here is paused: {reason}"),
                Some("Whoever may manage budgets can resume it under Budgets.".to_owned()),
            ),
            Self::TooManyAttempts { retry_after } => (
                Situation::TooManyRequests,
                "That was tried too often.".to_owned(),
                Some(format!("Wait {} seconds and try again.", retry_after.as_secs().max(1))),
            ),
            Self::Busy => (
                Situation::Unavailable,
                "Muster is busy just now.".to_owned(),
                Some("Try again in a few seconds; nothing was lost.".to_owned()),
            ),
            Self::Unreachable(_) => (
                Situation::Unavailable,
                "A part of Muster does not answer just now.".to_owned(),
                Some("Try again in a minute; what was not confirmed was not done.".to_owned()),
            ),
            Self::Internal(_) => (
                Situation::Internal,
                "Something went wrong on our side.".to_owned(),
                Some("Try again. If it stays, tell us the request id.".to_owned()),
            ),
        };
        let fields = match self {
            Self::Invalid(fields) => fields.clone(),
            _ => Vec::new(),
        };
        UserError { situation, message, way_out, fields, request_id: None }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::PoolTimedOut => Self::Busy,
            away @ (sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed) => {
                Self::Unreachable(Box::new(away))
            }
            sqlx::Error::Database(told) if told.code().is_some_and(|code| is_away(&code)) => {
                Self::Unreachable(Box::new(sqlx::Error::Database(told)))
            }
            other => Self::Internal(Box::new(other)),
        }
    }
}

/// Whether a state of SQL says that the server, and not what was asked, is the matter: the connection failed (class 08), it
/// is out of memory, disk or connections (53), it goes down, starts, or was left by its first process (57P), or it cannot
/// write (58) (PostgreSQL, appendix A).
fn is_away(state: &str) -> bool {
    ["08", "53", "57P", "58"].iter().any(|class| state.starts_with(class))
}

/// Turns the breach of a named constraint into what it means where the query stands.
pub(crate) trait OnConstraint<T> {
    fn on_constraint(self, name: &str, meaning: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> OnConstraint<T> for Result<T, sqlx::Error> {
    fn on_constraint(self, name: &str, meaning: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|error| match &error {
            sqlx::Error::Database(database) if database.constraint() == Some(name) => meaning(),
            _ => error.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, error, fmt, io};

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    #[derive(Debug)]
    struct Told(&'static str);

    impl fmt::Display for Told {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str(self.0)
        }
    }

    impl error::Error for Told {}

    impl DatabaseError for Told {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn situation(error: sqlx::Error) -> Situation {
        Error::from(error).for_user().situation
    }

    #[test]
    fn a_database_that_is_away_is_not_our_fault() {
        for kind in [io::ErrorKind::ConnectionRefused, io::ErrorKind::UnexpectedEof, io::ErrorKind::BrokenPipe] {
            assert_eq!(situation(sqlx::Error::Io(kind.into())), Situation::Unavailable, "{kind:?}");
        }
        for state in ["57P01", "57P02", "57P03", "08006", "53300", "53100", "58030"] {
            assert_eq!(situation(sqlx::Error::Database(Box::new(Told(state)))), Situation::Unavailable, "{state}");
        }
        for error in [sqlx::Error::PoolTimedOut, sqlx::Error::PoolClosed, sqlx::Error::Tls("no handshake".into())] {
            let name = error.to_string();
            assert_eq!(situation(error), Situation::Unavailable, "{name}");
        }
    }

    #[test]
    fn what_the_database_refuses_to_do_is() {
        for state in ["42P01", "22P02", "57014", "23505"] {
            assert_eq!(situation(sqlx::Error::Database(Box::new(Told(state)))), Situation::Internal, "{state}");
        }
    }
}
