//! Control groups for a local sandbox, version 1 or 2, where this process may make them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use shim::protocol::Held;

use crate::Limits;

const ROOT: &str = "/sys/fs/cgroup";
const PERIOD_US: u64 = 100_000;

/// The groups of one sandbox.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Their folders.
    pub(super) folders: Vec<PathBuf>,
    pub(super) held: Vec<Held>,
    /// What of them the sandbox sees of itself: a folder, and where it appears.
    pub(super) shown: Vec<(PathBuf, PathBuf)>,
}

impl Groups {
    /// Makes whichever groups this machine lets us make; limits that none of them holds are not in `held`.
    pub(super) fn make(id: &str, limits: &Limits) -> Self {
        let name = format!("muster-{id}");
        if Path::new(ROOT).join("cgroup.controllers").exists() {
            unified(&name, limits)
        } else {
            separate(&name, limits)
        }
    }

    /// The files to which a process writes itself to get in.
    pub(super) fn entrances(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.join("cgroup.procs")).collect()
    }
}

/// Removes groups, ending what is still in them and waiting for the last of it to go.
pub(super) async fn remove(folders: &[PathBuf]) -> io::Result<()> {
    for folder in folders {
        for attempt in 0.. {
            match fs::remove_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && attempt < 200 => {
                    end(folder)?;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                removed => {
                    removed?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// A sandbox whose maker was killed before it remembered the first process is known by its group alone.
fn end(folder: &Path) -> io::Result<()> {
    let inside = match fs::read_to_string(folder.join("cgroup.procs")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    // 0 stands for a process of another namespace, and to kill(2) for our own group.
    for pid in inside.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0) {
        match kill(Pid::from_raw(pid), Signal::SIGKILL) {
            Err(Errno::ESRCH) => {}
            killed => killed?,
        }
    }
    Ok(())
}

/// Version 2: one group for all. It must stand beside a group that holds processes, not below it, and its parent must
/// pass the controllers on.
fn unified(name: &str, limits: &Limits) -> Groups {
    let own = own_path("").unwrap_or_default();
    let own = Path::new(ROOT).join(own.trim_start_matches('/'));
    let parents = [own.parent().filter(|parent| parent.starts_with(ROOT)), Some(own.as_path())];
    for parent in parents.into_iter().flatten() {
        for controller in ["+memory", "+pids", "+cpu"] {
            // Where it may not be passed on, the file to be set is missing, which counts.
            drop(fs::write(parent.join("cgroup.subtree_control"), controller));
        }
        let folder = parent.join(name);
        if fs::create_dir(&folder).is_err() {
            continue;
        }
        let set = |file: &str, value: String| fs::write(folder.join(file), value).is_ok();
        let mut held = Vec::new();
        if set("memory.max", limits.memory_bytes.to_string()) {
            // Missing where the machine does not swap.
            set("memory.swap.max", "0".to_owned());
            held.push(Held::Memory);
        }
        if set("pids.max", limits.pids.to_string()) {
            held.push(Held::Pids);
        }
        if set("cpu.max", format!("{} {PERIOD_US}", quota(limits))) {
            held.push(Held::Cpu);
        }
        if !held.is_empty() && enterable(&folder) {
            return Groups { shown: vec![(folder.clone(), ROOT.into())], folders: vec![folder], held };
        }
        drop(fs::remove_dir(&folder));
    }
    Groups::default()
}

/// Version 1: a group per controller.
fn separate(name: &str, limits: &Limits) -> Groups {
    let mut groups = Groups::default();
    let bytes = limits.memory_bytes.to_string();
    let memory = [("memory.limit_in_bytes", bytes.clone()), ("memory.memsw.limit_in_bytes", bytes)];
    let cpu = [("cpu.cfs_period_us", PERIOD_US.to_string()), ("cpu.cfs_quota_us", quota(limits).to_string())];
    groups.join("memory", name, &memory, 1, Some(Held::Memory));
    groups.join("pids", name, &[("pids.max", limits.pids.to_string())], 1, Some(Held::Pids));
    groups.join("cpu", name, &cpu, 2, Some(Held::Cpu));
    groups.join("cpuacct", name, &[], 0, None);
    groups
}

impl Groups {
    /// Makes one group. The first `needed` settings must hold, others are missing on some kernels.
    fn join(&mut self, controller: &str, name: &str, settings: &[(&str, String)], needed: usize, holds: Option<Held>) {
        let Ok(root) = Path::new(ROOT).join(controller).canonicalize() else { return };
        let own = own_path(controller).unwrap_or_default();
        let parents = [root.join(own.trim_start_matches('/')), root.clone()];
        let Some(folder) = parents.iter().map(|parent| parent.join(name)).find(|folder| {
            // `cpu` and `cpuacct` are often one.
            self.folders.contains(folder) || fs::create_dir(folder).is_ok()
        }) else {
            return;
        };
        let set = settings.iter().map(|(file, value)| fs::write(folder.join(file), value).is_ok());
        let all =
            set.take(needed.max(settings.len())).enumerate().fold(true, |all, (n, done)| all && (done || n >= needed));
        if !all || !enterable(&folder) {
            drop(fs::remove_dir(&folder));
            return;
        }
        self.held.extend(holds);
        self.shown.push((folder.clone(), Path::new(ROOT).join(controller)));
        if !self.folders.contains(&folder) {
            self.folders.push(folder);
        }
    }
}

fn enterable(folder: &Path) -> bool {
    fs::OpenOptions::new().write(true).open(folder.join("cgroup.procs")).is_ok()
}

fn quota(limits: &Limits) -> u64 {
    limits.cpu_millis.saturating_mul(PERIOD_US) / 1000
}

/// This process's group of a controller; of version 2 with the empty name (cgroups(7)).
fn own_path(controller: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        controllers.split(',').any(|known| known == controller).then(|| path.to_owned())
    })
}
