//! What a run gathers around its agents: words for them, the project's commands, reports of tests.

use orchestrator::{
    Error,
    runs::{Gate, RunState},
    squads::{AgentSettings, AgentTypeSettings, SquadSettings, Template},
    work::Commands,
};
use serde_json::json;
use types::AgentKind;

use super::{
    at_once::{call, create, finish},
    scripted::{Scripted, when},
};

const FILES: &[(&str, &str)] = &[
    ("AGENTS.md", "Amounts are whole cents.\n"),
    (".muster/coder.md", "Coders keep lines short.\n"),
    (".muster/reviewer.md", "Reviewers look for commas.\n"),
];

#[tokio::test(flavor = "multi_thread")]
async fn notes_of_the_repository_and_instructions_of_people_reach_the_model() {
    let verdict = call("finish", &json!({ "verdict": "approve", "summary": "No commas." }));
    let (coder, reviewer) = ("Role: coder\n", "Role: reviewer\n");
    let (squad, agent) = ("Everybody here is brief.", "This coder counts twice.");
    let script = [
        when(
            "not theirs",
            &[coder],
            &["Reviewers look for commas."],
            &[create("overheard.txt", ""), finish("Overheard.")],
        ),
        when(
            "write",
            &[coder, squad, agent],
            &["Amounts are whole cents.", "Coders keep lines short."],
            &[create("fees.txt", "100\n"), finish("Fees.")],
        ),
        when("not theirs either", &[reviewer, agent], &[], &[finish("Overheard.")]),
        when("review", &[reviewer, squad], &["Amounts are whole cents.", "Reviewers look for commas."], &[verdict]),
    ];
    let site = Scripted::new(Template::Pair, FILES, Commands::default(), &script).await;
    let (muster, found) = (&site.yard.world.muster, site.squad().await);
    let settings = SquadSettings { instructions: squad.into(), ..found.settings.clone() };
    muster.edit_squad(&site.yard.scope.can().expect("may"), found.id, &settings).await.expect("edited");
    let first = found.agents().next().expect("a coder");
    let settings = AgentSettings { instructions: agent.into(), ..first.settings.clone() };
    let can = site.yard.scope.can().expect("may");
    muster.edit_agent(&can, (found.id, first.id), first.version, &settings).await.expect("edited");
    site.start().await;
    let engine = site.yard.work().await;

    let waiting = site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("fees.txt").await, "100\n");
    assert_eq!(site.delivered("overheard.txt").await, "");
    let review = waiting.steps.iter().rfind(|step| step.kind == "review").expect("a review");
    assert_eq!(review.summary, "No commas.");
    engine.shut_down().await;
}

/// A lone coder in an empty project, and these commands.
async fn alone(commands: Commands) -> Scripted {
    let written = [create("fees.txt", "fees\n"), finish("Fees.")];
    Scripted::new(Template::Solo, &[], commands, &[when("write", &["Role: coder\n"], &[], &written)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_build_finds_what_the_set_up_left() {
    let commands =
        Commands { setup: Some("touch ready".into()), build: Some("test -f ready && echo built".into()), test: None };
    let site = alone(commands).await;
    site.start().await;
    let engine = site.yard.work().await;
    let run = site.until_gate(Gate::Merge).await;
    let checks: Vec<(&str, bool)> = run.checks.iter().map(|check| (check.name.as_str(), check.passed)).collect();
    assert_eq!(checks, [("build", true)], "{run:#?}");
    assert_eq!(site.kept(&run, "build-1.log").await, "built\n");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_that_fails_ends_the_run_and_says_so() {
    let site = alone(Commands { setup: Some("echo no compiler; exit 3".into()), build: None, test: None }).await;
    site.start().await;
    let engine = site.yard.work().await;
    let run = site.stands().await;
    let (sentence, remedy) = run.failure.clone().unwrap_or_else(|| panic!("a reason: {run:#?}"));
    assert_eq!(run.state, RunState::Failed);
    assert!(
        sentence.starts_with("The set-up command failed: exit code 3. What it wrote is kept as setup-1.log."),
        "{sentence}"
    );
    assert!(remedy.contains("set-up command"), "{remedy}");
    assert_eq!(site.kept(&run, "setup-1.log").await, "no compiler\n");
    assert_eq!(run.steps.len(), 1, "no agent was called: {run:#?}");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn test_reports_are_kept_under_their_paths() {
    let test = "mkdir -p out/unit node_modules/x && echo '<testsuite tests=\"1\"/>' > out/unit/TEST-fees.xml \
                && cp out/unit/TEST-fees.xml node_modules/x/ && echo '<other/>' > junit.xml && ln -s /etc/hostname TEST-link.xml";
    let site = alone(Commands { setup: None, build: None, test: Some(test.into()) }).await;
    site.start().await;
    let engine = site.yard.work().await;
    let run = site.until_gate(Gate::Merge).await;
    let reports: Vec<&str> =
        run.artifacts.iter().filter(|file| file.kind == "report").map(|file| file.name.as_str()).collect();
    assert_eq!(reports, ["out/unit/TEST-fees.xml"], "{run:#?}");
    assert_eq!(site.kept(&run, "out/unit/TEST-fees.xml").await, "<testsuite tests=\"1\"/>\n");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_a_type_that_cannot_run_yet_keeps_a_run_from_starting() {
    let site = alone(Commands::default()).await;
    let (muster, squad) = (&site.yard.world.muster, site.squad().await);
    let container = AgentTypeSettings {
        name: "example".into(),
        display_name: "Example agent".into(),
        description: String::new(),
        kind: AgentKind::Stream,
        image: Some("example/agent".into()),
        tag: None,
        command: String::new(),
        cpu_millis: 1000,
        memory_mb: 1024,
        disk_mb: 1024,
        environment: std::collections::BTreeMap::new(),
        capabilities: Vec::new(),
        docs_url: None,
    };
    let can = site.yard.scope.can().expect("may");
    let agent_type = muster.create_agent_type(&can, &container).await.expect("a type");
    let coder = squad.agents().next().expect("a coder");
    let settings = AgentSettings { agent_type, ..coder.settings.clone() };
    muster.edit_agent(&can, (squad.id, coder.id), coder.version, &settings).await.expect("of that type");
    let started = muster.start_run(&site.yard.scope.can().expect("may"), site.task, None).await;
    let sentence =
        "The agent coder uses the agent type Example agent, which cannot run yet. Choose the built-in type for it.";
    assert!(matches!(&started, Err(Error::Refused(text)) if text == sentence), "{started:?}");
    let run = muster.run_of_task(&site.yard.scope.can().expect("may"), site.task).await.expect("a database");
    assert!(run.is_none(), "{run:#?}");
}
