//! Collects every process that ends: our commands for their status, orphans so that they do not stay as zombies.

use std::{
    collections::HashMap,
    io,
    process::{Child, Command},
    sync::{Mutex, PoisonError},
};

use nix::{
    errno::Errno,
    sys::wait::{WaitPidFlag, WaitStatus, waitpid},
};
use tokio::sync::oneshot;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

#[derive(Debug, Default)]
pub(crate) struct Reaper {
    waiting: Mutex<HashMap<i32, oneshot::Sender<Status>>>,
}

impl Reaper {
    /// Starts a process whose status arrives through the receiver. Nothing else may wait for it.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<(Child, oneshot::Receiver<Status>)> {
        // Held over the start: a process that ends at once must not be reaped before it is known.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        let (sender, receiver) = oneshot::channel();
        waiting.insert(i32::try_from(child.id()).map_err(io::Error::other)?, sender);
        Ok((child, receiver))
    }

    /// Collects all that ended; called at each SIGCHLD.
    pub(crate) fn reap(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Status { code: Some(code), signal: None }),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Status { code: None, signal: Some(signal as i32) }),
                Err(Errno::EINTR) => continue,
                Ok(WaitStatus::StillAlive) | Err(_) => return,
                Ok(_) => continue,
            };
            if let Some(sender) = waiting.remove(&pid.as_raw())
                && sender.send(status).is_err()
            {
                // Only a job that could not keep its output stops waiting.
                eprintln!("muster-shim: nobody waited for process {pid}");
            }
        }
    }
}
