//! `muster-shim tool`: one JSON object on stdin, one on stdout. It runs inside the sandbox, as the agent's user.
//!
//! The sandbox is the fence around an agent; what is refused here keeps honest agents from mistakes, such as following a
//! link out of the repository.

mod nearest;
mod patch;
mod place;
mod read;
mod search;

use std::{
    io::{self, Read as _, Write as _},
    path::Path,
    process::ExitCode,
};

use types::tool::{FileCall, Report};

use place::Root;

/// Where every sandbox has the repository.
const WORKSPACE: &str = "/work";
/// A call longer than this is no edit of source code.
const CALL_BYTES: u64 = 8 * 1024 * 1024;

/// Reads one call and writes its answer. Exit code 0 whenever there is an answer, also one that says what went wrong.
pub(crate) fn main() -> ExitCode {
    match converse() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("muster-shim tool: {error}");
            ExitCode::FAILURE
        }
    }
}

fn converse() -> io::Result<()> {
    let mut call = Vec::new();
    io::stdin().take(CALL_BYTES).read_to_end(&mut call)?;
    let answer = serde_json::to_string(&answer(Path::new(WORKSPACE), &call))?;
    writeln!(io::stdout(), "{answer}")
}

/// Answers one [`FileCall`] in its JSON form, in the repository at `root`.
#[must_use]
pub fn answer(root: &Path, call: &[u8]) -> Report {
    let answered = serde_json::from_slice(call)
        .map_err(|error| format!("This is no call of a file tool: {error}."))
        .and_then(|call| execute(root, &call));
    answered.unwrap_or_else(|text| Report { text, failed: true, edits: Vec::new() })
}

/// A failure is a sentence for the model.
fn execute(root: &Path, call: &FileCall) -> Result<Report, String> {
    let root = Root::open(root)?;
    let found = |text| Report { text, ..Report::default() };
    match call {
        FileCall::Read(read) => read::read(&root, read).map(found),
        FileCall::Search(search) => search::search(&root, search).map(found),
        FileCall::Patch(patch) => patch::patch(&root, patch),
    }
}

/// How many bytes at the beginning of a file are looked at to tell text from other data.
const SNIFFED: usize = 8 * 1024;

/// Text has no NUL; the same rule that git uses.
fn is_binary(beginning: &[u8]) -> bool {
    beginning.iter().take(SNIFFED).any(|byte| *byte == 0)
}

#[cfg(test)]
mod tests;
