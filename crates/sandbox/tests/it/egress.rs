use std::sync::{Arc, Mutex};

use futures::StreamExt;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use sandbox::{
    ORIGIN, Sandbox, Spec,
    egress::{Body, Contact, Egress, Reach, Rule, Service},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};

use crate::world::{World, fails, python, run, say, text};

on_each_backend!(
    what_is_listed_can_be_reached,
    what_is_not_listed_cannot_be_reached,
    the_way_out_is_opened_again_after_a_restart,
    without_a_list_there_is_no_way_out,
    what_is_asked_of_this_side_is_answered_by_the_service,
    without_a_service_nothing_is_asked_of_this_side,
);

type Contacts = Arc<Mutex<Vec<Contact>>>;

/// A web server that answers one line, which names the host and the path it was asked for.
async fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let asked = head.lines().next().unwrap();
                let host =
                    head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned));
                let body = format!("{asked} at {}", host.unwrap_or_default());
                let leaked = head.to_ascii_lowercase().contains("proxy-");
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-leaked: {leaked}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    port
}

fn egress(rules: &[String]) -> (Egress, Contacts) {
    let contacts = Contacts::default();
    let told = Arc::clone(&contacts);
    let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    let egress = Egress::new(rules, move |contact| told.lock().unwrap().push(contact));
    (egress.reaching(Reach::Loopback), contacts)
}

async fn open(world: &World, rules: &[String]) -> (Spec, Sandbox, Contacts) {
    let (egress, contacts) = egress(rules);
    let spec = Spec { egress: Some(egress), ..world.spec("open") };
    let sandbox = world.create(&spec).await;
    (spec, sandbox, contacts)
}

/// Fetches through the proxy of the environment, as programs do, and says the status and the text.
async fn fetch(sandbox: &Sandbox, url: &str) -> String {
    let script = format!(
        "import urllib.request, urllib.error, os\nos.environ['no_proxy'] = os.environ['NO_PROXY'] = ''\ntry:\n  a = urllib.request.urlopen('{url}', timeout=10); print(a.status, a.read().decode(), a.headers.get('x-leaked'))\nexcept urllib.error.HTTPError as e: print(e.code, e.read().decode())\nexcept Exception as e: print('failed', e)"
    );
    text(&run(sandbox, &python(&script)).await.stdout)
}

/// Opens a tunnel by hand and asks through it.
async fn tunnel(sandbox: &Sandbox, target: &str) -> String {
    let script = format!(
        "import socket\ns = socket.create_connection(('127.0.0.1', 3128), 10)\ns.sendall(b'CONNECT {target} HTTP/1.1\\r\\nHost: {target}\\r\\n\\r\\n')\nprint(s.recv(999).decode().split('\\r\\n')[0])\ns.sendall(b'GET /deep HTTP/1.1\\r\\nHost: inner\\r\\n\\r\\n')\nprint(s.recv(999).decode().split('\\r\\n')[-1])"
    );
    text(&run(sandbox, &python(&script)).await.stdout)
}

async fn what_is_listed_can_be_reached(world: World) {
    let port = server().await;
    let (_, sandbox, contacts) = open(&world, &[format!("127.0.0.1:{port}")]).await;
    let plain = fetch(&sandbox, &format!("http://127.0.0.1:{port}/path?q=1")).await;
    assert_eq!(plain, format!("200 GET /path?q=1 HTTP/1.1 at 127.0.0.1:{port} False").replace("False", "false"));
    let through = tunnel(&sandbox, &format!("127.0.0.1:{port}")).await;
    assert_eq!(through, "HTTP/1.1 200 OK\nGET /deep HTTP/1.1 at inner");
    let contacts = crate::world::eventually(|| contacts.lock().unwrap().clone(), |seen| seen.len() >= 4).await;
    assert_eq!(contacts.iter().filter(|contact| matches!(contact, Contact::Opened { .. })).count(), 2);
    let carried = |contact: &&Contact| matches!(contact, Contact::Closed { sent: 20.., received: 20.., .. });
    assert_eq!(contacts.iter().filter(carried).count(), 2, "{contacts:?}");
    world.close().await;
}

async fn what_is_not_listed_cannot_be_reached(world: World) {
    let (port, other) = (server().await, server().await);
    let rules =
        [format!("127.0.0.1:{port}"), "localhost:1-2".replace("1-2", &other.to_string()), "example.invalid".to_owned()];
    let (_, sandbox, contacts) = open(&world, &rules).await;
    for (url, why) in [
        (format!("http://127.0.0.1:{other}/"), "allow-list"),
        (format!("http://127.0.0.2:{port}/"), "allow-list"),
        ("http://169.254.169.254/latest/".to_owned(), "allow-list"),
        (format!("http://2130706433:{port}/"), "allow-list"),
        // A listed name does not open a private address.
        (format!("http://localhost:{other}/"), "private address"),
        (format!("http://[::1]:{port}/"), "allow-list"),
        ("http://example.invalid/".to_owned(), "unknown"),
    ] {
        let said = fetch(&sandbox, &url).await;
        assert!((said.starts_with("403") || said.starts_with("502")) && said.contains(why), "{url}: {said}");
    }
    let refused = tunnel(&sandbox, "169.254.169.254:80").await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let contacts = contacts.lock().unwrap().clone();
    assert_eq!(contacts.len(), 8, "{contacts:?}");
    assert!(contacts.iter().all(|contact| matches!(contact, Contact::Refused { .. })), "{contacts:?}");
    assert!(fails(&sandbox, "timeout 5 bash -c 'exec 3<>/dev/tcp/1.1.1.1/80'").await, "only through the proxy");
    world.close().await;
}

async fn the_way_out_is_opened_again_after_a_restart(world: World) {
    let port = server().await;
    let rules = [format!("127.0.0.1:{port}")];
    let (spec, sandbox, _) = open(&world, &rules).await;
    let url = format!("http://127.0.0.1:{port}/");
    drop(sandbox);
    let closed = world.backend.attach(&spec.id, None).await.unwrap().unwrap();
    assert!(fetch(&closed, &url).await.starts_with("failed"));
    let (again, _) = egress(&rules);
    let open = world.backend.attach(&spec.id, Some(again)).await.unwrap().unwrap();
    assert!(fetch(&open, &url).await.starts_with("200"));
    world.close().await;
}

async fn without_a_list_there_is_no_way_out(world: World) {
    let (_, sandbox, _) = open(&world, &[]).await;
    assert!(fails(&sandbox, "timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128'").await);
    assert_eq!(say(&sandbox, "env | grep -ci proxy || true").await, "0");
    world.close().await;
}

fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Says what it was sent; at `/slow`, the end of the answer comes when `/on` was asked for.
fn service() -> Service {
    let on = Arc::new(Notify::new());
    Service::new(move |request: Request<Body>| {
        let on = Arc::clone(&on);
        async move {
            let (parts, body) = request.into_parts();
            let sent = body.collect().await.unwrap().to_bytes();
            match parts.uri.path() {
                "/on" => {
                    on.notify_one();
                    Response::new(whole("on"))
                }
                "/slow" => {
                    let begin = futures::stream::once(async { "begin " });
                    let end = futures::stream::once(async move {
                        on.notified().await;
                        "end"
                    });
                    let pieces = begin.chain(end).map(|text| Ok(Frame::data(Bytes::from(text))));
                    Response::new(StreamBody::new(pieces).boxed_unsync())
                }
                path => {
                    let said = format!("{} {path} with {}", parts.method, String::from_utf8_lossy(&sent));
                    let mut response = Response::new(whole(said));
                    *response.status_mut() = StatusCode::CREATED;
                    response
                }
            }
        }
    })
}

async fn what_is_asked_of_this_side_is_answered_by_the_service(world: World) {
    let served = || Egress::new(Vec::new(), |_| {}).with(service());
    let spec = Spec { egress: Some(served()), ..world.spec("served") };
    let sandbox = world.create(&spec).await;
    assert_eq!(say(&sandbox, "env | grep -ci proxy || true").await, "0");
    let post = python(&format!(
        "import urllib.request\na = urllib.request.urlopen('{ORIGIN}/v1/models?x=1', b'words', 50)\nprint(a.status, a.read().decode())"
    ));
    let told = "201 POST /v1/models with words";
    assert_eq!(text(&run(&sandbox, &post).await.stdout), told);
    // As a client asks that sends everything to the proxy.
    let through = python(&format!(
        "import urllib.request as u\no = u.build_opener(u.ProxyHandler({{'http': '{ORIGIN}'}}))\nimport os\nos.environ['no_proxy'] = os.environ['NO_PROXY'] = ''\na = o.open('{ORIGIN}/v1/models?x=1', b'words', 50)\nprint(a.status, a.read().decode())"
    ));
    assert_eq!(text(&run(&sandbox, &through).await.stdout), told);
    // Kept together anywhere on the way, the answer would never begin.
    let slow = python(&format!(
        "import urllib.request\na = urllib.request.urlopen('{ORIGIN}/slow', None, 50)\nprint(a.read(6).decode())\nprint(urllib.request.urlopen('{ORIGIN}/on').read().decode())\nprint(a.read().decode())"
    ));
    assert_eq!(text(&run(&sandbox, &slow).await.stdout), "begin \non\nend");
    let refused = tunnel(&sandbox, "example.com:443").await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");

    drop(sandbox);
    let again = world.backend.attach(&spec.id, Some(served())).await.unwrap().unwrap();
    let post = sandbox::Command { key: format!("{}-again", post.key), ..post };
    assert_eq!(text(&run(&again, &post).await.stdout), told);
    world.close().await;
}

async fn without_a_service_nothing_is_asked_of_this_side(world: World) {
    let (_, sandbox, contacts) = open(&world, &["example.com".to_owned()]).await;
    let ask = python(&format!(
        "import urllib.request, urllib.error\ntry:\n  print(urllib.request.urlopen('{ORIGIN}/v1/models', timeout=50).status)\nexcept urllib.error.HTTPError as e: print(e.code, e.read().decode())"
    ));
    let said = text(&run(&sandbox, &ask).await.stdout);
    assert!(said.starts_with("400 This is a proxy"), "{said}");
    assert!(contacts.lock().unwrap().is_empty());
    world.close().await;
}
