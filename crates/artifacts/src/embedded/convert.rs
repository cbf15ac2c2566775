use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use s3s::{S3Result, dto::*, s3_error};

use super::{
    disk::io_error,
    meta::{Conditions, Headers, Meta, timestamp},
    objects::{Objects, Write},
    receive::{Announced, Received},
    uploads,
};

/// Sizes in the protocol are signed; none here comes near the limit.
pub(crate) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The parts of an input that describe an object: the same fields on several types.
macro_rules! headers {
    ($input:expr) => {
        Headers {
            content_type: $input.content_type.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $input.content_encoding.clone(),
            content_language: $input.content_language.clone(),
            cache_control: $input.cache_control.clone(),
            user: $input.metadata.clone().unwrap_or_default(),
        }
    };
}

macro_rules! announced {
    ($input:expr) => {
        Announced {
            length: $input.content_length,
            md5: $input.content_md5.take(),
            checksum: Checksum {
                checksum_crc32: $input.checksum_crc32.take(),
                checksum_crc32c: $input.checksum_crc32c.take(),
                checksum_crc64nvme: $input.checksum_crc64nvme.take(),
                checksum_sha1: $input.checksum_sha1.take(),
                checksum_sha256: $input.checksum_sha256.take(),
                ..Checksum::default()
            },
            ..Announced::default()
        }
    };
}

pub(crate) fn announced_put(input: &mut PutObjectInput) -> Announced {
    announced!(input)
}

pub(crate) fn announced_part(input: &mut UploadPartInput) -> Announced {
    announced!(input)
}

pub(crate) fn headers_of_put(input: &PutObjectInput) -> Headers {
    headers!(input)
}

pub(crate) fn headers_of_upload(input: &CreateMultipartUploadInput) -> Headers {
    headers!(input)
}

pub(crate) fn headers_of_copy(input: &CopyObjectInput, source: &Meta) -> Headers {
    let replace =
        input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    if replace { headers!(input) } else { source.headers.clone() }
}

pub(crate) fn put_output(meta: &Meta, checksum: Checksum) -> PutObjectOutput {
    PutObjectOutput {
        e_tag: Some(meta.e_tag()),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        ..PutObjectOutput::default()
    }
}

pub(crate) fn part_output(received: &Received) -> UploadPartOutput {
    let checksum = received.checksum.clone();
    UploadPartOutput {
        e_tag: Some(ETag::Strong(received.md5.clone())),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        ..UploadPartOutput::default()
    }
}

pub(crate) fn copy_output(meta: &Meta) -> CopyObjectOutput {
    let result = CopyObjectResult {
        e_tag: Some(meta.e_tag()),
        last_modified: Some(meta.last_modified()),
        ..CopyObjectResult::default()
    };
    CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }
}

pub(crate) fn get_output(
    meta: &Meta,
    range: &std::ops::Range<u64>,
    body: StreamingBlob,
    input: GetObjectInput,
) -> GetObjectOutput {
    let headers = meta.headers.clone();
    let partial = input.range.map(|_| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), meta.size));
    GetObjectOutput {
        body: Some(body),
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(signed(range.end - range.start)),
        content_range: partial,
        content_type: input.response_content_type.or(headers.content_type),
        content_disposition: input.response_content_disposition.or(headers.content_disposition),
        content_encoding: input.response_content_encoding.or(headers.content_encoding),
        content_language: input.response_content_language.or(headers.content_language),
        cache_control: input.response_cache_control.or(headers.cache_control),
        metadata: Some(headers.user),
        e_tag: Some(meta.e_tag()),
        last_modified: Some(meta.last_modified()),
        ..GetObjectOutput::default()
    }
}

pub(crate) fn head_output(meta: &Meta) -> HeadObjectOutput {
    let headers = meta.headers.clone();
    HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(signed(meta.size)),
        content_type: headers.content_type,
        content_disposition: headers.content_disposition,
        content_encoding: headers.content_encoding,
        content_language: headers.content_language,
        cache_control: headers.cache_control,
        metadata: Some(headers.user),
        e_tag: Some(meta.e_tag()),
        last_modified: Some(meta.last_modified()),
        ..HeadObjectOutput::default()
    }
}

pub(crate) fn entry(meta: &Meta) -> Object {
    Object {
        key: Some(meta.key.clone()),
        size: Some(signed(meta.size)),
        e_tag: Some(meta.e_tag()),
        last_modified: Some(meta.last_modified()),
        ..Object::default()
    }
}

/// A continuation token: where the page ended, in base64url.
pub(crate) fn token(last: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(last)
}

pub(crate) fn token_after(token: Option<&str>, start_after: Option<&str>) -> S3Result<String> {
    let Some(token) = token else { return Ok(start_after.unwrap_or_default().to_owned()) };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    let after = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    after.ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of this endpoint"))
}

pub(crate) fn delete_all(objects: &Objects, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    objects.require_bucket(&input.bucket)?;
    let quiet = input.delete.quiet.unwrap_or_default();
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in input.delete.objects {
        match objects.remove(&input.bucket, &object.key) {
            Ok(()) if quiet => {}
            Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                message: error.message().map(str::to_owned),
                key: Some(object.key),
                ..Error::default()
            }),
        }
    }
    Ok(DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), ..DeleteObjectsOutput::default() })
}

pub(crate) fn list_parts(objects: &Objects, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    const MAX_PARTS: i32 = 1000;
    let (id, _) = uploads::open(&objects.disk, &input.upload_id, &input.bucket, &input.key)?;
    let after = input.part_number_marker.unwrap_or_default();
    let max = input.max_parts.unwrap_or(MAX_PARTS).clamp(1, MAX_PARTS);
    let mut parts = uploads::parts(&objects.disk, id)?;
    parts.retain(|part| part.number > after);
    let truncated = parts.len() > usize::try_from(max).unwrap_or_default();
    parts.truncate(usize::try_from(max).unwrap_or_default());
    let next = parts.last().filter(|_| truncated).map(|part| part.number);
    let parts = parts.into_iter().map(|part| Part {
        part_number: Some(part.number),
        size: Some(signed(part.size)),
        last_modified: Some(timestamp(uploads::modified(&part))),
        e_tag: Some(ETag::Strong(part.md5)),
        ..Part::default()
    });
    Ok(ListPartsOutput {
        parts: Some(parts.collect()),
        is_truncated: Some(truncated),
        next_part_number_marker: next,
        part_number_marker: input.part_number_marker,
        max_parts: Some(max),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        ..ListPartsOutput::default()
    })
}

pub(crate) fn complete(
    objects: &Objects,
    input: CompleteMultipartUploadInput,
    max_bytes: u64,
) -> S3Result<CompleteMultipartUploadOutput> {
    let (id, upload) = uploads::open(&objects.disk, &input.upload_id, &input.bucket, &input.key)?;
    let wanted = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let parts = uploads::choose(&uploads::parts(&objects.disk, id)?, &wanted)?;
    if parts.iter().map(|part| part.size).sum::<u64>() > max_bytes {
        return Err(s3_error!(EntityTooLarge, "an object may have at most {max_bytes} bytes"));
    }
    let (received, etag) = uploads::join(&objects.disk, &parts)?;
    let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
    let write = Write { bucket: upload.bucket, key: upload.key, etag, headers: upload.headers, conditions };
    let meta = objects.place(write, received)?;
    uploads::forget(&objects.disk, id).map_err(|error| io_error(&error))?;
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, meta.key)),
        bucket: Some(input.bucket),
        key: Some(meta.key.clone()),
        e_tag: Some(meta.e_tag()),
        ..CompleteMultipartUploadOutput::default()
    })
}
