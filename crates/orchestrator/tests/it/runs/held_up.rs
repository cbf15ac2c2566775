//! A run that may not spend stands still at its step, and goes on there.

use gateway::Kind;
use orchestrator::{
    Can,
    budgets::{BudgetSettings, Limit, Subject},
    grants::ManageBudgets,
    models::ProviderSettings,
    runs::{Decision, Gate, RunState, RunView},
    squads::Template,
};
use types::{MicroUsd, TaskId};

use super::{
    at_once::{Site, create, finish, script, wait},
    yard::Yard,
};

/// The recording behind a provider whose price nobody knows: its tokens count at the team's rate.
async fn paid_model(yard: &Yard) {
    let muster = &yard.world.muster;
    let settings = ProviderSettings {
        name: "Paid".into(),
        kind: Kind::OpenAiChat,
        base_url: yard.tools.demo.clone(),
        model: "demo".into(),
    };
    let can = yard.scope.can().expect("an owner");
    let id = muster.add_model_provider(&can, &settings, "a-key-of-tests").await.expect("a provider");
    muster.choose_default_model(&can, id).await.expect("chosen");
}

async fn allow(yard: &Yard, cents: i32) {
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
    let began: Vec<String> = held.steps.iter().map(|step| step.kind.clone()).collect();

    allow(&yard, 10_000).await;
    let merged = to_the_end(&yard, task).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    let kinds: Vec<String> = merged.steps.iter().map(|step| step.kind.clone()).collect();
    assert_eq!(kinds[..began.len()], began[..], "what was done stays done");
    assert_eq!(kinds[began.len()], began[began.len() - 1], "and the step that was stopped goes on");
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
