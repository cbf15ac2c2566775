use std::{
    collections::{BTreeMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    disk::{Disk, io_error, make_folder, now_millis, remove_if_there, sync_folder},
    meta::{Conditions, Headers, Meta},
    receive::Received,
};

const BUCKET_FILE: &str = "bucket.json";

/// Everything that is stored, and its index, which is read from the disk at start and kept in memory.
///
/// An object is two files in one folder: its bytes under a name used once, and a sidecar that says which bytes and what they
/// are. Renaming the sidecar into place is the moment at which a write happens.
pub(crate) struct Objects {
    pub(crate) disk: Disk,
    /// Held from looking at what is there to having replaced it.
    writing: Mutex<()>,
    buckets: RwLock<Buckets>,
}

pub(crate) type Buckets = BTreeMap<String, Bucket>;

pub(crate) struct Bucket {
    pub(crate) created: u64,
    pub(crate) objects: BTreeMap<String, Arc<Meta>>,
}

#[derive(Serialize, Deserialize)]
struct BucketFile {
    created: u64,
}

/// A new object, and what must hold of the old one.
pub(crate) struct Write {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) headers: Headers,
    pub(crate) conditions: Conditions,
}

impl Objects {
    /// Reads the index, and removes the bytes that no sidecar speaks of: a stop in the middle of a write left them.
    pub(crate) fn load(disk: Disk) -> io::Result<Self> {
        let mut buckets = Buckets::new();
        for entry in fs::read_dir(disk.buckets())? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            match fs::read(path.join(BUCKET_FILE)) {
                Ok(json) => {
                    let file: BucketFile = serde_json::from_slice(&json)?;
                    buckets.insert(name.to_owned(), Bucket { created: file.created, objects: load_bucket(&path)? });
                }
                // Its making or its deletion was cut off: it holds nothing.
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_dir_all(&path)?,
                Err(error) => return Err(error),
            }
        }
        Ok(Self { disk, writing: Mutex::new(()), buckets: RwLock::new(buckets) })
    }

    pub(crate) fn buckets(&self) -> RwLockReadGuard<'_, Buckets> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn buckets_mut(&self) -> RwLockWriteGuard<'_, Buckets> {
        self.buckets.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn require_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.buckets().contains_key(bucket) { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }

    pub(crate) fn find(&self, bucket: &str, key: &str) -> S3Result<Arc<Meta>> {
        let buckets = self.buckets();
        let bucket = buckets.get(bucket).ok_or_else(|| s3_error!(NoSuchBucket))?;
        bucket.objects.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }

    pub(crate) fn data(&self, bucket: &str, meta: &Meta) -> PathBuf {
        self.disk.object(bucket, &meta.key).0.join(&meta.data)
    }

    pub(crate) fn create_bucket(&self, bucket: &str) -> S3Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.buckets().contains_key(bucket) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        self.disk.check_room(0)?;
        let created = now_millis();
        let folder = self.disk.bucket(bucket);
        let write = || {
            make_folder(&folder)?;
            self.disk.write_whole(&folder.join(BUCKET_FILE), &serde_json::to_vec(&BucketFile { created })?)
        };
        write().map_err(|error| io_error(&error))?;
        self.buckets_mut().insert(bucket.to_owned(), Bucket { created, objects: BTreeMap::new() });
        Ok(())
    }

    pub(crate) fn delete_bucket(&self, bucket: &str) -> S3Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.require_bucket(bucket)?;
        if self.buckets().get(bucket).is_some_and(|bucket| !bucket.objects.is_empty()) {
            return Err(s3_error!(BucketNotEmpty));
        }
        let folder = self.disk.bucket(bucket);
        let remove = || {
            fs::remove_file(folder.join(BUCKET_FILE))?;
            fs::remove_dir_all(&folder)?;
            sync_folder(&self.disk.buckets())
        };
        remove().map_err(|error| io_error(&error))?;
        self.buckets_mut().remove(bucket);
        Ok(())
    }

    /// Puts a received body in its place. Blocks until it would survive a power cut.
    pub(crate) fn place(&self, write: Write, received: Received) -> S3Result<Arc<Meta>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.require_bucket(&write.bucket)?;
        let old = self.find(&write.bucket, &write.key).ok();
        write.conditions.allow_write(old.as_deref())?;
        let (folder, name) = self.disk.object(&write.bucket, &write.key);
        let meta = Arc::new(Meta {
            key: write.key,
            data: format!("{name}.{}", Uuid::now_v7().simple()),
            size: received.size,
            etag: write.etag,
            sha256: received.sha256,
            modified: now_millis(),
            headers: write.headers,
        });
        let store = || {
            make_folder(&folder)?;
            received.file.move_to(&folder.join(&meta.data))?;
            self.disk.write_whole(&folder.join(format!("{name}.json")), &serde_json::to_vec(&*meta)?)
        };
        store().map_err(|error| io_error(&error))?;
        if let Some(bucket) = self.buckets_mut().get_mut(&write.bucket) {
            bucket.objects.insert(meta.key.clone(), Arc::clone(&meta));
        }
        if let Some(old) = old {
            remove_old(&folder.join(&old.data));
        }
        Ok(meta)
    }

    pub(crate) fn remove(&self, bucket: &str, key: &str) -> S3Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.require_bucket(bucket)?;
        // As in S3, deleting what is not there succeeds.
        let Ok(meta) = self.find(bucket, key) else { return Ok(()) };
        let (folder, name) = self.disk.object(bucket, key);
        let remove = || {
            remove_if_there(&folder.join(format!("{name}.json")))?;
            sync_folder(&folder)
        };
        remove().map_err(|error| io_error(&error))?;
        if let Some(bucket) = self.buckets_mut().get_mut(bucket) {
            bucket.objects.remove(key);
        }
        remove_old(&folder.join(&meta.data));
        Ok(())
    }
}

/// Readers that hold the file open read on.
fn remove_old(path: &Path) {
    if let Err(error) = remove_if_there(path) {
        tracing::warn!(path = %path.display(), %error, "left an object's old bytes; the next start removes them");
    }
}

fn load_bucket(folder: &Path) -> io::Result<BTreeMap<String, Arc<Meta>>> {
    let mut objects = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            load_folder(&entry.path(), &mut objects)?;
        }
    }
    Ok(objects)
}

fn load_folder(folder: &Path, objects: &mut BTreeMap<String, Arc<Meta>>) -> io::Result<()> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names = names.collect::<io::Result<Vec<String>>>()?;
    let mut used = HashSet::new();
    let mut unreadable = HashSet::new();
    for name in names.iter().filter(|name| name.ends_with(".json")) {
        let path = folder.join(name);
        match serde_json::from_slice::<Meta>(&fs::read(&path)?) {
            Ok(meta) => {
                used.insert(meta.data.clone());
                if fs::metadata(folder.join(&meta.data)).is_ok_and(|data| data.len() == meta.size) {
                    objects.insert(meta.key.clone(), Arc::new(meta));
                } else {
                    tracing::error!(path = %path.display(), "an object is left out: its bytes are missing or cut off");
                }
            }
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "an object is left out: its sidecar cannot be read");
                unreadable.insert(name.trim_end_matches(".json").to_owned());
            }
        }
    }
    for name in names.iter().filter(|name| !name.ends_with(".json") && !used.contains(*name)) {
        // What an unreadable sidecar spoke of may still be saved by hand.
        if name.split('.').next().is_none_or(|stem| !unreadable.contains(stem)) {
            fs::remove_file(folder.join(name))?;
        }
    }
    Ok(())
}
