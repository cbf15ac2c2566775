//! Everything that a run needs, and a squad to do it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use artifacts::{
    Store, StoreSettings,
    embedded::{Credentials, Embedded, Limits},
};
use gateway::{Kind, Provider};
use orchestrator::{
    GitReach, Orchestrator, SandboxReach, Scope, Settings,
    runs::{Decision, Engine, EngineLimits, EngineSettings, Gate, Patience, RunKeys, RunState, RunView, Shop},
    squads::Template,
    testing::World,
    work::{NewTask, Source},
};
use sandbox::{Image, Local};
use tempfile::TempDir;
use test_needs::shim;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use types::{ProjectId, TaskId};

/// The tables whose rows a test waits for in a [`RunView`].
const SHOWN: [&str; 4] = ["runs", "run_steps", "approvals", "usage"];

/// A team with a squad and the sample project, and an engine that works for it until the yard is dropped.
pub(crate) struct Yard {
    pub(crate) world: World,
    pub(crate) scope: Scope,
    pub(crate) data: TempDir,
    pub(crate) store: Store,
    pub(crate) shop: Shop,
    pub(crate) tools: Tools,
    stop: CancellationToken,
}

pub(crate) fn settings(data: &Path) -> Settings {
    let git_reach = GitReach { file: true, loopback: true, private: false };
    let sandbox_reach = SandboxReach::Loopback;
    Settings {
        data_dir: data.to_owned(),
        git_reach,
        sandbox_reach,
        allow_local_repositories: true,
        ..Settings::default()
    }
}

impl Yard {
    pub(crate) async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    /// Where the installation has chosen something else.
    pub(crate) async fn with(choose: impl FnOnce(Settings) -> Settings) -> Self {
        // A socket's path may be about 100 bytes long, so the folder stands near the root.
        let data = tempfile::Builder::new().prefix("my-").tempdir_in("/tmp").expect("a folder");
        let world = World::with(choose(settings(data.path()))).await;
        world.tell_of_writes(&SHOWN).await;
        let ada = world.person("Ada").await;
        let (_, scope) = world.team("quayside", &ada).await;
        let stop = CancellationToken::new();
        let endpoint = serve_objects(data.path(), &stop).await;
        let store = store(&endpoint);
        store.ensure_bucket().await.expect("a bucket");
        let recording = demo_model::Script::parse(agents::sample::RECORDING).expect("a recording");
        let demo = format!("{}/v1", serve_model(recording, &stop).await);
        let tools = Tools { data: data.path().to_owned(), endpoint, demo };
        let shop = tools.shop(world.muster.clone());
        fs::create_dir_all(tools.registry()).expect("a folder");
        Self { world, scope, data, store, shop, tools, stop }
    }

    /// Works on runs until the yard is dropped.
    pub(crate) async fn work(&self) -> Arc<Engine> {
        self.work_within(EngineLimits::default()).await
    }

    pub(crate) async fn work_within(&self, limits: EngineLimits) -> Arc<Engine> {
        let settings = EngineSettings {
            database_url: self.world.engine_url().to_owned(),
            node: "test".into(),
            limits,
            patience: Patience::default(),
        };
        let engine = Arc::new(Engine::launch(self.shop.clone(), &settings).await.expect("an engine"));
        let dispatcher = Arc::clone(&engine);
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(async { dispatcher.dispatch().await }).await });
        let (muster, stop) = (self.world.muster.clone(), self.stop.clone());
        tokio::spawn(async move { stop.run_until_cancelled(async { muster.hear_runs().await }).await });
        engine
    }

    pub(crate) async fn sample_task(&self, template: Template) -> (ProjectId, TaskId) {
        let can = self.scope.can().expect("may");
        let project = self.world.muster.create_project(&can, "Parcels", &Source::Sample).await.expect("a project");
        (project, self.task_in(project, template).await)
    }

    /// The sample's task, in a project with the sample's code.
    pub(crate) async fn task_in(&self, project: ProjectId, template: Template) -> TaskId {
        let muster = &self.world.muster;
        muster.form_squad(&self.scope.can().expect("may"), "Crew", template).await.expect("a squad");
        let wanted = agents::sample::ASSIGNMENT;
        let can = self.scope.can().expect("may");
        let task = NewTask {
            description: wanted.description.into(),
            acceptance: wanted.acceptance.into(),
            ..NewTask::titled(wanted.title)
        };
        muster.create_task(&can, project, &task).await.expect("a task").id
    }

    pub(crate) fn repository(&self, project: ProjectId) -> forge::Repository {
        let team = self.data.path().join("repositories").join(self.scope.team().to_string());
        forge::Repository::open(team.join(format!("{project}.git"))).expect("a repository")
    }

    /// Where sandboxes of this machine are written down.
    pub(crate) fn registry(&self) -> PathBuf {
        self.tools.registry()
    }

    /// Whether none is left. While one is being removed, reading the list may fail: then one is left.
    pub(crate) async fn has_no_sandbox(&self) -> bool {
        self.shop.sandboxes.list().await.is_ok_and(|left| left.is_empty())
    }

    /// Lets the squad work on the task until it waits for its review, and returns the run.
    pub(crate) async fn reviewable(&self, task: TaskId) -> RunView {
        let muster = &self.world.muster;
        muster.start_run(&self.scope.can().expect("may"), task, None).await.expect("a run");
        let busy = |run: &RunView| matches!(run.state, RunState::Running | RunState::Queued);
        let run = self.until(task, |run| !busy(run)).await;
        assert_eq!(run.waits_for.as_ref().map(|waits| waits.gate), Some(Gate::Merge), "{run:#?}");
        run
    }

    /// Approves what waits, and waits for the run's end.
    pub(crate) async fn approve(&self, task: TaskId, run: &RunView) -> RunView {
        let waits = run.waits_for.as_ref().expect("it waits");
        let can = self.scope.can().expect("may");
        self.world.muster.decide(&can, waits.approval, &Decision::Approve).await.expect("approved");
        self.until(task, |run| !run.state.alive()).await
    }

    /// The address of another model, which goes away with the yard.
    pub(crate) async fn serve_model(&self, script: demo_model::Script) -> String {
        serve_model(script, &self.stop).await
    }

    /// The address of another server, which goes away with the yard.
    pub(crate) async fn serve(&self, router: axum::Router) -> String {
        serve(router, &self.stop).await
    }

    /// Waits until the task's run is as wanted, and returns it. Only its rows are heard of: for files there are `Folders`.
    pub(crate) async fn until(&self, task: TaskId, wanted: impl Fn(&RunView) -> bool) -> RunView {
        let can = self.scope.can().expect("may");
        let run = self.world.muster.run_of_task(&can, task).await.expect("a database").expect("a run");
        // Not the product's own word of a run, which comes to this process only while it works on runs itself.
        let mut writes = self.world.writes(&SHOWN).await;
        let waiting = async {
            loop {
                let run = self.world.muster.run(&can, run.id).await.expect("a run");
                if wanted(&run) {
                    return run;
                }
                writes.more().await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(120), waiting).await {
            Ok(run) => run,
            Err(_) => panic!("{:#?}", self.world.muster.run(&can, run.id).await),
        }
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What a process needs to know to carry runs out in the same yard.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) data: PathBuf,
    /// Of the object store.
    pub(crate) endpoint: String,
    /// Of the demo model.
    pub(crate) demo: String,
}

impl Tools {
    fn registry(&self) -> PathBuf {
        self.data.join("registry")
    }

    pub(crate) fn shop(&self, muster: Orchestrator) -> Shop {
        Shop {
            muster,
            node: "test".into(),
            sandboxes: Arc::new(Local::new(sandbox::Settings {
                shim: shim(),
                registry: self.registry(),
                ..sandbox::Settings::default()
            })),
            image: Image::Host,
            store: store(&self.endpoint),
            demo: Provider::new(Kind::OpenAiChat, &self.demo, None).expect("an address").internal(),
            inside: None,
            keys: RunKeys::default(),
        }
    }
}

const ACCESS_KEY: &str = "muster";
const SECRET_KEY: &str = "a secret of tests";

fn store(endpoint: &str) -> Store {
    Store::new(&StoreSettings {
        endpoint: Some(endpoint.to_owned()),
        public_endpoint: None,
        region: "local".into(),
        bucket: "muster".into(),
        access_key: ACCESS_KEY.into(),
        secret_key: SECRET_KEY.into(),
        path_style: true,
    })
}

async fn serve_objects(data: &Path, stop: &CancellationToken) -> String {
    let credentials = Credentials { access_key: ACCESS_KEY.into(), secret_key: SECRET_KEY.into() };
    let limits = Limits { min_free_bytes: 0, ..Limits::default() };
    let embedded = Embedded::open(&data.join("objects"), &credentials, limits).expect("a store");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let stop = stop.clone();
    tokio::spawn(async move { embedded.serve(listener, stop).await });
    endpoint
}

/// A model that replays a recording, until `stop`.
async fn serve_model(script: demo_model::Script, stop: &CancellationToken) -> String {
    serve(demo_model::router(script), stop).await
}

async fn serve(router: axum::Router, stop: &CancellationToken) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let stop = stop.clone();
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    tokio::spawn(async move { served.await });
    url
}
