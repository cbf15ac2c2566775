use std::{io, path::Path, sync::Arc};

use futures::stream;
use hyper::body::Bytes;
use s3s::{
    crypto::{Checksum, Sha256},
    dto::StreamingBlob,
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::{disk::hex, meta::Meta};

const CHUNK: u64 = 256 << 10;

struct Reading {
    file: File,
    left: u64,
    /// For whole objects only: part of one has no digest to compare with.
    hasher: Option<Sha256>,
    meta: Arc<Meta>,
}

/// The bytes `range` of an object. A whole one is compared with its SHA-256 as it is read, and breaks off before its last
/// chunk when the disk gave other bytes than were written.
pub(crate) async fn send(path: &Path, meta: Arc<Meta>, range: std::ops::Range<u64>) -> io::Result<StreamingBlob> {
    let mut file = File::open(path).await?;
    file.seek(io::SeekFrom::Start(range.start)).await?;
    let whole = range.start == 0 && range.end == meta.size;
    let reading = Reading { file, left: range.end - range.start, hasher: whole.then(Sha256::new), meta };
    Ok(StreamingBlob::wrap(stream::try_unfold(reading, next)))
}

async fn next(mut reading: Reading) -> io::Result<Option<(Bytes, Reading)>> {
    if reading.left == 0 {
        return Ok(None);
    }
    let length = reading.left.min(CHUNK);
    let mut chunk = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    reading.file.read_exact(&mut chunk).await?;
    reading.left -= length;
    if let Some(hasher) = &mut reading.hasher {
        hasher.update(&chunk);
    }
    if reading.left == 0
        && let Some(hasher) = reading.hasher.take()
        && hex(hasher.finalize().as_ref()) != reading.meta.sha256
    {
        tracing::error!(key = reading.meta.key, "an object's bytes on disk are not those that were written");
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the object is damaged"));
    }
    Ok(Some((Bytes::from(chunk), reading)))
}
