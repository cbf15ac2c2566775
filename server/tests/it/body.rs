use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use crate::running::{Running, folder};

const LARGE: usize = 50 * 1024 * 1024;

#[test]
fn fifty_megabytes_are_refused_before_they_are_read_and_nothing_else_suffers() {
    let folder = folder();
    let server = Running::start(folder.path());
    server.get("/sign-in");
    let before = server.memory();
    // What says that it is too large is refused without a byte of it.
    let began = Instant::now();
    let mut stream = server.connect();
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {LARGE}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 413");
    assert!(began.elapsed() < Duration::from_secs(2), "took {:?}", began.elapsed());

    // What does not say so is cut off on the way.
    let answer = stream_without_end(&server);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(server.get("/sign-in").starts_with("HTTP/1.1 200"));
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 20 * 1024, "memory grew by {grown} kB");
    server.stop();
}

/// Sends chunks until the server has had enough. Its answer is empty where the connection was reset before it was read.
fn stream_without_end(server: &Running) -> String {
    let mut stream = server.connect();
    let head = "POST /sign-in HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let mut sent = 0;
    while sent < LARGE && stream.write_all(chunk.as_bytes()).is_ok() {
        sent += chunk.len();
    }
    assert!(sent < LARGE, "the server took all of it");
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    assert!(ended.is_ok() || answer.is_empty(), "{ended:?}");
    String::from_utf8_lossy(&answer).into_owned()
}
