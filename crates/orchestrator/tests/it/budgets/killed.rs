//! Processes that call a provider are killed at any moment: what the provider was really asked for never passes the limit.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Path, routing::post};
use orchestrator::{Clock, Db, Error, Orchestrator, Settings, budgets::Subject, db::PoolSettings, testing};
use tokio::{
    process::{Child, Command},
    sync::mpsc,
};
use types::{ProjectId, TeamId};

use super::{Desk, call, daily, micros, used};

const SPEND: &str = "MUSTER_TEST_SPEND";
const LIMIT: i64 = 30_000;
/// Calls that one process makes at once.
const LANES: i64 = 20;

/// Counts what it is asked for, and tells of each call.
async fn provider() -> (String, Arc<AtomicI64>, mpsc::UnboundedReceiver<()>) {
    let (asked, (told, calls)) = (Arc::new(AtomicI64::new(0)), mpsc::unbounded_channel());
    let sum = Arc::clone(&asked);
    let answer = move |Path(micros): Path<i64>| async move {
        sum.fetch_add(micros, Ordering::SeqCst);
        told.send(()).expect("the test listens");
        "done"
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/{micros}", post(answer))).await });
    (address, asked, calls)
}

fn spender(desk: &Desk, provider: &str) -> Child {
    let told =
        [desk.world.app_url(), desk.world.system_url(), &desk.team().to_string(), &desk.project.to_string(), provider];
    Command::new(std::env::current_exe().expect("this test binary"))
        .args(["budgets::killed::spends_for_its_parent", "--exact", "--ignored"])
        .env(SPEND, told.join(" "))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("a process")
}

fn process(app_url: &str, system_url: &str, clock: Clock) -> Orchestrator {
    let db = Db::open(app_url, system_url, &PoolSettings::default()).expect("addresses");
    let (keys, gateway) = (testing::keys(), testing::gateway());
    Orchestrator::new(db, clock, identity::Hasher::new(1), keys, gateway, Settings::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the test of this file kills"]
async fn spends_for_its_parent() {
    let told = std::env::var(SPEND).expect("the parent says where");
    let [app_url, system_url, team, project, provider] = told.split(' ').collect::<Vec<_>>()[..] else {
        panic!("five words")
    };
    let muster = process(app_url, system_url, Clock::System);
    let team: TeamId = team.parse().expect("a team");
    let project: ProjectId = project.parse().expect("a project");
    let provider = provider.to_owned();
    let lanes = (0..LANES).map(|lane| {
        let (muster, provider) = (muster.clone(), provider.clone());
        tokio::spawn(async move { spend(&muster, team, project, &provider, lane).await })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a lane");
    }
}

/// Calls until nothing is left.
async fn spend(muster: &Orchestrator, team: TeamId, project: ProjectId, provider: &str, lane: i64) {
    for turn in 0_i64.. {
        let worst = 40 + (lane * 31 + turn * 17) % 90;
        let held = match muster.hold(team, call(project, worst)).await {
            Ok(held) => held,
            Err(Error::Budget(refusal)) if refusal.may_pass() => {
                tokio::task::yield_now().await;
                continue;
            }
            Err(Error::Budget(_)) => return,
            Err(other) => panic!("{other:?}"),
        };
        let cost = worst * (turn % 4 + 1) / 4;
        ask(provider, cost).await;
        muster.settle(held, used(cost)).await.expect("settled");
    }
}

/// A request in the plainest form of HTTP.
async fn ask(provider: &str, micros: i64) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(provider).await.expect("a provider");
    let request =
        format!("POST /{micros} HTTP/1.1\r\nhost: {provider}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_was_asked_for_never_passes_the_limit() {
    let desk = Desk::new().await;
    desk.limit(Subject::TEAM, daily(micros(LIMIT))).await;
    let (address, asked, mut calls) = provider().await;
    let mut processes: Vec<Child> = (0..3).map(|_| spender(&desk, &address)).collect();
    let ended = async {
        for kill in 0..6 {
            // A number of calls that is not a round one, so that kills fall into different moments.
            for _ in 0..23 + kill * 7 {
                calls.recv().await;
            }
            let at = kill % processes.len();
            processes[at].kill().await.expect("killed");
            processes[at] = spender(&desk, &address);
        }
        // Those that are left spend what is left; what the dead ones held is in the way until it is settled.
        let later = Clock::set_to(Clock::System.now() + time::Duration::minutes(2));
        let reaper = process(desk.world.app_url(), desk.world.system_url(), later);
        reaper.settle_lost().await.expect("a look");
        for process in &mut processes {
            assert!(process.wait().await.expect("an end").success());
        }
        reaper.settle_lost().await.expect("a last look");
        reaper.db().close().await;
    };
    tokio::time::timeout(Duration::from_secs(100), ended).await.expect("all is spent in time");

    let really = asked.load(Ordering::SeqCst);
    let mut rows = desk.world.superuser().await;
    let (booked, lost): (i64, i64) =
        sqlx::query_as("SELECT sum(counted_micro_usd)::bigint, count(*) FILTER (WHERE estimated) FROM usage")
            .fetch_one(&mut rows)
            .await
            .expect("sums");
    assert!(really <= LIMIT, "the provider was asked for {really}");
    assert!(really <= booked, "what may have been spent is counted: {really} {booked}");
    assert!(lost > 0, "a kill hit a call");
    assert_eq!(desk.world.muster.reconcile(desk.team()).await.expect("books"), []);
}
