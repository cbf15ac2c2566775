//! The data folder: what this machine keeps of its own.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use identity::Token;
use nix::sys::statvfs::statvfs;

use crate::trouble::Trouble;

/// Below this many free bytes nothing is started: a database on a full disk stops in the middle of things.
pub(crate) const LEAST_FREE: u64 = 300 << 20;

#[derive(Clone, Debug)]
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    /// Opens the folder, made when missing.
    pub(crate) fn open(path: &Path) -> Result<Self, Trouble> {
        let path = std::path::absolute(path).map_err(|error| unusable(path, &error))?;
        fs::create_dir_all(&path).map_err(|error| unusable(&path, &error))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Free bytes that this process may use.
    pub(crate) fn free_bytes(&self) -> Result<u64, Trouble> {
        let stat = statvfs(&self.0).map_err(|error| unusable(&self.0, &error.into()))?;
        #[expect(clippy::useless_conversion, reason = "the width of these numbers differs between systems")]
        Ok(u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size())))
    }

    pub(crate) fn require_space(&self) -> Result<(), Trouble> {
        enough(self.free_bytes()?, LEAST_FREE, &self.0)
    }

    /// A secret of this installation: read, or made once. Two processes that start together get the same one.
    pub(crate) fn secret(&self, name: &str) -> Result<String, Trouble> {
        let folder = self.0.join("secrets");
        make_private(&folder).map_err(|error| unusable(&folder, &error))?;
        let path = folder.join(name);
        read_or_make(&path).map_err(|error| unusable(&path, &error))
    }

    /// Marks the folder as in use by this process until the mark is dropped.
    pub(crate) fn claim(&self) -> Result<Claim, Trouble> {
        let path = self.0.join("muster.pid");
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(|error| unusable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Claim { file, path }),
            Err(TryLockError::WouldBlock) => Err(in_use(&mut file, &self.0)),
            Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }
}

/// Holds `muster.pid`. The lock on the file tells whether the process lives, so a stale number does no harm.
#[derive(Debug)]
pub(crate) struct Claim {
    file: File,
    path: PathBuf,
}

impl Claim {
    /// Writes this process's number and the address where it answers.
    pub(crate) fn announce(&mut self, url: &str) -> Result<(), Trouble> {
        let text = format!("{}\n{url}\n", std::process::id());
        let written =
            self.file.set_len(0).and_then(|()| self.file.rewind()).and_then(|()| self.file.write_all(text.as_bytes()));
        written.map_err(|error| unusable(&self.path, &error))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Emptied, not removed: somebody may have opened it already and would lock a file that nobody finds.
        if let Err(error) = self.file.set_len(0) {
            tracing::warn!(%error, path = %self.path.display(), "could not empty the pid file");
        }
    }
}

/// Whether so many free bytes are as many as are needed.
fn enough(free: u64, needed: u64, folder: &Path) -> Result<(), Trouble> {
    if free >= needed {
        return Ok(());
    }
    let (free, needed, folder) = (free >> 20, needed >> 20, folder.display());
    let what = format!("Only {free} MB are free on the disk of {folder}; Muster needs {needed} MB.");
    Err(Trouble::new(what, "Free some space, or choose another disk: MUSTER_SERVER__DATA_DIR=/path muster serve."))
}

fn in_use(file: &mut File, folder: &Path) -> Trouble {
    let mut text = String::new();
    let told = file.read_to_string(&mut text).ok().and_then(|_| {
        let (pid, url) = text.trim().split_once('\n')?;
        Some(format!("Muster runs already from {} (process {pid}) at {url}.", folder.display()))
    });
    Trouble::new(
        told.unwrap_or_else(|| format!("Another Muster is starting from {}.", folder.display())),
        "Use that one, stop it with Ctrl-C or `make stop`, or start from another folder with MUSTER_SERVER__DATA_DIR.",
    )
}

fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn read_or_make(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => return Ok(secret.trim().to_owned()),
        Ok(_) => {
            return Err(io::Error::other("the file is empty; restore it from a copy, or remove it to make a new one"));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    let secret = Token::generate().map_err(io::Error::other)?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(secret.expose().as_bytes())?;
    file.sync_all()?;
    // A link, not a rename: the first of two processes wins and the second reads what the first made.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(fs::read_to_string(path)?.trim().to_owned()),
    }
}

fn unusable(path: &Path, error: &io::Error) -> Trouble {
    Trouble::new(
        format!("{} cannot be used: {error}.", path.display()),
        "Give this user the right to write there, or choose another folder with MUSTER_SERVER__DATA_DIR.",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> (tempfile::TempDir, DataFolder) {
        let temp = tempfile::tempdir().expect("folder");
        let data = DataFolder::open(&temp.path().join("var")).expect("data folder");
        (temp, data)
    }

    #[test]
    fn a_secret_is_made_once_and_read_by_its_owner_alone() {
        let (_temp, data) = folder();
        let first = data.secret("root").expect("secret");
        assert!(first.len() >= 40);
        assert_eq!(data.secret("root").expect("secret"), first);
        assert_ne!(data.secret("other").expect("secret"), first);
        let mode = fs::metadata(data.join("secrets/root")).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(data.join("secrets")).expect("folder").count(), 2, "no draft is left");
    }

    #[test]
    fn an_emptied_secret_is_an_error_not_a_new_secret() {
        let (_temp, data) = folder();
        data.secret("root").expect("secret");
        fs::write(data.join("secrets/root"), "").expect("emptied");
        assert!(data.secret("root").expect_err("refused").what.contains("empty"));
    }

    #[test]
    fn a_full_disk_is_told_with_what_is_there_and_what_is_needed() {
        let folder = Path::new("/srv/muster");
        enough(LEAST_FREE, LEAST_FREE, folder).expect("just enough");
        let refused = enough(LEAST_FREE - 1, LEAST_FREE, folder).expect_err("one byte too few");
        assert_eq!(refused.what, "Only 299 MB are free on the disk of /srv/muster; Muster needs 300 MB.");
        assert!(refused.way_out.contains("MUSTER_SERVER__DATA_DIR="), "{refused}");
    }

    #[test]
    fn a_folder_serves_one_process_and_a_stale_pid_does_no_harm() {
        let (_temp, data) = folder();
        fs::write(data.join("muster.pid"), "999999\nhttp://127.0.0.1:1\n").expect("stale");
        let mut claim = data.claim().expect("stale pid is no obstacle");
        claim.announce("http://127.0.0.1:7000").expect("written");
        let refused = data.claim().expect_err("in use");
        assert!(refused.what.contains("http://127.0.0.1:7000"), "{refused}");
        drop(claim);
        data.claim().expect("free again");
    }
}
