//! One task and its run: looking on, and deciding.

mod act;
mod changes;
mod fold;
mod gather;
mod history;
mod live;
mod pages;
mod sample;

pub(crate) use act::{answer_question, decide_plan, decide_review, reopen, retry_run, revert, start_run, stop_run};
pub(crate) use history::history;
pub(crate) use live::live;
pub(crate) use pages::{artifacts, changes, download, overview, review};
pub(crate) use sample::run_sample;
