//! Build, run and check the product: `cargo xtask <command>`.
#![allow(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

mod assets;
mod bench;
mod database;
mod failure;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use failure::Outcome;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, run and check Muster")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what browsers load: wasm, scripts, styles, fonts, their compressed copies and the manifest
    Assets {
        /// Build faster and larger, without the size gate
        #[arg(long)]
        dev: bool,
    },
    /// Measure: `pages`
    Bench { name: String },
    /// Start the database for development and tests, and print its address
    Db {
        /// Stop it instead
        #[arg(long)]
        stop: bool,
    },
    /// Check all SQL against a fresh database and keep the answers in .sqlx
    SqlxPrepare,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Assets { dev } => assets::run(assets::Options { dev }),
        Command::Bench { name } => bench::run(&name),
        Command::Db { stop: false } => database::show(),
        Command::Db { stop: true } => database::stop(),
        Command::SqlxPrepare => database::prepare(),
    }
}
