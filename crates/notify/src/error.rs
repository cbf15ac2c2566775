use std::{io, path::PathBuf, time::Duration};

/// Why the settings for mail cannot be used. Never shows the password of the URL.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the mail server's URL cannot be read ({0}); it looks like smtps://user:password@mail.example.org:465")]
    Url(#[from] url::ParseError),
    #[error("the mail server's URL begins with smtps:// or smtp://, not {0}://")]
    Scheme(String),
    #[error("the mail server's URL names no host")]
    NoHost,
    #[error("the mail server's URL takes ?tls=required or ?tls=opportunistic, and nothing else")]
    Option,
    #[error("the mail server's URL would send a password unencrypted; use smtps:// or add ?tls=required")]
    Cleartext,
    #[error("{0:?} is not a sender; write an address such as muster@example.org or Muster <muster@example.org>")]
    Sender(String),
    #[error("the mail server's URL cannot be used: {0}")]
    Transport(#[source] lettre::transport::smtp::Error),
}

/// Why a mail was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The message itself cannot be a mail.
    #[error("the message cannot be sent: {0}")]
    Invalid(&'static str),
    /// The server said no, and would say so again.
    #[error("the mail server refused: {0}")]
    Refused(String),
    /// The server said not now.
    #[error("the mail server asks to try later: {0}")]
    Later(String),
    #[error("the mail server could not be spoken to: {0}")]
    Unreachable(String),
    #[error("the mail server did not finish within {0:?}")]
    TimedOut(Duration),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

impl SendError {
    /// Whether trying again cannot help.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Invalid(_) | Self::Refused(_))
    }
}

impl From<lettre::transport::smtp::Error> for SendError {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        let text = error.to_string();
        if error.is_permanent() {
            Self::Refused(text)
        } else if error.is_transient() {
            Self::Later(text)
        } else {
            Self::Unreachable(text)
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("the outbox folder {path} cannot be used: {error}")]
    Folder { path: PathBuf, error: io::Error },
    #[error("a mail could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the task that used the outbox folder did not finish: {0}")]
    Task(#[from] tokio::task::JoinError),
}
