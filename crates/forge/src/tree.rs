use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Oid, Repository, Result};

/// What a name in a folder of a revision stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    Folder,
    File,
    Executable,
    Link,
    Submodule,
}

/// One name in a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name in its folder, or the whole path where a listing goes deep. Bytes that are not UTF-8 show as `�`.
    pub name: String,
    pub kind: EntryKind,
    pub oid: Oid,
    /// In bytes; `None` for folders and submodules.
    pub size: Option<u64>,
}

/// The modes that git gives to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    File,
    Executable,
    Link,
    Submodule,
}

impl Mode {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"100644" | b"100664" => Some(Self::File),
            b"100755" => Some(Self::Executable),
            b"120000" => Some(Self::Link),
            b"160000" => Some(Self::Submodule),
            _ => None,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Submodule => "160000",
        }
    }
}

/// A file of a tree: what it is and which bytes it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) mode: Mode,
    pub(crate) oid: Oid,
}

/// All files of a tree by path, in bytes, since names need not be text.
pub(crate) type Listing = BTreeMap<Vec<u8>, Blob>;

/// Whether something of the listing lies inside this folder.
pub(crate) fn has_below(listing: &Listing, folder: &[u8]) -> bool {
    let mut start = folder.to_vec();
    start.push(b'/');
    listing.range(start.clone()..).next().is_some_and(|(path, _)| path.starts_with(&start))
}

impl Repository {
    pub(crate) async fn listing(&self, commit: Oid) -> Result<Listing> {
        let listed = self.git("ls-tree").args(["-r", "-z", "--full-tree", &commit.to_string()]).bytes().await?;
        Ok(listed.split(|byte| *byte == 0).filter_map(parse_line).collect())
    }
}

/// `mode type oid\tpath`.
fn parse_line(line: &[u8]) -> Option<(Vec<u8>, Blob)> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let mut words = line[..tab].split(|byte| *byte == b' ');
    let mode = Mode::parse(words.next()?)?;
    let oid = Oid::parse(words.nth(1)?)?;
    Some((line[tab + 1..].to_vec(), Blob { mode, oid }))
}

/// `mode type oid size\tname`, with the size padded and `-` where there is none.
pub(crate) fn parse_long(listed: &[u8]) -> impl Iterator<Item = Entry> {
    listed.split(|byte| *byte == 0).filter_map(|line| {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let mut words = line[..tab].split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let kind = match words.next()? {
            b"040000" => EntryKind::Folder,
            mode => match Mode::parse(mode)? {
                Mode::File => EntryKind::File,
                Mode::Executable => EntryKind::Executable,
                Mode::Link => EntryKind::Link,
                Mode::Submodule => EntryKind::Submodule,
            },
        };
        let oid = Oid::parse(words.nth(1)?)?;
        let size = words.next().and_then(|size| std::str::from_utf8(size).ok()?.parse().ok());
        Some(Entry { name: String::from_utf8_lossy(&line[tab + 1..]).into_owned(), kind, oid, size })
    })
}
