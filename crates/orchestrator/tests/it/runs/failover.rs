//! Two nodes share a database and the repositories. One dies, or hangs and comes back: the other goes on with its run, and
//! nothing is done twice.

use std::{os::unix::fs::symlink, path::Path, process::Command, time::Duration};

use orchestrator::{
    runs::{Patience, RunState, RunView},
    squads::Template,
};
use tempfile::TempDir;
use tokio::process::Child;
use types::{ProjectId, RunId, TaskId};

use super::{
    crash::{FULL, nothing_twice},
    yard::Yard,
};

/// Short, so that nobody waits; long enough for a busy machine.
pub(super) const PATIENCE: Patience =
    Patience { heartbeat: Duration::from_millis(250), silence: Duration::from_millis(2_500) };

/// Two folders, of which each node has one. What several machines must share is one of the folders' repositories.
struct Two {
    yard: Yard,
    second: TempDir,
    project: ProjectId,
    task: TaskId,
    run: RunId,
}

/// The folder of another node, with the same repositories.
pub(super) fn another_folder(yard: &Yard) -> TempDir {
    let second = tempfile::Builder::new().prefix("my-").tempdir_in("/tmp").expect("a folder");
    std::fs::create_dir_all(yard.data.path().join("repositories")).expect("a folder");
    std::fs::create_dir_all(second.path().join("registry")).expect("a folder");
    symlink(yard.data.path().join("repositories"), second.path().join("repositories")).expect("a link");
    second
}

impl Two {
    async fn new() -> Self {
        let yard = Yard::new().await;
        yard.world.tell_of_writes(&ASKED).await;
        let second = another_folder(&yard);
        let (project, task) = yard.sample_task(Template::Full).await;
        let run = yard.world.muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
        Self { yard, second, project, task, run }
    }

    fn first(&self) -> Child {
        self.yard.node("one", self.yard.data.path(), &PATIENCE)
    }

    fn second(&self) -> Child {
        self.yard.node("two", self.second.path(), &PATIENCE)
    }

    /// Waits until the database answers yes.
    async fn until(&self, question: &str) {
        let world = &self.yard.world;
        let (mut rows, mut writes) = (world.superuser().await, world.writes(&ASKED).await);
        let asked = async {
            while !sqlx::query_scalar::<_, bool>(sqlx::AssertSqlSafe(question.to_owned()))
                .bind(self.run.uuid())
                .fetch_one(&mut rows)
                .await
                .expect("an answer")
            {
                writes.more().await;
            }
        };
        let can = self.yard.scope.can().expect("may");
        let run = self.yard.world.muster.run(&can, self.run);
        if tokio::time::timeout(Duration::from_secs(60), asked).await.is_err() {
            panic!("{question}: {:#?}", run.await);
        }
    }

    async fn until_gate(&self) -> RunView {
        let run = self.yard.until(self.task, |run| run.state == RunState::Waiting || !run.state.alive()).await;
        assert_eq!(run.state, RunState::Waiting, "{run:#?}");
        let kinds: Vec<&str> = run.steps.iter().map(|step| step.kind.as_str()).collect();
        assert_eq!(kinds, FULL);
        run
    }

    /// Approves, and looks at everything that must be there once.
    async fn merged_once(&self, waiting: &RunView) {
        let merged = self.yard.approve(self.task, waiting).await;
        assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
        nothing_twice(&self.yard, self.run).await;
        let path = self.yard.repository(self.project).path().to_owned();
        assert_eq!(git(&path, &["rev-list", "--merges", "--count", "HEAD"]), "1", "one merge");
        assert_eq!(git(&path, &["rev-list", "--no-merges", "--count", "HEAD"]), "2", "the sample and the change");
    }
}

pub(super) fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("--git-dir").arg(repository).args(arguments).output().expect("git");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn signal(process: &Child, name: &str) {
    let id = process.id().expect("it lives").to_string();
    assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
}

/// The tables that the questions below are about.
const ASKED: [&str; 4] = ["run_events", "run_steps", "runs", "nodes"];
const EDITED: &str = "SELECT count(*) > 1 FROM run_events WHERE run_id = $1 AND body ->> 'type' = 'file_edit'";
const VERIFYING: &str = "SELECT EXISTS (SELECT FROM run_steps WHERE run_id = $1 AND kind = 'verify')";
const DELIVERING: &str = "SELECT EXISTS (SELECT FROM run_steps WHERE run_id = $1 AND kind = 'deliver')";
const WITH_THE_SECOND: &str = "SELECT node = 'two' FROM runs WHERE id = $1";
const FIRST_BEGAN_ANEW: &str =
    "SELECT epoch = 2 AND lost_at IS NULL AND $1::uuid IS NOT NULL FROM nodes WHERE name = 'one'";

async fn another_goes_on_after_a_kill(reached: &str) {
    let two = Two::new().await;
    let mut first = two.first();
    two.until(reached).await;
    let second = two.second();
    first.kill().await.expect("killed");
    let waiting = two.until_gate().await;
    two.until(WITH_THE_SECOND).await;
    two.merged_once(&waiting).await;
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_in_the_middle_of_a_turn() {
    another_goes_on_after_a_kill(EDITED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_with_the_checks() {
    another_goes_on_after_a_kill(VERIFYING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_with_the_delivery() {
    another_goes_on_after_a_kill(DELIVERING).await;
}

/// The first hangs longer than the others wait, and wakes up while the second works on its run.
async fn a_sleeper_does_nothing(reached: &str) {
    let two = Two::new().await;
    let first = two.first();
    two.until(reached).await;
    signal(&first, "-STOP");
    let second = two.second();
    two.until(WITH_THE_SECOND).await;
    signal(&first, "-CONT");
    let waiting = two.until_gate().await;
    two.until(FIRST_BEGAN_ANEW).await;
    two.merged_once(&waiting).await;
    drop((first, second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_in_a_turn_does_not_go_on_beside_the_other() {
    a_sleeper_does_nothing(EDITED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_during_checks_does_not_go_on_beside_the_other() {
    a_sleeper_does_nothing(VERIFYING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_while_delivering_does_not_go_on_beside_the_other() {
    a_sleeper_does_nothing(DELIVERING).await;
}
