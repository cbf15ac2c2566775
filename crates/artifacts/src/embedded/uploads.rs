use std::{
    fs,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use s3s::{
    S3Result,
    crypto::{Checksum, Md5, Sha256},
    dto::CompletedPart,
    s3_error,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    disk::{Disk, hex, io_error, make_folder, now, remove_if_there},
    meta::Headers,
    receive::Received,
};

const UPLOAD_FILE: &str = "upload.json";
/// The limits of S3: parts but the last have at least 5 MiB, and there are at most ten thousand.
const MIN_PART: u64 = 5 << 20;
const MAX_PARTS: i32 = 10_000;

/// An object that comes in parts. Its folder is named by its id, and a part's file by number, MD5 and size.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) headers: Headers,
}

#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) md5: String,
    pub(crate) size: u64,
    pub(crate) path: PathBuf,
}

impl Part {
    fn parse(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_owned();
        let mut words = name.split('.');
        let number = words.next()?.parse().ok()?;
        let (md5, size) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        Some(Self { number, md5, size, path })
    }
}

pub(crate) fn begin(disk: &Disk, upload: &Upload) -> S3Result<Uuid> {
    disk.check_room(0)?;
    let id = Uuid::now_v7();
    let write = || {
        make_folder(&disk.upload(id))?;
        disk.write_whole(&disk.upload(id).join(UPLOAD_FILE), &serde_json::to_vec(upload)?)
    };
    write().map_err(|error| io_error(&error))?;
    Ok(id)
}

/// The upload with this id, if it is one of this object.
pub(crate) fn open(disk: &Disk, id: &str, bucket: &str, key: &str) -> S3Result<(Uuid, Upload)> {
    // The id becomes a folder's name: nothing but a UUID may.
    let id: Uuid = id.parse().map_err(|_| s3_error!(NoSuchUpload))?;
    let json = match fs::read(disk.upload(id).join(UPLOAD_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(s3_error!(NoSuchUpload)),
        result => result.map_err(|error| io_error(&error))?,
    };
    let upload: Upload = serde_json::from_slice(&json).map_err(|error| io_error(&error.into()))?;
    if upload.bucket != bucket || upload.key != key {
        return Err(s3_error!(NoSuchUpload));
    }
    Ok((id, upload))
}

pub(crate) fn check_number(number: i32) -> S3Result<()> {
    if (1..=MAX_PARTS).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "a part's number is from 1 to {MAX_PARTS}"))
}

/// Keeps a part, in place of one with the same number.
pub(crate) fn keep(disk: &Disk, id: Uuid, number: i32, received: Received) -> S3Result<()> {
    let folder = disk.upload(id);
    let place = folder.join(format!("{number:05}.{}.{}", received.md5, received.size));
    let before = parts(disk, id)?.into_iter().filter(|part| part.number == number && part.path != place);
    let before: Vec<_> = before.collect();
    received.file.move_to(&place).map_err(|error| io_error(&error))?;
    before.iter().try_for_each(|part| remove_if_there(&part.path)).map_err(|error| io_error(&error))
}

/// The parts that came, by number.
pub(crate) fn parts(disk: &Disk, id: Uuid) -> S3Result<Vec<Part>> {
    let read = || {
        let paths = fs::read_dir(disk.upload(id))?.map(|entry| Ok(entry?.path()));
        paths.collect::<io::Result<Vec<_>>>()
    };
    let paths = read().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => s3_error!(NoSuchUpload),
        _ => io_error(&error),
    })?;
    let mut parts: Vec<_> = paths.into_iter().filter_map(Part::parse).collect();
    parts.sort_by_key(|part| part.number);
    Ok(parts)
}

/// The parts the client wants, in its order, which has to be ascending.
pub(crate) fn choose(present: &[Part], wanted: &[CompletedPart]) -> S3Result<Vec<Part>> {
    let mut chosen: Vec<Part> = Vec::with_capacity(wanted.len());
    for want in wanted {
        let number = want.part_number.ok_or_else(|| s3_error!(InvalidPart))?;
        if chosen.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(InvalidPartOrder));
        }
        if chosen.last().is_some_and(|last| last.size < MIN_PART) {
            return Err(s3_error!(EntityTooSmall));
        }
        let part = present.iter().find(|part| part.number == number);
        let etag_fits = |part: &&Part| want.e_tag.as_ref().is_none_or(|etag| etag.value() == part.md5);
        chosen.push(part.filter(etag_fits).cloned().ok_or_else(|| s3_error!(InvalidPart))?);
    }
    if chosen.is_empty() {
        return Err(s3_error!(InvalidPart, "an upload needs at least one part"));
    }
    Ok(chosen)
}

/// One body from all parts, and the etag S3 gives it: the MD5 of the parts' MD5s, and their number. Blocks.
pub(crate) fn join(disk: &Disk, parts: &[Part]) -> S3Result<(Received, String)> {
    disk.check_room(parts.iter().map(|part| part.size).sum())?;
    let file = disk.temporary();
    let mut sha256 = Sha256::new();
    let mut of_parts = Md5::new();
    let mut write = || {
        let mut out = file.create()?;
        for part in parts {
            of_parts.update(&append(&mut out, part, &mut sha256)?);
        }
        out.sync_all()
    };
    write().map_err(|error| io_error(&error))?;
    let size = parts.iter().map(|part| part.size).sum();
    let etag = format!("{}-{}", hex(of_parts.finalize().as_ref()), parts.len());
    let sha256 = hex(sha256.finalize().as_ref());
    Ok((Received { file, size, md5: String::new(), sha256, checksum: s3s::dto::Checksum::default() }, etag))
}

fn append(out: &mut fs::File, part: &Part, sha256: &mut Sha256) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(&part.path)?;
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        md5.update(&buffer[..count]);
        sha256.update(&buffer[..count]);
        out.write_all(&buffer[..count])?;
    }
    let md5 = md5.finalize();
    if hex(md5.as_ref()) != part.md5 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a part's bytes on disk are not those that were written",
        ));
    }
    Ok(md5.as_ref().to_vec())
}

/// Forgets an upload: first its name, so that nobody finds half of it, then its files.
pub(crate) fn forget(disk: &Disk, id: Uuid) -> io::Result<()> {
    let aside = disk.temporary_folder().join(Uuid::now_v7().to_string());
    match fs::rename(disk.upload(id), &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => fs::remove_dir_all(aside),
    }
}

/// Forgets the uploads that began longer ago than `age`, and returns how many.
pub(crate) fn forget_older(disk: &Disk, age: Duration) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(disk.uploads())? {
        let Some(id) = id_of(&entry?.path()) else { continue };
        let begun = id.get_timestamp().map(|stamp| stamp.to_unix()).unwrap_or_default();
        if Duration::new(begun.0, begun.1).saturating_add(age) <= now() {
            forget(disk, id)?;
            count += 1;
        }
    }
    Ok(count)
}

pub(crate) fn modified(part: &Part) -> u64 {
    let modified = fs::metadata(&part.path).and_then(|meta| meta.modified()).unwrap_or(UNIX_EPOCH);
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

fn id_of(path: &Path) -> Option<Uuid> {
    path.file_name()?.to_str()?.parse().ok()
}
