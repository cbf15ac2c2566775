//! A run over files of a test's own, whose agents say what the test wants.

use forge::{Repository, Signature};
use orchestrator::{
    runs::{Decision, Gate, RunView},
    squads::{SquadDetail, Template},
    work::{Commands, NewTask, ProjectSettings, Source},
};
use serde_json::{Value, json};
use time::macros::datetime;
use types::{ProjectId, SquadId, TaskId};

use super::{at_once::playing, yard::Yard};

/// What is said in conversations of which all of this holds.
pub(super) fn when(name: &str, system: &[&str], said: &[&str], turns: &[Value]) -> Value {
    json!({ "name": name, "when": { "system": system, "said": said }, "turns": turns })
}

/// A task that waits to be started, in a project of its own.
pub(super) struct Scripted {
    pub(super) yard: Yard,
    pub(super) project: ProjectId,
    pub(super) task: TaskId,
    squad: SquadId,
}

impl Scripted {
    /// The first conversation that fits is played.
    pub(super) async fn new(
        template: Template,
        files: &[(&str, &str)],
        commands: Commands,
        conversations: &[Value],
    ) -> Self {
        let yard = playing(&json!({ "models": ["*"], "conversations": conversations })).await;
        let muster = &yard.world.muster;
        let source = if files.is_empty() { Source::Empty } else { Source::Git { url: repository(&yard, files).await } };
        let can = yard.scope.can().expect("may");
        let project = muster.create_project(&can, "Fees", &source).await.expect("a project");
        let made = muster.project(&yard.scope.can().expect("may"), project).await.expect("the project");
        let settings = ProjectSettings {
            name: made.name,
            description: made.description,
            default_branch: made.default_branch,
            commands,
            egress_allow: made.egress_allow,
            models_inside: made.models_inside,
            allowed_models: made.allowed_models,
            limits: made.limits,
        };
        muster.update_project(&yard.scope.can().expect("may"), project, &settings).await.expect("settings");
        let squad = muster.form_squad(&yard.scope.can().expect("may"), "Crew", template).await.expect("a squad");
        let task = NewTask::titled("Fees");
        let task = muster.create_task(&yard.scope.can().expect("may"), project, &task).await.expect("a task").id;
        Self { yard, project, task, squad }
    }

    pub(super) async fn squad(&self) -> SquadDetail {
        let can = self.yard.scope.can().expect("may");
        self.yard.world.muster.squad(&can, self.squad).await.expect("a squad")
    }

    pub(super) async fn start(&self) {
        let can = self.yard.scope.can().expect("may");
        self.yard.world.muster.start_run(&can, self.task, None).await.expect("a run");
    }

    /// The run as it waits for a person, or has ended.
    pub(super) async fn stands(&self) -> RunView {
        self.yard.until(self.task, |run| run.waits_for.is_some() || !run.state.alive()).await
    }

    pub(super) async fn until_gate(&self, gate: Gate) -> RunView {
        let run = self.stands().await;
        assert_eq!(run.waits_for.as_ref().map(|waits| waits.gate), Some(gate), "{run:#?}");
        run
    }

    pub(super) async fn decide(&self, run: &RunView, decision: &Decision) {
        let approval = run.waits_for.as_ref().expect("it waits").approval;
        let can = self.yard.scope.can().expect("may");
        self.yard.world.muster.decide(&can, approval, decision).await.expect("decided");
    }

    /// A file as the branch of the run has it; empty where it has none.
    pub(super) async fn delivered(&self, path: &str) -> String {
        let bytes = self.yard.repository(self.project).read("muster/1-fees", path, 1 << 20).await;
        String::from_utf8(bytes.unwrap_or_default()).expect("text")
    }

    /// A file that the run left, from the object store.
    pub(super) async fn kept(&self, run: &RunView, name: &str) -> String {
        let found = run.artifacts.iter().find(|file| file.name == name);
        let found = found.unwrap_or_else(|| panic!("{name} in {:#?}", run.artifacts));
        let kept = self.yard.world.muster.kept_file(&self.yard.scope.can().expect("may"), found.id).await;
        let object = self.yard.store.get(&kept.expect("a row").object).await.expect("an object");
        let bytes = object.body.collect().await.expect("its bytes").into_bytes();
        String::from_utf8(bytes.to_vec()).expect("text")
    }
}

/// The address of a repository with these files.
async fn repository(yard: &Yard, files: &[(&str, &str)]) -> String {
    let folder = yard.data.path().join("origin-files");
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    let origin = yard.data.path().join("origin.git");
    let author = Signature::new("Tove", "tove@example.org", datetime!(2026-11-20 12:00 UTC));
    let main = "main".parse().expect("a name");
    Repository::import_files(&origin, &main, &folder, &author, "Begin").await.expect("a repository");
    format!("file://{}", origin.display())
}
