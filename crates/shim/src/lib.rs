//! The first process of every sandbox.
//!
//! `muster-shim init` keeps a sandbox: it runs commands for the outside ([`protocol`]), reaps what they leave behind, holds
//! the limits that the kernel does not, and turns loopback ports into the one socket that leads out. It is linked
//! statically, because it must run in a file system that holds nothing else.
//!
//! The same program has smaller parts: `launch` narrows itself and becomes a command, `enter` puts itself into control
//! groups outside and becomes the sandbox's starter, `tool` reads and edits files for an agent.

mod confine;
mod enter;
mod forward;
mod init;
mod job;
mod jobs;
mod launch;
mod meter;
mod outbox;
mod processes;
pub mod protocol;
mod reap;
mod serve;
mod throttle;
pub mod tool;
mod usage;
mod watch;

use std::process::ExitCode;

/// The program: its first argument says what it is to be.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Option<Vec<String>> =
        std::env::args_os().skip(1).map(|argument| argument.into_string().ok()).collect();
    let arguments = arguments.unwrap_or_default();
    let ended = match arguments.split_first().map(|(part, rest)| (part.as_str(), rest)) {
        Some(("init", [start])) => init::main(start),
        Some(("launch", [with, argv @ ..])) => return launch::main(with, argv),
        Some(("enter", [with, argv @ ..])) => enter::main(with, argv),
        Some(("tool", [])) => return tool::main(),
        _ => {
            eprintln!("usage: muster-shim init <start> | launch <with> <command…> | enter <with> <command…> | tool");
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("muster-shim: {error}");
            ExitCode::FAILURE
        }
    }
}
