//! What an agent, a run and its sandbox may use up, and what people read once it is used up.

use std::path::PathBuf;

use axum::{Router, routing::get};
use gateway::Kind;
use orchestrator::{
    Can,
    grants::ManageSquads,
    models::{ProviderSettings, Rates},
    runs::{Decision, Engine, Gate, RunState, RunView},
    squads::{AgentLimits, AgentSettings, Template},
    work::{Commands, NewTask, ProjectSettings, Source},
};
use serde_json::{Value, json};
use time::Duration;
use tokio::net::TcpListener;
use types::{MicroUsd, ProjectId, RunId, TaskId};

use super::{
    at_once::{call, create, finish, playing, shell, wait},
    folders::{Folders, comes, open},
    yard::Yard,
};

/// A coder alone, whose model says what the test wants.
pub(super) fn alone(turns: &[Value]) -> Value {
    let coder = json!({ "name": "coder", "when": { "system": ["Role: coder\n"] }, "turns": turns });
    json!({ "models": ["*"], "conversations": [coder] })
}

/// A run of a coder alone, in a project without files.
struct Solo {
    yard: Yard,
    project: ProjectId,
    task: TaskId,
}

impl Solo {
    async fn new(turns: &[Value]) -> Self {
        let yard = playing(&alone(turns)).await;
        let muster = &yard.world.muster;
        let can = yard.scope.can().expect("may");
        let project = muster.create_project(&can, "Parcels", &Source::Empty).await.expect("a project");
        muster.form_squad(&yard.scope.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
        let task = NewTask::titled("Fees");
        let task = muster.create_task(&yard.scope.can().expect("may"), project, &task).await.expect("a task").id;
        Self { yard, project, task }
    }

    async fn limit_coder(&self, change: impl Fn(&mut AgentLimits)) {
        let muster = &self.yard.world.muster;
        let squad = muster.squads(&self.yard.scope.can().expect("may")).await.expect("squads")[0].id;
        let squad = muster.squad(&self.yard.scope.can().expect("may"), squad).await.expect("a squad");
        let can: Can<ManageSquads> = self.yard.scope.can().expect("may");
        for agent in squad.agents() {
            let mut settings: AgentSettings = agent.settings.clone();
            change(&mut settings.limits);
            muster.edit_agent(&can, (squad.id, agent.id), agent.version, &settings).await.expect("edited");
        }
    }

    async fn set(&self, change: impl Fn(&mut ProjectSettings)) {
        let muster = &self.yard.world.muster;
        let found = muster.project(&self.yard.scope.can().expect("may"), self.project).await.expect("a project");
        let mut settings = ProjectSettings {
            name: found.name,
            description: found.description,
            default_branch: found.default_branch,
            commands: found.commands,
            egress_allow: found.egress_allow,
            models_inside: found.models_inside,
            allowed_models: found.allowed_models,
            limits: found.limits,
        };
        change(&mut settings);
        muster.update_project(&self.yard.scope.can().expect("may"), self.project, &settings).await.expect("changed");
    }

    /// What the model costs the team from now on, in micro-USD for a million tokens.
    async fn price(&self, rates: Rates) {
        let muster = &self.yard.world.muster;
        let settings = ProviderSettings {
            name: "Paid".into(),
            kind: Kind::OpenAiChat,
            base_url: self.yard.tools.demo.clone(),
            model: "measured".into(),
        };
        let can = self.yard.scope.can().expect("an owner");
        let id = muster.add_model_provider(&can, &settings, "a-key-of-tests").await.expect("a provider");
        muster.choose_default_model(&can, id).await.expect("chosen");
        muster.agree_price(&self.yard.scope.can().expect("may"), id, "measured", rates).await.expect("a price");
    }

    async fn start(&self) -> RunId {
        let can = self.yard.scope.can().expect("may");
        self.yard.world.muster.start_run(&can, self.task, None).await.expect("a run")
    }

    async fn failed(&self) -> RunView {
        let run = self.yard.until(self.task, |run| run.waits_for.is_some() || !run.state.alive()).await;
        assert_eq!(run.state, RunState::Failed, "{run:#?}");
        run
    }

    async fn until_gate(&self, gate: Gate) -> RunView {
        let run = self.yard.until(self.task, |run| run.waits_for.is_some() || !run.state.alive()).await;
        assert_eq!(run.waits_for.as_ref().map(|waits| waits.gate), Some(gate), "{run:#?}");
        run
    }

    /// A file as a run left it.
    async fn left(&self, run: &RunView, path: &str) -> Option<String> {
        let head = run.head.as_deref().expect("a snapshot");
        let bytes = self.yard.repository(self.project).read(head, path, 1 << 20).await.ok()?;
        Some(String::from_utf8(bytes).expect("text"))
    }

    async fn journal(&self, run: &RunView) -> String {
        let can = self.yard.scope.can().expect("may");
        format!("{:#?}", self.yard.world.muster.journal(&can, run.id, 0, 1_000).await.expect("a journal"))
    }

    /// The pipe of a command that waits, once it does.
    async fn waits(&self, run: RunId) -> PathBuf {
        let pipe = self.yard.data.path().join("workspaces").join(run.to_string()).join("go");
        if tokio::time::timeout(std::time::Duration::from_secs(120), comes(&pipe)).await.is_err() {
            panic!("no command waits: {:#?}", self.yard.until(self.task, |_| true).await);
        }
        pipe
    }

    /// Once the sandbox of a run that has ended is gone.
    async fn end(&self, engine: &Engine) {
        let mut registry = Folders::new(vec![self.yard.registry()]);
        let gone = registry.until(async || self.yard.has_no_sandbox().await);
        tokio::time::timeout(std::time::Duration::from_secs(60), gone).await.expect("the sandbox is gone");
        engine.shut_down().await;
    }
}

fn sentence(run: &RunView) -> &str {
    run.failure.as_ref().map(|(sentence, _)| sentence.as_str()).expect("a reason")
}

/// The answer, reported as this many tokens.
pub(super) fn costing(turn: Value, uncached: u64, cache_read: u64, output: u64) -> Value {
    let mut turn = turn;
    turn["usage"] =
        json!({ "uncached": uncached, "cache_read": cache_read, "cache_write": 0, "output": output, "reasoning": 0 });
    turn
}

/// What holds the run up.
async fn held(site: &Solo) -> (RunView, String) {
    let run = site.yard.until(site.task, |run| run.held_up.is_some() || !run.state.alive()).await;
    let why = run.held_up.as_ref().unwrap_or_else(|| panic!("held up: {run:#?}"));
    let sentence = why.sentence.clone();
    assert!(why.agent.is_some() && why.way_out.starts_with("Raise the limit on the agent's page"), "{why:?}");
    (run, sentence)
}

/// Two answers that write a file each, and a third that waits until the limit is raised.
async fn held_up_after_two_calls(site: &Solo, expected: &str, raise: impl Fn(&mut AgentLimits)) {
    site.start().await;
    let engine = site.yard.work().await;
    let (held, sentence) = held(site).await;
    assert_eq!(sentence, expected);
    let step = held.steps.last().expect("a step");
    assert_eq!((step.kind.as_str(), step.state.as_str(), step.summary.as_str()), ("implement", "DONE", expected));
    assert_eq!(site.left(&held, "one.txt").await.as_deref(), Some("1\n"));
    assert_eq!(site.left(&held, "two.txt").await.as_deref(), Some("2\n"));
    let calls = orchestrator::testing::usage(&mut site.yard.world.superuser().await).await;
    assert_eq!(calls.len(), 2, "no third call");
    assert!(site.yard.has_no_sandbox().await, "nothing is held while it waits");

    site.limit_coder(raise).await;
    let waiting = site.until_gate(Gate::Merge).await;
    assert_eq!(site.left(&waiting, "two.txt").await.as_deref(), Some("2\n"));
    let calls = orchestrator::testing::usage(&mut site.yard.world.superuser().await).await;
    assert_eq!(calls.len(), 3, "nothing is asked twice");
    assert_eq!(site.yard.world.muster.reconcile(site.yard.scope.team()).await.expect("books"), []);
    site.end(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_has_spent_its_money_waits_before_the_next_call() {
    let turns = [create("one.txt", "1\n"), create("two.txt", "2\n"), finish("Both.")];
    let site = Solo::new(&turns.map(|turn| costing(turn, 1_500, 0, 100))).await;
    // 1,500 tokens read and 100 written: 4,500 + 1,500 micro-USD, so that a cent is passed by the second call.
    site.price(Rates { input: 3_000_000, cache_read: 300_000, cache_write: 3_750_000, output: 15_000_000 }).await;
    site.limit_coder(|limits| limits.max_cost = MicroUsd::from_cents(1)).await;
    let expected = "coder has spent $0.01 in this run, and its limit is $0.01.";
    held_up_after_two_calls(&site, expected, |limits| limits.max_cost = MicroUsd::from_cents(100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_has_used_its_tokens_waits_before_the_next_call() {
    let turns = [create("one.txt", "1\n"), create("two.txt", "2\n"), finish("Both.")];
    // A long conversation that is read again from the cache does not count.
    let site = Solo::new(&turns.map(|turn| costing(turn, 450, 1_000_000, 50))).await;
    site.limit_coder(|limits| limits.max_tokens = 1_000).await;
    let expected = "coder has used 1000 tokens in this run, and its limit is 1000.";
    held_up_after_two_calls(&site, expected, |limits| limits.max_tokens = 100_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_has_made_its_calls_waits_before_the_next_one() {
    let site = Solo::new(&[create("one.txt", "1\n"), create("two.txt", "2\n"), finish("Both.")]).await;
    site.limit_coder(|limits| limits.max_model_calls = 2).await;
    let expected = "coder has made 2 model calls in this turn, and its limit is 2.";
    held_up_after_two_calls(&site, expected, |limits| limits.max_model_calls = 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_were_allowed_since_the_turn_began_are_made() {
    let site = Solo::new(&[wait("fees"), create("fees.txt", "fees\n"), finish("Fees.")]).await;
    site.limit_coder(|limits| limits.max_model_calls = 1).await;
    let run = site.start().await;
    let engine = site.yard.work().await;
    let pipe = site.waits(run).await;
    site.limit_coder(|limits| limits.max_model_calls = 80).await;
    open(pipe).await;
    let waiting = site.until_gate(Gate::Merge).await;
    assert_eq!(site.left(&waiting, "fees.txt").await.as_deref(), Some("fees\n"));
    site.end(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_money_works_with_a_model_that_costs_nothing() {
    let site = Solo::new(&[create("one.txt", "1\n"), finish("One.")]).await;
    site.limit_coder(|limits| limits.max_cost = MicroUsd::ZERO).await;
    site.start().await;
    let engine = site.yard.work().await;
    site.until_gate(Gate::Merge).await;
    site.end(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_turn_took_too_long_waits_and_its_time_is_kept() {
    let site = Solo::new(&[wait("fees"), finish("Fees.")]).await;
    let run = site.start().await;
    let engine = site.yard.work().await;
    let pipe = site.waits(run).await;
    site.yard.world.clock.advance(Duration::minutes(46));
    open(pipe).await;
    let (_, sentence) = held(&site).await;
    assert_eq!(sentence, "coder has worked on this turn for 46 min, and its limit is 45.");
    // Waiting is not working, and what was worked before counts on.
    site.yard.world.clock.advance(Duration::hours(30));
    site.limit_coder(|limits| limits.wall_minutes = 46).await;
    let still = "coder has worked on this turn for 46 min, and its limit is 46.";
    let sentence_of = |run: &RunView| run.held_up.as_ref().map(|why| why.sentence.clone());
    site.yard.until(site.task, |run| sentence_of(run).is_some_and(|sentence| sentence == still)).await;
    site.limit_coder(|limits| limits.wall_minutes = 60).await;
    site.until_gate(Gate::Merge).await;
    site.end(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_sandbox_ended_with_its_time_gets_no_other() {
    let site = Solo::new(&[wait("fees"), finish("Never.")]).await;
    site.limit_coder(|limits| limits.wall_minutes = 1_440).await;
    let run = site.start().await;
    let engine = site.yard.work().await;
    site.waits(run).await;
    site.yard.world.clock.advance(Duration::minutes(60));
    site.yard.shop.sandboxes.destroy(&format!("run-{run}-test")).await.expect("ended");
    let failed = site.failed().await;
    assert_eq!(
        sentence(&failed),
        "The run has taken the 60 min that the project Parcels allows. You can raise them in the project's settings."
    );
    assert_eq!(site.left(&failed, "begun-fees.txt").await.as_deref(), Some("begun\n"), "begun once");
    site.end(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_in_which_a_run_waits_for_a_person_is_not_the_runs() {
    let ask = call("ask", &json!({ "question": "Which rate?" }));
    let site = Solo::new(&[ask, create("fees.txt", "new\n"), finish("Fees.")]).await;
    site.start().await;
    let engine = site.yard.work().await;
    let asking = site.until_gate(Gate::Question).await;
    site.yard.world.clock.advance(Duration::hours(30));
    let approval = asking.waits_for.as_ref().expect("it waits").approval;
    let can = site.yard.scope.can().expect("may");
    site.yard.world.muster.decide(&can, approval, &Decision::Answer("The new one".into())).await.expect("answered");
    let waiting = site.until_gate(Gate::Merge).await;
    assert_eq!(site.left(&waiting, "fees.txt").await.as_deref(), Some("new\n"));
    site.end(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fills_the_disk_is_said_to() {
    let fill = "exec head -c 1G /dev/zero > large";
    let site = Solo::new(&[shell(fill), shell("rm large; echo 1 > one.txt"), finish("One.")]).await;
    site.set(|settings| {
        settings.limits.disk_mb = 64;
        settings.commands = Commands { setup: None, build: None, test: Some(fill.into()) };
    })
    .await;
    let run = site.start().await;
    let engine = site.yard.work().await;
    let checked = site.yard.until(site.task, |run| !run.checks.is_empty() || !run.state.alive()).await;
    let can = site.yard.scope.can().expect("may");
    site.yard.world.muster.stop_run(&can, run, "Seen").await.expect("stopped");
    assert_eq!(
        checked.checks.first().map(|check| check.outcome.as_str()),
        Some("stopped: it used up the disk, the processes or the time that the project allows"),
        "{checked:#?}"
    );
    let journal = site.journal(&checked).await;
    assert!(
        journal.contains("stopped: it used up the processes, the disk or the time that the sandbox has"),
        "{journal}"
    );
    site.end(&engine).await;
}

/// A web server that says a word.
async fn server(word: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(
        async move { axum::serve(listener, Router::new().route("/", get(move || async move { word }))).await },
    );
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn the_projects_hosts_and_memory_are_those_of_its_sandbox() {
    let (listed, other) = (server("listed").await, server("other").await);
    let reach = format!(
        "import os, urllib.request, urllib.error\n\
         os.environ['no_proxy'] = os.environ['NO_PROXY'] = ''\n\
         for port in ({listed}, {other}):\n    \
             try:\n        \
                 print(urllib.request.urlopen(f'http://127.0.0.1:{{port}}/', timeout=60).read().decode())\n    \
             except urllib.error.HTTPError as refused:\n        \
                 print(refused.code, refused.read().decode())\n"
    );
    // Holds more than the project allows, and keeps it until it is ended.
    let hold = "import signal\nheld = [bytearray(1 << 20) for _ in range(400)]\nsignal.pause()\n";
    let site = Solo::new(&[
        create("reach.py", &reach),
        shell("python3 reach.py > reached.txt 2>&1"),
        create("hold.py", hold),
        shell("exec python3 hold.py"),
        finish("Tried."),
    ])
    .await;
    site.set(|settings| {
        settings.egress_allow = vec![format!("127.0.0.1:{listed}")];
        settings.limits.memory_mb = 128;
    })
    .await;
    site.start().await;
    let engine = site.yard.work().await;
    let waiting = site.until_gate(Gate::Merge).await;
    let reached = site.left(&waiting, "reached.txt").await.expect("a file");
    let (first, rest) = reached.split_once('\n').expect("two lines");
    assert_eq!(first, "listed");
    assert!(rest.starts_with("403 ") && rest.contains("allow-list") && !rest.contains("other"), "{reached}");
    let journal = site.journal(&waiting).await;
    assert!(journal.contains("stopped: it needed more memory than the sandbox has"), "{journal}");
    site.end(&engine).await;
}
