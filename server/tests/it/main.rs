//! The binary itself, as a person starts it.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod body;
mod command_line;
mod crash;
mod deployed;
mod operating;
mod people;
mod running;
mod serve;
mod traces;
