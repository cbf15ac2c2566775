//! What is remembered of a local sandbox, so that another process finds it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::UNIX_EPOCH,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) state: PathBuf,
    pub(super) groups: Vec<PathBuf>,
    /// None until it was started.
    pub(super) first: Option<First>,
}

/// The first process of a sandbox, as seen from outside. Its start tells it from a later process with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct First {
    pub(super) pid: i32,
    /// Clock ticks after the machine's start.
    started: u64,
}

impl First {
    pub(super) fn seen(pid: i32) -> Option<Self> {
        Some(Self { pid, started: started(pid)? })
    }

    pub(super) fn lives(self) -> bool {
        started(self.pid) == Some(self.started)
    }

    /// Ends it, and by that everything in its process namespace.
    pub(super) fn kill(self) -> nix::Result<()> {
        if !self.lives() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), Signal::SIGKILL) {
            Err(nix::errno::Errno::ESRCH) => Ok(()),
            killed => killed,
        }
    }
}

/// Field 22 of `/proc/<pid>/stat` (proc(5)); none for a process that has ended and only waits to be collected.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    fields.nth(18)?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}

pub(super) fn path(registry: &Path, id: &str) -> PathBuf {
    registry.join(format!("{id}.json"))
}

pub(super) fn log(registry: &Path, id: &str) -> PathBuf {
    registry.join(format!("{id}.log"))
}

impl Record {
    /// Takes the name; false when it is taken.
    pub(super) fn claim(&self, registry: &Path) -> io::Result<bool> {
        let half = self.half(registry)?;
        // Appears whole: one that was cut off could not be read again, nor listed.
        let linked = fs::hard_link(&half, path(registry, &self.id));
        fs::remove_file(half)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            linked => linked.map(|()| true),
        }
    }

    fn half(&self, registry: &Path) -> io::Result<PathBuf> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let half = registry.join(format!("{}.{process}-{count}.half", self.id));
        fs::write(&half, serde_json::to_vec(self)?)?;
        Ok(half)
    }

    pub(super) fn write(&self, registry: &Path) -> io::Result<()> {
        fs::rename(self.half(registry)?, path(registry, &self.id))
    }

    pub(super) fn read(registry: &Path, id: &str) -> io::Result<Option<Self>> {
        match fs::read(path(registry, id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => Ok(Some(serde_json::from_slice(&read?)?)),
        }
    }

    /// All, with the time of their making in microseconds since 1970.
    pub(super) fn all(registry: &Path) -> io::Result<Vec<(Self, i64)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(registry)? {
            let path = entry?.path();
            let id = path
                .file_stem()
                .and_then(|id| id.to_str())
                .filter(|_| path.extension().is_some_and(|end| end == "json"));
            // One that is destroyed meanwhile is not there.
            if let Some(record) = id.map(|id| Self::read(registry, id)).transpose()?.flatten() {
                let made = fs::metadata(&record.state).or_else(|_| fs::metadata(&path))?.modified()?;
                let made = made.duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_micros();
                all.push((record, i64::try_from(made).map_err(io::Error::other)?));
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_too() {
        let me = First::seen(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(me.lives());
        let other = First { started: me.started + 1, ..me };
        assert!(!other.lives());
        other.kill().unwrap();
        assert_eq!(First::seen(i32::MAX), None);
    }
}
