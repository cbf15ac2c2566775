use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{GitError, Result};

/// The name of a git object: the SHA-1 of what it holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid([u8; 20]);

impl Oid {
    /// What git writes where there is no object.
    pub const ZERO: Self = Self([0; 20]);
    /// The tree without files, which git knows without having it.
    pub const EMPTY_TREE: Self = Self([
        0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb, 0xee,
        0x49, 0x04,
    ]);

    pub(crate) const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        if text.len() != 40 {
            return None;
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |c: u8| (c as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for Oid {
    type Err = GitError;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text.as_bytes())
            .ok_or_else(|| GitError::Invalid("An object is named by 40 hexadecimal digits.".into()))
    }
}

impl TryFrom<String> for Oid {
    type Error = GitError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.to_string()
    }
}

/// The name of a branch, without `refs/heads/`, by the rules of `git check-ref-format`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

impl BranchName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn full(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for BranchName {
    type Err = GitError;

    fn from_str(text: &str) -> Result<Self> {
        if well_formed(text) && text != "HEAD" && text.len() <= 200 {
            Ok(Self(text.into()))
        } else {
            Err(GitError::Invalid(format!("“{}” cannot be the name of a branch.", text.escape_debug())))
        }
    }
}

impl TryFrom<String> for BranchName {
    type Error = GitError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> Self {
        name.0
    }
}

/// A ref below `refs/muster/`, which clones and pushes never see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HiddenRef(String);

impl HiddenRef {
    pub(crate) const PREFIX: &'static str = "refs/muster/";

    /// # Errors
    /// [`GitError::Invalid`] for a name with characters that refs do not allow.
    pub fn new(name: &str) -> Result<Self> {
        if well_formed(name) && name.len() <= 200 {
            Ok(Self(format!("{}{name}", Self::PREFIX)))
        } else {
            Err(GitError::Invalid(format!("“{}” cannot be the name of a ref.", name.escape_debug())))
        }
    }

    /// The full name, `refs/muster/…`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The rules of git-check-ref-format(1), and no leading `-` in any part.
fn well_formed(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\\"'`$;|<>&".contains(c);
    let part = |part: &str| {
        !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with('.') && !part.ends_with(".lock")
    };
    !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && name.split('/').all(part)
}

/// Refuses what git could take for an option, or what reaches outside the plain syntax of revisions.
pub(crate) fn revision(text: &str) -> Result<&str> {
    if text.is_empty()
        || text.starts_with('-')
        || text.len() > 300
        || text.contains(|c: char| c.is_control() || c == ':')
    {
        return Err(GitError::NotFound(format!("revision “{}”", text.escape_debug())));
    }
    Ok(text)
}

/// Whether git could take a file of this name for the repository's own folder, on any file system it knows. Git refuses such
/// names in trees (`verify_path` in its read-cache.c), and so do the servers one pushes to.
pub(crate) fn reserved(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name);
    // HFS+ ignores these when it compares names.
    let ignored = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let plain: String = text.chars().filter(|c| !ignored(c)).flat_map(char::to_lowercase).collect();
    // NTFS cuts streams off, takes `\` for a separator, and drops dots and spaces at the end.
    matches!(name, b"" | b"." | b"..")
        || plain.split('\\').any(|part| {
            let part = part.split(':').next().unwrap_or_default().trim_end_matches([' ', '.']);
            part == ".git" || part == "git~1"
        })
}

/// Whether a symbolic link of this name is refused too (`.gitmodules` must be a plain file).
pub(crate) fn reserved_link(name: &[u8]) -> bool {
    let plain = String::from_utf8_lossy(name).to_lowercase();
    let plain = plain.trim_end_matches([' ', '.']);
    plain == ".gitmodules" || plain.starts_with("gitmod~") || plain.starts_with("gi7eba~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_branches() {
        for good in ["main", "feature/größe", "v1.2", "a/b-c_d", "日本"] {
            assert!(good.parse::<BranchName>().is_ok(), "{good}");
        }
        for bad in [
            "", "-x", "a/-x", "a..b", "a b", "/a", "a/", "a//b", ".a", "a.lock", "a.", "a@{1}", "@", "HEAD", "a\nb",
            "a:b", "a*",
        ] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_pass_for_git_are_reserved() {
        for bad in [
            ".git",
            ".GIT",
            ".Git ",
            ".git..",
            "git~1",
            "GIT~1",
            ".g\u{200c}it",
            ".git:stream",
            ".git\\config",
            "a\\.git",
        ] {
            assert!(reserved(bad.as_bytes()), "{bad}");
        }
        for good in [".gitignore", "git", ".gita", "git~2", "x.git", "…"] {
            assert!(!reserved(good.as_bytes()), "{good}");
        }
        assert!(reserved_link(b".gitmodules"));
    }

    #[test]
    fn object_names_round_trip() {
        let text = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        assert_eq!(text.parse::<Oid>().unwrap(), Oid::EMPTY_TREE);
        assert_eq!(Oid::EMPTY_TREE.to_string(), text);
        assert!("4b825".parse::<Oid>().is_err());
        assert!(revision("--upload-pack=x").is_err());
    }
}
