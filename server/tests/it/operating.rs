//! What whoever runs Muster asks beside a server that runs.

use std::path::Path;

use local_postgres::{Cluster, Options};
use sqlx::{Connection, PgConnection};

use crate::{
    people::sign_up,
    running::{Running, folder, muster, post},
};

#[test]
fn doctor_and_audit_verify_work_beside_a_server() {
    let folder = folder();
    let server = Running::start(folder.path());
    let owner = sign_up(server.port, folder.path(), "mira", "Quayside").expect("signed up");
    for guest in ["hanna", "hugo"] {
        let form = format!("email={guest}%40quayside.example&role=reader");
        let invited = post(server.port, "/quayside/invitations", &owner, &form).expect("an answer");
        assert!(invited.starts_with("HTTP/1.1 303"), "{invited}");
    }
    expect_healthy(folder.path());
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"), "the doctor's visit left everything running");
    damage_is_named(folder.path());
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
}

fn expect_healthy(folder: &Path) {
    let output = muster(folder).args(["doctor", "--json"]).output().expect("ended");
    let text = String::from_utf8_lossy(&output.stdout);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    for part in ["database", "roles", "migrations", "objects", "sandbox", "disk", "mail", "clock", "nodes"] {
        let of_part: Vec<_> = findings.iter().filter(|finding| finding["part"] == part).collect();
        // One for each way to make a sandbox, where one can be tried at all.
        let most = if part == "sandbox" { 2 } else { 1 };
        assert!((1..=most).contains(&of_part.len()), "{part}: {text}");
        // Whether a sandbox can be made and how full the disk is depends on the machine.
        if !["sandbox", "disk"].contains(&part) {
            assert_eq!(of_part[0]["verdict"], "ok", "{text}");
        }
    }
    for finding in findings.iter().filter(|finding| finding["verdict"] != "ok") {
        assert!(finding["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{finding}");
    }
    assert_eq!(output.status.success(), findings.iter().all(|finding| finding["verdict"] != "fail"), "{text}");
}

/// Damages the log in two ways, as a superuser who knows how; each is told with the entry.
fn damage_is_named(folder: &Path) {
    let cluster = Cluster::start(&Options::new(folder.join("var/postgres"))).expect("the server's own");
    assert!(cluster.attached());
    let url = cluster.superuser_url("muster");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let change = |statements: &'static str| {
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&url).await.expect("connected");
            sqlx::raw_sql(statements).execute(&mut connection).await.expect("changed");
            connection.close().await.expect("closed");
        });
    };
    let (well, said) = verify(folder);
    assert!(well && said.starts_with("ok    quayside: "), "{said}");
    let entries: i64 = said.split(' ').rev().nth(1).and_then(|count| count.parse().ok()).expect("a count");
    assert!(entries >= 3, "{said}");

    change(
        "CREATE SCHEMA aside; CREATE TABLE aside.kept AS SELECT * FROM audit_entries;
         ALTER TABLE audit_entries DISABLE TRIGGER USER;
         UPDATE audit_entries SET target_id = 'another' WHERE seq = 2",
    );
    assert_eq!(
        verify(folder),
        (false, "fail  quayside: entry 2: the entry was changed after it was written".to_owned())
    );
    change(
        "UPDATE audit_entries e SET target_id = k.target_id FROM aside.kept k WHERE k.team_id = e.team_id AND k.seq = e.seq;
         DROP SCHEMA aside CASCADE",
    );
    assert!(verify(folder).0, "mended");
    change("DELETE FROM audit_entries WHERE seq = (SELECT max(seq) FROM audit_entries)");
    assert_eq!(verify(folder), (false, format!("fail  quayside: entry {entries}: the entry is missing")));
}

fn verify(folder: &Path) -> (bool, String) {
    let output = muster(folder).args(["audit", "verify"]).output().expect("ended");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
