use std::{fmt, io};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something about this machine that keeps sandboxes from working, and how to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub what: String,
    pub fix: String,
}

impl Trouble {
    pub(crate) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.what, self.fix)
    }
}

impl std::error::Error for Trouble {}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine is not fit; a person has to change something.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The sandbox ended, or never was.
    #[error("the sandbox {0} is gone")]
    Gone(String),
    /// The name is taken, by a sandbox that runs or by one that nobody has destroyed yet.
    #[error("a sandbox {0} exists already")]
    Exists(String),
    /// What was asked for makes no sense, in a sentence.
    #[error("{0}")]
    Refused(String),
    #[error("{doing}: {cause}")]
    Io { doing: String, cause: io::Error },
    #[error("{doing}: {cause}")]
    Docker { doing: String, cause: bollard::errors::Error },
}

/// Says what was being done when an operation failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error::Io { doing: what(), cause })
    }
}

impl<T> Doing<T> for nix::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error::Io { doing: what(), cause: cause.into() })
    }
}

impl<T> Doing<T> for Result<T, bollard::errors::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error::Docker { doing: what(), cause })
    }
}
