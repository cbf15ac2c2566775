//! What was read of a folder last time, so that an unchanged file need not be read again. As git's index does, but kept where
//! those who write the folder cannot reach it.

use std::{
    collections::HashMap,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write as _,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::Stat;

use crate::{GitError, Oid, Result};

/// Everything about a file that a write cannot leave as it was: the change time is the system's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State([i64; 7]);

impl State {
    #[expect(clippy::cast_possible_wrap, reason = "only compared for equality")]
    pub(crate) fn of(stat: &Stat) -> Self {
        Self([
            stat.st_dev as i64,
            stat.st_ino as i64,
            stat.st_size,
            stat.st_mtime,
            stat.st_mtime_nsec as i64,
            stat.st_ctime,
            stat.st_ctime_nsec as i64,
        ])
    }

    fn changed(&self) -> (i64, i64) {
        (self.0[5], self.0[6])
    }
}

#[derive(Debug)]
pub(crate) struct Cache {
    place: PathBuf,
    known: HashMap<Vec<u8>, (State, Oid)>,
    next: Vec<(Vec<u8>, State, Oid)>,
    file: tempfile::NamedTempFile,
    /// When this pass began, by the clock of the file system.
    began: (i64, i64),
}

impl Cache {
    /// Opens what is known about `folder`. A cache that cannot be read is an empty one.
    pub(crate) fn open(repository: &Path, folder: &Path, trust: bool) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        folder.as_os_str().as_bytes().hash(&mut hasher);
        let home = repository.join("muster-cache");
        let place = home.join(format!("{:016x}", hasher.finish()));
        let file = fs::create_dir_all(&home)
            .and_then(|()| tempfile::NamedTempFile::new_in(&home))
            .map_err(|error| GitError::io("making a cache", error))?;
        let meta = file.as_file().metadata().map_err(|error| GitError::io("making a cache", error))?;
        let known =
            if trust { fs::read(&place).map(|bytes| parse(&bytes)).unwrap_or_default() } else { HashMap::new() };
        Ok(Self { place, known, next: Vec::new(), file, began: (meta.ctime(), meta.ctime_nsec()) })
    }

    pub(crate) fn get(&self, path: &[u8], state: State) -> Option<Oid> {
        self.known.get(path).filter(|(known, _)| *known == state).map(|(_, oid)| *oid)
    }

    /// Remembers a file, unless it changed so recently that a further change could bear the same time.
    pub(crate) fn put(&mut self, path: &[u8], state: State, oid: Oid) {
        if state.changed() < self.began {
            self.next.push((path.to_vec(), state, oid));
        }
    }

    pub(crate) fn save(mut self) -> Result<()> {
        let mut bytes = Vec::new();
        for (path, State(numbers), oid) in &self.next {
            bytes.extend(oid.to_string().as_bytes());
            numbers.iter().for_each(|number| bytes.extend(format!(" {number}").as_bytes()));
            bytes.push(b'\t');
            bytes.extend(path);
            bytes.push(0);
        }
        let saved = self.file.write_all(&bytes).map_err(|error| GitError::io("writing a cache", error));
        saved?;
        self.file.persist(&self.place).map(drop).map_err(|error| GitError::io("writing a cache", error.error))
    }
}

fn parse(bytes: &[u8]) -> HashMap<Vec<u8>, (State, Oid)> {
    let line = |line: &[u8]| {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let mut words = line[..tab].split(|byte| *byte == b' ');
        let oid = Oid::parse(words.next()?)?;
        let mut numbers = [0; 7];
        for number in &mut numbers {
            *number = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
        }
        Some((line[tab + 1..].to_vec(), (State(numbers), oid)))
    };
    bytes.split(|byte| *byte == 0).filter_map(line).collect()
}
