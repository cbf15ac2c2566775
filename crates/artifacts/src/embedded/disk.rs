use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use s3s::{
    S3Error, S3ErrorCode,
    crypto::{Checksum, Sha256},
};
use uuid::Uuid;

/// Where things lie below the folder of the endpoint.
///
/// No name in it comes from a key: an object's files are named by the SHA-256 of bucket and key.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    min_free: u64,
}

/// A file that is being written. It vanishes unless it is moved to its place.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    moved: bool,
}

impl Disk {
    pub(crate) fn new(root: PathBuf, min_free: u64) -> Self {
        Self { root, min_free }
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn temporary_folder(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn buckets(&self) -> PathBuf {
        self.root.join("buckets")
    }

    pub(crate) fn bucket(&self, bucket: &str) -> PathBuf {
        self.buckets().join(bucket)
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    pub(crate) fn upload(&self, id: Uuid) -> PathBuf {
        self.uploads().join(id.to_string())
    }

    /// The folder of an object's files, and the name they begin with.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> (PathBuf, String) {
        let mut hasher = Sha256::new();
        hasher.update(bucket.as_bytes());
        hasher.update(&[0]);
        hasher.update(key.as_bytes());
        let name = hex(hasher.finalize().as_ref());
        (self.bucket(bucket).join(&name[..2]), name)
    }

    pub(crate) fn temporary(&self) -> Temporary {
        Temporary { path: self.temporary_folder().join(Uuid::now_v7().to_string()), moved: false }
    }

    /// Refuses to go on when writing `bytes` more would leave less than the threshold.
    pub(crate) fn check_room(&self, bytes: u64) -> Result<(), S3Error> {
        let stat = nix::sys::statvfs::statvfs(&self.root).map_err(|errno| io_error(&errno.into()))?;
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        if free < bytes.saturating_add(self.min_free) {
            tracing::error!(
                free,
                wanted = bytes,
                kept_free = self.min_free,
                "refused an object: the disk is nearly full"
            );
            return Err(full());
        }
        Ok(())
    }

    /// A file that holds these bytes whole, or does not exist, whatever happens meanwhile.
    pub(crate) fn write_whole(&self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.temporary();
        let mut file = temporary.create()?;
        file.write_all(bytes)?;
        file.sync_all()?;
        temporary.move_to(place)
    }
}

impl Temporary {
    pub(crate) fn create(&self) -> io::Result<File> {
        fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&self.path)
    }

    /// Gives the file, which must have been synced, its name, and makes the name last.
    pub(crate) fn move_to(mut self, place: &Path) -> io::Result<()> {
        fs::rename(&self.path, place)?;
        self.moved = true;
        place.parent().map_or(Ok(()), sync_folder)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.moved {
            return;
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "left a half-written file; the next start removes it");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Makes a folder that lasts; one that exists is fine.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
    }
}

pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Since 1970. The endpoint stands in for a server elsewhere, which has a clock of its own.
#[expect(clippy::disallowed_methods, reason = "times of files, which no test sets")]
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

pub(crate) fn now_millis() -> u64 {
    u64::try_from(now().as_millis()).unwrap_or(u64::MAX)
}

/// What a client is told of a failing disk; the cause goes to the log.
pub(crate) fn io_error(error: &io::Error) -> S3Error {
    if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded {
        return full();
    }
    tracing::error!(%error, "the disk of the object store failed");
    S3Error::with_message(S3ErrorCode::InternalError, "the disk of the object store failed")
}

fn full() -> S3Error {
    let code = S3ErrorCode::Custom("InsufficientStorage".into());
    let mut error = S3Error::with_message(code, "the disk of the object store is nearly full; make room and try again");
    error.set_status_code(hyper::StatusCode::INSUFFICIENT_STORAGE);
    error
}
