//! Build, run and check the product: `cargo xtask <command>`.
#![allow(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

mod assets;
mod bench;
mod failure;

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
    }
}
