//! The proxy by itself: what stands inside of a sandbox is played by the test, over the same socket.

use std::{cell::Cell, io, time::Duration};

use http_body_util::BodyExt;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::Instant,
};

use super::*;

/// For what has to happen at some time.
const AT_LAST: Duration = Duration::from_secs(60);

struct Way {
    folder: TempDir,
    serving: Serving,
    contacts: UnboundedReceiver<Contact>,
}

impl Way {
    fn open(rules: &[String], change: impl FnOnce(Egress) -> Egress) -> Self {
        let (told, contacts) = unbounded_channel();
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let egress = Egress::new(rules, move |contact| drop(told.send(contact))).reaching(Reach::Loopback);
        let folder = tempfile::tempdir().unwrap();
        let serving = change(egress).serve(folder.path()).unwrap();
        Self { folder, serving, contacts }
    }

    async fn connect(&self) -> UnixStream {
        sockets::connect(self.folder.path(), shim::protocol::EGRESS).await.unwrap()
    }

    /// All that is answered to this, up to the end of the connection.
    async fn answer(&self, asked: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(asked).await.unwrap();
        rest(&mut stream).await
    }

    async fn tunnel(&self, to: &str) -> UnixStream {
        let mut stream = self.connect().await;
        stream.write_all(connect(to).as_bytes()).await.unwrap();
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
        stream
    }

    async fn contact(&mut self) -> &'static str {
        match tokio::time::timeout(AT_LAST, self.contacts.recv()).await.unwrap().unwrap() {
            Contact::Opened { .. } => "opened",
            Contact::Refused { .. } => "refused",
            Contact::Closed { .. } => "closed",
        }
    }
}

fn connect(to: &str) -> String {
    format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n")
}

async fn rest(stream: &mut UnixStream) -> String {
    let mut all = Vec::new();
    // One side may end it by a reset, when it is sent what it does not read.
    let read = tokio::time::timeout(AT_LAST, stream.read_to_end(&mut all)).await.expect("an end");
    assert!(read.is_ok() || !all.is_empty(), "{read:?}");
    String::from_utf8(all).unwrap()
}

async fn head(stream: &mut UnixStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tokio::time::timeout(AT_LAST, stream.read_u8()).await.expect("an answer").unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A host, and where it listens.
async fn host() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

async fn echo(inside: &mut UnixStream, outside: &mut TcpStream) {
    for _ in 0..20 {
        inside.write_all(b"there").await.unwrap();
        let mut bytes = [0; 5];
        outside.read_exact(&mut bytes).await.unwrap();
        outside.write_all(b"again").await.unwrap();
        inside.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"again");
    }
}

fn bounded(change: impl FnOnce(&mut Bounds)) -> impl FnOnce(Egress) -> Egress {
    |mut egress| {
        change(&mut egress.bounds);
        egress
    }
}

#[tokio::test]
async fn a_listed_address_is_open_as_far_as_the_reach_goes() {
    let (_listener, address) = host().await;
    for reach in [Reach::Public, Reach::Private] {
        let mut way = Way::open(&[address.clone(), "localhost".into()], |egress| egress.reaching(reach));
        let plain = format!("GET http://{address}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        for asked in [connect(&address), plain] {
            let mut stream = way.connect().await;
            stream.write_all(asked.as_bytes()).await.unwrap();
            let said = head(&mut stream).await;
            assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
            assert_eq!(way.contact().await, "refused");
        }
    }
    let mut way = Way::open(std::slice::from_ref(&address), |egress| egress);
    drop(way.tunnel(&address).await);
    assert_eq!(way.contact().await, "opened");
}

#[tokio::test]
async fn a_tunnel_keeps_its_place_until_it_ends() {
    let (listener, address) = host().await;
    let mut way = Way::open(std::slice::from_ref(&address), bounded(|bounds| bounds.connections = 1));
    let mut first = way.tunnel(&address).await;
    let (mut at_host, _) = listener.accept().await.unwrap();
    let mut second = way.connect().await;
    second.write_all(connect(&address).as_bytes()).await.unwrap();
    echo(&mut first, &mut at_host).await;
    drop((first, at_host));
    assert!(head(&mut second).await.starts_with("HTTP/1.1 200 "));
    assert_eq!([way.contact().await, way.contact().await, way.contact().await], ["opened", "closed", "opened"]);
}

#[tokio::test]
async fn a_tunnel_to_a_host_that_never_ends_it_is_closed() {
    let (listener, address) = host().await;
    let short = bounded(|bounds| bounds.half_closed = Duration::from_millis(50));
    let mut way = Way::open(std::slice::from_ref(&address), short);
    let mut inside = way.tunnel(&address).await;
    let (mut at_host, _) = listener.accept().await.unwrap();
    echo(&mut inside, &mut at_host).await;
    drop(inside);
    assert_eq!([way.contact().await, way.contact().await], ["opened", "closed"]);
    // Held up to here, and it said nothing.
    drop(at_host);
}

#[tokio::test]
async fn a_tunnel_through_which_nothing_passes_is_closed() {
    let (listener, address) = host().await;
    let short = bounded(|bounds| (bounds.half_closed, bounds.idle) = (AT_LAST / 100, Duration::from_millis(50)));
    let mut way = Way::open(std::slice::from_ref(&address), short);
    let mut inside = way.tunnel(&address).await;
    let (at_host, _) = listener.accept().await.unwrap();
    assert_eq!([way.contact().await, way.contact().await], ["opened", "closed"]);
    assert_eq!(rest_of_tunnel(&mut inside).await, 0);
    drop(at_host);
}

async fn rest_of_tunnel(stream: &mut UnixStream) -> usize {
    tokio::time::timeout(AT_LAST, stream.read(&mut [0; 9])).await.expect("an end").unwrap_or(0)
}

#[tokio::test]
async fn tunnels_and_requests_end_with_the_proxy() {
    let (listener, address) = host().await;
    let mut way = Way::open(std::slice::from_ref(&address), |egress| egress);
    let mut tunnel = way.tunnel(&address).await;
    let in_tunnel = listener.accept().await.unwrap();
    let mut plain = way.connect().await;
    plain.write_all(format!("GET http://{address}/ HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let (mut asked, _) = listener.accept().await.unwrap();
    asked.read_u8().await.unwrap();
    assert_eq!([way.contact().await, way.contact().await], ["opened"; 2]);
    let folder = way.folder;
    drop(way.serving);
    for _ in 0..2 {
        let told = tokio::time::timeout(AT_LAST, way.contacts.recv()).await.expect("told").expect("a contact");
        assert!(matches!(told, Contact::Closed { .. }), "{told:?}");
    }
    assert_eq!(rest_of_tunnel(&mut tunnel).await, 0);
    drop((in_tunnel, folder));
}

#[tokio::test]
async fn what_cannot_be_taken_is_tried_again_after_a_while() {
    let (begun, tries) = (Instant::now(), Cell::new(0));
    let taken = proxy::accepted(|| {
        tries.set(tries.get() + 1);
        let few = tries.get() < 3;
        async move { if few { Err(io::Error::other("no files are left")) } else { Ok("taken") } }
    });
    assert_eq!(taken.await, "taken");
    assert!(begun.elapsed() >= Duration::from_millis(200), "it waited for no time");
}

fn service() -> Service {
    Service::new(|request: http::Request<Body>| async move {
        let (parts, body) = request.into_parts();
        let sent = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let hidden = parts.headers.contains_key("proxy-authorization");
        let said = format!("{} {} with {sent:?} {hidden}", parts.method, parts.uri);
        http::Response::new(http_body_util::Full::from(said).map_err(|never| match never {}).boxed_unsync())
    })
}

#[tokio::test]
async fn the_proxys_own_address_is_this_side_in_each_form() {
    let way = Way::open(&[], |egress| egress.with(service()));
    for target in ["/a?b=1", "http://127.0.0.1:3128/a?b=1", "http://localhost:3128/a?b=1"] {
        let said = way
            .answer(
                format!(
                    "POST {target} HTTP/1.1\r\nhost: x\r\nproxy-authorization: Basic eA==\r\n\
                     connection: close\r\ncontent-length: 2\r\n\r\nme"
                )
                .as_bytes(),
            )
            .await;
        assert!(said.starts_with("HTTP/1.1 200 "), "{target}: {said}");
        assert!(said.ends_with("\r\n\r\nPOST /a?b=1 with \"me\" false"), "{target}: {said}");
    }
    for target in ["http://127.0.0.1:3129/", "http://127.0.0.2:3128/", "http://other:3128/", "http://a@127.0.0.1:3128/"]
    {
        let said =
            way.answer(format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 40"), "{target}: {said}");
    }
}

/// What a host is sent, up to the end of it.
async fn received(listener: TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while !all.ends_with(b"0\r\n\r\n") {
        let count = stream.read(&mut some).await.unwrap();
        all.extend_from_slice(&some[..count]);
        if count == 0 {
            break;
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn two_lengths_of_one_request_reach_no_host() {
    for both in ["content-length: 4\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 4"] {
        let (listener, address) = host().await;
        let way = Way::open(std::slice::from_ref(&address), |egress| egress);
        let receiving = tokio::spawn(received(listener));
        // Whoever reads four bytes takes the rest for another request.
        let asked = format!(
            "POST http://{address}/one HTTP/1.1\r\nhost: x\r\n{both}\r\n\r\n\
             1c\r\nGET /two HTTP/1.1\r\nhost: y\r\n\r\n0\r\n\r\n"
        );
        let mut inside = way.connect().await;
        inside.write_all(asked.as_bytes()).await.unwrap();
        let said = head(&mut inside).await;
        if said.starts_with("HTTP/1.1 400 ") {
            continue;
        }
        let sent = tokio::time::timeout(AT_LAST, receiving).await.expect("received").unwrap();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /one HTTP/1.1\r\n"), "{sent}");
        assert!(!head.contains("content-length") && head.contains("transfer-encoding: chunked"), "{sent}");
        assert!(body.starts_with("1C\r\n") || body.starts_with("1c\r\n"), "{sent}");
    }
    for lengths in ["content-length: 4\r\ncontent-length: 5", "transfer-encoding: chunked, gzip", "content-length: +4"]
    {
        let (_listener, address) = host().await;
        let mut way = Way::open(std::slice::from_ref(&address), |egress| egress);
        let asked = format!("POST http://{address}/ HTTP/1.1\r\nhost: x\r\n{lengths}\r\n\r\nabcd");
        let said = way.answer(asked.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{lengths}: {said}");
        assert!(way.contacts.try_recv().is_err(), "a host was asked");
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let way = Way::open(&[], |egress| egress.with(service()));
    let mut stream = way.connect().await;
    let (mut read, mut write) = stream.split();
    let writing = async {
        let line = format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {}", "x".repeat(70 << 10));
        // It is not read to its end.
        drop(write.write_all(line.as_bytes()).await);
    };
    let reading = async {
        let mut said = [0; 12];
        read.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"HTTP/1.1 431");
    };
    tokio::time::timeout(AT_LAST, async { tokio::join!(writing, reading) }).await.expect("an answer");
}

#[tokio::test]
async fn who_says_nothing_or_half_of_it_is_left() {
    let way =
        Way::open(&[], |egress| bounded(|bounds| bounds.head = Duration::from_millis(50))(egress.with(service())));
    for begin in ["", "GET / HTTP/1.1\r\nhost", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = way.connect().await;
        stream.write_all(begin.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        tokio::time::timeout(AT_LAST, stream.read_to_end(&mut said)).await.expect("an end").unwrap();
        assert_eq!(said.starts_with(b"HTTP/1.1 200 "), begin.ends_with("\r\n\r\n"), "{begin}");
    }
}
