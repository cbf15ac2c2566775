use std::{io, path::PathBuf, time::Duration};

use types::{Situation, UserError};

pub type Result<T> = std::result::Result<T, GitError>;

/// Why something with a repository did not work. Each kind is one that a person, or the caller, reacts to differently.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// A revision, a path, a branch, or a whole repository.
    #[error("there is no {0}")]
    NotFound(String),
    #[error("there is something at {} already", .0.display())]
    Exists(PathBuf),
    /// A name, an address or an archive that is not accepted as it is.
    #[error("{0}")]
    Invalid(String),
    #[error("the other side refused the user name or the token")]
    AuthRefused,
    /// The other side answered, and said no to what was sent.
    #[error("the other side refused: {0}")]
    Refused(String),
    #[error("the other side cannot be reached: {0}")]
    Unreachable(String),
    /// Somebody else changed the branch first.
    #[error("{0} has moved")]
    Moved(String),
    #[error("{what} is larger than {limit} bytes")]
    TooLarge { what: String, limit: u64 },
    #[error("{what} took longer than {} seconds", .limit.as_secs())]
    Timeout { what: String, limit: Duration },
    #[error("the disk has no room left")]
    Full,
    /// Git said something that none of the other kinds covers.
    #[error("git {command} failed: {message}")]
    Failed { command: String, message: String },
    #[error("{what}: {error}")]
    Io { what: String, error: io::Error },
}

/// What git says where a server cannot be reached, or a connection to it ends too early.
const AWAY: &[&str] = &[
    "Could not resolve",
    "Failed to connect",
    "Couldn't connect",
    "unable to access",
    "early EOF",
    "RPC failed",
    "Connection reset",
    "Connection timed out",
    "unexpected disconnect",
    "the remote end hung up",
];

impl GitError {
    pub(crate) fn io(what: impl Into<String>, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        if error.kind() == io::ErrorKind::StorageFull { Self::Full } else { Self::Io { what: what.into(), error } }
    }

    pub(crate) fn too_large(what: impl Into<String>, limit: u64) -> Self {
        Self::TooLarge { what: what.into(), limit }
    }

    /// Reads what git printed when it failed. The sentences are git's own, in the C locale, and stable for many years.
    pub(crate) fn from_stderr(command: &str, stderr: &[u8]) -> Self {
        let text = String::from_utf8_lossy(stderr);
        let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        let message = summary(&text);
        if has(&[
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "error: 401",
            "error: 403",
        ]) {
            Self::AuthRefused
        } else if has(&["error: 404", "does not appear to be a git repository"])
            || (text.contains("repository '") && text.contains("not found"))
        {
            Self::NotFound("repository at this address".into())
        } else if has(&["error: 301", "error: 302", "error: 307", "error: 308"]) {
            Self::Refused("the address redirects to another one; enter the final address".into())
        } else if has(&["RPC failed; HTTP 4"]) {
            Self::Refused(message)
        } else if has(AWAY) {
            Self::Unreachable(message)
        } else if has(&["No space left on device"]) {
            Self::Full
        } else if has(&["[remote rejected]", "pre-receive hook declined"]) {
            Self::Refused(message)
        } else {
            Self::Failed { command: command.to_owned(), message }
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn for_user(&self) -> UserError {
        let (situation, message, way_out) = match self {
            Self::NotFound(_) => (Situation::NotFound, format!("{self}."), None),
            Self::Exists(_) => (Situation::Conflict, "There is something in this place already.".into(), None),
            Self::Invalid(text) => (Situation::Invalid, text.clone(), None),
            Self::AuthRefused => (
                Situation::Invalid,
                "The git server refused the user name or the token.".into(),
                Some("Check that the token is still valid and may read and write this repository."),
            ),
            Self::Refused(text) => (Situation::Conflict, format!("The git server refused: {text}."), None),
            Self::Unreachable(text) => (
                Situation::Unavailable,
                format!("The git server cannot be reached: {text}."),
                Some("Check the address, then try again."),
            ),
            Self::Moved(name) => (
                Situation::Conflict,
                format!("{name} was changed by somebody else in the meantime."),
                Some("Try again on top of the newer state."),
            ),
            Self::TooLarge { what, limit } => {
                (Situation::TooLarge, format!("{what} is larger than {} MB.", limit.div_ceil(1_000_000)), None)
            }
            Self::Timeout { what, limit } => (
                Situation::Unavailable,
                format!("{what} took longer than {} seconds and was stopped.", limit.as_secs()),
                Some("Try again."),
            ),
            Self::Full | Self::Failed { .. } | Self::Io { .. } => {
                (Situation::Internal, "The repository could not be worked on.".into(), None)
            }
        };
        let message = capital(&message);
        UserError { situation, message, way_out: way_out.map(Into::into), fields: Vec::new(), request_id: None }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The line that says why: git prints progress and hints around it.
fn summary(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling = lines().find(|line| {
        ["fatal:", "error:", "remote: error:", "!"].iter().any(|start| line.starts_with(start))
            || line.contains("rejected]")
    });
    let line = telling.or_else(|| lines().next_back()).unwrap_or("no message");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_git_become_situations() {
        let told = |text: &str| GitError::from_stderr("fetch", text.as_bytes());
        assert!(matches!(told("fatal: Authentication failed for 'https://x/'"), GitError::AuthRefused));
        assert!(matches!(
            told("fatal: could not read Username for 'https://x': terminal prompts disabled"),
            GitError::AuthRefused
        ));
        assert!(matches!(told("fatal: repository 'https://x/y/' not found"), GitError::NotFound(_)));
        assert!(matches!(
            told("fatal: unable to access 'https://x/': Could not resolve host: x"),
            GitError::Unreachable(text) if text.contains("Could not resolve host")
        ));
        for lost in [
            "error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: expected flush",
            "send-pack: unexpected disconnect while reading sideband packet\nfatal: the remote end hung up unexpectedly",
            "fatal: read error: Connection reset by peer",
        ] {
            assert!(matches!(told(lost), GitError::Unreachable(_)), "{lost}");
        }
        let large =
            "error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413\nfatal: the remote end hung up";
        assert!(matches!(told(large), GitError::Refused(text) if text.contains("413")));
        assert!(matches!(told("fatal: write error: No space left on device"), GitError::Full));
        assert!(
            matches!(told("hint: none\nfatal: bad tree"), GitError::Failed { message, .. } if message == "bad tree")
        );
    }

    #[test]
    fn a_person_reads_a_sentence_and_a_way_out() {
        let told = GitError::Moved("main".into()).for_user();
        assert_eq!(told.message, "Main was changed by somebody else in the meantime.");
        assert!(told.way_out.is_some());
        assert_eq!(GitError::Full.for_user().situation, Situation::Internal);
    }
}
