//! Docker for the tests that need one: the machine's, or one that is started for them.

use std::{
    fs::File,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, getuid},
};

use crate::{
    failure::{Doing, Outcome},
    workspace,
};

const SOCKET: &str = "/var/run/docker.sock";
const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon that was started here. None when one answers already, or none can be started, which the tests say.
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn start() -> Outcome<Option<Self>> {
        if answers() || !getuid().is_root() || !workspace::installed("dockerd") {
            return Ok(None);
        }
        let path = workspace::target()?.join("dockerd.log");
        let log = File::create(&path).doing(|| format!("Cannot write {}", path.display()))?;
        let mut dockerd = Command::new("dockerd");
        let again = log.try_clone().doing(|| format!("Cannot write {}", path.display()))?;
        dockerd.stdin(Stdio::null()).stdout(again).stderr(log);
        let mut child = dockerd.spawn().doing(|| "Cannot run dockerd".to_owned())?;
        let begin = Instant::now();
        while !answers() && begin.elapsed() < PATIENCE {
            if child.try_wait().doing(|| "Cannot look after dockerd".to_owned())?.is_some() {
                println!("dockerd does not run here (see {}): tests with Docker will be skipped.", path.display());
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Some(Self(child)))
    }

    pub(crate) fn stop(mut self) -> Outcome {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).doing(|| "Cannot stop dockerd".to_owned())?);
        kill(pid, Signal::SIGTERM).doing(|| "Cannot stop dockerd".to_owned())?;
        self.0.wait().doing(|| "Cannot stop dockerd".to_owned())?;
        Ok(())
    }
}

/// Whether a daemon listens, and this user may speak to it.
pub(crate) fn answers() -> bool {
    Path::new(SOCKET).exists() && UnixStream::connect(SOCKET).is_ok()
}
