//! Muster itself, run from the checkout: `start`, `stop`, `doctor`.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::failure::{Doing, Failure, Outcome};
use crate::{assets, shim, workspace};

/// The server promises to be gone in 10 s; its database then needs a moment of its own.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Builds what changed and becomes the server. Says so and succeeds when it runs already.
pub(crate) fn start() -> Outcome {
    if let Some(running) = Running::find()?
        && running.answers()
    {
        println!("Muster runs already (process {}) at {}. Stop it with `make stop`.", running.pid, running.url);
        return Ok(());
    }
    if let Some(address) = told_address() {
        check_port(address)?;
    }
    let binary = build()?;
    put_command(&workspace::root()?, &binary)?;
    println!("start: `./muster doctor` and its other commands run {}", binary.display());
    let mut serve = Command::new(binary);
    let error = serve.arg("serve").current_dir(workspace::root()?).exec();
    Err(Failure::new(format!("The server could not be run: {error}")))
}

/// Looks for what is wrong with the machine and the settings.
pub(crate) fn doctor() -> Outcome {
    let binary = build()?;
    put_command(&workspace::root()?, &binary)?;
    let mut doctor = Command::new(binary);
    workspace::run(doctor.arg("doctor").current_dir(workspace::root()?))
}

/// Stops the server of this checkout and waits until it is gone.
pub(crate) fn stop() -> Outcome {
    let Some(running) = Running::find()? else {
        println!("Muster does not run from this folder.");
        return Ok(());
    };
    kill(running.pid, Signal::SIGTERM).doing(|| format!("Cannot tell process {} to stop", running.pid))?;
    let end = Instant::now() + STOP_LIMIT;
    while Instant::now() < end {
        if kill(running.pid, None) == Err(Errno::ESRCH) {
            println!("Muster has stopped.");
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(Failure::new(format!(
        "Muster (process {0}) still runs. End it with `kill -9 {0}`; its data stays whole.",
        running.pid
    )))
}

/// Where the server will listen, as far as it is known before the server is built: a file of settings may say otherwise.
fn told_address() -> Option<SocketAddr> {
    let elsewhere = ["MUSTER_SERVER__LISTEN", "MUSTER_CONFIG"].iter().any(|name| env::var_os(name).is_some());
    let port = port().parse().ok().filter(|_| !elsewhere)?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A taken port is told before minutes of building, not after.
fn check_port(address: SocketAddr) -> Outcome {
    let port = address.port();
    match TcpListener::bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Failure::new(format!(
            "Port {port} on {} is taken by another program. Choose another: PORT={} make start.",
            address.ip(),
            port.checked_add(1).unwrap_or(7000)
        ))),
        // Whatever else is wrong with it, the server says.
        _ => Ok(()),
    }
}

/// Puts `./muster` into the checkout, so that what pages and documents say can be typed.
fn put_command(root: &Path, binary: &Path) -> Outcome {
    let path = root.join("muster");
    let quoted = binary.display().to_string().replace('\'', r"'\''");
    let script = format!(
        "#!/bin/sh\n# Written by `make start`: the program it built, in the folder of its data.\ncd -- \"$(dirname -- \"$0\")\" && exec '{quoted}' \"$@\"\n"
    );
    let written = fs::write(&path, script).and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
    written.doing(|| format!("Cannot write {}", path.display()))
}

/// The release binary with the browser's files in it; cargo and the assets' stamp skip what did not change.
pub(crate) fn build() -> Outcome<PathBuf> {
    timed("browser files", || assets::run(assets::Options { dev: false }))?;
    timed("sandbox program", || shim::build().map(drop))?;
    timed("server", || {
        let arguments = ["build", "--release", "--package", "server", "--bin", "muster"];
        workspace::run(&mut workspace::cargo(&arguments)?)
    })?;
    Ok(workspace::target()?.join("release/muster"))
}

fn timed(what: &str, step: impl FnOnce() -> Outcome) -> Outcome {
    println!("start: {what} …");
    let begin = Instant::now();
    step()?;
    println!("start: {what} ready after {:.1} s", begin.elapsed().as_secs_f32());
    Ok(())
}

/// The server that wrote `var/muster.pid`, if that process lives.
struct Running {
    pid: Pid,
    url: String,
}

impl Running {
    /// The file holds the process number, and on a second line, if there is one, the address.
    fn find() -> Outcome<Option<Self>> {
        let path = workspace::var()?.join("muster.pid");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).doing(|| format!("Cannot read {}", path.display())),
        };
        Ok(Self::parse(&text).filter(|running| kill(running.pid, None) != Err(Errno::ESRCH) && running.is_muster()))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid: i32 = lines.next()?.trim().parse().ok().filter(|pid| *pid > 1)?;
        let url = lines.next().map(str::trim).filter(|url| url.starts_with("http"));
        let url = url.map_or_else(|| format!("http://127.0.0.1:{}", port()), str::to_owned);
        Some(Self { pid: Pid::from_raw(pid), url })
    }

    /// The number may have gone to another program since.
    fn is_muster(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/comm", self.pid)).is_ok_and(|name| name.trim() == "muster")
    }

    fn answers(&self) -> bool {
        let address = self.url.trim_start_matches("http://").trim_end_matches('/');
        address.parse().is_ok_and(|address: SocketAddr| lives(address).unwrap_or(false))
    }
}

fn lives(address: SocketAddr) -> io::Result<bool> {
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    write!(stream, "GET /livez HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}

fn port() -> String {
    env::var_os("PORT").map_or_else(|| "7000".to_owned(), |port| port.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_may_name_the_address() {
        let running = Running::parse("4711\nhttp://127.0.0.1:7123\n").unwrap();
        assert_eq!((running.pid.as_raw(), running.url.as_str()), (4711, "http://127.0.0.1:7123"));
        assert!(Running::parse("4711\n").unwrap().url.starts_with("http://127.0.0.1:"));
        for broken in ["", "no number", "0", "-1", "1"] {
            assert!(Running::parse(broken).is_none(), "{broken:?} names no process to signal");
        }
    }

    #[test]
    fn a_taken_port_is_told_with_the_way_out() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let told = check_port(address).unwrap_err().to_string();
        let port = address.port();
        assert!(told.starts_with(&format!("Port {port} on 127.0.0.1 is taken")), "{told}");
        assert!(told.contains(&format!("PORT={} make start", port.checked_add(1).unwrap_or(7000))), "{told}");
        drop(other);
        assert!(check_port(address).is_ok());
    }

    #[test]
    fn the_command_runs_what_was_built_in_the_checkout() {
        let checkout = workspace::target().unwrap().join(format!("a checkout {}", std::process::id()));
        fs::create_dir_all(&checkout).unwrap();
        let built = checkout.join("it's built");
        fs::write(&built, "#!/bin/sh\necho \"$PWD\" \"$@\"\n").unwrap();
        fs::set_permissions(&built, fs::Permissions::from_mode(0o755)).unwrap();
        put_command(&checkout, &built).unwrap();
        let ran = workspace::output(Command::new(checkout.join("muster")).args(["audit", "verify"]).current_dir("/"));
        let folder = fs::canonicalize(&checkout).unwrap();
        fs::remove_dir_all(&checkout).unwrap();
        assert_eq!(String::from_utf8(ran.unwrap()).unwrap(), format!("{} audit verify\n", folder.display()));
    }

    #[test]
    fn another_program_under_the_number_is_not_muster() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(!Running::parse(&me.to_string()).unwrap().is_muster());
    }
}
