//! The running server process: finding, starting, waiting for and ending it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::account::Account;
use crate::error::{At, StartError, StopError};
use crate::folder::wait_for;
use crate::install::Install;

/// How long a clean stop may take before the server is told to quit without one.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// What the server writes about itself into `postmaster.pid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) pid: i32,
    pub(crate) port: Option<u16>,
    ready: bool,
}

impl Status {
    /// Lines of the file, from PostgreSQL's `miscadmin.h`: pid, data folder, start time, port, socket folder, address, shared
    /// memory, state. Later lines are missing while it starts.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let pid = lines.first()?.parse().ok()?;
        let port = lines.get(3).and_then(|port| port.parse().ok());
        Some(Self { pid, port, ready: lines.get(7) == Some(&"ready") })
    }

    pub(crate) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    /// Ready by its own word, and something answers on the port.
    pub(crate) fn answers(&self) -> bool {
        self.ready && self.port.is_some_and(speaks_postgres)
    }
}

/// Whether the process works in this data folder (the server and all its children change into it).
pub(crate) fn works_in(pid: i32, data: &Path) -> bool {
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(folder) => folder == data,
        // Another user's process: its folder is hidden, its name is not.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "postgres")
        }
        Err(_) => false,
    }
}

/// After a kill of the server its children end by themselves within moments; until then the data must not be touched.
pub(crate) fn anyone_in(data: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    pids.into_iter().any(|pid: i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == data))
}

/// The start of PostgreSQL's protocol: a request for TLS (length 8, code 80877103), answered by one letter.
fn speaks_postgres(port: u16) -> bool {
    let limit = Duration::from_secs(2);
    let ask = || -> io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    };
    matches!(ask(), Ok(b'S' | b'N'))
}

pub(crate) fn free_port(port: u16) -> Option<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    listener.local_addr().ok().map(|address| address.port())
}

/// Starts the server in a process group of its own: Ctrl-C in the terminal reaches only us, and we end it in order.
pub(crate) fn spawn(
    account: &Account,
    install: &Install,
    data: &Path,
    log: &File,
    port: u16,
    fast: bool,
) -> Result<Child, StartError> {
    let program = install.program("postgres");
    let mut command = account.command(&program);
    command.arg("-D").arg(data);
    for setting in SETTINGS.iter().chain(if fast { FAST } else { &[] }) {
        command.args(["-c", setting]);
    }
    command.args(["-c", &format!("port={port}")]).process_group(0);
    let out = || log.try_clone().map(Stdio::from);
    let (stdout, stderr) = out().and_then(|stdout| Ok((stdout, out()?))).at("write to the log of", data)?;
    command.stdout(stdout).stderr(stderr).spawn().at("run", &program)
}

const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=128MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] ",
];

/// A power cut may ruin the data of tests; a killed server must not.
const FAST: &[&str] = &["fsync=off", "full_page_writes=off"];

/// Ends the server: clients are disconnected and the data is brought in order ("fast shutdown").
pub(crate) fn stop(pid: i32, child: Option<&mut Child>) -> Result<(), StopError> {
    signal(pid, Signal::SIGINT)?;
    if gone(pid, child) {
        return Ok(());
    }
    signal(pid, Signal::SIGQUIT)?;
    Err(StopError::Slow { pid, seconds: STOP_LIMIT.as_secs() })
}

fn signal(pid: i32, signal: Signal) -> Result<(), StopError> {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(error) => Err(StopError::Signal { pid, source: error.into() }),
    }
}

/// Our own child must also be reaped, or its entry would stay and look alive.
fn gone(pid: i32, mut child: Option<&mut Child>) -> bool {
    let ended = wait_for(STOP_LIMIT, || {
        let over = match &mut child {
            Some(child) => matches!(child.try_wait(), Ok(Some(_))),
            None => kill(Pid::from_raw(pid), None) == Err(nix::errno::Errno::ESRCH),
        };
        Ok(over.then_some(()))
    });
    matches!(ended, Ok(Some(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_is_read_while_starting_and_when_ready() {
        let starting = "4711\n/data\n1700000000\n5433\n\n127.0.0.1\n";
        assert_eq!(Status::parse(starting), Some(Status { pid: 4711, port: Some(5433), ready: false }));
        let ready = format!("{starting}  123 456\nready   \n");
        assert_eq!(Status::parse(&ready), Some(Status { pid: 4711, port: Some(5433), ready: true }));
        assert_eq!(Status::parse(""), None);
    }

    #[test]
    fn another_program_on_the_port_is_not_taken_for_postgres() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"HTTP").unwrap());
        assert!(!speaks_postgres(port));
        peer.join().unwrap();
        assert_eq!(free_port(port), Some(port));
    }
}
