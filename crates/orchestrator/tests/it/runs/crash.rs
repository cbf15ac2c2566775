//! The process that carries a run out is killed in the middle of each stage; the next one goes on where it was.

use std::{path::Path, process::Stdio, time::Duration};

use orchestrator::{
    Clock, Db, Orchestrator, Settings,
    db::PoolSettings,
    runs::{Decision, Engine, EngineLimits, EngineSettings, Gate, Patience, RunState, RunView, Shop},
    squads::Template,
    testing,
    work::Commands,
};
use serde_json::json;
use tokio::process::{Child, Command};
use types::{RunId, TaskId};

use super::{
    after::somebody_writes,
    at_once::{call, create, finish, shell},
    failover::git,
    folders::Folders,
    scripted::{Scripted, when},
    yard::{Tools, Yard},
};

/// What a working process is told through its environment.
const YARD: &str = "MUSTER_TEST_WORK_IN";

impl Yard {
    /// An engine in a process of its own, which can be killed.
    pub(super) fn worker(&self) -> Child {
        self.node("test", &self.tools.data, &Patience::default())
    }

    /// The same as a node of that name, with its own folder.
    pub(super) fn node(&self, name: &str, data: &Path, patience: &Patience) -> Child {
        let tools = &self.tools;
        let told = [
            &data.display().to_string(),
            &tools.endpoint,
            &tools.demo,
            self.world.app_url(),
            self.world.system_url(),
            self.world.engine_url(),
            name,
            &patience.heartbeat.as_millis().to_string(),
            &patience.silence.as_millis().to_string(),
        ]
        .join(" ");
        Command::new(std::env::current_exe().expect("this test binary"))
            .args(["runs::crash::works_for_its_parent", "--exact", "--ignored"])
            .env(YARD, told)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a process")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the tests of this file kill"]
async fn works_for_its_parent() {
    let told = std::env::var(YARD).expect("the parent says where");
    let [data, endpoint, demo, app_url, system_url, engine_url, node, heartbeat, silence] =
        told.split(' ').collect::<Vec<_>>()[..]
    else {
        panic!("nine words")
    };
    let span = |text: &str| Duration::from_millis(text.parse().expect("milliseconds"));
    let patience = Patience { heartbeat: span(heartbeat), silence: span(silence) };
    let pool = PoolSettings { idle_in_transaction: patience.silence, ..PoolSettings::default() };
    let db = Db::open(app_url, system_url, &pool).expect("addresses");
    let settings = Settings { data_dir: data.into(), ..Settings::default() };
    let (keys, gateway) = (testing::keys(), testing::gateway());
    let muster = Orchestrator::new(db, Clock::System, identity::Hasher::new(1), keys, gateway, settings);
    let tools = Tools { data: data.into(), endpoint: endpoint.into(), demo: demo.into() };
    let settings = EngineSettings {
        database_url: engine_url.into(),
        node: node.into(),
        limits: EngineLimits::default(),
        patience,
    };
    let shop = Shop { node: node.into(), ..tools.shop(muster) };
    let engine = Engine::launch(shop, &settings).await.expect("an engine");
    engine.dispatch().await.expect("a database");
}

/// Kills the worker as soon as a step of this kind has begun, lets another one go on, and returns the run at its gate.
async fn killed_in(stage: &str, template: Template, expected: &[&str]) {
    let yard = Yard::new().await;
    let (project, task) = yard.sample_task(template).await;
    let muster = &yard.world.muster;
    let run = muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");

    let mut first = yard.worker();
    // Merging begins after the gate, so that crash comes later.
    let here = if stage == "merge" { "deliver" } else { stage };
    yard.until(task, |run| run.steps.iter().any(|step| step.kind == here)).await;
    first.kill().await.expect("killed");
    let second = yard.worker();
    let mut at_gate = yard.until(task, |run| run.state == RunState::Waiting || !run.state.alive()).await;
    drop(second);
    if stage == "merge" {
        at_gate = merge_through_a_crash(&yard, task, &at_gate).await;
        assert_eq!(at_gate.state, RunState::Completed, "{at_gate:#?}");
        let path = yard.repository(project).path().to_owned();
        assert_eq!(git(&path, &["rev-list", "--merges", "--count", "HEAD"]), "1", "one merge");
    } else {
        assert_eq!(at_gate.state, RunState::Waiting, "{at_gate:#?}");
    }
    let kinds: Vec<&str> = at_gate.steps.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, expected);
    nothing_twice(&yard, run).await;
}

async fn merge_through_a_crash(yard: &Yard, task: TaskId, waiting: &RunView) -> RunView {
    let approval = waiting.waits_for.as_ref().expect("a gate").approval;
    let can = yard.scope.can().expect("may");
    yard.world.muster.decide(&can, approval, &Decision::Approve).await.expect("approved");
    let mut third = yard.worker();
    yard.until(task, |run| run.steps.iter().any(|step| step.kind == "merge")).await;
    third.kill().await.expect("killed");
    let fourth = yard.worker();
    let done = yard.until(task, |run| !run.state.alive()).await;
    drop(fourth);
    done
}

/// Every verification stands once in the journal, every call once in the ledger, and its sum is the run's.
pub(super) async fn nothing_twice(yard: &Yard, run: RunId) {
    let mut rows = yard.world.superuser().await;
    let (checks, verified): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM run_events WHERE run_id = $1 AND body ->> 'run' = 'check'),
                (SELECT count(*) FROM run_steps WHERE run_id = $1 AND kind = 'verify')",
    )
    .bind(run.uuid())
    .fetch_one(&mut rows)
    .await
    .expect("counts");
    assert_eq!(checks, verified);
    booked_once(yard, run).await;
}

/// Every answer stands once in the ledger and in the journal, and the sum is the run's.
pub(super) async fn booked_once(yard: &Yard, run: RunId) {
    let mut rows = yard.world.superuser().await;
    let (calls, answers, tokens, total): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM usage WHERE run_id = $1),
                (SELECT count(*) FROM run_events WHERE run_id = $1 AND body ->> 'type' = 'usage'),
                (SELECT sum(uncached + cache_read + cache_write + output + reasoning)::bigint FROM usage WHERE run_id = $1),
                (SELECT tokens FROM runs WHERE id = $1)",
    )
    .bind(run.uuid())
    .fetch_one(&mut rows)
    .await
    .expect("sums");
    assert_eq!((calls, tokens), (answers, total));
}

pub(super) const FULL: &[&str] = &[
    "prepare",
    "plan",
    "design",
    "implement",
    "verify",
    "fix",
    "verify",
    "test",
    "verify",
    "review",
    "rework",
    "verify",
    "review",
    "deliver",
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_preparing() {
    killed_in("prepare", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_planning() {
    killed_in("plan", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_implementing() {
    killed_in("implement", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_verifying() {
    killed_in("verify", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_fixing() {
    killed_in("fix", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_testing() {
    killed_in("test", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_reworking() {
    killed_in("rework", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_reviewing() {
    killed_in("review", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_delivering() {
    killed_in("deliver", Template::Full, FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_merging() {
    let with_merge: Vec<&str> = FULL.iter().copied().chain(["merge"]).collect();
    killed_in("merge", Template::Full, &with_merge).await;
}

/// What was merged meanwhile does not go with the work: it is brought onto the branch as it is now.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_updating() {
    let both = [shell("printf 'ours and theirs\\n' > rates.txt"), finish("Both.")];
    let ask = call("ask", &json!({ "question": "Which rate?" }));
    let script = [
        when("again", &["Role: coder\n", "Occasion: review comments\n"], &["- rates.txt: main has"], &both),
        when("write", &["Role: coder\n"], &[], &[ask, create("rates.txt", "ours\n"), finish("Rates.")]),
    ];
    let site = Scripted::new(Template::Solo, &[], Commands::default(), &script).await;
    let squad = site.squad().await;
    let mut rules = squad.rules;
    rules.gates.merge = false;
    site.yard.world.muster.set_rules(&site.yard.scope.can().expect("may"), squad.id, &rules).await.expect("rules");
    site.start().await;
    let mut first = site.yard.worker();
    let asking = site.until_gate(Gate::Question).await;
    let repository = site.yard.repository(site.project);
    somebody_writes(&repository, "rates.txt", "theirs\n").await;
    site.decide(&asking, &Decision::Answer("Ours".into())).await;
    site.yard.until(site.task, |run| run.steps.iter().any(|step| step.kind == "update") || !run.state.alive()).await;
    first.kill().await.expect("killed");
    let second = site.yard.worker();
    let merged = site.stands().await;
    drop(second);
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    let kinds: Vec<&str> = merged.steps.iter().skip(asking.steps.len()).map(|step| step.kind.as_str()).collect();
    let again = ["update", "rework", "verify", "deliver", "merge"];
    assert_eq!(kinds, [&["implement", "verify", "deliver", "merge"][..], &again].concat());
    let text = repository.read("main", "rates.txt", 1 << 20).await.expect("a file");
    assert_eq!(text, b"ours and theirs\n");
    assert_eq!(git(repository.path(), &["rev-list", "--merges", "--count", "HEAD"]), "1", "one merge");
    booked_once(&site.yard, merged.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_ends_at_once_and_leaves_nothing_running() {
    let yard = Yard::new().await;
    let (_, task) = yard.sample_task(Template::Solo).await;
    let muster = &yard.world.muster;
    let run = muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let engine = yard.work().await;
    yard.until(task, |run| run.steps.iter().any(|step| step.kind == "implement")).await;
    muster.stop_run(&yard.scope.can().expect("may"), run, "The wrong task").await.expect("stopped");
    let stopped = yard.until(task, |run| run.state == RunState::Cancelled).await;
    assert_eq!(stopped.stop_reason.as_deref(), Some("The wrong task"));
    let mut registry = Folders::new(vec![yard.registry()]);
    let gone = registry.until(async || yard.has_no_sandbox().await);
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the sandbox is gone within ten seconds");
    let steps = stopped.steps.len();
    let again = muster.run(&yard.scope.can().expect("may"), run).await.expect("the run");
    assert_eq!(again.steps.len(), steps, "nothing goes on");
    engine.shut_down().await;
}
