//! What the embedded endpoint does about its own limits and folders, which another server has in its own way.

use std::{sync::Arc, time::Duration};

use artifacts::{Store, StoreError, embedded::Limits};
use aws_sdk_s3::primitives::ByteStream;

use crate::{
    endpoint::{BUCKET, Endpoint, LIMITS, files},
    multipart::{begin, complete, part},
    objects::code,
    server::SECRET,
};

#[tokio::test]
async fn bodies_that_are_too_large_are_refused() {
    let limits = Limits { max_object_bytes: 10, ..LIMITS };
    let endpoint = Endpoint::start_in(Arc::new(tempfile::tempdir().unwrap()), limits).await;
    let sdk = endpoint.sdk().await;
    let put = |body: &'static [u8]| sdk.put_object().bucket(BUCKET).key("a").body(ByteStream::from_static(body)).send();
    put(b"0123456789").await.unwrap();
    assert_eq!(code(put(b"0123456789x").await), "EntityTooLarge");
    assert_eq!(sdk.head_object().bucket(BUCKET).key("a").send().await.unwrap().content_length(), Some(10));
}

#[tokio::test]
async fn abandoned_uploads_go_away() {
    let endpoint = Endpoint::start().await;
    let sdk = endpoint.sdk().await;
    let (aborted, abandoned) = (begin(&sdk, BUCKET).await, begin(&sdk, BUCKET).await);
    part(&sdk, BUCKET, &aborted, 1, b"x".to_vec()).await;
    part(&sdk, BUCKET, &abandoned, 1, b"x".to_vec()).await;
    sdk.abort_multipart_upload().bucket(BUCKET).key("big").upload_id(&aborted).send().await.unwrap();
    assert_eq!(endpoint.embedded.sweep_uploads(Duration::from_hours(1)).unwrap(), 0);
    assert_eq!(files(&endpoint.path().join("uploads")).len(), 2, "one upload: what it is, and its part");
    assert_eq!(endpoint.embedded.sweep_uploads(Duration::ZERO).unwrap(), 1);
    assert!(files(&endpoint.path().join("uploads")).is_empty());
    assert!(files(&endpoint.path().join("tmp")).is_empty());
    let whole = begin(&sdk, BUCKET).await;
    let only = part(&sdk, BUCKET, &whole, 1, b"x".to_vec()).await;
    complete(&sdk, BUCKET, &whole, vec![only]).await.unwrap();
    assert!(files(&endpoint.path().join("uploads")).is_empty(), "a completed upload leaves nothing either");
}

#[tokio::test]
async fn a_check_says_that_nobody_answers() {
    let endpoint = Endpoint::start().await;
    let settings = endpoint.settings(SECRET);
    endpoint.stop().await;
    let gone = Store::new(&settings).check().await.unwrap_err();
    assert!(matches!(gone.error, StoreError::Unreachable(_)), "{gone}");
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_writes_and_still_reads() {
    let endpoint = Endpoint::start().await;
    endpoint.store().await.put("a", "text/plain", b"hello".to_vec()).await.unwrap();
    let folder = endpoint.stop().await;
    let limits = Limits { min_free_bytes: 1 << 62, ..LIMITS };
    let endpoint = Endpoint::start_in(folder, limits).await;
    let store = endpoint.store().await;
    assert!(matches!(store.put("b", "text/plain", b"x".to_vec()).await, Err(StoreError::Full)));
    assert_eq!(store.check().await.unwrap_err().step, "writing a test object");
    assert_eq!(store.get("a").await.unwrap().body.collect().await.unwrap().into_bytes(), "hello");
}
