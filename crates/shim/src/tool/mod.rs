//! `muster-shim tool`: one JSON object on stdin, one on stdout. It runs inside the sandbox, as the agent's user.

use std::{
    io::{self, Read, Write},
    process::ExitCode,
};

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Call {
    tool: String,
}

/// Reads one call and writes its answer. Exit code 0 whenever there is an answer, also one that says what went wrong.
pub(crate) fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("muster-shim tool: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let answer =
        serde_json::from_str(&text).map_or_else(|error| refused(&format!("no call: {error}")), |call| run(&call));
    writeln!(io::stdout(), "{answer}")
}

fn run(call: &Call) -> Value {
    refused(&format!("unknown tool: {}", call.tool))
}

fn refused(reason: &str) -> Value {
    json!({ "error": reason })
}
