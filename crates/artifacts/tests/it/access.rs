use std::time::Duration;

use artifacts::{Store, StoreError};

use crate::{
    http::{request, target},
    server::Server,
};

const MINUTE: Duration = Duration::from_mins(1);

pub(crate) async fn only_the_right_secret_opens(server: Server) {
    let store = server.store().await;
    store.put("a", "text/plain", b"hello".to_vec()).await.unwrap();

    let wrong = Store::new(&server.settings("another secret"));
    assert!(matches!(wrong.get("a").await, Err(StoreError::Denied(_))));
    assert!(matches!(wrong.put("a", "text/plain", b"x".to_vec()).await, Err(StoreError::Denied(_))));
    let mut stranger = server.settings("x");
    stranger.access_key = "nobody".into();
    assert!(matches!(Store::new(&stranger).get("a").await, Err(StoreError::Denied(_))));

    let (bucket, object) = (format!("/{}", server.bucket), format!("/{}/a", server.bucket));
    let asked = [("GET", "/"), ("GET", &bucket), ("GET", &object), ("DELETE", &object), ("PUT", "/other")];
    for (method, target) in asked {
        let answer = request(server.port, method, target, &[], "").await;
        assert_eq!(answer.status, 403, "{method} {target}: {}", answer.body);
    }
    assert!(store.head("a").await.is_ok());
}

pub(crate) async fn a_presigned_download_is_a_file_and_opens_one_object(server: Server) {
    let store = server.store().await;
    store.put("a", "text/html", b"<script>".to_vec()).await.unwrap();
    store.put("b", "text/html", b"secret".to_vec()).await.unwrap();
    let url = store.presign_get("a", "page.html", MINUTE).await.unwrap();

    let answer = request(server.port, "GET", target(&url), &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "<script>"));
    assert!(answer.head.contains("content-disposition: attachment; filename*=utf-8''page.html"), "{}", answer.head);
    if server.ours {
        assert!(answer.head.contains("x-content-type-options: nosniff"), "more than S3 asks for: {}", answer.head);
    }

    let tampered = [
        target(&url).replace(&format!("/{}/a", server.bucket), &format!("/{}/b", server.bucket)),
        target(&url).replace("attachment", "inline"),
        target(&url).replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        target(&url).replace("X-Amz-Signature=", "X-Amz-Signature=0"),
        target(&url).split("&X-Amz-Signature").next().unwrap().to_owned(),
    ];
    for changed in tampered {
        assert_ne!(changed, target(&url));
        let answer = request(server.port, "GET", &changed, &[], "").await;
        assert!((400..500).contains(&answer.status), "{changed}: {}", answer.status);
        assert!(!answer.body.contains("secret") && !answer.body.contains("<script>"), "{}", answer.body);
    }
    assert_eq!(request(server.port, "DELETE", target(&url), &[], "").await.status, 403);
    assert!(store.head("a").await.is_ok());
}

pub(crate) async fn a_presigned_upload_takes_the_promised_type_and_length_only(server: Server) {
    let store = server.store().await;
    let put = store.presign_put("a", "text/plain", 5, MINUTE).await.unwrap();
    let with = |name: &str, value: &str| {
        let mut headers = put.headers.clone();
        headers.retain(|(header, _)| header != name);
        headers.push((name.to_owned(), value.to_owned()));
        headers
    };
    let refused = [(with("content-length", "6"), "hello!"), (with("content-type", "text/html"), "hello")];
    for (headers, body) in refused {
        assert_eq!(request(server.port, "PUT", target(&put.url), &headers, body).await.status, 403, "{headers:?}");
        assert!(matches!(store.head("a").await, Err(StoreError::NotFound)));
    }
    assert_eq!(request(server.port, "PUT", target(&put.url), &put.headers, "hello").await.status, 200);
    let entry = store.head("a").await.unwrap();
    assert_eq!((entry.size, entry.content_type.as_deref()), (5, Some("text/plain")));
}

pub(crate) async fn presigned_addresses_expire_and_never_hold_long(server: Server) {
    use aws_sdk_s3::presigning::PresigningConfig;

    let store = server.store().await;
    store.put("a", "text/plain", b"hello".to_vec()).await.unwrap();
    let long = store.presign_get("a", "a", Duration::from_hours(24)).await.unwrap();
    assert!(long.contains("X-Amz-Expires=300"), "{long}");

    #[expect(clippy::disallowed_methods, reason = "signed as if an hour ago, by the clock the endpoint reads")]
    let an_hour_ago = std::time::SystemTime::now() - Duration::from_hours(1);
    let config = PresigningConfig::builder().start_time(an_hour_ago).expires_in(MINUTE).build().unwrap();
    let sdk = server.sdk().await;
    let old = sdk.get_object().bucket(&server.bucket).key("a").presigned(config).await.unwrap();
    let answer = request(server.port, "GET", target(old.uri()), &[], "").await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(!answer.body.contains("hello"));
}
