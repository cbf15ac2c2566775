use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
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
        let port = free_port();
        let log = folder.join("log");
        let errors = fs::File::create(&log).expect("log");
        let mut command = muster(folder);
        command.arg("serve").env("PORT", port.to_string()).stdout(Stdio::piped()).stderr(errors);
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
        let mut stream = self.connect();
        let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\r\n", self.port);
        stream.write_all(head.as_bytes()).expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("log")
    }

    /// Sends SIGTERM and waits for the end. Returns how it ended and how long that took.
    pub(crate) fn stop(mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).expect("pid"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("signalled");
        let (ended, wait) = mpsc::channel();
        thread::spawn(move || ended.send(self.child.wait()));
        let status = wait.recv_timeout(Duration::from_secs(20)).expect("ended").expect("status");
        (status, began.elapsed())
    }
}
