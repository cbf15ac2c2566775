//! A run that may not spend stands still at its step, and goes on there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use gateway::Kind;
use orchestrator::{
    Can,
    budgets::{BudgetSettings, Calendar, Limit, Period, Subject},
    grants::ManageBudgets,
    models::ProviderSettings,
    runs::{Decision, Gate, RunState, RunView},
    squads::Template,
};
use serde_json::{Value, json};
use time::{Duration, macros::datetime};
use types::{MicroUsd, ModelProviderId, TaskId};

use super::{
    super::budgets::{call, used},
    at_once::{Site, create, finish, script, wait},
    yard::Yard,
};

/// The recording behind a provider whose price nobody knows: its tokens count at the team's rate.
pub(super) async fn paid_model(yard: &Yard) -> ModelProviderId {
    paid_model_at(yard, &yard.tools.demo).await
}

async fn paid_model_at(yard: &Yard, base_url: &str) -> ModelProviderId {
    let muster = &yard.world.muster;
    let settings = ProviderSettings {
        name: "Paid".into(),
        kind: Kind::OpenAiChat,
        base_url: base_url.into(),
        model: "demo".into(),
    };
    let can = yard.scope.can().expect("an owner");
    let id = muster.add_model_provider(&can, &settings, "a-key-of-tests").await.expect("a provider");
    muster.choose_default_model(&can, id).await.expect("chosen");
    id
}

/// The sample's recording, in which one request of the coder is refused once for an hour.
fn limited_once() -> demo_model::Script {
    let mut recording: Value = serde_json::from_str(agents::sample::RECORDING).expect("a recording");
    let all = recording["conversations"].as_array_mut().expect("conversations");
    for one in all.iter_mut().filter(|one| one["when"]["system"].to_string().contains("Occasion: first")) {
        one["turns"][1]["fault"] = json!({ "kind": "status", "status": 429, "retry_after": 3600, "times": 1 });
    }
    demo_model::Script::parse(&recording.to_string()).expect("a script")
}

fn kinds(run: &RunView) -> Vec<&str> {
    run.steps.iter().map(|step| step.kind.as_str()).collect()
}

/// What was done stays done, and the step that was stopped goes on.
fn went_on_where_it_was(held: &RunView, merged: &RunView) {
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    let (began, all) = (kinds(held), kinds(merged));
    assert_eq!(all[..began.len()], began[..]);
    assert_eq!(all[began.len()], began[began.len() - 1]);
}

pub(super) async fn allow(yard: &Yard, cents: i32) {
    limit(yard, Subject::TEAM, cents).await;
}

async fn limit(yard: &Yard, subject: Subject, cents: i32) {
    let can: Can<ManageBudgets> = yard.scope.can().expect("an owner");
    let settings = BudgetSettings { limit: Limit::Amount(MicroUsd::from_cents(cents)), ..BudgetSettings::default() };
    yard.world.muster.set_budget(&can, subject, &settings).await.expect("a budget");
}

async fn to_the_end(yard: &Yard, task: TaskId) -> RunView {
    let waiting = yard.until(task, |run| run.waits_for.is_some() || !run.state.alive()).await;
    let gate = waiting.waits_for.as_ref().unwrap_or_else(|| panic!("it waits: {waiting:#?}"));
    assert_eq!(gate.gate, Gate::Merge);
    let can = yard.scope.can().expect("may");
    yard.world.muster.decide(&can, gate.approval, &Decision::Approve).await.expect("approved");
    yard.until(task, |run| !run.state.alive()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_stops_a_run_inside_its_step_and_a_raise_lets_it_go_on() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Full).await;
    paid_model(&yard).await;
    allow(&yard, 10_000).await;
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let engine = yard.work().await;

    yard.until(task, |run| run.tokens > 0).await;
    allow(&yard, 0).await;
    let held = yard.until(task, |run| run.held_up.is_some()).await;
    let why = held.held_up.as_ref().expect("held up");
    assert_eq!(held.state, RunState::Waiting);
    assert!(why.sentence.starts_with("The budget of quayside allows 0.00 USD;"), "{}", why.sentence);
    assert!(why.way_out.contains("can raise it under Budgets"), "{}", why.way_out);

    allow(&yard, 10_000).await;
    let merged = to_the_end(&yard, task).await;
    went_on_where_it_was(&held, &merged);
    assert_eq!(muster.reconcile(yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_names_its_reset_is_asked_again_then() {
    let mut yard = Yard::new().await;
    yard.tools.demo = format!("{}/v1", yard.serve_model(limited_once()).await);
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Solo).await;
    let paid = paid_model(&yard).await;
    let asked = muster.clock().now();
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let engine = yard.work().await;

    let held = yard.until(task, |run| run.held_up.is_some() || !run.state.alive()).await;
    let why = held.held_up.as_ref().unwrap_or_else(|| panic!("held up: {held:#?}"));
    assert_eq!((held.state, why.until), (RunState::Waiting, Some(asked + Duration::hours(1))));
    assert_eq!(kinds(&held).last(), Some(&"implement"));
    assert!(why.way_out.contains("tried again at 2026-11-19 15:32 UTC by itself"), "{}", why.way_out);
    assert!(yard.has_no_sandbox().await, "nothing is held while it waits");

    // The rest that this process gives a provider is of real time.
    muster.breaker().works(paid);
    yard.world.clock.advance(Duration::hours(1));
    went_on_where_it_was(&held, &to_the_end(&yard, task).await);
    assert_eq!(muster.reconcile(yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_by_itself_when_its_budget_begins_anew() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (project, task) = yard.sample_task(Template::Solo).await;
    paid_model(&yard).await;
    let day = Calendar { period: Period::Day, reset_day: 1, time_zone: "UTC".into() };
    let most = MicroUsd::from_cents(10_000);
    let daily = BudgetSettings { limit: Limit::Amount(most), calendar: day, ..BudgetSettings::default() };
    muster.set_budget(&yard.scope.can().expect("an owner"), Subject::TEAM, &daily).await.expect("a budget");
    // Others have spent today's all but a hundredth of a cent.
    let spent = most.micros() - 100;
    let held = muster.hold(yard.scope.team(), call(project, spent)).await.expect("room");
    muster.settle(held, used(spent)).await.expect("settled");
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let engine = yard.work().await;

    let held = yard.until(task, |run| run.held_up.is_some() || !run.state.alive()).await;
    let why = held.held_up.as_ref().unwrap_or_else(|| panic!("held up: {held:#?}"));
    assert_eq!((held.state, why.until), (RunState::Waiting, Some(datetime!(2026-11-19 14:42 UTC))));
    assert!(why.way_out.contains("it begins anew at 2026-11-20 00:00 UTC"), "{}", why.way_out);
    // It is looked at again, and left as it is.
    yard.world.clock.advance(Duration::minutes(10));
    let until = |run: &RunView| run.held_up.as_ref().and_then(|why| why.until);
    let later = yard.until(task, |run| until(run) != until(&held)).await;
    assert_eq!(until(&later), Some(datetime!(2026-11-19 14:52 UTC)));
    assert_eq!(kinds(&later), kinds(&held), "nothing was tried");
    yard.world.clock.advance(Duration::days(1));
    went_on_where_it_was(&held, &to_the_end(&yard, task).await);
    assert_eq!(muster.reconcile(yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_of_one_of_two_coders_holds_both_up_and_a_raise_lets_both_go_on() {
    let first = [wait("fees"), create("fees.txt", "fees\n"), finish("Fees.")];
    let second = [wait("weights"), create("weights.txt", "weights\n"), finish("Weights.")];
    let site = Site::new(&script(&first, &second, &[])).await;
    paid_model(&site.yard).await;
    allow(&site.yard, 10_000).await;
    let engine = site.yard.work().await;
    site.both_wait().await;
    limit(&site.yard, site.second_coder().await, 0).await;
    site.let_go(&site.second()).await;
    site.let_go(&site.first()).await;
    let held = site.until(|run| run.held_up.is_some() || !run.state.alive()).await;
    let why = held.held_up.as_ref().unwrap_or_else(|| panic!("held up: {held:#?}"));
    assert!(why.sentence.starts_with("The budget of coder-2 allows 0.00 USD;"), "{}", why.sentence);

    limit(&site.yard, site.second_coder().await, 1_000).await;
    site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("fees.txt").await, "fees\n");
    assert_eq!(site.delivered("weights.txt").await, "weights\n");
    assert_eq!(site.yard.world.muster.reconcile(site.yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_processes_leaves_a_proof_and_a_resume_goes_on() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Full).await;
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let engine = yard.work().await;

    yard.until(task, |run| run.steps.len() > 3).await;
    let manage: Can<ManageBudgets> = yard.scope.can().expect("an owner");
    let pause = muster.pause(&manage, Subject::TEAM, "Everybody look").await.expect("paused");
    let held = yard.until(task, |run| run.held_up.is_some()).await;
    assert_eq!(held.held_up.as_ref().and_then(|why| why.pause), Some(pause));
    let name = format!("run-{}-test", held.id);
    let left = yard.shop.sandboxes.list().await.expect("a list");
    assert!(left.iter().all(|found| found.id != name), "no process of it is left");
    let views = muster.pauses(&yard.scope.can().expect("may read")).await.expect("pauses");
    assert_eq!(views[0].stopped.iter().map(|stopped| stopped.run).collect::<Vec<_>>(), [held.id]);

    muster.resume(&manage, pause).await.expect("resumed");
    let merged = to_the_end(&yard, task).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_commands_in_their_middle_and_lets_no_call_begin() {
    let first = [wait("fees"), create("fees.txt", "fees\n"), finish("Fees.")];
    let second = [wait("weights"), create("weights.txt", "weights\n"), finish("Weights.")];
    let site = Site::new(&script(&first, &second, &[])).await;
    let muster = &site.yard.world.muster;
    let engine = site.yard.work().await;
    site.both_wait().await;
    assert_eq!(site.yard.shop.sandboxes.list().await.expect("a list").len(), 2);
    let manage: Can<ManageBudgets> = site.yard.scope.can().expect("an owner");
    let ordered = Instant::now();
    let pause = muster.pause(&manage, Subject::TEAM, "Everybody look").await.expect("paused");
    // What is told of the time after the order stands a second later in the books.
    site.yard.world.clock.advance(Duration::seconds(1));
    let held = site.until(|run| run.held_up.is_some() || !run.state.alive()).await;
    let took = ordered.elapsed();
    assert_eq!(held.held_up.as_ref().and_then(|why| why.pause), Some(pause), "{held:#?}");
    assert!(site.yard.has_no_sandbox().await, "no process of an agent runs");

    let mut rows = site.yard.world.superuser().await;
    let late: i64 = sqlx::query_scalar("SELECT count(*) FROM reservations r JOIN pauses p ON r.held_at > p.paused_at")
        .fetch_one(&mut rows)
        .await
        .expect("a count");
    assert_eq!(late, 0, "no call began after the order");
    let proof = muster.pauses(&site.yard.scope.can().expect("may read")).await.expect("pauses").remove(0);
    let stopped: Vec<_> = proof.stopped.iter().map(|stopped| stopped.run).collect();
    assert_eq!((stopped, proof.under_way), (vec![held.id], 0));
    // Nobody let the commands go: the order ended them. The books have it after the order and by this clock, which moved once in
    // between; how long it really took is the machine's.
    println!("the commands ended and the run stood still {:.2} s after the order", took.as_secs_f64());
    assert!((Duration::ZERO..=Duration::seconds(1)).contains(&(proof.stopped[0].at - proof.at)), "{proof:?}");

    muster.resume(&manage, pause).await.expect("resumed");
    site.let_go(&site.first()).await;
    site.let_go(&site.second()).await;
    site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("fees.txt").await, "fees\n");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_squad_asks_no_model_in_a_day() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Full).await;
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let counting = axum::Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::ready(axum::http::StatusCode::BAD_REQUEST)
    });
    let base_url = format!("{}/v1", yard.serve(counting).await);
    paid_model_at(&yard, &base_url).await;
    let engine = yard.work().await;
    for _ in 0..24 {
        yard.world.clock.advance(Duration::hours(1));
        muster.settle_lost().await.expect("a look");
        muster.tidy().await.expect("tidied");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let mut rows = yard.world.superuser().await;
    let booked: (i64, i64) = sqlx::query_as("SELECT (SELECT count(*) FROM reservations), (SELECT count(*) FROM usage)")
        .fetch_one(&mut rows)
        .await
        .expect("counts");
    assert_eq!(booked, (0, 0));

    // The engine was at work all the while: it takes a task up, and the model is asked.
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let failed = yard.until(task, |run| !run.state.alive()).await;
    assert_eq!(failed.state, RunState::Failed, "{failed:#?}");
    assert!(asked.load(Ordering::SeqCst) > 0);
    engine.shut_down().await;
}
