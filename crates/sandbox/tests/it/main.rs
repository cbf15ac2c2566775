#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "tests and their helpers")]

mod commands;
mod world;
