use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::{ChecksumAlgorithm, Delete, MetadataDirective, ObjectIdentifier},
};

use crate::server::Server;

pub(crate) fn code<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E>>,
) -> String {
    result.unwrap_err().code().unwrap_or_default().to_owned()
}

pub(crate) async fn checksums_are_verified_whatever_their_kind(server: Server) {
    let sdk = server.sdk().await;
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let put = sdk.put_object().bucket(&server.bucket).key("a").checksum_algorithm(algorithm.clone());
        put.body(ByteStream::from_static(b"hello"))
            .send()
            .await
            .unwrap_or_else(|error| panic!("{algorithm}: {error:?}"));
    }
    let put = || sdk.put_object().bucket(&server.bucket).key("b").body(ByteStream::from_static(b"hello"));
    assert_eq!(code(put().checksum_crc32("AAAAAA==").send().await), "BadDigest");
    assert_eq!(code(put().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await), "BadDigest");
    assert_eq!(code(sdk.head_object().bucket(&server.bucket).key("b").send().await), "NotFound");
    put().content_md5("XUFAKrxLKna5cZ2REBfFkg==").send().await.unwrap();
}

pub(crate) async fn conditions_decide_who_writes(server: Server) {
    let sdk = server.sdk().await;
    let put =
        |body: &'static [u8]| sdk.put_object().bucket(&server.bucket).key("a").body(ByteStream::from_static(body));
    let missing = code(put(b"0").if_match("\"0123\"").send().await);
    assert!(missing == "NoSuchKey" || (!server.ours && missing == "PreconditionFailed"), "{missing}");
    let first = put(b"1").if_none_match("*").send().await.unwrap().e_tag.unwrap();
    assert_eq!(code(put(b"2").if_none_match("*").send().await), "PreconditionFailed");
    let second = put(b"2").if_match(&first).send().await.unwrap().e_tag.unwrap();
    assert_eq!(code(put(b"3").if_match(&first).send().await), "PreconditionFailed");
    let get = || sdk.get_object().bucket(&server.bucket).key("a");
    assert_eq!(code(get().if_match(&first).send().await), "PreconditionFailed");
    assert!(get().if_none_match(&second).send().await.is_err());
    let body = get().if_match(&second).send().await.unwrap().body;
    assert_eq!(body.collect().await.unwrap().into_bytes(), "2");
}

pub(crate) async fn of_many_writers_of_a_new_object_one_wins(server: Server) {
    let sdk = server.sdk().await;
    let put = |n: u8| {
        sdk.put_object().bucket(&server.bucket).key("a").if_none_match("*").body(ByteStream::from(vec![n])).send()
    };
    let results = futures::future::join_all((0..16).map(put)).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

pub(crate) async fn ranges_give_their_bytes(server: Server) {
    let sdk = server.sdk().await;
    sdk.put_object().bucket(&server.bucket).key("a").body(ByteStream::from_static(b"0123456789")).send().await.unwrap();
    for (range, bytes, header) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=3-5", "345", "bytes 3-5/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let got = sdk.get_object().bucket(&server.bucket).key("a").range(range).send().await.unwrap();
        assert_eq!(got.content_range.as_deref(), Some(header), "{range}");
        assert_eq!(got.body.collect().await.unwrap().into_bytes(), bytes, "{range}");
    }
    assert_eq!(code(sdk.get_object().bucket(&server.bucket).key("a").range("bytes=10-").send().await), "InvalidRange");
}

pub(crate) async fn copies_keep_or_replace_what_is_said_about_them(server: Server) {
    let sdk = server.sdk().await;
    let put = sdk.put_object().bucket(&server.bucket).key("a b").content_type("text/plain").metadata("run", "7");
    put.cache_control("no-cache").body(ByteStream::from_static(b"hello")).send().await.unwrap();
    let copy =
        |to: &str| sdk.copy_object().bucket(&server.bucket).key(to).copy_source(format!("{}/a%20b", server.bucket));
    copy("kept").send().await.unwrap();
    copy("new").metadata_directive(MetadataDirective::Replace).content_type("text/css").send().await.unwrap();
    let head = |key: &str| sdk.head_object().bucket(&server.bucket).key(key).send();
    let kept = head("kept").await.unwrap();
    assert_eq!((kept.content_type(), kept.cache_control()), (Some("text/plain"), Some("no-cache")));
    assert_eq!(kept.metadata().unwrap()["run"], "7");
    let new = head("new").await.unwrap();
    assert_eq!((new.content_type(), new.content_length()), (Some("text/css"), Some(5)));
    assert_eq!(
        code(
            sdk.copy_object()
                .bucket(&server.bucket)
                .key("x")
                .copy_source(format!("{}/none", server.bucket))
                .send()
                .await
        ),
        "NoSuchKey"
    );
}

pub(crate) async fn listings_of_both_kinds_page_and_roll_up(server: Server) {
    let sdk = server.sdk().await;
    for key in ["a", "b/1", "b/2/x", "b/2/y", "b/3", "c/1"] {
        sdk.put_object().bucket(&server.bucket).key(key).body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    let (mut keys, mut prefixes, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let request = sdk.list_objects_v2().bucket(&server.bucket).delimiter("/").max_keys(1);
        let page = request.set_continuation_token(token).send().await.unwrap();
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        prefixes.extend(page.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap().to_owned()));
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((keys, prefixes), (vec!["a".to_owned()], vec!["b/".to_owned(), "c/".to_owned()]));
    let first = sdk.list_objects().bucket(&server.bucket).prefix("b/").max_keys(2).send().await.unwrap();
    assert_eq!((first.is_truncated(), first.next_marker()), (Some(true), Some("b/2/x")));
    let rest = sdk.list_objects().bucket(&server.bucket).prefix("b/").marker("b/2/x").send().await.unwrap();
    assert_eq!(rest.contents().len(), 2);
    if server.ours {
        // The other one takes any text for the key to go on after.
        let invalid = sdk.list_objects_v2().bucket(&server.bucket).continuation_token("!").send().await;
        assert_eq!(code(invalid), "InvalidArgument");
    }
}

pub(crate) async fn buckets_come_and_go_when_empty(server: Server) {
    let sdk = server.sdk().await;
    sdk.create_bucket().bucket("second").send().await.unwrap();
    assert_eq!(code(sdk.create_bucket().bucket("second").send().await), "BucketAlreadyOwnedByYou");
    let names = |buckets: &[aws_sdk_s3::types::Bucket]| -> Vec<String> {
        buckets.iter().map(|bucket| bucket.name().unwrap().to_owned()).collect()
    };
    let found = names(sdk.list_buckets().send().await.unwrap().buckets());
    assert!(found.contains(&server.bucket) && found.contains(&"second".to_owned()), "{found:?}");
    for key in ["a", "b"] {
        sdk.put_object().bucket("second").key(key).body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    assert_eq!(code(sdk.delete_bucket().bucket("second").send().await), "BucketNotEmpty");
    let object = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let all = Delete::builder().objects(object("a")).objects(object("b")).objects(object("none")).build().unwrap();
    assert_eq!(sdk.delete_objects().bucket("second").delete(all).send().await.unwrap().deleted().len(), 3);
    sdk.delete_bucket().bucket("second").send().await.unwrap();
    assert_eq!(code(sdk.get_object().bucket("second").key("a").send().await), "NoSuchBucket");
    assert!(sdk.create_bucket().bucket("../up").send().await.is_err());
}
