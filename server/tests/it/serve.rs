use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

use crate::{
    people::sign_up,
    running::{Running, folder, muster},
};

#[test]
fn one_command_serves_refuses_a_twin_and_leaves_in_time() {
    let folder = folder();
    let server = Running::start(folder.path());
    for part in ["Database", "Objects", "Mail", "Data"] {
        assert!(server.printed.contains(part), "{}", server.printed);
    }
    answers(&server);
    logs(&server);
    refuses_a_twin(&server, folder.path());

    // Somebody in the middle of a request, and somebody who keeps a connection for later.
    let mut half = server.connect();
    half.write_all(b"POST /sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf").expect("sent");
    let _idle = server.connect();
    let (status, took) = server.stop();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(10), "took {took:?}");
    assert_eq!(fs::read_to_string(folder.path().join("var/muster.pid")).expect("file"), "");

    let made = (database(folder.path()), migrations(folder.path()));
    assert_ne!(made.1, 0, "the first start makes the database's tables");
    let again = Running::start(folder.path());
    assert!(again.get("/readyz").starts_with("HTTP/1.1 200"));
    // What takes a first start its time is not done again, so that a second is ready within 5 s. The clock is only told here:
    // a test that waits for processors would judge it wrong.
    assert_eq!((database(folder.path()), migrations(folder.path())), (made.0, 0));
    let told = again.printed.lines().last().unwrap_or_default();
    assert!(told.contains("Muster is ready at") && told.contains(" (in "), "{told}");
    println!("the second start: {told}");
    again.stop();
}

/// Which database this is: its first file, never written again, and when it was.
fn database(folder: &Path) -> (u64, SystemTime) {
    let made = fs::metadata(folder.join("var/postgres/data/PG_VERSION")).expect("a database");
    (made.ino(), made.modified().expect("a time"))
}

/// How many migrations the last start ran.
fn migrations(folder: &Path) -> usize {
    let log = fs::read_to_string(folder.join("log")).expect("a log");
    log.lines().filter(|line| line.contains("\"migrated\"")).count()
}

#[test]
fn open_streams_end_at_once_when_it_leaves() {
    const GRACE: Duration = Duration::from_secs(9);
    let folder = folder();
    let server = Running::start_with(folder.path(), &[("MUSTER_SERVER__SHUTDOWN_GRACE", "9s")]);
    let cookie = sign_up(server.port, folder.path(), "mira", "Quayside").expect("signed up");
    let mut stream = server.follow("/quayside/live", &cookie, "event: patch");
    let (status, took) = server.stop();
    assert!(status.success() && took < GRACE, "{status} after {took:?}");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("closed in order");
    // The empty chunk: the answer came to its end, and was not cut off.
    assert!(rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
    let log = fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.contains("shutting down") && !log.contains("were cut"), "{log}");
}

fn answers(server: &Running) {
    let ready = server.get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"objects\":\"ok\""), "{ready}");
    let page = server.get("/sign-in");
    assert!(page.contains("content-security-policy: default-src 'none'") && page.contains("x-request-id: "), "{page}");
    let metrics = server.get("/metrics");
    assert!(
        metrics.contains("muster_http_requests_total{method=\"GET\",route=\"/sign-in\",status=\"2xx\"} 1"),
        "{metrics}"
    );
}

fn logs(server: &Running) {
    server.get("/sign-in?token=very-secret");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("/sign-in")).expect("a line for the request");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&line["route"], &line["status"]), (&"/sign-in".into(), &200.into()));
    assert!(line["span"]["request_id"].as_str().is_some_and(|id| id.len() == 36), "{line}");
    assert!(!log.contains("very-secret"), "queries are never logged");
}

fn refuses_a_twin(server: &Running, folder: &std::path::Path) {
    let same_folder = muster(folder).arg("serve").env("PORT", "0").output().expect("ended");
    let said = String::from_utf8_lossy(&same_folder.stderr);
    assert!(!same_folder.status.success() && said.contains(&format!("127.0.0.1:{}", server.port)), "{said}");

    let elsewhere = crate::running::folder();
    let mut twin = muster(elsewhere.path());
    let same_port = twin.arg("serve").env("PORT", server.port.to_string()).output().expect("ended");
    let said = String::from_utf8_lossy(&same_port.stderr);
    assert!(!same_port.status.success() && said.contains("is taken") && said.contains("PORT="), "{said}");
    assert!(!elsewhere.path().join("var/postgres").exists(), "nothing was started for it");
}
