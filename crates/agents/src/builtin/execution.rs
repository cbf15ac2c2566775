use std::time::Duration;

use serde::{Deserialize, Serialize};
use types::AgentRole;
use types::chat::{ToolCall, ToolResult};
use types::tool::{FileCall, FileEdit, Report};

use super::tools::{self, Known};

const FILE_TOOL_TIMEOUT: Duration = Duration::from_secs(60);
const COMMAND_TIMEOUT: u32 = 120;
const LONGEST_COMMAND: u32 = 1800;
/// What a model is shown of an output: its beginning and, because failures stand there, more of its end.
const HEAD_BYTES: usize = 6_000;
const TAIL_BYTES: usize = 14_000;

/// How to reach the tools inside the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandboxed {
    /// The command that reads one call as JSON and answers one [`Report`], such as `/run/muster/muster-shim tool`.
    pub file_tool: Vec<String>,
}

/// What the sandbox has to execute, at the root of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    pub argv: Vec<String>,
    pub stdin: Vec<u8>,
    pub timeout: Duration,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    Code(i32),
    Signal(i32),
    TimedOut,
    OutputLimit,
    OutOfMemory,
    /// What the sandbox has of processes, disk or time was used up.
    LimitReached,
    /// Stopped from outside.
    Killed,
}

/// What it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output<'a> {
    /// Both streams in the order in which they were written; for people and for models.
    pub all: &'a [u8],
    /// Standard output alone; where file tools answer.
    pub stdout: &'a [u8],
}

/// A result for the model, and what happened to files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolOutcome {
    pub result: ToolResult,
    pub edits: Vec<FileEdit>,
}

/// What to execute for a call that [`super::Turn`] gave out.
///
/// # Errors
/// The result to hand back at once, for a call that nothing can execute.
pub fn execution(role: AgentRole, call: &ToolCall, sandboxed: &Sandboxed) -> Result<Execution, ToolResult> {
    let refuse = |text: String| ToolResult { call: call.id.clone(), text, failed: true };
    let file_call = match tools::parse(role, call).map_err(refuse)? {
        Known::Read(read) => FileCall::Read(read),
        Known::Search(search) => FileCall::Search(search),
        Known::Patch(patch) => FileCall::Patch(patch),
        Known::Run(run) => {
            let seconds = run.timeout_seconds.unwrap_or(COMMAND_TIMEOUT).clamp(1, LONGEST_COMMAND);
            return Ok(shell(&run.command, Duration::from_secs(seconds.into())));
        }
        Known::Ask(_) | Known::Finish(_) => return Err(refuse(format!("`{}` is not executed.", call.name))),
    };
    let stdin =
        serde_json::to_vec(&file_call).map_err(|error| refuse(format!("The call cannot be written: {error}")))?;
    Ok(Execution { argv: sandboxed.file_tool.clone(), stdin, timeout: FILE_TOOL_TIMEOUT })
}

/// Models write for bash; images without it have `sh`.
fn shell(command: &str, timeout: Duration) -> Execution {
    const CHOOSE: &str = r#"if command -v bash >/dev/null 2>&1; then exec bash -c "$1"; else exec sh -c "$1"; fi"#;
    let argv = ["/bin/sh", "-c", CHOOSE, "sh", command].map(str::to_owned).to_vec();
    Execution { argv, stdin: Vec::new(), timeout }
}

/// Turns what the sandbox brought back into a result for the model.
#[must_use]
pub fn result(call: &ToolCall, exit: Exit, output: Output<'_>) -> ToolOutcome {
    let (text, failed, edits) = if call.name == "run" {
        (told(exit, output.all), exit != Exit::Code(0), Vec::new())
    } else {
        match serde_json::from_slice::<Report>(output.stdout) {
            Ok(report) if exit == Exit::Code(0) => (report.text, report.failed, report.edits),
            _ => (format!("The tool did not answer. {}", told(exit, output.all)), true, Vec::new()),
        }
    };
    ToolOutcome { result: ToolResult { call: call.id.clone(), text, failed }, edits }
}

fn told(exit: Exit, output: &[u8]) -> String {
    let ending = match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("ended by signal {signal}"),
        Exit::TimedOut => "stopped: it took longer than its time limit".to_owned(),
        Exit::OutputLimit => "stopped: it wrote more than is allowed".to_owned(),
        Exit::OutOfMemory => "stopped: it needed more memory than the sandbox has".to_owned(),
        Exit::LimitReached => "stopped: it used up the processes, the disk or the time that the sandbox has".to_owned(),
        Exit::Killed => "stopped from outside".to_owned(),
    };
    let text = plain(&String::from_utf8_lossy(output));
    let text = shortened(text.trim_end());
    if text.is_empty() { format!("[no output; {ending}]") } else { format!("{text}\n[{ending}]") }
}

fn shortened(text: &str) -> String {
    if text.len() <= HEAD_BYTES + TAIL_BYTES {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(HEAD_BYTES);
    let tail = text.ceil_char_boundary(text.len() - TAIL_BYTES);
    let (Some(first), Some(last)) = (text.get(..head), text.get(tail..)) else { return text.to_owned() };
    format!("{first}\n[{} bytes are left out here]\n{last}", tail - head)
}

/// Without terminal escape sequences (ECMA-48 CSI and OSC), and with only the last state of lines that were overwritten.
fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {},
                Some(']') => while chars.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {},
                _ => {}
            },
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => kept.truncate(kept.rfind('\n').map_or(0, |at| at + 1)),
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => kept.push(c),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(name: &str, arguments: serde_json::Value) -> ToolCall {
        ToolCall { id: "c1".to_owned(), name: name.to_owned(), arguments }
    }

    fn sandboxed() -> Sandboxed {
        Sandboxed { file_tool: vec!["/run/muster/shim".to_owned(), "tool".to_owned()] }
    }

    fn ran(exit: Exit, text: &str) -> ToolResult {
        let output = Output { all: text.as_bytes(), stdout: b"" };
        result(&call("run", json!({ "command": "true" })), exit, output).result
    }

    #[test]
    fn file_tools_get_their_call_on_standard_input() {
        let call = call("read", json!({ "path": "a.py", "start_line": 3 }));
        let execution = execution(AgentRole::Lead, &call, &sandboxed()).unwrap();
        assert_eq!(execution.argv, ["/run/muster/shim", "tool"]);
        let sent: serde_json::Value = serde_json::from_slice(&execution.stdin).unwrap();
        assert_eq!(sent, json!({ "tool": "read", "arguments": { "path": "a.py", "start_line": 3 } }));
    }

    #[test]
    fn a_command_is_one_argument_of_the_shell() {
        let call = call("run", json!({ "command": "echo \"$HOME\"; exit 3", "timeout_seconds": 999_999 }));
        let execution = execution(AgentRole::Coder, &call, &sandboxed()).unwrap();
        assert_eq!(execution.argv.last().map(String::as_str), Some("echo \"$HOME\"; exit 3"));
        assert_eq!(execution.timeout, Duration::from_secs(1800));
    }

    #[test]
    fn what_a_role_may_not_do_is_never_executed() {
        let patch = call("patch", json!({ "edits": [{ "path": "a", "action": "delete" }] }));
        assert!(execution(AgentRole::Coder, &patch, &sandboxed()).is_ok());
        assert!(execution(AgentRole::Reviewer, &patch, &sandboxed()).unwrap_err().failed);
    }

    #[test]
    fn the_model_learns_how_it_ended() {
        assert_eq!(ran(Exit::Code(0), "ok\n").text, "ok\n[exit code 0]");
        assert!(!ran(Exit::Code(0), "ok\n").failed);
        assert_eq!(ran(Exit::Code(2), "").text, "[no output; exit code 2]");
        assert!(ran(Exit::TimedOut, "half").failed);
        let limited = "[no output; stopped: it used up the processes, the disk or the time that the sandbox has]";
        assert_eq!(ran(Exit::LimitReached, "").text, limited);
    }

    #[test]
    fn escapes_and_overwritten_lines_are_taken_out() {
        let text = "\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7}end\r\n 10%\r100%\r\ndone\u{0}";
        assert_eq!(plain(text), "red end\n100%\ndone");
    }

    #[test]
    fn a_long_output_keeps_both_ends() {
        let text = format!("FIRST{}LAST", "ö".repeat(40_000));
        let shown = ran(Exit::Code(1), &text).text;
        assert!(shown.len() < HEAD_BYTES + TAIL_BYTES + 100);
        assert!(shown.starts_with("FIRST") && shown.ends_with("LAST\n[exit code 1]"), "{shown}");
        assert!(shown.contains("bytes are left out here"));
    }

    #[test]
    fn a_file_tool_that_breaks_is_a_failure() {
        let report = br#"{"text":"1\tx","failed":false}"#;
        let read = call("read", json!({ "path": "a" }));
        let good = result(&read, Exit::Code(0), Output { all: report, stdout: report });
        assert_eq!((good.result.text.as_str(), good.result.failed), ("1\tx", false));
        let broken = result(&read, Exit::Signal(9), Output { all: b"oops", stdout: b"" });
        assert!(broken.result.failed && broken.result.text.contains("signal 9"), "{}", broken.result.text);
    }
}
