//! The first process of every sandbox.
//!
//! `muster-shim init` keeps a sandbox: it runs commands for the outside ([`protocol`]), reaps what they leave behind, holds
//! the limits that the kernel does not, and turns loopback ports into the one socket that leads out. It is linked
//! statically, because it must run in a file system that holds nothing else.

pub mod protocol;
pub mod tool;

use std::process::ExitCode;

/// The program: its first argument says what it is to be.
#[must_use]
pub fn main() -> ExitCode {
    let part = std::env::args_os().nth(1);
    match part.as_ref().and_then(|part| part.to_str()) {
        Some("tool") => tool::main(),
        _ => {
            eprintln!("usage: muster-shim tool");
            ExitCode::from(2)
        }
    }
}
