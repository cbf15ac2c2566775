//! Build, run and check the product: `cargo xtask <command>`.
#![allow(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

mod assets;
mod bench;
mod checks;
mod database;
mod direction;
mod docker;
mod failure;
mod licences;
mod needs;
mod service;
mod shim;
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
    /// Build and run Muster
    Start,
    /// Stop the Muster that runs from this folder
    Stop,
    /// Run all tests
    Test {
        /// Only these, separated by commas
        #[arg(long, value_delimiter = ',')]
        only: Vec<checks::Check>,
    },
    /// Build Muster, and let it look for what is wrong with the machine and the settings
    Doctor,
    /// Build what browsers load: wasm, scripts, styles, fonts, their compressed copies and the manifest
    Assets {
        /// Build faster and larger, without the size gate
        #[arg(long)]
        dev: bool,
    },
    /// Measure: `pages`, `runs`, `gateway` or `overspend`
    Bench {
        name: String,
        /// Fail when a figure is short of its goal
        #[arg(long)]
        strict: bool,
    },
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
        Command::Start => service::start(),
        Command::Stop => service::stop(),
        Command::Test { only } => checks::run(&only),
        Command::Doctor => service::doctor(),
        Command::Assets { dev } => assets::run(assets::Options { dev }),
        Command::Bench { name, strict } => bench::run(&name, strict),
        Command::Db { stop: false } => database::show(),
        Command::Db { stop: true } => database::stop(),
        Command::SqlxPrepare => database::prepare(),
    }
}
