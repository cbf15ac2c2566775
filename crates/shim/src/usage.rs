//! What the sandbox uses, from its control groups where they are mounted, else from its processes.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use nix::unistd::{SysconfVar, sysconf};

use crate::{
    meter::Meter,
    processes::{self, Process},
    protocol::Stats,
};

const V1: &str = "/sys/fs/cgroup/memory/";
const V2: &str = "/sys/fs/cgroup/";

/// How often the kernel ended a process of this sandbox for memory; none where no control group says it.
pub(crate) fn oom_kills() -> Option<u64> {
    field(&format!("{V1}memory.oom_control"), "oom_kill").or_else(|| field(&format!("{V2}memory.events"), "oom_kill"))
}

/// All but the numbers that only the shim knows.
pub(crate) fn now() -> Stats {
    let all = processes::all();
    let page = constant(SysconfVar::PAGE_SIZE, 4096);
    let resident = all.iter().map(|process| process.pages).sum::<u64>() * page;
    Stats {
        memory_bytes: anonymous().unwrap_or(resident),
        cpu_ms: cpu_ms().unwrap_or_else(|| ticked(&all)),
        processes: all.iter().map(|process| process.threads).sum(),
        ..Stats::default()
    }
}

/// Counts the time that processes use, one after the other.
pub(crate) fn meter() -> Meter {
    let tick = 1_000_000 / constant(SysconfVar::CLK_TCK, 100).max(1);
    Meter::new(constant(SysconfVar::_NPROCESSORS_ONLN, 1), tick)
}

/// Every process counts its own time and that of its children which ended; the first one gets the orphans.
fn ticked(all: &[Process]) -> u64 {
    all.iter().map(|process| process.own + process.children).sum::<u64>() * 1000 / constant(SysconfVar::CLK_TCK, 100)
}

fn anonymous() -> Option<u64> {
    let v2 = format!("{V2}memory.stat");
    field(&format!("{V1}memory.stat"), "total_rss").or_else(|| Some(field(&v2, "anon")? + field(&v2, "shmem")?))
}

fn cpu_ms() -> Option<u64> {
    let v1 = fs::read_to_string("/sys/fs/cgroup/cpuacct/cpuacct.usage").ok().and_then(|text| text.trim().parse().ok());
    v1.map(|nanoseconds: u64| nanoseconds / 1_000_000)
        .or_else(|| field(&format!("{V2}cpu.stat"), "usage_usec").map(|microseconds| microseconds / 1000))
}

/// The number after a name in a file of lines "name number".
fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

fn constant(name: SysconfVar, usual: u64) -> u64 {
    sysconf(name).ok().flatten().and_then(|value| u64::try_from(value).ok()).unwrap_or(usual)
}

/// Bytes that a folder holds on its disk. What vanishes meanwhile does not count; other file systems are not entered.
pub(crate) fn disk(folder: &Path) -> u64 {
    let Ok(root) = fs::symlink_metadata(folder) else { return 0 };
    let (mut total, mut open) = (root.blocks() * 512, vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let Ok(metadata) = entry.metadata() else { continue };
            total += metadata.blocks() * 512;
            if metadata.is_dir() && metadata.dev() == root.dev() {
                open.push(entry.path());
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_counts_what_is_held_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/file"), vec![1; 100_000]).unwrap();
        std::os::unix::fs::symlink("/usr", folder.path().join("usr")).unwrap();
        let held = disk(folder.path());
        assert!((100_000..400_000).contains(&held), "{held}");
    }

    #[test]
    fn fields_are_whole_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        fs::write(&path, "oom 4\noom_kill 2\noom_kill_disable 0\n").unwrap();
        assert_eq!(field(path.to_str().unwrap(), "oom_kill"), Some(2));
        assert_eq!(field(path.to_str().unwrap(), "missing"), None);
    }
}
