//! The durable workflow of a run: it performs what the machine decides, one recorded step after the other.
//!
//! A step whose result is recorded is never entered again. One that was cut off by a crash is: its body finds what it
//! left behind by the step's key, so that nothing is told, paid or started twice.

use std::{future::Future, sync::Arc, time::Duration};

use dbos::{PendingStep, StepOptions};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    effects,
    engine::Segment,
    hold_up::HeldUp,
    job::Job,
    machine::{self, Effect, Failure, Outcome},
    nodes::Node,
    shop::Shop,
};

/// Until a run is taken again that could not be.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a step did not come to its end.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(super) enum Stumble {
    /// The run was stopped, or another segment has it: whoever notices leaves without a trace.
    #[error("the run is not this workflow's any more")]
    Gone,
    /// It may work in a moment.
    #[error("{0}")]
    Passing(String),
    /// It cannot go on just now, and will by itself.
    #[error("{}", .0.sentence)]
    HeldUp(Box<HeldUp>),
    /// The run cannot go on; the sentence is for people.
    #[error("{sentence}")]
    Final { failure: Failure, sentence: String },
}

impl Stumble {
    pub(super) fn last(failure: Failure, sentence: impl Into<String>) -> Self {
        Self::Final { failure, sentence: sentence.into() }
    }
}

impl From<crate::Error> for Stumble {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Internal(cause) => {
                tracing::error!(error = %cause, "a step of a run stumbled");
                Self::Passing("Muster could not reach its database.".into())
            }
            crate::Error::Unreachable(cause) => {
                tracing::warn!(error = %cause, "a step of a run could not reach what it needs");
                Self::Passing("Muster could not reach its database.".into())
            }
            crate::Error::Busy => Self::Passing("Muster was too busy.".into()),
            other => Self::last(Failure::Internal, other.for_user().message),
        }
    }
}

impl From<sqlx::Error> for Stumble {
    fn from(error: sqlx::Error) -> Self {
        crate::Error::from(error).into()
    }
}

pub(super) type Stumbled<T> = std::result::Result<T, Stumble>;

/// Performs `body` once and keeps its result under `name`. What fails in passing is tried again for about a minute.
pub(super) async fn step<'a, T, F, Fut>(name: &str, body: F) -> dbos::Result<T, Stumble>
where
    T: Serialize + DeserializeOwned + Send + 'a,
    F: FnMut() -> Fut + Send + 'a,
    Fut: Future<Output = Stumbled<T>> + Send + 'a,
{
    in_the_end(pending(name, body).await)
}

/// What came of a step's last try.
pub(super) fn in_the_end<T>(result: dbos::Result<T, Stumble>) -> dbos::Result<T, Stumble> {
    result.map_err(|error| match error {
        dbos::Error::MaxStepRetriesExceeded { step, attempts, mut errors } => match errors.pop() {
            Some(last) => last,
            None => dbos::Error::MaxStepRetriesExceeded { step, attempts, errors },
        },
        other => other,
    })
}

/// A step that has its place in the workflow and has not begun: several of them may run beside each other.
pub(super) fn pending<'a, T, F, Fut>(name: &str, mut body: F) -> PendingStep<'a, T, Stumble>
where
    T: Serialize + DeserializeOwned + Send + 'a,
    F: FnMut() -> Fut + Send + 'a,
    Fut: Future<Output = Stumbled<T>> + Send + 'a,
{
    let options = StepOptions {
        max_attempts: 8,
        interval: Duration::from_millis(200),
        max_interval: Duration::from_secs(20),
        // Whoever stops a run on another node is heard by the step that is under way.
        preemptible: true,
        ..StepOptions::default()
    }
    .should_retry(|error| matches!(error, dbos::Error::Application(Stumble::Passing(_))));
    dbos::step_with(name, options, move || {
        let attempt = body();
        async move { Ok(attempt.await?) }
    })
}

/// Carries a segment out, to the next decision of a person or to the run's end.
pub(super) async fn carry_out(shop: Arc<Shop>, node: Node, segment: Segment) -> dbos::Result<(), Stumble> {
    // Not a recorded step: whoever goes on with a workflow takes the run first.
    while let Err(stumble) = shop.take(&node, segment).await {
        if matches!(stumble, Stumble::Gone) {
            return Ok(());
        }
        tracing::warn!(run = %segment.run, %stumble, "could not take a run; trying again");
        tokio::time::sleep(AGAIN).await;
    }
    match advance(&shop, &node, segment).await {
        Err(dbos::Error::Application(Stumble::Gone)) => Ok(()),
        Err(dbos::Error::Application(stumble)) => {
            let (failure, sentence) = match stumble {
                Stumble::Final { failure, sentence } => (failure, sentence),
                other => (Failure::Internal, other.to_string()),
            };
            let failed = step("give up", || shop.fail(&node, segment, failure, &sentence)).await;
            match failed {
                Err(dbos::Error::Application(Stumble::Gone)) => Ok(()),
                other => other,
            }
        }
        other => other,
    }
}

async fn advance(shop: &Shop, node: &Node, segment: Segment) -> dbos::Result<(), Stumble> {
    let mut job: Job = step("open", || shop.open(node, segment)).await?;
    job.node = node.clone();
    loop {
        let outcome = match perform(shop, &mut job).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return Ok(()),
            Err(dbos::Error::Application(Stumble::Final { failure, sentence })) => {
                job.trouble = Some(sentence);
                Outcome::Failed(failure)
            }
            Err(dbos::Error::Application(Stumble::HeldUp(why))) => {
                let job: &Job = &job;
                return step("hold up", || shop.hold_up(job, &why)).await;
            }
            Err(error) => return Err(error),
        };
        job.position = machine::next(&job.plan.policy, job.position, outcome);
        job.passed += 1;
        step(&format!("pass {}", job.passed), || shop.pass(&job)).await?;
    }
}

/// Performs what the position says. None: the segment is over.
async fn perform(shop: &Shop, job: &mut Job) -> dbos::Result<Option<Outcome>, Stumble> {
    let outcome = match job.position.doing {
        Effect::Prepare => effects::prepare(shop, job).await?,
        Effect::Turn(purpose) => effects::turn(shop, job, purpose).await?,
        Effect::Verify => effects::verify(shop, job).await?,
        Effect::Deliver => effects::deliver(shop, job).await?,
        Effect::Merge => effects::merge(shop, job).await?,
        Effect::Update => effects::update(shop, job).await?,
        Effect::Wait(gate) => {
            let job: &Job = job;
            step("wait", || shop.wait(job, gate)).await?;
            return Ok(None);
        }
        Effect::End(end) => {
            let job: &Job = job;
            step("end", || shop.end(job, end)).await?;
            return Ok(None);
        }
    };
    Ok(Some(outcome))
}
