//! What a pause ends wherever it comes from and whatever else is under way, and what is resumed or raised in the moment before a
//! run stands still.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use orchestrator::{
    Can, Db, Orchestrator,
    budgets::Subject,
    db::PoolSettings,
    grants::ManageBudgets,
    runs::{Engine, EngineLimits, EngineSettings, Gate, Patience, RunView},
    squads::Template,
    testing,
    work::{Commands, NewTask},
};
use sandbox::{Backend, Found, Probe, Sandbox, Spec, Trouble, egress::Egress};
use tokio::sync::watch;
use types::RunId;

use super::{
    at_once::{Site, create, finish, script, wait},
    folders::{comes, open},
    held_up::{allow, paid_model},
    scripted::{Scripted, when},
    yard::{Yard, settings},
};

/// What stands still at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shut {
    Attach,
    Destroy,
}

/// Sandboxes behind a gate: while it is shut, one thing that is done with them waits.
#[derive(Debug)]
struct Gated {
    inner: Arc<dyn Backend>,
    /// What waits, with sandboxes whose name holds the words.
    shut: watch::Sender<Option<(Shut, String)>>,
    /// How many have come to it.
    came: watch::Sender<u32>,
}

impl Gated {
    /// Puts a gate before the sandboxes of a yard.
    fn before(yard: &mut Yard) -> Arc<Self> {
        let inner = Arc::clone(&yard.shop.sandboxes);
        let gated = Arc::new(Self { inner, shut: watch::Sender::new(None), came: watch::Sender::new(0) });
        yard.shop.sandboxes = gated.clone();
        gated
    }

    fn shut(&self, what: Shut, words: &str) {
        self.shut.send_replace(Some((what, words.to_owned())));
    }

    fn open(&self) {
        self.shut.send_replace(None);
    }

    /// Waits until something stands before the gate.
    async fn reached(&self) {
        let came = tokio::time::timeout(std::time::Duration::from_secs(60), async {
            self.came.subscribe().wait_for(|came| *came > 0).await.expect("a gate");
        });
        came.await.expect("something comes to the gate");
    }

    async fn pass(&self, what: Shut, id: &str) {
        let mut shut = self.shut.subscribe();
        let stops = |shut: &Option<(Shut, String)>| {
            shut.as_ref().is_some_and(|(one, words)| *one == what && id.contains(words))
        };
        if stops(&shut.borrow()) {
            self.came.send_modify(|came| *came += 1);
        }
        drop(shut.wait_for(|shut| !stops(shut)).await.expect("a gate"));
    }
}

#[async_trait]
impl Backend for Gated {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn probe(&self) -> Result<Probe, Trouble> {
        self.inner.probe().await
    }

    async fn create(&self, spec: &Spec) -> sandbox::Result<Sandbox> {
        self.inner.create(spec).await
    }

    async fn attach(&self, id: &str, egress: Option<Egress>) -> sandbox::Result<Option<Sandbox>> {
        self.pass(Shut::Attach, id).await;
        self.inner.attach(id, egress).await
    }

    async fn list(&self) -> sandbox::Result<Vec<Found>> {
        self.inner.list().await
    }

    async fn destroy(&self, id: &str) -> sandbox::Result<()> {
        self.pass(Shut::Destroy, id).await;
        self.inner.destroy(id).await
    }

    async fn hand_over(&self, folder: &Path) -> sandbox::Result<()> {
        self.inner.hand_over(folder).await
    }
}

/// A coder alone whose first command waits.
async fn one_waits() -> (Scripted, Arc<Gated>) {
    let turns = [wait("fees"), wait("more"), create("fees.txt", "fees\n"), finish("Fees.")];
    let conversations = [when("write", &["Role: coder\n"], &[], &turns)];
    let mut site = Scripted::new(Template::Solo, &[], Commands::default(), &conversations).await;
    let gate = Gated::before(&mut site.yard);
    (site, gate)
}

fn pipe(site: &Scripted, run: RunId) -> std::path::PathBuf {
    site.yard.data.path().join("workspaces").join(run.to_string()).join("go")
}

/// The run, in the middle of a command.
async fn in_a_command(site: &Scripted) -> RunView {
    let run = site.yard.until(site.task, |run| run.steps.iter().any(|step| step.kind == "implement")).await;
    let pipe = pipe(site, run.id);
    let came = tokio::time::timeout(std::time::Duration::from_secs(60), comes(&pipe));
    came.await.expect("a command that waits");
    run
}

fn manage(site: &Scripted) -> Can<ManageBudgets> {
    site.yard.scope.can().expect("an owner")
}

/// The coder is refused its next call, and gives its sandbox back to stand still. Meanwhile the reason goes away: the run goes on.
async fn over_before_it_stands_still(
    site: &Scripted,
    gate: &Gated,
    hold: impl AsyncFnOnce(),
    let_go: impl AsyncFnOnce(),
) {
    site.start().await;
    let engine = site.yard.work().await;
    let run = in_a_command(site).await;
    // Whoever pauses ends commands too; here the command ends by itself and the refused call is what counts.
    gate.shut(Shut::Destroy, &run.id.to_string());
    hold().await;
    open(pipe(site, run.id)).await;
    let mut rows = site.yard.world.superuser().await;
    let mut writes = site.yard.world.writes(&["runs"]).await;
    let kept = async {
        let asking = "SELECT asking IS NOT NULL AND state = 'RUNNING' FROM runs WHERE id = $1";
        while !sqlx::query_scalar::<_, bool>(asking).bind(run.id.uuid()).fetch_one(&mut rows).await.expect("a row") {
            writes.more().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), kept).await.expect("its turn is kept");
    gate.reached().await;
    let_go().await;
    gate.open();
    open(pipe(site, run.id)).await;
    site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("fees.txt").await, "fees\n");
    assert_eq!(site.yard.world.muster.reconcile(site.yard.scope.team()).await.expect("books"), []);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_is_over_before_the_run_stands_still_holds_nothing_up() {
    let (site, gate) = one_waits().await;
    let muster = &site.yard.world.muster;
    let pause = std::cell::OnceCell::new();
    let hold = async || {
        let ordered = muster.pause(&manage(&site), Subject::TEAM, "Look").await.expect("paused");
        pause.set(ordered).expect("one");
    };
    let let_go = async || muster.resume(&manage(&site), *pause.get().expect("one")).await.expect("resumed");
    over_before_it_stands_still(&site, &gate, hold, let_go).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_raised_before_the_run_stands_still_holds_nothing_up() {
    let (site, gate) = one_waits().await;
    paid_model(&site.yard).await;
    allow(&site.yard, 10_000).await;
    let (hold, let_go) = (async || allow(&site.yard, 0).await, async || allow(&site.yard, 10_000).await);
    over_before_it_stands_still(&site, &gate, hold, let_go).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_a_squad_that_another_process_orders_ends_its_commands() {
    let first = [wait("fees"), create("fees.txt", "fees\n"), finish("Fees.")];
    let second = [wait("weights"), create("weights.txt", "weights\n"), finish("Weights.")];
    let site = Site::new(&script(&first, &second, &[])).await;
    let (world, data) = (&site.yard.world, site.yard.data.path());
    let pool = PoolSettings { max_connections: 2, ..PoolSettings::default() };
    let db = Db::open(world.app_url(), world.system_url(), &pool).expect("addresses");
    let (hasher, keys, gateway) = (identity::Hasher::new(1), testing::keys(), testing::gateway());
    let other = Orchestrator::new(db, world.clock.clone(), hasher, keys, gateway, settings(data));
    let engine = site.yard.work().await;
    site.both_wait().await;
    let manage: Can<ManageBudgets> = site.yard.scope.can().expect("an owner");
    let squad = Subject { agent: None, ..site.second_coder().await };
    let pause = other.pause(&manage, squad, "Everybody of the crew").await.expect("paused");
    let held = site.until(|run| run.held_up.is_some() || !run.state.alive()).await;
    assert_eq!(held.held_up.as_ref().and_then(|why| why.pause), Some(pause), "{held:#?}");
    assert!(site.yard.has_no_sandbox().await, "no process of an agent runs");
    let proof = other.pauses(&site.yard.scope.can().expect("may read")).await.expect("pauses").remove(0);
    let stopped: Vec<_> = proof.stopped.iter().map(|stopped| stopped.run).collect();
    assert_eq!((stopped, proof.under_way), (vec![held.id], 0));

    other.resume(&manage, pause).await.expect("resumed");
    site.let_go(&site.first()).await;
    site.let_go(&site.second()).await;
    site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("weights.txt").await, "weights\n");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_does_not_wait_for_sandboxes_that_are_being_removed() {
    let (site, gate) = one_waits().await;
    let muster = &site.yard.world.muster;
    site.start().await;
    let engine = site.yard.work().await;
    let stopped = in_a_command(&site).await;
    let can = site.yard.scope.can().expect("may");
    let second = muster.create_task(&can, site.project, &NewTask::titled("Weights")).await.expect("a task").id;
    let run = muster.start_run(&site.yard.scope.can().expect("may"), second, None).await.expect("a run");
    let began = tokio::time::timeout(std::time::Duration::from_secs(60), async { comes(&pipe(&site, run)).await });
    began.await.expect("a command that waits");

    gate.shut(Shut::Destroy, &stopped.id.to_string());
    muster.stop_run(&site.yard.scope.can().expect("may"), stopped.id, "Enough").await.expect("stopped");
    gate.reached().await;
    let pause = muster.pause(&manage(&site), Subject::TEAM, "Look").await.expect("paused");
    let held = site.yard.until(second, |run| run.held_up.is_some() || !run.state.alive()).await;
    assert_eq!(held.held_up.as_ref().and_then(|why| why.pause), Some(pause), "{held:#?}");
    gate.open();
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_begins_after_the_order_dies_at_once() {
    let (site, gate) = one_waits().await;
    let muster = &site.yard.world.muster;
    site.start().await;
    let settings = EngineSettings {
        database_url: site.yard.world.engine_url().to_owned(),
        node: "test".into(),
        limits: EngineLimits::default(),
        patience: Patience::default(),
    };
    let engine = Arc::new(Engine::launch(site.yard.shop.clone(), &settings).await.expect("an engine"));
    let dispatching = Arc::clone(&engine);
    let dispatcher = tokio::spawn(async move { dispatching.dispatch().await });
    let run = in_a_command(&site).await;
    gate.shut(Shut::Attach, &run.id.to_string());
    open(pipe(&site, run.id)).await;
    gate.reached().await;
    // Nobody else ends what a pause is about: the last look at the pauses was before this order.
    dispatcher.abort();
    assert!(dispatcher.await.expect_err("it would go on").is_cancelled());
    let pause = muster.pause(&manage(&site), Subject::TEAM, "Look").await.expect("paused");
    gate.open();
    let held = site.yard.until(site.task, |run| run.held_up.is_some() || !run.state.alive()).await;
    assert_eq!(held.held_up.as_ref().and_then(|why| why.pause), Some(pause), "{held:#?}");
    assert!(site.yard.has_no_sandbox().await, "no process of an agent runs");
    engine.shut_down().await;
}
