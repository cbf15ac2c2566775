//! What a run does, one module per stage. Each effect is a few recorded steps.

mod agent;
mod brief;
mod crew;
mod deliver;
mod hand_over;
mod keep;
mod limits;
mod merge;
mod model;
mod prepare;
mod reports;
mod shares;
mod steps;
mod turn;
mod update;
mod verify;
mod ways;
mod workspace;

pub(super) use deliver::deliver;
pub(super) use merge::merge;
pub(super) use prepare::prepare;
pub(super) use turn::turn;
pub(super) use update::update;
pub(super) use verify::{unreached, verify};
