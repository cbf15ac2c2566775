//! Runs as they are: real Postgres, real git, the real sandbox, files in the embedded store. Only the model replays.

mod after;
mod at_once;
mod away;
mod conflicts;
mod crash;
mod decisions;
mod failover;
mod folders;
mod gathered;
mod held_up;
mod inside;
mod limits;
mod models;
mod nul;
mod pauses;
mod places;
mod real;
mod remote;
mod sample;
mod scripted;
mod yard;
