//! An agent's calls go where its model's name leads.

use gateway::Kind;
use orchestrator::{
    Can, Settings,
    budgets::{EntryKind, LedgerFilter},
    grants::ManageSquads,
    models::{Alias, ProviderSettings, Target},
    runs::{Body, RunEvent, RunState},
    squads::{AgentSettings, SquadDetail, Template},
    testing,
    work::ProjectSettings,
};
use types::{ModelProviderId, SquadId, TaskId};

use super::yard::Yard;

async fn add(yard: &Yard, name: &str, kind: Kind, base_url: &str) -> ModelProviderId {
    let settings = ProviderSettings { name: name.into(), kind, base_url: base_url.into(), model: "demo".into() };
    let can = yard.scope.can().expect("an owner");
    yard.world.muster.add_model_provider(&can, &settings, "a-key-of-tests").await.expect("a provider")
}

/// Gives every agent of the only squad a model.
async fn model_for_all(yard: &Yard, model: &str) {
    let muster = &yard.world.muster;
    let squads = muster.squads(&yard.scope.can().expect("may")).await.expect("squads");
    let squad: SquadDetail = muster.squad(&yard.scope.can().expect("may"), squads[0].id).await.expect("a squad");
    let can: Can<ManageSquads> = yard.scope.can().expect("may");
    for agent in squad.agents() {
        let settings = AgentSettings { model: Some(model.into()), ..agent.settings.clone() };
        muster.edit_agent(&can, (squad.id, agent.id), agent.version, &settings).await.expect("edited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_calls_go_to_the_next_model_of_its_name() {
    // A rest begins once and outlasts the test, however slow the machine is.
    let rest = std::time::Duration::from_secs(3_600);
    let yard = Yard::with(|settings| Settings { provider_rest: rest, ..settings }).await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Full).await;
    let closed = add(&yard, "Closed", Kind::OpenAiChat, "http://127.0.0.1:9/v1").await;
    // The same recording in another format: the conversation stays the same.
    let spare = add(&yard, "Spare", Kind::Anthropic, yard.tools.demo.trim_end_matches("/v1")).await;
    let targets = [closed, spare].map(|provider| Target { provider, model: None }).to_vec();
    let fast = Alias { name: "fast".into(), targets };
    muster.set_model_alias(&yard.scope.can().expect("an owner"), &fast).await.expect("an alias");
    model_for_all(&yard, "fast").await;
    let engine = yard.work().await;

    let run = yard.reviewable(task).await;
    let filter = LedgerFilter { kind: Some(EntryKind::Settled), ..LedgerFilter::default() };
    let paid = muster.ledger(&yard.scope.can().expect("an owner"), &filter, 1_000).await.expect("a ledger");
    assert!(!paid.is_empty() && paid.iter().all(|entry| entry.provider == "Spare"), "{paid:#?}");
    assert!(muster.breaker().rest(closed).is_some(), "after some failures it is left alone, by all calls alike");
    assert!(muster.breaker().rest(spare).is_none());
    let journal = muster.journal(&yard.scope.can().expect("may"), run.id, 0, 1_000).await.expect("a journal");
    let told = journal.iter().filter_map(|entry| match &entry.body {
        Body::Run(RunEvent::Note { text }) if text.starts_with("asked ") => Some(text.as_str()),
        _ => None,
    });
    let told: Vec<&str> = told.collect();
    assert_eq!(told.len(), paid.len());
    assert!(told[0].starts_with("asked Spare for demo instead: Closed did not answer"), "{}", told[0]);

    let merged = yard.approve(task, &run).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    assert_eq!(muster.reconcile(yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_costs_the_run_what_was_written() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Solo).await;
    let torn =
        r#"{"models": ["demo"], "otherwise": {"text": "Half an answer.", "chunk": 2, "fault": {"kind": "cut"}}}"#;
    let server = yard.serve_model(demo_model::Script::parse(torn).expect("a script")).await;
    add(&yard, "Torn", Kind::Anthropic, &server).await;
    model_for_all(&yard, "torn/demo").await;
    let run = muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let engine = yard.work().await;

    yard.until(task, |run| run.tokens > 0).await;
    let rows = testing::usage(&mut yard.world.superuser().await).await;
    let row = rows.first().expect("a row");
    // Its first event tells of the input and of one token; the pieces of the answer came after it.
    assert!(row.estimated && row.uncached > 0 && row.output > 1, "{row:?}");
    muster.stop_run(&yard.scope.can().expect("may"), run, "Enough.").await.expect("stopped");
    yard.until(task, |run| !run.state.alive()).await;
    assert_eq!(muster.reconcile(yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
}

/// Archives the only squad, so that nothing keeps what its agents name from being removed.
async fn archive(yard: &Yard) -> SquadId {
    let muster = &yard.world.muster;
    let squad = muster.squads(&yard.scope.can().expect("may")).await.expect("squads").remove(0).id;
    muster.archive_squad(&yard.scope.can().expect("may"), squad).await.expect("archived");
    squad
}

/// The sentence and the way out of a run that waits for a model.
async fn without_model(yard: &Yard, task: TaskId) -> (String, String) {
    let held = yard.until(task, |run| run.held_up.is_some() || !run.state.alive()).await;
    assert_eq!(held.state, RunState::Waiting, "{held:#?}");
    let why = held.held_up.unwrap_or_else(|| panic!("held up: {:?}", held.state));
    (why.sentence, why.way_out)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_a_provider_that_was_removed_and_goes_on_when_it_is_back() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Solo).await;
    let spare = add(&yard, "Spare", Kind::OpenAiChat, &yard.tools.demo).await;
    model_for_all(&yard, "spare/demo").await;
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    archive(&yard).await;
    muster.remove_model_provider(&yard.scope.can().expect("an owner"), spare).await.expect("removed");
    let engine = yard.work().await;

    let (sentence, way_out) = without_model(&yard, task).await;
    assert_eq!(sentence, "The agent coder uses the model spare/demo, which the team no longer has.");
    assert_eq!(
        way_out,
        "Give coder another model in its squad, or set the model spare/demo up again under Models and keys; the run goes on by itself."
    );
    add(&yard, "Spare", Kind::OpenAiChat, &yard.tools.demo).await;
    let run = yard.until(task, |run| run.waits_for.is_some() || !run.state.alive()).await;
    let merged = yard.approve(task, &run).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_name_of_a_model_was_removed_goes_on_with_the_agents_new_model() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Solo).await;
    let spare = add(&yard, "Spare", Kind::OpenAiChat, &yard.tools.demo).await;
    let fast = |targets| Alias { name: "fast".into(), targets };
    let leads = fast(vec![Target { provider: spare, model: None }]);
    muster.set_model_alias(&yard.scope.can().expect("an owner"), &leads).await.expect("an alias");
    model_for_all(&yard, "fast").await;
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let squad = archive(&yard).await;
    muster.set_model_alias(&yard.scope.can().expect("an owner"), &fast(Vec::new())).await.expect("removed");
    let engine = yard.work().await;

    // The name is no longer one of the team's own, so the default provider is asked, which has no such model.
    let (sentence, way_out) = without_model(&yard, task).await;
    assert_eq!(sentence, "Spare does not know the model fast of coder.");
    assert!(way_out.starts_with("Give coder another model in its squad"), "{way_out}");
    muster.restore_squad(&yard.scope.can().expect("may"), squad).await.expect("restored");
    model_for_all(&yard, "spare/demo").await;
    let run = yard.until(task, |run| run.waits_for.is_some() || !run.state.alive()).await;
    let merged = yard.approve(task, &run).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    assert_eq!(muster.reconcile(yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_where_its_project_does_not_allow_the_model() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (project, task) = yard.sample_task(Template::Solo).await;
    add(&yard, "Spare", Kind::OpenAiChat, &yard.tools.demo).await;
    model_for_all(&yard, "spare/demo").await;
    let found = muster.project(&yard.scope.can().expect("may"), project).await.expect("a project");
    let settings = ProjectSettings {
        name: found.name,
        description: found.description,
        default_branch: found.default_branch,
        commands: found.commands,
        egress_allow: found.egress_allow,
        models_inside: found.models_inside,
        allowed_models: vec!["demo/*".into()],
        limits: found.limits,
    };
    muster.update_project(&yard.scope.can().expect("may"), project, &settings).await.expect("allowed");
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let engine = yard.work().await;

    let failed = yard.until(task, |run| !run.state.alive()).await;
    assert_eq!(failed.state, RunState::Failed);
    let text = format!("{failed:#?}");
    assert!(text.contains("The project Parcels may not use the model spare/demo."), "{text}");
    assert!(text.contains("Whoever may change projects can add it"), "{text}");
    assert!(testing::usage(&mut yard.world.superuser().await).await.is_empty(), "nothing was called");
    engine.shut_down().await;

    let waiting = async || muster.signals(&yard.scope, 200).await.expect("signals").waiting;
    assert_eq!(waiting().await, 1, "a failed run waits for somebody to look");
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("another run");
    assert_eq!(waiting().await, 0, "until it is tried again");
}
