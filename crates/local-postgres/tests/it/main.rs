//! Starts real servers: needs PostgreSQL's programs, and covers both ways (root and ordinary user) when run as root.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use local_postgres::{Cluster, Options, Port, StartError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use tempfile::TempDir;

/// Names the folder that a copy of this program is to hold a cluster in (see [`hold`]).
const HOLD: &str = "LOCAL_POSTGRES_TEST_HOLD";

fn options(root: &TempDir) -> Options {
    options_in(root.path())
}

fn options_in(root: &Path) -> Options {
    Options { fast: true, shelter: root.join("shelter"), ..Options::new(root.join("pg")) }
}

/// A temporary folder is closed to others; these tests want one that the server's user can pass through.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn ask(cluster: &Cluster, sql: &str) -> String {
    let output = Command::new(cluster.bin().join("psql"))
        .args(["--no-psqlrc", "-At", "-c", sql, &cluster.superuser_url("postgres")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn journey(root: &Path) {
    let cluster = Cluster::start(&options_in(root)).unwrap();
    assert!(!cluster.attached());
    assert_eq!(ask(&cluster, "SHOW listen_addresses"), "127.0.0.1");
    assert_eq!(ask(&cluster, "SHOW server_encoding"), "UTF8");
    assert_eq!(ask(&cluster, "SELECT datcollate FROM pg_database WHERE datname = 'postgres'"), "C.UTF-8");
    assert_eq!(ask(&cluster, "SHOW password_encryption"), "scram-sha-256");
    ask(&cluster, "CREATE TABLE kept (id int)");
    let port = cluster.port();
    cluster.stop().unwrap();

    let again = Cluster::start(&options_in(root)).unwrap();
    assert_eq!(again.port(), port, "the port is kept");
    ask(&again, "SELECT * FROM kept");
}

#[test]
fn a_cluster_starts_stops_and_keeps_its_data() {
    journey(open_folder().path());
}

#[test]
fn an_ordinary_user_can_do_the_same() {
    if !Uid::effective().is_root() {
        return;
    }
    let root = open_folder();
    chown(root.path(), Some(65534), Some(65534)).unwrap();
    let program = root.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let status = Command::new(&program)
        .args(["--exact", "journey_as_told", "--nocapture"])
        .env(HOLD, root.path())
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .status();
    assert!(status.unwrap().success());
    assert!(root.path().join("pg/data/PG_VERSION").exists(), "the journey ran");
}

/// Does something only as the inner half of the test above.
#[test]
fn journey_as_told() {
    if let Some(root) = std::env::var_os(HOLD) {
        assert!(!Uid::effective().is_root());
        journey(Path::new(&root));
    }
}

#[test]
fn a_second_start_uses_the_running_server() {
    let root = open_folder();
    let first = Cluster::start(&options(&root)).unwrap();
    let second = Cluster::start(&options(&root)).unwrap();
    assert!(second.attached());
    assert_eq!((second.pid(), second.port()), (first.pid(), first.port()));
    drop(second);
    assert_eq!(ask(&first, "SELECT 1"), "1", "dropping the guest leaves the server alone");
}

#[test]
fn two_starts_at_once_make_one_server() {
    let root = open_folder();
    let (one, two) = std::thread::scope(|scope| {
        let start = || scope.spawn(|| Cluster::start(&options(&root)).unwrap());
        let (one, two) = (start(), start());
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!(one.pid(), two.pid());
    assert_ne!(one.attached(), two.attached());
}

#[test]
fn a_half_made_folder_is_moved_aside() {
    let root = open_folder();
    fs::create_dir_all(root.path().join("pg/data/base")).unwrap();
    fs::create_dir_all(root.path().join("pg/data.new/base")).unwrap();
    let cluster = Cluster::start(&options(&root)).unwrap();
    assert_eq!(ask(&cluster, "SELECT 1"), "1");
    assert!(cluster.notes().iter().any(|note| note.contains("data.aside-1")), "{:?}", cluster.notes());
    assert!(root.path().join("pg/data.aside-1/base").is_dir());
    assert!(!root.path().join("pg/data.new").exists());
}

#[test]
fn a_stale_pid_of_another_living_program_does_not_block() {
    let root = open_folder();
    Cluster::start(&options(&root)).unwrap().stop().unwrap();
    let stale = format!("{}\n/elsewhere\n1700000000\n1\n\n127.0.0.1\n 1 1\nready   \n", std::process::id());
    fs::write(root.path().join("pg/data/postmaster.pid"), stale).unwrap();
    let cluster = Cluster::start(&options(&root)).unwrap();
    assert_eq!(ask(&cluster, "SELECT 1"), "1");
}

#[test]
fn a_killed_server_recovers() {
    let root = open_folder();
    let cluster = Cluster::start(&options(&root)).unwrap();
    ask(&cluster, "CREATE TABLE kept (id int)");
    kill(Pid::from_raw(cluster.pid()), Signal::SIGKILL).unwrap();
    drop(cluster);
    let again = Cluster::start(&options(&root)).unwrap();
    ask(&again, "SELECT * FROM kept");
}

/// Holds a cluster until its input ends; only as the inner half of the test below.
#[test]
fn hold() {
    let Some(root) = std::env::var_os(HOLD) else { return };
    let _cluster = Cluster::start(&options_in(Path::new(&root))).unwrap();
    println!("holding");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn holder(root: &Path) -> Child {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold", "--nocapture"])
        .env(HOLD, root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("holding")));
    holder
}

#[test]
fn a_server_that_outlived_its_owner_is_taken_over() {
    let root = open_folder();
    let mut owner = holder(root.path());
    let guest = Cluster::start(&options(&root)).unwrap();
    assert!(guest.attached());
    owner.kill().unwrap();
    owner.wait().unwrap();

    let heir = Cluster::start(&options(&root)).unwrap();
    assert!(!heir.attached());
    assert_eq!(heir.pid(), guest.pid());
    let pid = Pid::from_raw(heir.pid());
    heir.stop().unwrap();
    assert!(!root.path().join("pg/data/postmaster.pid").exists());
    assert_ne!(kill(pid, None), Ok(()), "stopped and gone");
}

/// A first start that is killed as soon as a file shows how far it is; what it started itself lives on.
fn killed_at(root: &Path, has_begun: fn(&str) -> bool) {
    let mut starting = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold", "--nocapture"])
        .env(HOLD, root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // An entry may vanish while it is read.
    let names = || fs::read_dir(root.join("pg")).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_there = || names().any(|name| name.to_str().is_some_and(has_begun));
    let end = Instant::now() + Duration::from_secs(120);
    while !is_there() {
        assert!(Instant::now() < end, "it never came so far");
        std::thread::yield_now();
    }
    starting.kill().unwrap();
    starting.wait().unwrap();
}

#[test]
fn a_first_start_that_was_killed_leaves_nothing_in_the_way() {
    // While `initdb` works, and while the server starts.
    let moments: [fn(&str) -> bool; 2] = [|name| name.starts_with("data.new-"), |name| name == "data"];
    for moment in moments {
        let root = open_folder();
        killed_at(root.path(), moment);
        let cluster = Cluster::start(&options(&root)).unwrap();
        ask(&cluster, "CREATE TABLE kept (id int)");
        assert!(!cluster.attached());
        cluster.stop().unwrap();
        let again = Cluster::start(&options(&root)).unwrap();
        ask(&again, "SELECT * FROM kept");
    }
}

#[test]
fn a_taken_port_is_named_or_avoided() {
    let root = open_folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let fixed = Options { port: Port::Fixed(port), ..options(&root) };
    let refused = Cluster::start(&fixed).unwrap_err();
    assert!(matches!(refused, StartError::PortTaken { port: named } if named == port), "{refused}");

    fs::write(root.path().join("pg/port"), port.to_string()).unwrap();
    let cluster = Cluster::start(&options(&root)).unwrap();
    assert_ne!(cluster.port(), port);
}

#[test]
fn data_of_another_release_is_refused_untouched() {
    let root = open_folder();
    Cluster::start(&options(&root)).unwrap().stop().unwrap();
    let version = root.path().join("pg/data/PG_VERSION");
    fs::write(&version, "9\n").unwrap();
    let refused = Cluster::start(&options(&root)).unwrap_err().to_string();
    assert!(refused.contains("was made by PostgreSQL 9"), "{refused}");
    assert_eq!(fs::read_to_string(version).unwrap(), "9\n");
}

#[test]
fn a_lost_password_is_set_anew() {
    let root = open_folder();
    Cluster::start(&options(&root)).unwrap().stop().unwrap();
    fs::remove_file(root.path().join("pg/password")).unwrap();
    let cluster = Cluster::start(&options(&root)).unwrap();
    assert_eq!(ask(&cluster, "SELECT 1"), "1");
    assert!(cluster.notes().iter().any(|note| note.contains("new password")));
}

#[test]
fn a_closed_folder_is_replaced_by_a_link_as_root() {
    if !Uid::effective().is_root() {
        return;
    }
    let root = open_folder();
    let closed = root.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let options = Options { data_dir: closed.join("pg"), log: closed.join("pg.log"), ..options(&root) };
    let cluster = Cluster::start(&options).unwrap();
    assert!(fs::symlink_metadata(closed.join("pg")).unwrap().is_symlink());
    assert!(cluster.notes().iter().any(|note| note.contains("a link points there")), "{:?}", cluster.notes());
    ask(&cluster, "CREATE TABLE kept (id int)");
    cluster.stop().unwrap();

    ask(&Cluster::start(&options).unwrap(), "SELECT * FROM kept");

    fs::remove_file(closed.join("pg")).unwrap();
    let emptied = Cluster::start(&options).unwrap();
    assert_eq!(
        ask(&emptied, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'"),
        "0",
        "a deleted folder stays deleted"
    );
}

#[test]
fn a_file_in_the_way_is_named() {
    let root = open_folder();
    fs::write(root.path().join("pg"), "").unwrap();
    assert!(matches!(Cluster::start(&options(&root)).unwrap_err(), StartError::NotAFolder(_)));
}
