use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// `muster` with nothing of the surroundings but what it needs, working in `folder`.
pub(crate) fn muster(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    for name in ["PATH", "HOME", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// A folder that the database's own user can reach, whoever runs the test.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    folder
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address").port()
}

/// A server that said it is ready.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
    /// What it printed until it was ready.
    pub(crate) printed: String,
    log: PathBuf,
    /// Kept open: the server says good-bye there.
    _out: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// With further settings in its environment.
    pub(crate) fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let port = free_port();
        let log = folder.join("log");
        let errors = fs::File::create(&log).expect("log");
        let mut command = muster(folder);
        command
            .arg("serve")
            .env("PORT", port.to_string())
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(errors);
        let mut child = command.spawn().expect("started");
        let mut out = BufReader::new(child.stdout.take().expect("stdout"));
        let mut printed = String::new();
        while !printed.contains("Muster is ready at") {
            let read = out.read_line(&mut printed).expect("text");
            let log = || fs::read_to_string(&log).unwrap_or_default();
            assert!(read > 0, "ended before it was ready: {printed}\n{}", log());
        }
        Self { child, port, printed, log, _out: out }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
        stream
    }

    /// The whole answer, head and body.
    pub(crate) fn get(&self, path: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\r\n", self.port);
        exchange(self.port, &head).expect("answer")
    }

    /// Ends the process at once, in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Kilobytes of memory in use.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("log")
    }

    /// Opens a stream of events and reads until `begun` has come.
    pub(crate) fn follow(&self, path: &str, cookie: &str, begun: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("timeout");
        let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncookie: {cookie}\r\n\r\n", self.port);
        stream.write_all(head.as_bytes()).expect("sent");
        let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
        while !String::from_utf8_lossy(&seen).contains(begun) {
            let read = stream.read(&mut piece).expect("more");
            assert!(read > 0, "{path} ended: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&piece[..read]);
        }
        stream
    }

    /// Sends SIGTERM and waits for the end. Returns how it ended and how long that took.
    pub(crate) fn stop(self) -> (ExitStatus, Duration) {
        stop(self.child)
    }
}

/// Sends SIGTERM and waits for the end. Returns how it ended and how long that took.
pub(crate) fn stop(mut child: Child) -> (ExitStatus, Duration) {
    let began = Instant::now();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("signalled");
    let (ended, wait) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait()));
    let status = wait.recv_timeout(Duration::from_secs(20)).expect("ended").expect("status");
    (status, began.elapsed())
}

fn exchange(port: u16, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Sends a form as one of our own pages would. The whole answer, head and body.
pub(crate) fn post(port: u16, path: &str, cookie: &str, form: &str) -> io::Result<String> {
    let length = form.len();
    exchange(
        port,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nsec-fetch-site: same-origin\r\ncookie: {cookie}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{form}"
        ),
    )
}

/// The value of a header, when the answer has it.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, v)| v)
}
