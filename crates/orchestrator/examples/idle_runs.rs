//! For `cargo xtask bench runs`: how long workflows that do nothing take, in steps as runs have them and in steps of the bare
//! engine. Both write to databases of one cluster, `TEST_DATABASE_URL`, in turn. Prints one line of JSON.
#![allow(clippy::print_stdout, reason = "it is read by the bench")]
#![allow(clippy::expect_used, reason = "a measurement that cannot go on has failed")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use dbos::{Config, DBOS, WorkflowRef};
use orchestrator::{
    runs::Idle,
    testing::{ENGINE_SCHEMA, World},
};
use tokio::{task::JoinSet, time::Instant};

const STEPS: u32 = 10;
const CONCURRENT: u32 = 64;
/// Of each kind, and the first of them only warms up.
const ROUNDS: usize = 9;
/// In each round.
const WORKFLOWS: u32 = 256;
/// One after the other, for the time of a step that waits for no other.
const CALM: u32 = 50;

struct Bare {
    dbos: DBOS,
    workflow: WorkflowRef<u32, ()>,
}

impl Bare {
    async fn launch(database_url: &str) -> Self {
        let dbos = DBOS::new(Config {
            schema: ENGINE_SCHEMA.into(),
            app_version: Some("bare".into()),
            migrate: false,
            ..Config::new("bare", database_url)
        });
        let workflow = dbos.register_workflow("idle", idle).expect("a workflow");
        dbos.launch().await.expect("an engine");
        Self { dbos, workflow }
    }

    async fn run(&self, steps: u32) {
        let begun = self.workflow.start(steps).await.expect("begun");
        begun.result().await.expect("ended");
    }
}

async fn idle(steps: u32) -> dbos::Result<()> {
    for number in 1..=steps {
        dbos::step(&format!("nothing {number}"), || async { Ok(()) }).await?;
    }
    Ok(())
}

/// The time until so many workflows have ended, of which no more than `concurrent` are under way.
async fn timed<F, Fut>(workflows: u32, concurrent: u32, run: F) -> Duration
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let left = Arc::new(AtomicU32::new(workflows));
    let began = Instant::now();
    let mut hands = JoinSet::new();
    for _ in 0..concurrent {
        let (left, run) = (Arc::clone(&left), run.clone());
        hands.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                run().await;
            }
        });
    }
    while let Some(ended) = hands.join_next().await {
        ended.expect("a workflow came to its end");
    }
    began.elapsed()
}

#[tokio::main]
async fn main() {
    // A database for each, so that neither reads past the other's rows.
    let (our_world, bare_world) = (World::new().await, World::new().await);
    let ours = Arc::new(Idle::launch(our_world.engine_url()).await.expect("an engine"));
    let bare = Arc::new(Bare::launch(bare_world.engine_url()).await);
    let run_ours = {
        let ours = Arc::clone(&ours);
        move || {
            let ours = Arc::clone(&ours);
            async move { ours.run(STEPS).await.expect("a run") }
        }
    };
    let run_bare = {
        let bare = Arc::clone(&bare);
        move || {
            let bare = Arc::clone(&bare);
            async move { bare.run(STEPS).await }
        }
    };
    let (mut our_rounds, mut bare_rounds) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_rounds.push(timed(WORKFLOWS, CONCURRENT, run_bare.clone()).await.as_secs_f64());
        our_rounds.push(timed(WORKFLOWS, CONCURRENT, run_ours.clone()).await.as_secs_f64());
    }
    let bare_calm = timed(CALM, 1, run_bare).await.as_secs_f64();
    let our_calm = timed(CALM, 1, run_ours).await.as_secs_f64();
    let measured = serde_json::json!({
        "steps": STEPS, "concurrent": CONCURRENT, "workflows": WORKFLOWS, "calm": CALM,
        "ours": {"rounds": our_rounds[1..], "calm": our_calm},
        "bare": {"rounds": bare_rounds[1..], "calm": bare_calm},
    });
    println!("{measured}");
    ours.shut_down().await;
    bare.dbos.shutdown().await;
    our_world.end().await;
    bare_world.end().await;
}
