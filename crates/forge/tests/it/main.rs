//! Real repositories, made and changed by real git.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails, in its helpers too")]

mod archives;
mod basics;
mod diffs;
mod hostile;
mod merges;
mod recovery;
mod remotes;
mod serving;
mod snapshots;
mod world;
