use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

use crate::{GitError, Result, lock, program};

/// How long a local command may take.
const LOCAL: Duration = Duration::from_secs(120);
const MAX_OUTPUT: u64 = 256 << 20;
const MAX_STDERR: u64 = 64 << 10;

/// Settings for every command, so that nothing of the machine, of its users, or of a work tree has a say.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.quotePath", "false"),
    ("core.fsync", "committed,reference"),
    ("safe.directory", "*"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
    ("protocol.allow", "never"),
    ("protocol.https.allow", "always"),
    ("submodule.recurse", "false"),
    ("diff.renames", "true"),
    ("diff.renameLimit", "1000"),
    ("merge.renameLimit", "1000"),
    ("transfer.hideRefs", "refs/muster"),
];

/// One run of git, put together argument by argument.
#[derive(Debug)]
pub(crate) struct Git {
    repository: Option<PathBuf>,
    args: Vec<OsString>,
    settings: Vec<(String, String)>,
    env: Vec<(&'static str, OsString)>,
    input: Option<Vec<u8>>,
    limit: Duration,
    max_output: u64,
    accepted: &'static [i32],
}

pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Git {
    pub(crate) fn new(command: &str) -> Self {
        Self {
            repository: None,
            args: vec![command.into()],
            settings: Vec::new(),
            env: Vec::new(),
            input: None,
            limit: LOCAL,
            max_output: MAX_OUTPUT,
            accepted: &[0],
        }
    }

    pub(crate) fn within(command: &str, repository: &Path) -> Self {
        let mut git = Self::new(command);
        git.repository = Some(repository.to_path_buf());
        git
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn setting(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    pub(crate) fn env(mut self, key: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((key, value.into()));
        self
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) fn max_output(mut self, bytes: u64) -> Self {
        self.max_output = bytes;
        self
    }

    /// Exit codes that are answers and not failures.
    pub(crate) fn accept(mut self, codes: &'static [i32]) -> Self {
        self.accepted = codes;
        self
    }

    fn name(&self) -> String {
        self.args.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The process as it is started: a bare environment, our settings through it (so that no secret stands in an argument),
    /// and a process group of its own, since git starts helpers.
    pub(crate) fn command(&self) -> std::process::Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new(program::path());
        command.args(&self.args).process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        self.environment(&mut command);
        command
    }

    fn environment(&self, command: &mut std::process::Command) {
        command
            .env_clear()
            .env("PATH", program::PATH)
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C.UTF-8")
            .env("LANGUAGE", "C")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_LITERAL_PATHSPECS", "1");
        match &self.repository {
            Some(path) => command.env("GIT_DIR", path).current_dir(path),
            None => command.current_dir("/"),
        };
        let settings = SETTINGS.iter().map(|&(key, value)| (key, value));
        let settings = settings.chain(self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let mut count = 0;
        for (key, value) in settings {
            command.env(format!("GIT_CONFIG_KEY_{count}"), key).env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
    }

    /// Runs it and takes what it prints.
    pub(crate) async fn run(self) -> Result<Output> {
        let output = self.attempt().await?;
        match &self.repository {
            Some(repository) if is_locked(&output, self.accepted) => {
                lock::clear_stale(repository).await?;
                self.check(self.attempt().await?)
            }
            _ => self.check(output),
        }
    }

    async fn attempt(&self) -> Result<Output> {
        let _held = match &self.repository {
            Some(path) if path.exists() => Some(lock::shared(path).await?),
            Some(path) => return Err(GitError::NotFound(format!("repository at {}", path.display()))),
            None => None,
        };
        let mut running = Running::start(self.command())?;
        match tokio::time::timeout(self.limit, running.output(self.input.as_deref(), self.max_output)).await {
            Ok(Ok(Some(output))) => Ok(output),
            Ok(Ok(None)) => Err(GitError::too_large(format!("What git {} printed", self.name()), self.max_output)),
            Ok(Err(error)) => Err(GitError::io(format!("running git {}", self.name()), error)),
            Err(_) => Err(GitError::Timeout { what: format!("git {}", self.name()), limit: self.limit }),
        }
    }

    fn check(&self, output: Output) -> Result<Output> {
        if self.accepted.contains(&output.code) {
            return Ok(output);
        }
        Err(GitError::from_stderr(&self.name(), if output.stderr.is_empty() { &output.stdout } else { &output.stderr }))
    }

    pub(crate) async fn bytes(self) -> Result<Vec<u8>> {
        Ok(self.run().await?.stdout)
    }

    /// What it printed, as text without the last line break.
    pub(crate) async fn text(self) -> Result<String> {
        Ok(String::from_utf8_lossy(self.bytes().await?.trim_ascii_end()).into_owned())
    }
}

fn is_locked(output: &Output, accepted: &[i32]) -> bool {
    let text = String::from_utf8_lossy(&output.stderr);
    !accepted.contains(&output.code) && text.contains(".lock'") && text.contains("File exists")
}

/// A process and the group it leads. Dropping it ends all of them.
pub(crate) struct Running {
    child: Child,
    group: Option<Pid>,
}

impl Running {
    pub(crate) fn start(command: std::process::Command) -> Result<Self> {
        let child =
            Command::from(command).kill_on_drop(true).spawn().map_err(|error| GitError::io("starting git", error))?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { child, group })
    }

    pub(crate) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take())
    }

    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // The number may belong to somebody else from now on.
        self.group = None;
        Ok(status)
    }

    /// `None` when it printed more than `max` bytes.
    async fn output(&mut self, input: Option<&[u8]>, max: u64) -> io::Result<Option<Output>> {
        let (stdin, stdout, stderr) = self.pipes();
        let feed = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                match stdin.write_all(input).await {
                    // It ended early; its exit code tells why.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                    other => other?,
                }
                match stdin.shutdown().await {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        };
        // Reading stops at the limit, so the error pipe may still be open then: the short one decides.
        let out = async {
            let bytes = collect(stdout, max).await?;
            if bytes.len() as u64 > max { Err(io::Error::from(io::ErrorKind::FileTooLarge)) } else { Ok(bytes) }
        };
        let joined = tokio::try_join!(feed, out, async { drain(stderr, MAX_STDERR).await });
        let ((), stdout, stderr) = match joined {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(None),
            other => other?,
        };
        let status = self.wait().await?;
        Ok(Some(Output { code: status.code().unwrap_or(-1), stdout, stderr }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group.take()
            && let Err(error) = kill_process_group(group, Signal::KILL)
        {
            tracing::debug!(%error, "a git process was gone already");
        }
    }
}

async fn collect(from: Option<impl AsyncRead + Unpin>, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(max + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Keeps the first `max` bytes and reads the rest away, so that the writer is never stuck.
pub(crate) async fn drain(from: Option<impl AsyncRead + Unpin>, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(max).read_to_end(&mut bytes).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}

/// An argument made of raw bytes, such as a path from a tree.
pub(crate) fn raw(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}
