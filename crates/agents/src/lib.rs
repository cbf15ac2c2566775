//! Agents: what they say while they work, and the one that is built in.
//!
//! Nothing here reads a clock, a file or a socket. [`builtin::Turn`] says what has to happen next; whoever holds it calls
//! the model, executes the tools in a sandbox, and tells it what came back.

pub mod builtin;
mod event;
pub mod sample;

pub use event::{Event, LogLevel, OutputStream, PlanItem, PlanItemState};
