use std::time::Duration;

use agents::{Event as AgentEvent, OutputStream};
use sandbox::{Command, Event, Exit, Reason, Stream};
use serde::{Deserialize, Serialize};
use types::{RunId, StepId, TeamId};

use super::keep::Keep;
use crate::{
    models::without_keys,
    runs::{
        job::Job,
        journal::{Body, Line, RunEvent},
        machine::{Failure, Outcome},
        shop::Shop,
        workflow::{Stumble, Stumbled, step},
    },
};

/// How long one command of the project may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// What of its output stands in the journal; all of it is kept as a log.
const SHOWN: usize = 16 * 1024;

/// How a command of the project came out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Came {
    pub(super) passed: bool,
    /// In words: `exit code 1`, `stopped after 30 minutes`.
    pub(super) outcome: String,
    /// The end of what it wrote.
    pub(super) output: String,
}

/// Runs the project's commands over what the agents left.
pub(in crate::runs) async fn verify(shop: &Shop, job: &Job) -> dbos::Result<Outcome, Stumble> {
    let commands = &job.project.commands;
    let wanted = [("build", commands.build.as_deref()), ("test", commands.test.as_deref())];
    let name = format!("verify {}", job.position.verifications + 1);
    let row = step(&format!("{name}: begin"), || shop.begin_step(job, "verify", None, Vec::new())).await?;
    let mut unsolved: Vec<String> = Vec::new();
    if !job.position.unsolved.is_empty() {
        let markers = format!("{name}: markers");
        unsolved = step(&markers, || async { shop.check_markers(job, row, &markers).await }).await?;
    }
    let mut failed: Option<&str> = None;
    let mut ran = 0;
    for (check, line) in wanted.into_iter().filter(|_| unsolved.is_empty()) {
        let Some(line) = line else { continue };
        let came = command(shop, job, row, &format!("{name}: {check}"), check, line).await?;
        ran += 1;
        if !came.passed {
            failed = Some(check);
            break;
        }
    }
    let summary = match (failed, ran) {
        _ if !unsolved.is_empty() => format!("Conflict markers are left in {}.", unsolved.join(", ")),
        (Some(check), _) => format!("{check} failed."),
        (None, 0) => "The project names no commands, so nothing was checked.".to_owned(),
        (None, _) => "All checks passed.".to_owned(),
    };
    let (summary, passed) = (&summary, failed.is_none() && unsolved.is_empty());
    step(&format!("{name}: end"), || async move {
        if ran > 0 {
            shop.keep_reports(job).await?;
        }
        shop.end_step(job, row, passed, summary, None, Vec::new()).await
    })
    .await?;
    Ok(Outcome::Verified { passed })
}

/// Runs one command, keeps its log and how it came out.
pub(super) async fn command(
    shop: &Shop,
    job: &Job,
    row: StepId,
    name: &str,
    check: &str,
    line: &str,
) -> dbos::Result<Came, Stumble> {
    step(name, || async { shop.check(job, row, name, check, line).await }).await
}

impl Shop {
    async fn check(&self, job: &Job, row: StepId, name: &str, check: &str, line: &str) -> Stumbled<Came> {
        let sandbox = self.sandbox(job, None).await?;
        let mut command = Command::new(key(job, name), ["/bin/sh", "-c", line]);
        command.timeout = COMMAND_TIMEOUT;
        command.env = self.environment(job, None).await?;
        let finished = gather(self.begin_command(job, None, &sandbox, &command).await?).await?;
        let limited = finished.reason == Reason::LimitReached;
        let passed = finished.code == Some(0);
        let came = Came { passed, outcome: finished.outcome.clone(), output: finished.tail(SHOWN) };
        let file = Keep {
            key: format!("log {name} {}", job.segment.number),
            name: log_name(job, check),
            kind: "log",
            content_type: "text/plain; charset=utf-8",
            bytes: finished.all,
        };
        self.keep(job, file).await?;
        self.keep_check(job, row, name, check, line, &came, finished.duration_ms).await?;
        if limited {
            // Where it was the run's time, nobody can fix that.
            self.time_left(job).await?;
        }
        Ok(came)
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    pub(super) async fn keep_check(
        &self,
        job: &Job,
        row: StepId,
        name: &str,
        check: &str,
        line: &str,
        came: &Came,
        duration_ms: i64,
    ) -> Stumbled<()> {
        let verification = format!("{}.{}", job.segment.number, job.passed);
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "INSERT INTO run_checks (team_id, run_id, key, name, command, passed, outcome, duration_ms, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            job.team() as TeamId,
            job.run() as RunId,
            verification,
            check,
            line,
            came.passed,
            came.outcome,
            duration_ms,
            self.muster.clock().now(),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        let event = RunEvent::Check {
            name: check.to_owned(),
            command: line.to_owned(),
            passed: came.passed,
            outcome: came.outcome.clone(),
            duration_ms,
            output: came.output.clone(),
        };
        let line = Line { step: Some(row), ..Line::of_run(job.key(name), event) };
        self.tell(job, vec![line]).await
    }
}

/// What the log of a check is called.
pub(super) fn log_name(job: &Job, check: &str) -> String {
    format!("{check}-{}.log", job.position.verifications + 1)
}

/// A command's name in its sandbox: the same after a crash, so that it is followed and not started again.
pub(super) fn key(job: &Job, name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{}-{name}", job.point())
}

/// All that a command wrote, and its end.
pub(super) struct Gathered {
    /// Both streams, in order.
    pub(super) all: Vec<u8>,
    pub(super) stdout: Vec<u8>,
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) reason: Reason,
    pub(super) outcome: String,
    pub(super) duration_ms: i64,
}

impl Gathered {
    /// The last bytes of the output, as text.
    pub(super) fn tail(&self, bytes: usize) -> String {
        let text = String::from_utf8_lossy(&self.all);
        let from = text.ceil_char_boundary(text.len().saturating_sub(bytes));
        text.get(from..).unwrap_or_default().replace('\0', "\u{fffd}")
    }
}

pub(super) async fn gather(mut exec: sandbox::Exec) -> Stumbled<Gathered> {
    let (mut all, mut stdout) = (Vec::new(), Vec::new());
    while let Some(event) = exec.next().await.map_err(unreached)? {
        match event {
            Event::Output { stream, bytes, .. } => {
                if stream == Stream::Stdout {
                    stdout.extend_from_slice(&bytes);
                }
                all.extend_from_slice(&bytes);
            }
            Event::Exit(exit) => {
                let outcome = outcome(&exit);
                let duration_ms = i64::try_from(exit.duration_ms).unwrap_or(i64::MAX);
                let (code, signal, reason) = (exit.code, exit.signal, exit.reason);
                // Programs print their environment, and what they print is kept.
                let (all, stdout) = (without_keys(all), without_keys(stdout));
                return Ok(Gathered { all, stdout, code, signal, reason, outcome, duration_ms });
            }
        }
    }
    Err(Stumble::Passing("The sandbox ended in the middle of a command.".into()))
}

/// How a command ended, in words.
fn outcome(exit: &Exit) -> String {
    match (exit.reason, exit.code, exit.signal) {
        (Reason::TimedOut, ..) => "stopped: it took too long".to_owned(),
        (Reason::OutputLimit, ..) => "stopped: it wrote too much".to_owned(),
        (Reason::OutOfMemory, ..) => "stopped: it needed more memory than the sandbox has".to_owned(),
        (Reason::LimitReached, ..) => {
            "stopped: it used up the disk, the processes or the time that the project allows".to_owned()
        }
        (_, Some(code), _) => format!("exit code {code}"),
        (_, None, Some(signal)) => format!("ended by signal {signal}"),
        _ => "ended without saying how".to_owned(),
    }
}

/// The sandbox did not answer: the next try finds it, or makes another.
pub(in crate::runs) fn unreached(error: sandbox::Error) -> Stumble {
    match error {
        sandbox::Error::Refused(sentence) => Stumble::last(Failure::Agent, sentence),
        other => Stumble::Passing(format!("The sandbox did not answer: {other}")),
    }
}

/// A command's output as the journal has it.
pub(super) fn output_line(step: StepId, agent: &str, key: String, call: &str, text: String) -> Line {
    let event = AgentEvent::CommandOutput { call: call.to_owned(), stream: OutputStream::Stdout, text };
    Line { key, step: Some(step), agent: Some(agent.to_owned()), body: Body::Agent(event) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_was_stopped_says_why() {
        let killed = |reason| Exit { code: None, signal: Some(9), reason, output_bytes: 0, duration_ms: 1 };
        let said = |reason| outcome(&killed(reason));
        assert_eq!(
            said(Reason::LimitReached),
            "stopped: it used up the disk, the processes or the time that the project allows"
        );
        assert_eq!(said(Reason::OutOfMemory), "stopped: it needed more memory than the sandbox has");
        assert_eq!(said(Reason::Finished), "ended by signal 9");
    }
}
