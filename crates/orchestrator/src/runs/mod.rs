//! A squad works on a task: what happens, in which order, and what stays of it.
//!
//! People start, stop and decide ([`Orchestrator::start_run`](crate::Orchestrator::start_run) and its neighbours): each is one
//! transaction over rows. The [`Engine`] finds runs that may go on, and carries them out as durable workflows: `machine`
//! decides what comes next, `workflow` performs it step by step, `effects` are the steps. All of them tell the journal.

mod changes;
mod decide;
mod effects;
mod engine;
mod go_on;
mod hold_up;
#[cfg(any(test, feature = "testing"))]
mod idle;
mod inside;
mod job;
pub(crate) mod journal;
mod live;
mod machine;
mod nodes;
mod open;
mod parts;
mod progress;
mod read;
mod revert;
mod sample;
mod shop;
mod start;
mod stills;
mod typing;
mod view;
mod workflow;

pub use changes::KeptFile;
pub use decide::Decision;
pub use engine::{Engine, EngineLimits, EngineSettings};
pub(crate) use go_on::{let_go_on, let_go_on_with_models};
pub use hold_up::{HeldAgent, HeldUp};
#[cfg(any(test, feature = "testing"))]
pub use idle::Idle;
pub use inside::{Inside, RunKeys};
pub(crate) use journal::CHANNEL;
pub use journal::{Body, Entry, RunEvent};
pub(crate) use live::Live;
pub use live::{TeamWatch, Watch};
#[cfg(test)]
pub(crate) use machine::Failure;
pub use machine::{Gate, Purpose, Stage};
pub use nodes::{NodeView, Patience};
pub(crate) use read::{count_waiting, list};
pub use shop::Shop;
pub use start::StartFrom;
pub(crate) use start::{alive, wake};
pub use typing::{Half, TypingWatch};
pub use view::{Artifact, Check, Merge, Remark, RunLine, RunState, RunView, StepView, Waiting};
