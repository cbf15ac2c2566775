//! Published packages of three languages: a squad changes them, and their own tests decide inside the sandbox.

mod assignments;
mod packages;

use std::{fs, os::unix::net::UnixStream, path::Path, process::Command, sync::Arc};

use gateway::Kind;
use orchestrator::{
    models::{ProviderSettings, Rates},
    runs::{RunState, RunView},
    squads::Template,
    work::{Archive, Commands, NewTask, ProjectSettings, Source},
};
use sandbox::{Backend, Docker, Local};
use tempfile::TempDir;
use test_needs::{Need, passed_over, shim};
use types::{ProjectId, TaskId};

use self::{
    assignments::{ANSWERS, Assignment, MIME, STRSIM, TOKENS, UNIDIFF},
    packages::{Lacking, Programs, run},
};

use super::yard::Yard;

#[derive(Clone, Copy)]
enum Where {
    Local,
    Docker,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crate_in_bubblewrap() {
    changed_and_merged(&STRSIM, Where::Local).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crate_in_docker() {
    changed_and_merged(&STRSIM, Where::Docker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_package_in_bubblewrap() {
    changed_and_merged(&UNIDIFF, Where::Local).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_package_in_docker() {
    changed_and_merged(&UNIDIFF, Where::Docker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_package_in_bubblewrap() {
    changed_and_merged(&MIME, Where::Local).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_package_in_docker() {
    changed_and_merged(&MIME, Where::Docker).await;
}

/// What the scripted model costs the team, in micro-USD for a million tokens.
const RATES: Rates = Rates { input: 3_000_000, cache_read: 300_000, cache_write: 3_750_000, output: 15_000_000 };
/// One answer of it: 900 tokens read, 300 read from the cache, 45 written. 2,700 + 90 + 675.
const CALL_MICROS: i64 = 3_465;

/// A project of a real package, and what stands around it.
struct Site {
    yard: Yard,
    assignment: &'static Assignment,
    /// The repository elsewhere, if the project is one.
    upstream: Option<TempDir>,
    project: ProjectId,
    task: TaskId,
}

async fn changed_and_merged(assignment: &'static Assignment, place: Where) {
    let Some(site) = Site::open(assignment, place).await else { return };
    let muster = &site.yard.world.muster;
    muster.start_run(&site.yard.scope.can().expect("may"), site.task, None).await.expect("a run");
    let engine = site.yard.work().await;
    let waiting = site.yard.until(site.task, |run| run.waits_for.is_some() || !run.state.alive()).await;
    let kinds: Vec<&str> = waiting.steps.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["prepare", "implement", "verify", "fix", "verify", "deliver"], "{}", site.logs(&waiting).await);

    let merged = site.yard.approve(site.task, &waiting).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    site.changes(&merged).await;
    site.files(&merged).await;
    site.ledger(&merged).await;
    site.history(&merged).await;
    engine.shut_down().await;
}

impl Site {
    /// None, and said so, where a program, the package or Docker is missing.
    async fn open(assignment: &'static Assignment, place: Where) -> Option<Self> {
        let found = Programs::of(assignment.package.registry)
            .and_then(|programs| assignment.package.archive().map(|archive| (programs, archive)));
        let (programs, archive) = found.inspect_err(|Lacking(need, reason)| passed_over(*need, reason)).ok()?;
        let mut yard = Yard::new().await;
        yard.shop.sandboxes = sandboxes(&yard, &programs, place).await?;
        let test = programs.line(assignment.test);
        give_model(&yard, assignment, &test).await;

        let upstream = assignment.elsewhere.then(|| repository(&archive));
        let source = match &upstream {
            Some(folder) => Source::Git { url: format!("file://{}", folder.path().join("origin.git").display()) },
            None => Source::Archive(Archive {
                file_name: archive.file_name().expect("a name").to_string_lossy().into_owned(),
                content: fs::read(&archive).expect("an archive"),
            }),
        };
        let project = add_project(&yard, assignment, &source, test).await;
        let muster = &yard.world.muster;
        muster.form_squad(&yard.scope.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
        let task = NewTask::titled(assignment.title);
        let task = muster.create_task(&yard.scope.can().expect("may"), project, &task).await.expect("a task").id;
        Some(Self { yard, assignment, upstream, project, task })
    }

    /// The change is the edits and nothing that building or testing left.
    async fn changes(&self, run: &RunView) {
        let changes = self.yard.world.muster.run_changes(&self.yard.scope.can().expect("may"), run.id).await;
        let changes = changes.expect("changes");
        let mut paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
        let mut expected: Vec<&str> = self.assignment.change.iter().map(|edit| edit.path).collect();
        paths.sort_unstable();
        expected.sort_unstable();
        assert_eq!(paths, expected);
        let lines = changes.iter().flat_map(|change| &change.hunks).flat_map(|hunk| &hunk.lines);
        let text: Vec<&str> = lines.map(|line| line.text.as_str()).collect();
        assert!(text.iter().any(|line| line.contains(self.assignment.fix.new)), "{text:#?}");
        assert!(!text.iter().any(|line| line.contains(self.assignment.fix.old)), "{text:#?}");
    }

    /// The logs and the patch come back from the object store as they were.
    async fn files(&self, run: &RunView) {
        assert!(run.checks.iter().all(|check| check.passed && check.name == "test"), "{:?}", run.checks);
        let (failed, passed) = (self.file(run, "test-1.log").await, self.file(run, "test-2.log").await);
        assert!(failed.contains(self.assignment.failing) && !failed.contains(self.assignment.passing), "{failed}");
        assert!(passed.contains(self.assignment.passing) && !passed.contains(self.assignment.failing), "{passed}");
        let patch = run.artifacts.iter().find(|file| file.kind == "patch").expect("a patch");
        let patch = self.file(run, &patch.name).await;
        for edit in self.assignment.change {
            assert!(patch.contains(&format!("+++ b/{}", edit.path)), "{patch}");
        }
        // What is kept is the whole change: the first files with the patch are the merged files.
        let folder = tempfile::tempdir().expect("a folder");
        let bare = self.repository();
        git(folder.path(), &["clone", "--quiet", &bare.display().to_string(), "."]);
        git(folder.path(), &["checkout", "--quiet", run.base.as_deref().expect("a base")]);
        fs::write(folder.path().join(".git/change.patch"), patch).expect("a file");
        git(folder.path(), &["apply", ".git/change.patch"]);
        git(folder.path(), &["add", "--all"]);
        assert_eq!(git(folder.path(), &["diff", "--cached", "--stat", "origin/main"]), "");
    }

    async fn logs(&self, run: &RunView) -> String {
        let mut all = format!("{:?} {:?}\n", run.state, run.failure);
        for log in run.artifacts.iter().filter(|file| file.kind == "log") {
            all.push_str(&self.file(run, &log.name).await);
        }
        all
    }

    async fn file(&self, run: &RunView, name: &str) -> String {
        let found = run.artifacts.iter().find(|file| file.name == name);
        let found = found.unwrap_or_else(|| panic!("{name} in {:#?}", run.artifacts));
        let kept = self.yard.world.muster.kept_file(&self.yard.scope.can().expect("may"), found.id).await;
        let object = self.yard.store.get(&kept.expect("a row").object).await.expect("an object");
        let bytes = object.body.collect().await.expect("its bytes").into_bytes();
        assert_eq!(i64::try_from(bytes.len()), Ok(found.size));
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    /// Each call of the model stands in the ledger as the model reported it, at the agreed price; their sum is the run's cost.
    async fn ledger(&self, run: &RunView) {
        assert_eq!((run.tokens, run.cost.micros(), run.cost_incomplete), (TOKENS, ANSWERS * CALL_MICROS, false));
        assert_eq!(run.steps.iter().map(|step| step.cost.micros()).sum::<i64>(), ANSWERS * CALL_MICROS);
        assert_eq!(run.providers, ["Own server"]);
        assert_eq!(run.steps.iter().map(|step| step.tokens).sum::<i64>(), TOKENS);
        let mut rows = self.yard.world.superuser().await;
        let (calls, fresh, cached, written, cost, dear): (i64, i64, i64, i64, i64, i64) = sqlx::query_as(
            "SELECT count(*), sum(uncached)::bigint, sum(cache_read)::bigint, sum(output + reasoning)::bigint,
                    sum(cost_micro_usd)::bigint, count(*) FILTER (WHERE cost_micro_usd = $4)
             FROM usage WHERE run_id = $1 AND task_id = $2 AND project_id = $3 AND model = 'measured'",
        )
        .bind(run.id.uuid())
        .bind(self.task.uuid())
        .bind(self.project.uuid())
        .bind(CALL_MICROS)
        .fetch_one(&mut rows)
        .await
        .expect("sums");
        assert_eq!((calls, dear, cost), (ANSWERS, ANSWERS, ANSWERS * CALL_MICROS));
        assert_eq!((fresh, cached, written), (ANSWERS * 900, ANSWERS * 300, ANSWERS * 45));
    }

    /// A merge of a person over a commit of the agent, over what was published; also where the code came from.
    async fn history(&self, run: &RunView) {
        let bare = self.repository();
        let format = "--format=%an|%cn|%P|%s";
        let log = git(&bare, &["log", "--topo-order", format, "main"]);
        let [merge, change, first] = log.lines().collect::<Vec<_>>()[..] else { panic!("three commits: {log}") };
        let (author, parents) = (field(merge, 0), field(merge, 2));
        assert_eq!((author, parents.split(' ').count()), ("Ada", 2), "{merge}");
        assert!(field(change, 0).starts_with("coder"), "{change}");
        assert_eq!((field(change, 1), field(change, 3)), ("Muster", self.assignment.title));
        assert_eq!(field(first, 0), if self.upstream.is_some() { "Upstream" } else { "Ada" });
        let body =
            git(&bare, &["log", "-1", "--format=%B", &format!("{}^2", run.merge.as_ref().expect("merged").commit)]);
        assert!(body.contains("Co-authored-by: Ada <"), "{body}");
        if let Some(folder) = &self.upstream {
            assert_eq!(git(&folder.path().join("origin.git"), &["log", "--topo-order", format, "main"]), log);
        }
    }

    fn repository(&self) -> std::path::PathBuf {
        let team = self.yard.data.path().join("repositories").join(self.yard.scope.team().to_string());
        team.join(format!("{}.git", self.project))
    }
}

fn field(line: &str, at: usize) -> &str {
    line.split('|').nth(at).expect("a field")
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    run(Command::new("git").current_dir(folder).args(arguments)).expect("git")
}

/// Its sources in a repository, as if somebody kept them elsewhere.
fn repository(archive: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let work = folder.path().join("work");
    fs::create_dir(&work).expect("a folder");
    let mut tar = Command::new("tar");
    tar.current_dir(&work).args(["--extract", "--gzip", "--strip-components=1", "--no-same-owner", "--file"]);
    run(tar.arg(archive)).expect("tar");
    git(&work, &["init", "--quiet", "--initial-branch=main"]);
    git(&work, &["add", "--all"]);
    let person = ["-c", "user.name=Upstream", "-c", "user.email=upstream@example.org"];
    git(&work, &[&person[..], &["commit", "--quiet", "--message=As published"]].concat());
    git(folder.path(), &["clone", "--quiet", "--bare", "work", "origin.git"]);
    folder
}

async fn sandboxes(yard: &Yard, programs: &Programs, place: Where) -> Option<Arc<dyn Backend>> {
    let settings = sandbox::Settings {
        shim: shim(),
        registry: yard.tools.data.join("registry"),
        host_paths: programs.shown.clone(),
        ..sandbox::Settings::default()
    };
    match place {
        Where::Local => Some(Arc::new(Local::new(settings))),
        Where::Docker => docker(settings).await.map(|docker| Arc::new(docker) as Arc<dyn Backend>),
    }
}

async fn docker(settings: sandbox::Settings) -> Option<Docker> {
    let mut asked = 0;
    loop {
        asked += 1;
        match Docker::open(settings.clone()).await {
            Ok(docker) => return Some(docker),
            // One that listens is there, and may only be busy. Each try waits for an answer some seconds.
            Err(_) if asked < 12 && UnixStream::connect("/var/run/docker.sock").is_ok() => {}
            Err(trouble) => {
                passed_over(Need::Docker, trouble);
                return None;
            }
        }
    }
}

/// A provider of the team's own, in the wanted wire format.
async fn give_model(yard: &Yard, assignment: &Assignment, test: &str) {
    let script = demo_model::Script::parse(&assignment.script(test)).expect("a script");
    let url = yard.serve_model(script).await;
    let base_url = if assignment.wire == Kind::OpenAiChat { format!("{url}/v1") } else { url };
    let settings =
        ProviderSettings { name: "Own server".into(), kind: assignment.wire, base_url, model: "measured".into() };
    let muster = &yard.world.muster;
    let provider = muster.add_model_provider(&yard.scope.can().expect("may"), &settings, "").await.expect("a provider");
    muster.agree_price(&yard.scope.can().expect("may"), provider, "measured", RATES).await.expect("a price");
}

async fn add_project(yard: &Yard, assignment: &Assignment, source: &Source, test: String) -> ProjectId {
    let muster = &yard.world.muster;
    let name = assignment.package.name;
    let project = muster.create_project(&yard.scope.can().expect("may"), name, source).await.expect("a project");
    let made = muster.project(&yard.scope.can().expect("may"), project).await.expect("the project");
    let settings = ProjectSettings {
        name: made.name,
        description: made.description,
        default_branch: made.default_branch,
        commands: Commands { setup: None, build: None, test: Some(test) },
        egress_allow: made.egress_allow,
        models_inside: made.models_inside,
        allowed_models: made.allowed_models,
        limits: made.limits,
    };
    muster.update_project(&yard.scope.can().expect("may"), project, &settings).await.expect("settings");
    project
}
