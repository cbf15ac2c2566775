//! Two coders of a squad write at the same time, each in a workspace and a sandbox of its own.

use std::{path::PathBuf, sync::Arc, time::Duration};

use gateway::{Kind, Provider};
use orchestrator::{
    Can, PlanItemState,
    budgets::Subject,
    grants::ManageBudgets,
    models::ProviderSettings,
    runs::{Body, Decision, Engine, Gate, RunEvent, RunState, RunView, StepView},
    squads::{AgentSettings, Template},
    work::{NewTask, Source},
};
use serde_json::{Value, json};
use types::{AgentRole, ProjectId, RunId, TaskId};

use super::{
    crash::booked_once,
    failover::{PATIENCE, another_folder},
    folders::{Folders, comes, open},
    limits::costing,
    yard::Yard,
};

pub(super) fn call(tool: &str, arguments: &Value) -> Value {
    json!({ "text": "", "calls": [{ "tool": tool, "arguments": arguments }] })
}

pub(super) fn create(path: &str, text: &str) -> Value {
    call("patch", &json!({ "edits": [{ "path": path, "action": "create", "new": text }] }))
}

pub(super) fn shell(command: &str) -> Value {
    call("run", &json!({ "command": command }))
}

/// Waits in the workspace until the test lets it go, and writes down how often it was begun.
pub(super) fn wait(part: &str) -> Value {
    shell(&format!("echo begun >> begun-{part}.txt; [ -p go ] || mkfifo go; cat go; rm go"))
}

pub(super) fn finish(summary: &str) -> Value {
    call("finish", &json!({ "summary": summary }))
}

/// A lead who names two parts, a coder for each, and others who agree.
pub(super) fn script(first: &[Value], second: &[Value], again: &[Value]) -> Value {
    let step = |part: &str| json!({ "title": part, "detail": "Write it.", "role": "coder", "part": part });
    let plan = call("finish", &json!({ "summary": "Two parts.", "steps": [step("fees"), step("weights")] }));
    let design = call("finish", &json!({ "summary": "As planned.", "notes": "" }));
    let verdict = call("finish", &json!({ "verdict": "approve", "summary": "Good." }));
    let turns = |name: &str, system: &str, said: &[&str], turns: &[Value]| json!({ "name": name, "when": { "system": [system], "said": said }, "turns": turns });
    let mut conversations = vec![
        turns("plan", "Role: lead\n", &[], &[plan]),
        turns("design", "Role: architect\n", &[], &[design]),
        turns(
            "first",
            "Role: coder\nOccasion: first\nStep: 1\n",
            &["1. fees [coder, part fees] (this step is yours)"],
            first,
        ),
        turns("second", "Role: coder\nOccasion: first\nStep: 2\n", &[], second),
        turns("test", "Role: tester\n", &[], &[finish("Nothing to add.")]),
        turns("review", "Role: reviewer\n", &[], &[verdict]),
    ];
    if !again.is_empty() {
        conversations.insert(
            0,
            turns("again", "Step: 2\n", &["Your changes conflicted with those of coder-1 in both.txt."], again),
        );
    }
    json!({ "models": ["*"], "conversations": conversations })
}

/// A yard whose model says what the test wants.
pub(super) async fn playing(script: &Value) -> Yard {
    let mut yard = Box::pin(Yard::new()).await;
    let script = demo_model::Script::parse(&script.to_string()).expect("a script");
    yard.tools.demo = format!("{}/v1", yard.serve_model(script).await);
    yard.shop.demo = Provider::new(Kind::OpenAiChat, &yard.tools.demo, None).expect("an address").internal();
    yard
}

/// A run of two coders, with a model of its own.
pub(super) struct Site {
    pub(super) yard: Yard,
    project: ProjectId,
    pub(super) task: TaskId,
    run: RunId,
}

impl Site {
    /// A run that waits for an engine, in a project without files.
    pub(super) async fn new(script: &Value) -> Self {
        let yard = playing(script).await;
        let muster = &yard.world.muster;
        let can = yard.scope.can().expect("may");
        let project = muster.create_project(&can, "Parcels", &Source::Empty).await.expect("a project");
        muster.form_squad(&yard.scope.can().expect("may"), "Crew", Template::Full).await.expect("a squad");
        let task = NewTask::titled("Fees and weights");
        let task = muster.create_task(&yard.scope.can().expect("may"), project, &task).await.expect("a task").id;
        let run = muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
        Self { yard, project, task, run }
    }

    async fn begun(script: &Value) -> (Self, Arc<Engine>) {
        let site = Self::new(script).await;
        let engine = site.yard.work().await;
        (site, engine)
    }

    pub(super) async fn until(&self, wanted: impl Fn(&RunView) -> bool) -> RunView {
        self.yard.until(self.task, wanted).await
    }

    pub(super) async fn until_gate(&self, gate: Gate) -> RunView {
        let run = self.until(|run| run.waits_for.is_some() || !run.state.alive()).await;
        assert_eq!(run.waits_for.as_ref().map(|waits| waits.gate), Some(gate), "{run:#?}");
        run
    }

    /// Lets a coder's command end, once it waits.
    pub(super) async fn let_go(&self, workspace: &str) {
        open(self.pipe(workspace)).await;
    }

    /// Both coders are in the middle of a command that waits.
    pub(super) async fn both_wait(&self) {
        self.waits(&self.first()).await;
        self.waits(&self.second()).await;
    }

    /// The coder of this workspace is in the middle of a command that waits.
    async fn waits(&self, workspace: &str) {
        let pipe = self.pipe(workspace);
        if tokio::time::timeout(Duration::from_secs(120), comes(&pipe)).await.is_err() {
            panic!("no command waits in {workspace}: {:#?}", self.until(|_| true).await);
        }
    }

    fn pipe(&self, workspace: &str) -> PathBuf {
        self.workspaces().join(workspace).join("go")
    }

    fn workspaces(&self) -> PathBuf {
        self.yard.data.path().join("workspaces")
    }

    pub(super) fn first(&self) -> String {
        self.run.to_string()
    }

    pub(super) fn second(&self) -> String {
        format!("{}-2", self.run)
    }

    /// What the branch of a run in review holds.
    pub(super) async fn delivered(&self, path: &str) -> String {
        let branch = "muster/1-fees-and-weights";
        let bytes = self.yard.repository(self.project).read(branch, path, 1 << 20).await;
        String::from_utf8(bytes.unwrap_or_else(|error| panic!("{path}: {error}"))).expect("text")
    }

    /// The second coder, as budgets and pauses name it.
    pub(super) async fn second_coder(&self) -> Subject {
        self.agent("coder-2").await
    }

    async fn agent(&self, name: &str) -> Subject {
        let muster = &self.yard.world.muster;
        let squad = muster.squads(&self.yard.scope.can().expect("may")).await.expect("squads")[0].id;
        let plan = muster.squad_plan(&self.yard.scope.can().expect("may"), squad).await.expect("a plan");
        let agent = plan.agents.iter().find(|agent| agent.name == name).expect("an agent").id;
        Subject { squad: Some(squad), agent: Some(agent), project: None }
    }

    async fn edit_second_coder(&self, change: impl Fn(&mut AgentSettings)) {
        let muster = &self.yard.world.muster;
        let subject = self.second_coder().await;
        let (squad, id) = subject.squad.zip(subject.agent).expect("an agent");
        let agent = muster.agent(&self.yard.scope.can().expect("may"), squad, id).await.expect("an agent");
        let mut settings = agent.settings;
        change(&mut settings);
        let can = self.yard.scope.can().expect("may");
        muster.edit_agent(&can, (squad, id), agent.version, &settings).await.expect("edited");
    }

    /// Nothing of the coders' own workspaces and sandboxes is left.
    async fn nothing_is_left(&self) {
        let mut folders = Folders::new(vec![self.workspaces(), self.yard.registry()]);
        let gone = folders.until(async || {
            let left = std::fs::read_dir(self.workspaces()).expect("a folder").next();
            left.is_none() && self.yard.has_no_sandbox().await
        });
        if tokio::time::timeout(Duration::from_secs(15), gone).await.is_err() {
            let left: Vec<_> = std::fs::read_dir(self.workspaces()).expect("a folder").collect();
            panic!("{left:?} and {:?}", self.yard.shop.sandboxes.list().await);
        }
    }
}

fn kinds(run: &RunView) -> Vec<&str> {
    run.steps.iter().map(|step| step.kind.as_str()).collect()
}

fn step_of<'a>(run: &'a RunView, coder: &str) -> Option<&'a StepView> {
    run.steps.iter().rev().find(|step| step.kind == "implement" && step.agent.as_deref() == Some(coder))
}

fn is(run: &RunView, coder: &str, state: &str) -> bool {
    step_of(run, coder).is_some_and(|step| step.state == state)
}

const TOGETHER: [&str; 11] =
    ["prepare", "plan", "design", "implement", "implement", "combine", "verify", "test", "verify", "review", "deliver"];

#[tokio::test(flavor = "multi_thread")]
async fn two_coders_write_at_the_same_time_and_both_changes_are_delivered() {
    let first = [wait("fees"), create("fees.txt", "fees\n"), finish("The fees are there.")];
    let second = [create("weights.txt", "weights\n"), shell("ls > seen.txt"), finish("The weights are there.")];
    let (site, engine) = Site::begun(&script(&first, &second, &[])).await;
    // The second comes to its end while the first is in the middle of a command.
    let both = site.until(|run| is(run, "coder-2", "DONE") || !run.state.alive()).await;
    assert!(is(&both, "coder-1", "RUNNING"), "{both:#?}");
    assert_eq!(site.yard.shop.sandboxes.list().await.expect("a list").len(), 2);
    site.let_go(&site.first()).await;
    let waiting = site.until_gate(Gate::Merge).await;
    assert_eq!(kinds(&waiting), TOGETHER);
    let combined = &waiting.steps[5];
    assert_eq!(
        (combined.state.as_str(), combined.summary.as_str()),
        ("DONE", "Put together the work of coder-1 and coder-2.")
    );
    assert_eq!(site.delivered("fees.txt").await, "fees\n");
    assert_eq!(site.delivered("weights.txt").await, "weights\n");
    assert_eq!(site.delivered("seen.txt").await, "seen.txt\nweights.txt\n", "each sees its own files only");
    let log = site.yard.repository(site.project).log("muster/1-fees-and-weights", 1).await.expect("a log");
    assert!(log[0].author.name() == "coder-1" && log[0].body.contains("Co-authored-by: coder-2"), "{log:#?}");
    assert!(!site.workspaces().join(site.second()).exists(), "it has served");

    let merged = site.yard.approve(site.task, &waiting).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    site.nothing_is_left().await;
    booked_once(&site.yard, site.run).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_conflicts_is_done_once_more_on_top_of_what_stands() {
    let first = [create("both.txt", "one\n"), finish("One.")];
    let second = [create("both.txt", "two\n"), create("other.txt", "two\n"), finish("Two.")];
    let edit = json!({ "path": "both.txt", "action": "replace", "old": "one\n", "new": "one and two\n" });
    let again = [call("patch", &json!({ "edits": [edit] })), finish("On top.")];
    let (site, engine) = Site::begun(&script(&first, &second, &again)).await;
    let waiting = site.until_gate(Gate::Merge).await;
    let expected: Vec<&str> = [&TOGETHER[..6], &["implement"], &TOGETHER[6..]].into_iter().flatten().copied().collect();
    assert_eq!(kinds(&waiting), expected);
    let combined = &waiting.steps[5];
    assert_eq!(combined.state, "FAILED");
    assert_eq!(
        combined.summary,
        "What coder-2 wrote conflicts with the work of coder-1 in both.txt; coder-2 does it once more on top of that."
    );
    assert_eq!(waiting.steps[6].agent.as_deref(), Some("coder-2"));
    assert_eq!(site.delivered("both.txt").await, "one and two\n");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_for_a_role_that_the_squad_lacks_is_the_first_coders() {
    let first = [create("fees.txt", "fees\n"), finish("The fees and their tests are there.")];
    let second = [create("weights.txt", "weights\n"), finish("The weights are there.")];
    let mut script = script(&first, &second, &[]);
    let all = script["conversations"].as_array_mut().expect("conversations");
    let plan = all.iter_mut().find(|one| one["name"] == "plan").expect("the plan's");
    let steps = plan["turns"][0]["calls"][0]["arguments"]["steps"].as_array_mut().expect("steps");
    steps.push(json!({ "title": "tests", "detail": "Write them.", "role": "tester" }));
    // Whoever is told both of its steps is the first.
    let whose = all.iter_mut().find(|one| one["name"] == "first").expect("the first's");
    whose["when"] = json!({ "system": ["Role: coder\nOccasion: first\nSteps: 1, 3\n"], "said": ["3. tests [coder, part fees] (this step is yours)"] });
    let site = Site::new(&script).await;
    let muster = &site.yard.world.muster;
    let squad = muster.squads(&site.yard.scope.can().expect("may")).await.expect("squads")[0].id;
    let mut rules = muster.squad(&site.yard.scope.can().expect("may"), squad).await.expect("a squad").rules;
    for stage in &mut rules.stages {
        stage.roles.retain(|role| *role != AgentRole::Tester);
    }
    muster.set_rules(&site.yard.scope.can().expect("may"), squad, &rules).await.expect("rules");
    let can = site.yard.scope.can().expect("may");
    muster.stop_run(&can, site.run, "Without a tester").await.expect("stopped");
    muster.start_run(&can, site.task, None).await.expect("another run");
    let engine = site.yard.work().await;

    let waiting = site.until_gate(Gate::Merge).await;
    let shown: Vec<_> = waiting.outline.iter().map(|item| (item.title.as_str(), item.role, item.state)).collect();
    let done = |title| (title, Some(AgentRole::Coder), PlanItemState::Done);
    assert_eq!(shown, [done("fees"), done("weights"), done("tests")], "{waiting:#?}");
    let journal = muster.journal(&site.yard.scope.can().expect("may"), waiting.id, 0, 1_000).await.expect("a journal");
    let said = "No tester takes part in this squad, so coder-1 does step 3.";
    assert!(journal.iter().any(|entry| entry.body == Body::Run(RunEvent::Note { text: said.into() })), "{journal:#?}");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_one_waits_until_the_other_is_done() {
    let first = [call("ask", &json!({ "question": "Which rate?" })), create("fees.txt", "new\n"), finish("Fees.")];
    let second = [wait("weights"), create("weights.txt", "weights\n"), finish("Weights.")];
    let (site, engine) = Site::begun(&script(&first, &second, &[])).await;
    site.let_go(&site.second()).await;
    let asking = site.until_gate(Gate::Question).await;
    assert!(is(&asking, "coder-1", "DONE") && is(&asking, "coder-2", "DONE"), "{asking:#?}");
    let waits = asking.waits_for.as_ref().expect("it waits");
    assert_eq!(waits.question.as_deref(), Some("Which rate?"));
    let muster = &site.yard.world.muster;
    let line = muster.runs(&site.yard.scope.can().expect("may"), None, 1).await.expect("runs").remove(0);
    assert_eq!(line.agent.as_deref(), Some("coder-1"), "who asks");
    let can = site.yard.scope.can().expect("may");
    muster.decide(&can, waits.approval, &Decision::Answer("The new one".into())).await.expect("answered");
    let waiting = site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("fees.txt").await, "new\n");
    assert_eq!(site.delivered("weights.txt").await, "weights\n");
    let coders: Vec<_> =
        waiting.steps.iter().filter(|step| step.kind == "implement").map(|step| step.agent.as_deref()).collect();
    assert_eq!(coders, [Some("coder-1"), Some("coder-2"), Some("coder-1")], "only who asked goes on");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_one_holds_both_up_and_both_go_on_where_they_were() {
    let first = [wait("fees"), create("fees.txt", "fees\n"), finish("Fees.")];
    let second = [wait("weights"), create("weights.txt", "weights\n"), finish("Weights.")];
    let (site, engine) = Site::begun(&script(&first, &second, &[])).await;
    let muster = &site.yard.world.muster;
    site.until(|run| is(run, "coder-1", "RUNNING") && is(run, "coder-2", "RUNNING")).await;
    // A pause that came before the first's command would keep it from beginning.
    site.waits(&site.first()).await;
    let manage: Can<ManageBudgets> = site.yard.scope.can().expect("an owner");
    let under_way = async || muster.pauses(&site.yard.scope.can().expect("may")).await.expect("pauses")[0].under_way;
    let idle = muster.pause(&manage, site.agent("tester").await, "Not yet").await.expect("paused");
    assert_eq!(under_way().await, 0, "no run is in a step of the tester's");
    muster.resume(&manage, idle).await.expect("resumed");
    let pause = muster.pause(&manage, site.second_coder().await, "Look at this one").await.expect("paused");
    assert_eq!(under_way().await, 1, "the run stands still only when the first coder's command has ended");
    // The first ends the command it is in, and begins nothing more.
    site.let_go(&site.first()).await;
    let held = site.until(|run| run.held_up.is_some() || !run.state.alive()).await;
    assert_eq!(held.held_up.as_ref().and_then(|why| why.pause), Some(pause), "{held:#?}");
    let begun = std::fs::read_to_string(site.workspaces().join(site.first()).join("begun-fees.txt")).expect("a file");
    assert_eq!(begun, "begun\n", "what is not paused is not disturbed");

    muster.resume(&manage, pause).await.expect("resumed");
    site.let_go(&site.second()).await;
    let waiting = site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("fees.txt").await, "fees\n");
    assert_eq!(site.delivered("weights.txt").await, "weights\n");
    // The first goes on too, unless it had handed its share over before the second noticed the pause.
    let turns = waiting.steps.iter().filter(|step| step.kind == "implement").count();
    assert!((3..=4).contains(&turns), "two, and those that went on: {waiting:#?}");
    booked_once(&site.yard, site.run).await;
    engine.shut_down().await;
}

/// Coder-2 is held up after the first has handed its share over. What was done stays, and what is left goes on.
async fn held_up_alone(site: &Site, engine: &Engine, hold: impl AsyncFnOnce(), let_go: impl AsyncFnOnce()) -> String {
    site.waits(&site.second()).await;
    site.until(|run| is(run, "coder-1", "DONE") || !run.state.alive()).await;
    hold().await;
    site.let_go(&site.second()).await;
    let held = site.until(|run| run.held_up.is_some() || !run.state.alive()).await;
    let why = held.held_up.clone().unwrap_or_else(|| panic!("held up: {held:#?}"));
    assert!(why.sentence.starts_with("coder-2 "), "{why:?}");
    let shown = |run: &RunView, coder| step_of(run, coder).map(|step| (step.state.clone(), step.summary.clone()));
    assert_eq!(shown(&held, "coder-1"), Some(("DONE".into(), "Fees.".into())));
    assert_eq!(shown(&held, "coder-2"), Some(("DONE".into(), why.sentence.clone())));
    let journal = site.yard.world.muster.journal(&site.yard.scope.can().expect("may"), site.run, 0, 1_000).await;
    let told = RunEvent::HeldUp { sentence: why.sentence.clone(), way_out: why.way_out.clone() };
    assert!(journal.expect("a journal").iter().any(|entry| entry.body == Body::Run(told.clone())));

    let_go().await;
    let waiting = site.until_gate(Gate::Merge).await;
    let coders: Vec<_> =
        waiting.steps.iter().filter(|step| step.kind == "implement").filter_map(|step| step.agent.as_deref()).collect();
    assert_eq!(coders, ["coder-1", "coder-2", "coder-2"], "only who was held up goes on: {waiting:#?}");
    assert_eq!(site.delivered("fees.txt").await, "fees\n");
    assert_eq!(site.delivered("weights.txt").await, "weights\n");
    assert_eq!(site.delivered("begun-weights.txt").await, "begun\n", "nothing is done twice");
    booked_once(&site.yard, site.run).await;
    assert_eq!(site.yard.world.muster.reconcile(site.yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
    why.sentence
}

fn one_waits(cost: impl Fn(Value) -> Value) -> Value {
    let first = [create("fees.txt", "fees\n"), finish("Fees.")];
    let second = [wait("weights"), create("weights.txt", "weights\n"), finish("Weights.")];
    script(&first, &second.map(cost), &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_one_holds_the_run_up_and_a_raise_lets_that_one_go_on() {
    let site = Site::new(&one_waits(|turn| costing(turn, 900, 0, 200))).await;
    let engine = site.yard.work().await;
    let limit = async |tokens| site.edit_second_coder(|settings| settings.limits.max_tokens = tokens).await;
    let said = held_up_alone(&site, &engine, async || limit(1_000).await, async || limit(1_000_000).await).await;
    assert_eq!(said, "coder-2 has used 1100 tokens in this run, and its limit is 1000.");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_has_made_its_calls_holds_the_run_up_until_it_may_make_more() {
    let mut site = Site::new(&one_waits(|turn| turn)).await;
    let limit =
        async |site: &Site, calls| site.edit_second_coder(|settings| settings.limits.max_model_calls = calls).await;
    limit(&site, 2).await;
    // A run keeps the bound that it began with until it stands still there.
    let can = site.yard.scope.can().expect("may");
    site.yard.world.muster.stop_run(&can, site.run, "Before its bound").await.expect("stopped");
    site.run = site.yard.world.muster.start_run(&can, site.task, None).await.expect("another run");
    let engine = site.yard.work().await;
    let said = held_up_alone(&site, &engine, async || {}, async || limit(&site, 80).await).await;
    assert_eq!(said, "coder-2 has made 2 model calls in this turn, and its limit is 2.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_model_of_one_holds_the_run_up_until_it_is_allowed() {
    let site = Site::new(&one_waits(|turn| turn)).await;
    let muster = &site.yard.world.muster;
    let base_url = site.yard.tools.demo.clone();
    let settings = ProviderSettings { name: "Spare".into(), kind: Kind::OpenAiChat, base_url, model: "demo".into() };
    let can = site.yard.scope.can().expect("an owner");
    muster.add_model_provider(&can, &settings, "a-key-of-tests").await.expect("a provider");
    let engine = site.yard.work().await;
    let allow = async |models: &[&str]| {
        let models: Vec<String> = models.iter().map(|name| (*name).to_owned()).collect();
        site.edit_second_coder(|settings| settings.allowed_models = models.clone()).await;
    };
    let said = held_up_alone(&site, &engine, async || allow(&["demo/*"]).await, async || allow(&[]).await).await;
    assert!(said.starts_with("coder-2 cannot go on: The agent coder-2 may not use the model "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_both_sandboxes_and_removes_both_workspaces() {
    let waiting = [wait("here"), finish("Never.")];
    let (site, engine) = Site::begun(&script(&waiting, &waiting, &[])).await;
    site.both_wait().await;
    let can = site.yard.scope.can().expect("may");
    site.yard.world.muster.stop_run(&can, site.run, "Enough").await.expect("stopped");
    site.nothing_is_left().await;
    engine.shut_down().await;
}

/// Kills the process at some point, lets another one go on, and looks for what must be there once.
async fn killed_when(reached: impl Fn(&RunView) -> bool) {
    let first = [wait("fees"), create("fees.txt", "fees\n"), finish("Fees.")];
    let second = [shell("echo once >> weights.txt"), shell("echo twice >> weights.txt"), finish("Weights.")];
    let site = Site::new(&script(&first, &second, &[])).await;
    let mut worker = site.yard.worker();
    site.until(reached).await;
    worker.kill().await.expect("killed");
    let next = site.yard.worker();
    site.let_go(&site.first()).await;
    let waiting = site.until_gate(Gate::Merge).await;
    drop(next);
    assert_eq!(kinds(&waiting), TOGETHER);
    assert_eq!(site.delivered("weights.txt").await, "once\ntwice\n");
    assert_eq!(site.delivered("begun-fees.txt").await, "begun\n");
    booked_once(&site.yard, site.run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_both_have_begun() {
    killed_when(|run| step_of(run, "coder-2").is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_one_is_in_a_command_and_the_other_is_done() {
    killed_when(|run| is(run, "coder-2", "DONE")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_with_both() {
    let first = [create("fees.txt", "fees\n"), wait("fees"), finish("Fees.")];
    let second = [create("weights.txt", "weights\n"), wait("weights"), finish("Weights.")];
    let site = Site::new(&script(&first, &second, &[])).await;
    let other = another_folder(&site.yard);
    let mut one = site.yard.node("one", site.yard.data.path(), &PATIENCE);
    site.both_wait().await;
    let two = site.yard.node("two", other.path(), &PATIENCE);
    one.kill().await.expect("killed");
    for name in [site.first(), site.second()] {
        open(other.path().join("workspaces").join(name).join("go")).await;
    }
    let waiting = site.until_gate(Gate::Merge).await;
    drop(two);
    assert_eq!(kinds(&waiting), TOGETHER);
    assert_eq!(site.delivered("fees.txt").await, "fees\n");
    assert_eq!(site.delivered("weights.txt").await, "weights\n");
    booked_once(&site.yard, site.run).await;
    for left in site.yard.shop.sandboxes.list().await.expect("a list") {
        site.yard.shop.sandboxes.destroy(&left.id).await.expect("what the dead node left");
    }
}
