//! An S3 endpoint for one machine, on a folder.
//!
//! Signed requests only. Writes are whole or not at all and outlive a power cut; reads of whole objects are compared with the
//! SHA-256 that was stored. One process at a time, one access key, no versions.

mod backend;
mod convert;
mod disk;
mod list;
mod meta;
mod objects;
mod receive;
mod send;
mod serve;
mod uploads;

use std::{
    fmt,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use s3s::{
    auth::SimpleAuth,
    config::{S3Config, StaticConfigProvider},
    service::{S3Service, S3ServiceBuilder},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use backend::Backend;
use disk::Disk;
use objects::Objects;

/// Bodies that are XML: lists of keys or parts. A thousand keys of the greatest length fit.
const MAX_XML: usize = 4 << 20;

/// The one key pair that may use the endpoint.
#[derive(Clone)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
}

/// What the endpoint does not take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Larger objects and parts are refused.
    pub max_object_bytes: u64,
    /// Writes are refused that would leave less than this free on the disk, in bytes.
    pub min_free_bytes: u64,
}

impl Default for Limits {
    /// Objects up to 5 GiB, and 1 GiB kept free.
    fn default() -> Self {
        Self { max_object_bytes: 5 << 30, min_free_bytes: 1 << 30 }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the folder {0} is used by another process; stop that one, or choose another folder")]
    InUse(PathBuf),
    #[error("the folder {path} cannot be used: {error}")]
    Folder { path: PathBuf, error: io::Error },
    #[error("the access key and the secret key must not be empty")]
    NoCredentials,
}

/// An open folder of objects. Other processes cannot open it meanwhile.
pub struct Embedded {
    objects: Arc<Objects>,
    service: S3Service,
    /// Unlocks when dropped.
    _lock: File,
}

impl Embedded {
    /// Opens the folder, makes it if needed, removes what an earlier process left half-written, and reads the index.
    ///
    /// Blocks for a time in proportion to the number of objects.
    ///
    /// # Errors
    ///
    /// When another process has it open, or it cannot be used.
    pub fn open(folder: &Path, credentials: &Credentials, limits: Limits) -> Result<Self, OpenError> {
        if credentials.access_key.is_empty() || credentials.secret_key.is_empty() {
            return Err(OpenError::NoCredentials);
        }
        let error = |error| OpenError::Folder { path: folder.to_owned(), error };
        fs::create_dir_all(folder).map_err(error)?;
        let disk = Disk::new(folder.to_owned(), limits.min_free_bytes);
        let lock = File::options().create(true).truncate(false).write(true).open(disk.lock_file()).map_err(error)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(cause)) => return Err(error(cause)),
        }
        prepare(&disk).map_err(error)?;
        let objects = Arc::new(Objects::load(disk).map_err(error)?);
        let service = service(Backend { objects: Arc::clone(&objects), limits }, credentials);
        Ok(Self { objects, service, _lock: lock })
    }

    /// Answers requests until `shutdown` is cancelled; those in flight then have five seconds to end.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        serve::serve(self.service.clone(), listener, shutdown).await;
    }

    /// Deletes the uploads in parts that began longer ago than `age` and were never completed; returns how many. Blocks.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read or written.
    pub fn sweep_uploads(&self, age: Duration) -> io::Result<usize> {
        uploads::forget_older(&self.objects.disk, age)
    }
}

fn prepare(disk: &Disk) -> io::Result<()> {
    let temporary = disk.temporary_folder();
    if temporary.exists() {
        fs::remove_dir_all(&temporary)?;
    }
    [temporary, disk.buckets(), disk.uploads()].iter().try_for_each(|folder| disk::make_folder(folder))
}

fn service(backend: Backend, credentials: &Credentials) -> S3Service {
    let mut config = S3Config::default();
    config.xml_max_body_size = MAX_XML;
    config.post_object_max_file_size = backend.limits.max_object_bytes;
    let mut builder = S3ServiceBuilder::new(backend);
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_auth(SimpleAuth::from_single(credentials.access_key.clone(), credentials.secret_key.clone()));
    builder.build()
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}
