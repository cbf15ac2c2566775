use std::{fs, time::Instant};

use artifacts::embedded::{Embedded, OpenError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    endpoint::{Endpoint, LIMITS, credentials, data_file, files},
    http::target,
    server::SECRET,
};

#[tokio::test]
async fn objects_outlive_a_restart() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.store().await;
    store.put("kept", "text/plain", b"first".to_vec()).await.unwrap();
    store.put("kept", "text/plain", b"second".to_vec()).await.unwrap();
    store.put("gone", "text/plain", b"x".to_vec()).await.unwrap();
    store.delete("gone").await.unwrap();
    let endpoint = Endpoint::start_in(endpoint.stop().await, LIMITS).await;
    let store = endpoint.store().await;
    let found = store.get("kept").await.unwrap();
    assert_eq!(found.entry.content_type.as_deref(), Some("text/plain"));
    assert_eq!(found.body.collect().await.unwrap().into_bytes(), "second");
    let keys: Vec<_> = store.list("", None).await.unwrap().entries.into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["kept"]);
    assert_eq!(files(&endpoint.path().join("buckets")).len(), 3, "the bucket, one object's bytes and its sidecar");
}

#[tokio::test]
async fn what_a_kill_leaves_is_never_seen_and_swept_at_open() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.store().await;
    store.put("a", "text/plain", b"whole".to_vec()).await.unwrap();
    let data = data_file(endpoint.path(), 5);
    let folder = endpoint.stop().await;
    // A body that was still coming, bytes that were moved but not yet spoken of, and a folder of an upload set aside.
    let half = folder.path().join("tmp/half");
    fs::write(&half, b"who").unwrap();
    let orphan = data.with_extension("0193b9a0000070008000000000000000");
    fs::write(&orphan, b"newer").unwrap();
    fs::create_dir(folder.path().join("tmp/aside")).unwrap();
    fs::create_dir(folder.path().join("buckets/unfinished")).unwrap();

    let endpoint = Endpoint::start_in(folder, LIMITS).await;
    let store = endpoint.store().await;
    assert!(!half.exists() && !orphan.exists());
    assert!(files(&endpoint.path().join("tmp")).is_empty());
    assert!(!endpoint.path().join("buckets/unfinished").exists());
    assert_eq!(store.get("a").await.unwrap().body.collect().await.unwrap().into_bytes(), "whole");
    assert_eq!(store.list("", None).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_client_that_breaks_off_leaves_nothing() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.store().await;
    let put = store.presign_put("a", "text/plain", 10, std::time::Duration::from_mins(1)).await.unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", endpoint.port)).await.unwrap();
    let headers: String = put.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("PUT {} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{headers}\r\nhalf", target(&put.url), endpoint.port);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(!answer.contains(" 200 "), "{answer}");
    assert!(store.head("a").await.is_err());
    let folder = endpoint.stop().await;
    assert!(files(&folder.path().join("tmp")).is_empty());
}

#[tokio::test]
async fn damaged_bytes_are_not_handed_out_as_whole() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.store().await;
    store.put("a", "text/plain", vec![b'a'; 400_000]).await.unwrap();
    let data = data_file(endpoint.path(), 400_000);
    let mut bytes = fs::read(&data).unwrap();
    bytes[7] = b'b';
    fs::write(&data, bytes).unwrap();
    assert!(store.get("a").await.unwrap().body.collect().await.is_err());

    fs::write(&data, b"cut off").unwrap();
    let endpoint = Endpoint::start_in(endpoint.stop().await, LIMITS).await;
    assert!(endpoint.store().await.get("a").await.is_err());
}

#[tokio::test]
async fn one_process_at_a_time() {
    let endpoint = Endpoint::start().await;
    let second = Embedded::open(endpoint.path(), &credentials(), LIMITS);
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    assert!(!format!("{:?} {:?}", endpoint.embedded, credentials()).contains(SECRET));
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_client_that_says_nothing() {
    let endpoint = Endpoint::start().await;
    let store = endpoint.store().await;
    let put = store.presign_put("a", "text/plain", 10, std::time::Duration::from_mins(1)).await.unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", endpoint.port)).await.unwrap();
    let headers: String = put.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let expecting = format!(
        "PUT {} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nexpect: 100-continue\r\n{headers}\r\n",
        target(&put.url),
        endpoint.port
    );
    stream.write_all(expecting.as_bytes()).await.unwrap();
    // The answer to the expectation says that the body is being waited for.
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100");
    let begun = Instant::now();
    endpoint.stop().await;
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
}
