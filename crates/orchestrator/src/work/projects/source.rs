use crate::{Error, Result};

/// Largest archive that may be uploaded, in bytes.
pub const MAX_ARCHIVE: usize = 32 << 20;

/// Where a project's code comes from, as somebody asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The small program that comes with Muster.
    Sample,
    /// A git repository by its address.
    Git { url: String },
    /// A file of packed sources.
    Archive(Archive),
    /// A repository without a commit.
    Empty,
}

/// An uploaded file of packed sources: `.zip`, `.tar`, `.tar.gz` or `.tgz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    pub file_name: String,
    pub content: Vec<u8>,
}

/// What kind of place a project's code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    Sample,
    Git,
    Archive,
    Empty,
}

impl SourceKind {
    pub const ALL: &[Self] = &[Self::Sample, Self::Git, Self::Archive, Self::Empty];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Git => "git",
            Self::Archive => "archive",
            Self::Empty => "empty",
        }
    }

    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sample => "Sample",
            Self::Git => "Git repository",
            Self::Archive => "Uploaded archive",
            Self::Empty => "Empty repository",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

impl Archive {
    const ENDINGS: &[&str] = &[".tar.gz", ".tgz", ".tar", ".zip"];

    /// Takes an uploaded file after a look at its name and size; its inside is read when it is imported.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty or too large file, and for a kind that cannot be unpacked.
    pub fn new(file_name: &str, content: Vec<u8>) -> Result<Self> {
        let file_name = file_name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
        if file_name.is_empty() || content.is_empty() {
            return Err(Error::field("archive", "Choose a file."));
        }
        if file_name.chars().count() > 255 || Self::stem(file_name).is_none_or(str::is_empty) {
            return Err(Error::field("archive", "Choose a .zip, .tar, .tar.gz or .tgz file."));
        }
        if content.len() > MAX_ARCHIVE {
            return Err(Error::field("archive", "Use a file of at most 32 MiB."));
        }
        Ok(Self { file_name: file_name.to_owned(), content })
    }

    fn stem(file_name: &str) -> Option<&str> {
        let lower = file_name.to_ascii_lowercase();
        let ending = Self::ENDINGS.iter().find(|ending| lower.ends_with(*ending))?;
        file_name.get(..file_name.len() - ending.len())
    }
}

impl Source {
    #[must_use]
    pub const fn kind(&self) -> SourceKind {
        match self {
            Self::Sample => SourceKind::Sample,
            Self::Git { .. } => SourceKind::Git,
            Self::Archive(_) => SourceKind::Archive,
            Self::Empty => SourceKind::Empty,
        }
    }

    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Git { url } => Some(url),
            Self::Sample | Self::Archive(_) | Self::Empty => None,
        }
    }

    /// Reads a git address a person typed. `local` says whether folders of the server are allowed
    /// ([`Settings::allow_local_repositories`](crate::Settings)).
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything but an https address without a user name or password in it, or a `file://` one
    /// where those are allowed.
    pub fn git(url: &str, local: bool) -> Result<Self> {
        let url = url.trim();
        let wrong = |sentence: &str| Err(Error::field("url", sentence));
        if url.len() > 500 || url.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return wrong("Use at most 500 characters, without spaces.");
        }
        if let Some(path) = url.strip_prefix("file://") {
            let up = path.split('/').any(|segment| segment == "..");
            return match (local, path.len() > 1 && path.starts_with('/') && !up) {
                (false, _) => {
                    wrong("This Muster does not read folders of its server. Use an address that starts with https://.")
                }
                (true, false) => wrong("Use the whole path of the folder, for example file:///srv/git/service.git."),
                (true, true) => Ok(Self::Git { url: url.to_owned() }),
            };
        }
        let Some(rest) = url.strip_prefix("https://") else {
            return wrong("Use an address that starts with https://.");
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.contains('@') {
            return wrong("Leave user name and password out of the address.");
        }
        if host.is_empty() || path.trim_matches('/').is_empty() || path.contains(['?', '#']) {
            return wrong("Use the address you would clone, for example https://git.example/team/service.git.");
        }
        Ok(Self::Git { url: url.to_owned() })
    }

    /// The name a project gets when nobody chose one; empty where there is nothing to take it from.
    #[must_use]
    pub fn default_name(&self) -> String {
        match self {
            Self::Sample => "Sample".into(),
            Self::Git { url } => {
                let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or(url);
                last.strip_suffix(".git").unwrap_or(last).chars().take(80).collect()
            }
            Self::Archive(archive) => Archive::stem(&archive.file_name).unwrap_or_default().chars().take(80).collect(),
            Self::Empty => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_addresses_are_checked() {
        let named = |url| Source::git(url, false).map(|source| source.default_name()).ok();
        assert_eq!(named(" https://git.example/a/b.git "), Some("b".into()));
        for bad in [
            "",
            "http://git.example/a/b",
            "git@git.example:a/b",
            "file:///etc",
            "https://",
            "https://git.example",
            "https://user:secret@git.example/a/b",
            "https://git.example/a b",
            "https://git.example/a?x=1",
        ] {
            assert!(Source::git(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_of_the_server_need_its_leave() {
        let named = |url| Source::git(url, true).map(|source| source.default_name()).ok();
        assert_eq!(named("file:///srv/git/ledger.git"), Some("ledger".into()));
        for bad in ["file://", "file:///", "file://srv/git", "file:///srv/../etc"] {
            assert!(Source::git(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn archives_are_known_by_their_names() {
        let named =
            |name: &str| Archive::new(name, vec![1]).map(|archive| Source::Archive(archive).default_name()).ok();
        assert_eq!(named("C:\\code\\ledger-1.2.TAR.GZ"), Some("ledger-1.2".into()));
        assert_eq!(named("ledger.zip"), Some("ledger".into()));
        for bad in ["", ".zip", "ledger.rar", "ledger"] {
            assert_eq!(named(bad), None, "{bad}");
        }
        assert!(Archive::new("a.zip", Vec::new()).is_err());
        assert!(Archive::new("a.zip", vec![0; MAX_ARCHIVE + 1]).is_err());
    }
}
