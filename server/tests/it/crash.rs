use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use local_postgres::{Cluster, Options};
use sqlx::{Connection, PgConnection};

use crate::{
    people::sign_up,
    running::{Running, folder, muster, post},
};

/// All writers come from one address.
const SETTINGS: &[(&str, &str)] = &[("MUSTER_RATE_LIMITS__PER_MINUTE", "1000000")];
/// From the first request of a round to the kill. Spread over what a sign-up and an invitation take, and primes, so that no
/// two rounds hit the same place.
const KILL_AFTER: [u64; 8] = [7, 23, 41, 67, 97, 139, 211, 307];
/// How long the last round waits for the answer that it kills after.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each of these counts rows that half a write would leave. All of them must be none.
const HALVES: &[(&str, &str)] = &[
    ("teams without an owner", "SELECT count(*) FROM teams t WHERE NOT EXISTS
        (SELECT FROM memberships m WHERE m.team_id = t.id AND m.builtin_role = 'owner')"),
    ("teams whose making is not in their log", "SELECT count(*) FROM teams t WHERE NOT EXISTS
        (SELECT FROM audit_entries e WHERE e.team_id = t.id AND e.seq = 1 AND e.action = 'team.created')"),
    ("logs whose head is not their end", "SELECT count(*) FROM audit_heads h WHERE h.seq <>
        (SELECT count(*) FROM audit_entries e WHERE e.team_id = h.team_id)"),
    ("invitations that are not in the log", "SELECT count(*) FROM invitations i WHERE NOT EXISTS
        (SELECT FROM audit_entries e WHERE e.team_id = i.team_id AND e.action = 'invitation.sent' AND e.target_id = i.id::text)"),
    ("log entries without their invitation", "SELECT count(*) FROM audit_entries e WHERE e.action = 'invitation.sent' AND NOT EXISTS
        (SELECT FROM invitations i WHERE i.team_id = e.team_id AND i.id::text = e.target_id)"),
    ("people without a session", "SELECT count(*) FROM users u WHERE NOT EXISTS
        (SELECT FROM sessions s WHERE s.user_id = u.id)"),
];

/// The real binary is killed while several people sign up and one invites, at eight moments and, however slow the machine
/// is, once just after an answer. After each, no write is there by half, and each invitation's mail was either sent or
/// waits.
#[test]
fn killed_in_the_middle_of_writes_it_keeps_each_whole_or_not_at_all() {
    let folder = folder();
    let server = Running::start_with(folder.path(), SETTINGS);
    let owner = sign_up(server.port, folder.path(), "mira", "Quayside").expect("signed up");
    server.kill();
    let mut invited = 0;
    let moments = KILL_AFTER.map(|wait| Kill::After(Duration::from_millis(wait)));
    for (round, moment) in moments.into_iter().chain([Kill::Answered]).enumerate() {
        let server = Running::start_with(folder.path(), SETTINGS);
        invited += write_until_killed(server, folder.path(), &owner, round, moment);
        expect_whole(folder.path());
    }
    assert!(invited > 0, "no write ended before a kill: the rounds prove nothing");
    let verify = muster(folder.path()).args(["audit", "verify"]).output().expect("ended");
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
}

/// When a round's server is killed.
#[derive(Clone, Copy)]
enum Kill {
    /// So long after the round's first request.
    After(Duration),
    /// As soon as one invitation was answered, with others under way.
    Answered,
}

/// How many invitations were answered before the kill.
fn write_until_killed(server: Running, folder: &Path, owner: &str, round: usize, moment: Kill) -> usize {
    let (port, done) = (server.port, AtomicUsize::new(0));
    let (answered, answer) = mpsc::channel();
    let odd = Mutex::new(None);
    thread::scope(|scope| {
        for writer in 0..3 {
            let (done, odd, answered) = (&done, &odd, answered.clone());
            scope.spawn(move || {
                for n in 0.. {
                    let form = format!("email=guest-{round}-{writer}-{n}%40quayside.example&role=reader");
                    match post(port, "/quayside/invitations", owner, &form) {
                        Ok(answer) if answer.starts_with("HTTP/1.1 303") => {
                            done.fetch_add(1, Ordering::Relaxed);
                            // Only one round listens.
                            answered.send(()).ok();
                        }
                        // Refused writes prove nothing; the round that waits for one says why it never came.
                        Ok(answer) if answer.starts_with("HTTP/1.1 ") => {
                            return *odd.lock().expect("no panic") = Some(answer);
                        }
                        // The server is gone.
                        _ => return,
                    }
                }
            });
        }
        scope.spawn(move || {
            // Cut off wherever the kill finds it.
            let name = format!("jonas{}", (b'a' + u8::try_from(round).expect("few")) as char);
            sign_up(port, folder, &name, &format!("Harbour+{name}"))
        });
        match moment {
            Kill::After(wait) => {
                let began = Instant::now();
                while began.elapsed() < wait {
                    thread::park_timeout(wait.saturating_sub(began.elapsed()));
                }
            }
            Kill::Answered => {
                let told = answer.recv_timeout(PATIENCE);
                assert!(told.is_ok(), "no invitation was taken, but: {:?}", odd.lock().expect("no panic"));
            }
        }
        server.kill();
    });
    done.into_inner()
}

/// Opens the database that the killed server left, which recovers it, and looks for halves.
fn expect_whole(folder: &Path) {
    let cluster = Cluster::start(&Options::new(folder.join("var/postgres"))).expect("the database starts again");
    let url = cluster.superuser_url("muster");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut connection = PgConnection::connect(&url).await.expect("connected");
        for (what, query) in HALVES {
            let count: i64 = sqlx::query_scalar(*query).fetch_one(&mut connection).await.expect(what);
            assert_eq!(count, 0, "{what}");
        }
        let invitations: i64 =
            sqlx::query_scalar("SELECT count(*) FROM invitations").fetch_one(&mut connection).await.expect("a count");
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM mails WHERE subject LIKE 'Join %'")
            .fetch_one(&mut connection)
            .await
            .expect("a count");
        let sent = fs::read_dir(folder.join("var/outbox"))
            .expect("the outbox")
            .filter(|file| {
                let path = file.as_ref().expect("a file").path();
                fs::read_to_string(path).unwrap_or_default().contains("guest-")
            })
            .count();
        assert!(
            waiting + i64::try_from(sent).expect("few") >= invitations,
            "{waiting} wait, {sent} sent, {invitations} invited"
        );
        connection.close().await.expect("closed");
    });
    cluster.stop().expect("stopped");
}
