use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};

use crate::server::Server;

const PART: usize = 5 << 20;

pub(crate) async fn begin(sdk: &Client, bucket: &str) -> String {
    let begun = sdk.create_multipart_upload().bucket(bucket).key("big").content_type("text/plain").send().await;
    begun.unwrap().upload_id.unwrap()
}

pub(crate) async fn part(sdk: &Client, bucket: &str, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let sent = sdk.upload_part().bucket(bucket).key("big").upload_id(id).part_number(number);
    let etag = sent.body(ByteStream::from(body)).send().await.unwrap().e_tag.unwrap();
    CompletedPart::builder().part_number(number).e_tag(etag).build()
}

pub(crate) async fn complete(
    sdk: &Client,
    bucket: &str,
    id: &str,
    parts: Vec<CompletedPart>,
) -> Result<String, String> {
    let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let request = sdk.complete_multipart_upload().bucket(bucket).key("big").upload_id(id).multipart_upload(upload);
    match request.send().await {
        Ok(done) => Ok(done.e_tag.unwrap()),
        Err(error) => Err(error.into_service_error().code().unwrap_or_default().to_owned()),
    }
}

pub(crate) async fn parts_become_one_object(server: Server) {
    let sdk = server.sdk().await;
    let id = begin(&sdk, &server.bucket).await;
    let second = part(&sdk, &server.bucket, &id, 2, b"end".to_vec()).await;
    if server.ours {
        // The other one lists both parts of this number, and takes the one whose tag is named.
        part(&sdk, &server.bucket, &id, 1, vec![b'x'; PART]).await;
    }
    let first = part(&sdk, &server.bucket, &id, 1, vec![b'a'; PART]).await;
    let listed = sdk.list_parts().bucket(&server.bucket).key("big").upload_id(&id).send().await.unwrap();
    let sizes: Vec<_> = listed.parts().iter().map(|part| (part.part_number(), part.size())).collect();
    assert_eq!(sizes, [(Some(1), Some(PART as i64)), (Some(2), Some(3))]);
    assert!(sdk.get_object().bucket(&server.bucket).key("big").send().await.is_err(), "not there until it is complete");

    let etag = complete(&sdk, &server.bucket, &id, vec![first, second]).await.unwrap();
    assert!(etag.ends_with("-2\""), "{etag}");
    let got = sdk.get_object().bucket(&server.bucket).key("big").send().await.unwrap();
    assert_eq!(got.content_type(), Some("text/plain"));
    let bytes = got.body.collect().await.unwrap().into_bytes();
    assert_eq!(bytes.len(), PART + 3);
    assert!(bytes[..PART].iter().all(|byte| *byte == b'a') && bytes.ends_with(b"end"));
    assert_eq!(complete(&sdk, &server.bucket, &id, vec![]).await.unwrap_err(), "NoSuchUpload");
}

pub(crate) async fn an_upload_that_does_not_add_up_is_refused(server: Server) {
    let sdk = server.sdk().await;
    let id = begin(&sdk, &server.bucket).await;
    let first = part(&sdk, &server.bucket, &id, 1, b"short".to_vec()).await;
    let second = part(&sdk, &server.bucket, &id, 2, b"end".to_vec()).await;
    let named = |number, etag: &str| CompletedPart::builder().part_number(number).e_tag(etag).build();
    let cases = [
        (vec![], "InvalidPart"),
        (vec![named(3, "\"00\"")], "InvalidPart"),
        (vec![named(1, "\"00000000000000000000000000000000\"")], "InvalidPart"),
        (vec![second.clone(), first.clone()], "InvalidPartOrder"),
        (vec![first.clone(), second.clone()], "EntityTooSmall"),
    ];
    for (parts, expected) in cases {
        let said = complete(&sdk, &server.bucket, &id, parts.clone()).await.unwrap_err();
        assert!(said == expected || !server.ours, "{said} for {parts:?}");
    }
    for wrong in ["../buckets/harbour", "0193b9a0-0000-7000-8000-000000000000", ""] {
        assert!(complete(&sdk, &server.bucket, wrong, vec![first.clone()]).await.is_err(), "{wrong:?}");
    }
    let send = sdk.upload_part().bucket(&server.bucket).key("another").upload_id(&id).part_number(1);
    assert!(send.body(ByteStream::from_static(b"x")).send().await.is_err(), "the id belongs to one key");
    let send = sdk.upload_part().bucket(&server.bucket).key("big").upload_id(&id).part_number(10_001);
    assert!(send.body(ByteStream::from_static(b"x")).send().await.is_err());
    assert!(complete(&sdk, &server.bucket, &id, vec![first]).await.is_ok());
}
