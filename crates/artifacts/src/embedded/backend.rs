use std::{io, sync::Arc};

use s3s::{S3, S3Request, S3Response, S3Result, dto::*, s3_error};

use super::{
    Limits,
    convert::{
        self, announced_part, announced_put, entry, get_output, headers_of_copy, headers_of_put, headers_of_upload,
        signed, token, token_after,
    },
    disk::io_error,
    list::{Query, page},
    meta::{Conditions, Meta, timestamp},
    objects::{Objects, Write},
    receive::{Announced, receive},
    send::send,
    uploads::{self, Upload},
};

/// S3's own page size.
const MAX_KEYS: i32 = 1000;

#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) objects: Arc<Objects>,
    pub(crate) limits: Limits,
}

impl Backend {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Objects) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let objects = Arc::clone(&self.objects);
        tokio::task::spawn_blocking(move || work(&objects))
            .await
            .map_err(|error| s3_error!(error, InternalError, "the object store is stopping"))?
    }

    /// Opens an object's bytes; a write may take them away between looking and opening, and then there are new ones.
    async fn open(
        &self,
        bucket: &str,
        key: &str,
        range: Option<&Range>,
    ) -> S3Result<(Arc<Meta>, std::ops::Range<u64>, StreamingBlob)> {
        loop {
            let meta = self.objects.find(bucket, key)?;
            let range = match range {
                Some(range) => range.check(meta.size).map_err(|_| s3_error!(InvalidRange))?,
                None => 0..meta.size,
            };
            let path = self.objects.data(bucket, &meta);
            match send(&path, Arc::clone(&meta), range.clone()).await {
                Ok(body) => return Ok((meta, range, body)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if self.objects.find(bucket, key)?.data == meta.data {
                        return Err(io_error(&error));
                    }
                }
                Err(error) => return Err(io_error(&error)),
            }
        }
    }
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = req.input.bucket;
        let location = format!("/{bucket}");
        self.blocking(move |objects| objects.create_bucket(&bucket)).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.blocking(move |objects| objects.delete_bucket(&req.input.bucket)).await?;
        Ok(S3Response::new(DeleteBucketOutput {}))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.objects.require_bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.objects.require_bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.objects.buckets();
        let buckets = buckets.iter().map(|(name, bucket)| Bucket {
            name: Some(name.clone()),
            creation_date: Some(timestamp(bucket.created)),
            ..Bucket::default()
        });
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), ..ListBucketsOutput::default() }))
    }

    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.objects.require_bucket(&req.input.bucket)?;
        let announced = announced_put(&mut req.input).with_trailers(&req.headers, req.trailing_headers.take());
        let body = req.input.body.take();
        let received = receive(&self.objects.disk, self.limits.max_object_bytes, body, announced).await?;
        let checksum = received.checksum.clone();
        let input = req.input;
        let write = Write {
            etag: received.md5.clone(),
            headers: headers_of_put(&input),
            conditions: Conditions { if_match: input.if_match, if_none_match: input.if_none_match },
            bucket: input.bucket,
            key: input.key,
        };
        let meta = self.blocking(move |objects| objects.place(write, received)).await?;
        Ok(S3Response::new(convert::put_output(&meta, checksum)))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let (meta, range, body) = self.open(&input.bucket, &input.key, input.range.as_ref()).await?;
        let conditions = Conditions { if_match: input.if_match.clone(), if_none_match: input.if_none_match.clone() };
        conditions.allow_read(&meta)?;
        Ok(S3Response::new(get_output(&meta, &range, body, input)))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let meta = self.objects.find(&req.input.bucket, &req.input.key)?;
        Conditions { if_match: req.input.if_match, if_none_match: req.input.if_none_match }.allow_read(&meta)?;
        Ok(S3Response::new(convert::head_output(&meta)))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = req.input;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "an object is copied from a bucket of this endpoint"));
        };
        self.objects.require_bucket(&input.bucket)?;
        let (meta, _, body) = self.open(bucket, key, None).await?;
        let announced = Announced { length: Some(signed(meta.size)), ..Announced::default() };
        let received = receive(&self.objects.disk, self.limits.max_object_bytes, Some(body), announced).await?;
        let write = Write {
            etag: received.md5.clone(),
            headers: headers_of_copy(&input, &meta),
            conditions: Conditions::default(),
            bucket: input.bucket,
            key: input.key,
        };
        let meta = self.blocking(move |objects| objects.place(write, received)).await?;
        Ok(S3Response::new(convert::copy_output(&meta)))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.blocking(move |objects| objects.remove(&req.input.bucket, &req.input.key)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let output = self.blocking(move |objects| convert::delete_all(objects, req.input)).await?;
        Ok(S3Response::new(output))
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = req.input;
        let buckets = self.objects.buckets();
        let bucket = buckets.get(&input.bucket).ok_or_else(|| s3_error!(NoSuchBucket))?;
        let max = input.max_keys.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS);
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref(),
            after: input.marker.as_deref().unwrap_or_default(),
            max: usize::try_from(max).unwrap_or_default(),
        };
        let page = page(&bucket.objects, &query);
        Ok(S3Response::new(ListObjectsOutput {
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next,
            contents: Some(page.objects.iter().map(|meta| entry(meta)).collect()),
            common_prefixes: Some(
                page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect(),
            ),
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            marker: input.marker,
            max_keys: Some(max),
            ..ListObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let buckets = self.objects.buckets();
        let bucket = buckets.get(&input.bucket).ok_or_else(|| s3_error!(NoSuchBucket))?;
        let max = input.max_keys.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS);
        let after = token_after(input.continuation_token.as_deref(), input.start_after.as_deref())?;
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref(),
            after: &after,
            max: usize::try_from(max).unwrap_or_default(),
        };
        let page = page(&bucket.objects, &query);
        let count = page.objects.len() + page.prefixes.len();
        Ok(S3Response::new(ListObjectsV2Output {
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_deref().map(token),
            contents: Some(page.objects.iter().map(|meta| entry(meta)).collect()),
            common_prefixes: Some(
                page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect(),
            ),
            key_count: i32::try_from(count).ok(),
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            max_keys: Some(max),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        self.objects.require_bucket(&bucket)?;
        let upload = Upload { bucket: bucket.clone(), key: key.clone(), headers: headers_of_upload(&req.input) };
        let id = self.blocking(move |objects| uploads::begin(&objects.disk, &upload)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(id.to_string()),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, mut req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let announced = announced_part(&mut req.input).with_trailers(&req.headers, req.trailing_headers.take());
        let UploadPartInput { body, bucket, key, upload_id, part_number, .. } = req.input;
        uploads::check_number(part_number)?;
        let (id, _) = self.blocking(move |objects| uploads::open(&objects.disk, &upload_id, &bucket, &key)).await?;
        let received = receive(&self.objects.disk, self.limits.max_object_bytes, body, announced).await?;
        let output = convert::part_output(&received);
        self.blocking(move |objects| uploads::keep(&objects.disk, id, part_number, received)).await?;
        Ok(S3Response::new(output))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let output = self.blocking(move |objects| convert::list_parts(objects, req.input)).await?;
        Ok(S3Response::new(output))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let max = self.limits.max_object_bytes;
        let output = self.blocking(move |objects| convert::complete(objects, req.input, max)).await?;
        Ok(S3Response::new(output))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.blocking(move |objects| {
            let (id, _) = uploads::open(&objects.disk, &req.input.upload_id, &req.input.bucket, &req.input.key)?;
            uploads::forget(&objects.disk, id).map_err(|error| io_error(&error))
        })
        .await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
