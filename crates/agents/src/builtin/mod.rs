//! The built-in agent: a loop of model calls and tools, as a value.

mod brief;
mod compaction;
mod execution;
mod guard;
mod prompt;
mod tools;
mod turn;

pub use brief::{Brief, CheckFailure, Limits, Note, ReviewNote};
pub use execution::{Execution, Exit, Output, Sandboxed, ToolOutcome, execution, result};
pub use prompt::{Occasion, note_paths, system};
pub use tools::{Ask, Comment, Finish, PlanStep, Run, Verdict, title, tools};
pub use turn::{Next, Outcome, StopReason, Turn, Unexpected};
