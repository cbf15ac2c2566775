use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use futures::StreamExt;
use hyper::HeaderMap;
use s3s::{
    S3Error, S3Result, TrailingHeaders,
    checksum::ChecksumHasher,
    crypto::{Checksum, Md5, Sha1, Sha256},
    dto::{self, StreamingBlob},
    s3_error,
};
use tokio::io::AsyncWriteExt;

use super::disk::{Disk, Temporary, hex, io_error};

/// The room that is left is looked at again after this many bytes.
const ROOM_CHECK: u64 = 32 << 20;
/// A client that sends nothing for so long has gone.
const MAX_SILENCE: Duration = Duration::from_secs(60);

/// What a client said about a body before or after sending it.
#[derive(Default)]
pub(crate) struct Announced {
    pub(crate) length: Option<i64>,
    pub(crate) md5: Option<String>,
    pub(crate) checksum: dto::Checksum,
    /// The value of `x-amz-trailer`: checksums that follow the body.
    pub(crate) trailer_names: String,
    pub(crate) trailers: Option<TrailingHeaders>,
}

/// A body on disk, synced, with its digests, not yet in its place.
pub(crate) struct Received {
    pub(crate) file: Temporary,
    pub(crate) size: u64,
    pub(crate) md5: String,
    pub(crate) sha256: String,
    pub(crate) checksum: dto::Checksum,
}

impl Announced {
    /// Keeps the name of the trailing checksum, and the handle that has it once the body was read.
    pub(crate) fn with_trailers(mut self, headers: &HeaderMap, trailers: Option<TrailingHeaders>) -> Self {
        let names = headers.get("x-amz-trailer").and_then(|names| names.to_str().ok());
        self.trailer_names = names.unwrap_or_default().to_ascii_lowercase();
        self.trailers = trailers;
        self
    }

    fn hasher(&self) -> ChecksumHasher {
        let wanted = |given: &Option<String>, name: &str| given.is_some() || self.trailer_names.contains(name);
        ChecksumHasher {
            crc32: wanted(&self.checksum.checksum_crc32, "x-amz-checksum-crc32").then(Checksum::new),
            crc32c: wanted(&self.checksum.checksum_crc32c, "x-amz-checksum-crc32c").then(Checksum::new),
            sha1: wanted(&self.checksum.checksum_sha1, "x-amz-checksum-sha1").then(Sha1::new),
            sha256: wanted(&self.checksum.checksum_sha256, "x-amz-checksum-sha256").then(Sha256::new),
            crc64nvme: wanted(&self.checksum.checksum_crc64nvme, "x-amz-checksum-crc64nvme").then(Checksum::new),
        }
    }

    fn take_trailers(&mut self) {
        let Some(headers) = self.trailers.as_ref().and_then(TrailingHeaders::take) else { return };
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let fields = [
            (&mut self.checksum.checksum_crc32, "x-amz-checksum-crc32"),
            (&mut self.checksum.checksum_crc32c, "x-amz-checksum-crc32c"),
            (&mut self.checksum.checksum_sha1, "x-amz-checksum-sha1"),
            (&mut self.checksum.checksum_sha256, "x-amz-checksum-sha256"),
            (&mut self.checksum.checksum_crc64nvme, "x-amz-checksum-crc64nvme"),
        ];
        for (field, name) in fields {
            *field = field.take().or_else(|| value(name));
        }
    }

    fn compare(&self, size: u64, md5: &[u8], computed: &dto::Checksum) -> S3Result<()> {
        if self.length.is_some_and(|length| u64::try_from(length) != Ok(size)) {
            return Err(s3_error!(IncompleteBody));
        }
        if self.md5.as_ref().is_some_and(|given| *given != BASE64_STANDARD.encode(md5)) {
            return Err(s3_error!(BadDigest, "the body does not fit its Content-MD5"));
        }
        let given = &self.checksum;
        let fits = |given: &Option<String>, computed: &Option<String>| given.is_none() || given == computed;
        let all_fit = fits(&given.checksum_crc32, &computed.checksum_crc32)
            && fits(&given.checksum_crc32c, &computed.checksum_crc32c)
            && fits(&given.checksum_sha1, &computed.checksum_sha1)
            && fits(&given.checksum_sha256, &computed.checksum_sha256)
            && fits(&given.checksum_crc64nvme, &computed.checksum_crc64nvme);
        if all_fit { Ok(()) } else { Err(s3_error!(BadDigest, "the body does not fit its checksum")) }
    }
}

/// Writes a body to a temporary file, syncs it, and compares it with what was announced.
pub(crate) async fn receive(
    disk: &Disk,
    max_bytes: u64,
    body: Option<StreamingBlob>,
    mut announced: Announced,
) -> S3Result<Received> {
    let length = announced.length.and_then(|length| u64::try_from(length).ok());
    if length.is_some_and(|length| length > max_bytes) {
        return Err(too_large(max_bytes));
    }
    disk.check_room(length.unwrap_or_default())?;
    let temporary = disk.temporary();
    let mut file = tokio::fs::File::from_std(temporary.create().map_err(|error| io_error(&error))?);
    let (mut md5, mut sha256, mut hasher) = (Md5::new(), Sha256::new(), announced.hasher());
    let mut size = 0_u64;
    let mut next_check = ROOM_CHECK;
    let mut body = body;
    while let Some(chunk) = next_chunk(&mut body).await {
        let chunk = chunk?;
        size += chunk.len() as u64;
        if size > max_bytes {
            return Err(too_large(max_bytes));
        }
        if size >= next_check {
            disk.check_room(0)?;
            next_check = size + ROOM_CHECK;
        }
        md5.update(&chunk);
        sha256.update(&chunk);
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(|error| io_error(&error))?;
    }
    file.flush().await.map_err(|error| io_error(&error))?;
    file.sync_all().await.map_err(|error| io_error(&error))?;
    announced.take_trailers();
    let (md5, checksum) = (md5.finalize(), hasher.finalize());
    announced.compare(size, md5.as_ref(), &checksum)?;
    Ok(Received { file: temporary, size, md5: hex(md5.as_ref()), sha256: hex(sha256.finalize().as_ref()), checksum })
}

async fn next_chunk(body: &mut Option<StreamingBlob>) -> Option<S3Result<hyper::body::Bytes>> {
    let Ok(chunk) = tokio::time::timeout(MAX_SILENCE, body.as_mut()?.next()).await else {
        return Some(Err(s3_error!(RequestTimeout)));
    };
    let chunk = chunk?;
    Some(chunk.map_err(|error| {
        // Signatures of chunks are checked while they are read, and come out here as an S3 error.
        match error.downcast::<S3Error>() {
            Ok(error) => *error,
            Err(error) => {
                tracing::debug!(%error, "a body was not taken");
                s3_error!(IncompleteBody, "the body broke off or does not fit its signature")
            }
        }
    }))
}

fn too_large(max_bytes: u64) -> S3Error {
    s3_error!(EntityTooLarge, "an object may have at most {max_bytes} bytes")
}
