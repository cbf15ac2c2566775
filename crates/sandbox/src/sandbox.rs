use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use shim::protocol::{Answer, Exec as ExecRequest, Exit, Frame, MAX_STDIN, Request, Stats, Stream};

use crate::{
    Backend, Error, Result,
    client::{Answers, Client},
    egress::Serving,
};

/// A sandbox that runs. Dropping it ends nothing but the way out, which [`Backend::attach`] opens again.
#[derive(Debug)]
pub struct Sandbox {
    id: String,
    client: Client,
    backend: Arc<dyn Backend>,
    _egress: Option<Serving>,
}

/// A command to run inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Names it for ever: letters, digits and `-_.:`, at most 200. Asked for again under the same key, it is followed and
    /// not started once more.
    pub key: String,
    pub argv: Vec<String>,
    /// Relative to the workspace; the workspace itself when absent.
    pub cwd: Option<String>,
    pub env: BTreeMap<String, String>,
    /// At most 16 MiB.
    pub stdin: Vec<u8>,
    pub timeout: Duration,
    /// The command is ended when it says more.
    pub max_output_bytes: u64,
}

impl Command {
    /// In the workspace, without input, for at most ten minutes and 10 MiB of output.
    pub fn new<Word: Into<String>>(key: impl Into<String>, argv: impl IntoIterator<Item = Word>) -> Self {
        Self {
            key: key.into(),
            argv: argv.into_iter().map(Into::into).collect(),
            cwd: None,
            env: BTreeMap::new(),
            stdin: Vec::new(),
            timeout: Duration::from_secs(600),
            max_output_bytes: 10 << 20,
        }
    }

    fn request(&self, from_offset: u64) -> Request {
        Request::Exec(ExecRequest {
            key: self.key.clone(),
            argv: self.argv.clone(),
            cwd: self.cwd.clone(),
            env: self.env.clone(),
            stdin_bytes: self.stdin.len() as u64,
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            max_output_bytes: self.max_output_bytes,
            from_offset,
        })
    }
}

/// What a command does, in order: output, then its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Output {
        stream: Stream,
        /// Of the first byte, counted over both streams.
        offset: u64,
        bytes: Vec<u8>,
    },
    Exit(Exit),
}

/// A command that runs or ran, followed. Dropping it leaves the command alone.
#[derive(Debug)]
pub struct Exec {
    id: String,
    answers: Answers,
    ended: bool,
}

/// A command's whole output and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit: Exit,
}

impl Sandbox {
    pub(crate) fn new(id: &str, state: &Path, backend: Arc<dyn Backend>, egress: Option<Serving>) -> Self {
        Self { id: id.to_owned(), client: Client::new(id, state), backend, _egress: egress }
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Starts a command, or follows it from its first byte on when its key is known.
    ///
    /// # Errors
    /// When the sandbox is gone, or the command is impossible. A program that cannot be run is no error here: it exits
    /// with 126 or 127, as in a shell.
    pub async fn exec(&self, command: &Command) -> Result<Exec> {
        self.exec_from(command, 0).await
    }

    /// Like [`Sandbox::exec`], for a caller that has the output before `offset` already.
    ///
    /// # Errors
    /// As `exec`.
    pub async fn exec_from(&self, command: &Command, offset: u64) -> Result<Exec> {
        if command.stdin.len() as u64 > MAX_STDIN {
            return Err(Error::Refused("The standard input of a command is limited to 16 MiB.".to_owned()));
        }
        let answers = self.client.ask(&command.request(offset), &command.stdin).await?;
        Ok(Exec { id: self.id.clone(), answers, ended: false })
    }

    /// Follows a command from a byte of its output on.
    ///
    /// # Errors
    /// When the sandbox is gone; reading then says whether the key was known.
    pub async fn follow(&self, key: &str, from_offset: u64) -> Result<Exec> {
        let answers = self.client.ask(&Request::Attach { key: key.to_owned(), from_offset }, &[]).await?;
        Ok(Exec { id: self.id.clone(), answers, ended: false })
    }

    /// Asks a command and all it started to end, and ends them after two seconds. Nothing happens when it does not run.
    ///
    /// # Errors
    /// When the sandbox is gone.
    pub async fn kill(&self, key: &str) -> Result<()> {
        self.client.answer(&Request::Kill { key: key.to_owned() }).await.map(drop)
    }

    /// # Errors
    /// When the sandbox is gone.
    pub async fn stats(&self) -> Result<Stats> {
        match self.client.answer(&Request::Stats).await? {
            Answer::Stats(stats) => Ok(stats),
            Answer::Done => Err(Error::Gone(self.id.clone())),
        }
    }

    /// Whether the sandbox answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        self.client.answer(&Request::Ping).await.map(drop)
    }

    /// Ends the sandbox and all in it, and deletes its state folder. The workspace stays.
    ///
    /// # Errors
    /// When something of it could not be removed.
    pub async fn destroy(self) -> Result<()> {
        self.backend.destroy(&self.id).await
    }
}

impl Exec {
    /// The next event; none after the exit. A call that is dropped half-way may lose a part of an event: follow again.
    ///
    /// # Errors
    /// When the sandbox goes away first, or refused the command.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        if self.ended {
            return Ok(None);
        }
        match self.answers.next().await? {
            Some(Frame::Output { stream, offset, bytes }) => Ok(Some(Event::Output { stream, offset, bytes })),
            Some(Frame::Exit(exit)) => {
                self.ended = true;
                Ok(Some(Event::Exit(exit)))
            }
            Some(Frame::Refused(reason)) => Err(Error::Refused(reason)),
            Some(Frame::Answer(_)) | None => Err(Error::Gone(self.id.clone())),
        }
    }

    /// Reads to the end and keeps everything.
    ///
    /// # Errors
    /// As [`Exec::next`].
    pub async fn finish(mut self) -> Result<Finished> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            match self.next().await? {
                Some(Event::Output { stream: Stream::Stdout, bytes, .. }) => stdout.extend_from_slice(&bytes),
                Some(Event::Output { stream: Stream::Stderr, bytes, .. }) => stderr.extend_from_slice(&bytes),
                Some(Event::Exit(exit)) => return Ok(Finished { stdout, stderr, exit }),
                None => return Err(Error::Gone(self.id.clone())),
            }
        }
    }
}
