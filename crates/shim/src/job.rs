//! One running command: its output into the outbox, its limits, its end.

use std::{
    io::{self, Write},
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    libc,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{ChildStderr, ChildStdout},
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use crate::{
    launch::With,
    outbox::Writer,
    processes,
    protocol::{Exec, Exit, Reason, Stream},
    reap::{Reaper, Status},
    usage,
};

const CHUNK: usize = 64 << 10;
/// Between asking a command to end and ending it.
const GRACE: Duration = Duration::from_secs(2);
/// After a command's end, for what it wrote last; a process it left behind may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(300);

/// What the shim's other parts see of a running command.
#[derive(Debug)]
pub(crate) struct Handle {
    stop: watch::Sender<Option<Reason>>,
    /// Changes with each piece of output; closed once the command's end is written.
    pub(crate) progress: watch::Receiver<u64>,
}

impl Handle {
    /// Whether the command's end is written.
    pub(crate) fn has_ended(&self) -> bool {
        self.progress.has_changed().is_err()
    }

    /// Ends the command; the first reason stays.
    pub(crate) fn stop(&self, reason: Reason) {
        self.stop.send_if_modified(|told| {
            let first = told.is_none();
            if first {
                *told = Some(reason);
            }
            first
        });
    }
}

pub(crate) struct Job {
    group: i32,
    mark: String,
    max_output: u64,
    timeout: Duration,
    begun: Instant,
    oom_kills: Option<u64>,
    status: oneshot::Receiver<Status>,
    output: mpsc::Receiver<(Stream, Vec<u8>)>,
    stop: watch::Receiver<Option<Reason>>,
    progress: watch::Sender<u64>,
}

/// What the loop of a job knows.
struct State {
    reason: Option<Reason>,
    status: Option<Status>,
    open: bool,
    /// When to end it for good, once it was asked.
    kill_at: Option<Instant>,
    /// When to stop waiting for output, once it ended.
    drained_at: Option<Instant>,
}

impl Job {
    /// Starts the command.
    pub(crate) fn start(
        reaper: &Reaper,
        program: &std::path::Path,
        exec: &Exec,
        with: &With,
        stdin: Vec<u8>,
    ) -> io::Result<(Self, Handle)> {
        let mark = format!("{}-{}", exec.key, std::process::id());
        let mut command = Command::new(program);
        command.arg("launch").arg(serde_json::to_string(with)?).args(&exec.argv);
        command.envs(&exec.env).env(processes::MARK, &mark).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let oom_kills = usage::oom_kills();
        let (mut child, status) = reaper.spawn(&mut command)?;
        let output = outputs(&mut child)?;
        feed(&mut child, stdin);
        let (stop, stopped) = watch::channel(None);
        let (progress, seen) = watch::channel(0);
        let job = Self {
            group: i32::try_from(child.id()).map_err(io::Error::other)?,
            mark,
            max_output: exec.max_output_bytes,
            timeout: Duration::from_millis(exec.timeout_ms),
            begun: Instant::now(),
            oom_kills,
            status,
            output,
            stop: stopped,
            progress,
        };
        Ok((job, Handle { stop, progress: seen }))
    }

    /// Until the end, which is in the outbox when this returns.
    pub(crate) async fn run(mut self, mut writer: Writer) -> io::Result<()> {
        let mut state = State { reason: None, status: None, open: true, kill_at: None, drained_at: None };
        while state.status.is_none() || state.open {
            if let Err(error) = self.step(&mut state, &mut writer).await {
                eprintln!("muster-shim: what a command says cannot be kept: {error}");
                state.reason = Some(Reason::LimitReached);
                break;
            }
        }
        processes::end_all(self.group, &self.mark);
        let exit = self.exit(&state, writer.written());
        // Announced by the end of `progress`, so written before.
        writer.finish(&exit)
    }

    async fn step(&mut self, state: &mut State, writer: &mut Writer) -> io::Result<()> {
        let never = self.begun + Duration::from_secs(1 << 30);
        let timeout = self.begun.checked_add(self.timeout).unwrap_or(never);
        tokio::select! {
            chunk = self.output.recv(), if state.open => match chunk {
                Some((stream, bytes)) => self.keep(state, writer, stream, &bytes)?,
                None => state.open = false,
            },
            status = &mut self.status, if state.status.is_none() => {
                state.status = Some(status.unwrap_or(Status { code: None, signal: None }));
                state.drained_at = Some(Instant::now() + DRAIN);
            }
            () = sleep_until(timeout), if state.reason.is_none() && state.status.is_none() => self.end(state, Reason::TimedOut),
            Ok(()) = self.stop.changed(), if state.reason.is_none() => {
                let reason = *self.stop.borrow_and_update();
                if let Some(reason) = reason {
                    self.end(state, reason);
                }
            }
            () = sleep_until(state.kill_at.unwrap_or(never)), if state.kill_at.is_some() => {
                processes::end_all(self.group, &self.mark);
                state.kill_at = None;
            }
            () = sleep_until(state.drained_at.unwrap_or(never)), if state.drained_at.is_some() => state.open = false,
        }
        Ok(())
    }

    fn keep(&self, state: &mut State, writer: &mut Writer, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let room = self.max_output.saturating_sub(writer.written());
        let kept = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if kept > 0 {
            writer.append(stream, bytes.get(..kept).unwrap_or(bytes))?;
            self.progress.send_replace(writer.written());
        }
        if kept < bytes.len() && state.reason.is_none() {
            self.end(state, Reason::OutputLimit);
        }
        Ok(())
    }

    /// Asks the group to end. One that fills memory, disk or a pipe is not asked.
    fn end(&self, state: &mut State, reason: Reason) {
        state.reason = Some(reason);
        if state.status.is_some() {
            return;
        }
        if matches!(reason, Reason::TimedOut | Reason::Killed) {
            processes::signal(killpg(Pid::from_raw(self.group), Signal::SIGTERM));
            state.kill_at = Some(Instant::now() + GRACE);
        } else {
            state.kill_at = Some(Instant::now());
        }
    }

    fn exit(&self, state: &State, output_bytes: u64) -> Exit {
        let status = state.status.unwrap_or(Status { code: None, signal: None });
        Exit {
            code: status.code,
            signal: status.signal,
            reason: state.reason.unwrap_or_else(|| self.own_end(status)),
            output_bytes,
            duration_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Why a command ended that nobody here ended.
    fn own_end(&self, status: Status) -> Reason {
        let failed = status.code != Some(0);
        let too_large = [status.signal, status.code.map(|code| code - 128)].contains(&Some(libc::SIGXFSZ));
        if failed && usage::oom_kills() > self.oom_kills {
            Reason::OutOfMemory
        } else if too_large {
            Reason::LimitReached
        } else {
            Reason::Finished
        }
    }
}

fn outputs(child: &mut Child) -> io::Result<mpsc::Receiver<(Stream, Vec<u8>)>> {
    let (sender, receiver) = mpsc::channel(4);
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(read(ChildStdout::from_std(stdout)?, Stream::Stdout, sender.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(read(ChildStderr::from_std(stderr)?, Stream::Stderr, sender));
    }
    Ok(receiver)
}

/// Until the pipe is closed, or nobody wants more.
async fn read(mut pipe: impl AsyncRead + Unpin, stream: Stream, sender: mpsc::Sender<(Stream, Vec<u8>)>) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
        if sender.send((stream, bytes)).await.is_err() {
            return;
        }
    }
}

/// On a thread: a command may take its time to read, or never do.
fn feed(child: &mut Child, stdin: Vec<u8>) {
    let Some(pipe) = child.stdin.take() else { return };
    if stdin.is_empty() {
        return;
    }
    tokio::task::spawn_blocking(move || {
        let mut pipe = std::fs::File::from(OwnedFd::from(pipe));
        // A command that closes its input does not want the rest.
        drop(pipe.write_all(&stdin));
    });
}
