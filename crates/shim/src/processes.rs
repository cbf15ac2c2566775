//! The processes that this one can see.

use std::fs;

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Set in the environment of each command, so that what it started can be found when its process group is not enough.
pub(crate) const MARK: &str = "MUSTER_COMMAND";

const PASSES: u32 = 20;

/// What `/proc/<pid>/stat` says (proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// In clock ticks since the machine's start: with the number, what no two processes share.
    pub(crate) born: u64,
    pub(crate) zombie: bool,
    /// Or waiting for a processor.
    pub(crate) running: bool,
    pub(crate) group: i32,
    /// User and system time in clock ticks.
    pub(crate) own: u64,
    /// That of children which ended and were waited for, and of theirs.
    pub(crate) children: u64,
    pub(crate) threads: u64,
    /// Resident memory in pages.
    pub(crate) pages: u64,
}

pub(crate) fn all() -> Vec<Process> {
    pids().into_iter().filter_map(|pid| parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)).collect()
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The name stands in brackets and may hold anything, so fields are counted from the last bracket on.
fn parse(stat: &str) -> Option<Process> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // The first field here is number 3 of the manual.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Process {
        pid,
        born: number(22)?,
        zombie: matches!(fields.first(), Some(&("Z" | "X"))),
        running: fields.first() == Some(&"R"),
        group: fields.get(2)?.parse().ok()?,
        own: number(14)? + number(15)?,
        children: number(16)? + number(17)?,
        threads: number(20)?,
        pages: number(24)?,
    })
}

/// How much of the time that it could have run a process did, in thousandths: all, where the kernel does not say it
/// (schedstats, "Scheduler Statistics" of the kernel's documentation).
pub(crate) fn share(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let mut times = text.split_whitespace().map_while(|time| time.parse::<u64>().ok());
    match (times.next(), times.next()) {
        (Some(ran), Some(waited)) if ran.saturating_add(waited) > 0 => {
            u64::try_from(u128::from(ran) * 1000 / (u128::from(ran) + u128::from(waited))).unwrap_or(1000)
        }
        _ => 1000,
    }
}

/// Ends a process group, and every process that carries the mark of its command. A process that both left the group and
/// emptied its environment is missed here; the sandbox's limits and its end still hold it.
pub(crate) fn end_all(group: i32, mark: &str) {
    let marked = format!("{MARK}={mark}");
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    for _ in 0..PASSES {
        let ours = |process: &Process| {
            process.pid != me
                && !process.zombie
                && (process.group == group || is_marked(process.pid, marked.as_bytes()))
        };
        let found: Vec<i32> = all().into_iter().filter(ours).map(|process| process.pid).collect();
        if found.is_empty() {
            return;
        }
        for pid in found {
            signal(kill(Pid::from_raw(pid), Signal::SIGKILL));
        }
        std::thread::yield_now();
    }
}

/// A process that ended before its signal came is what was wanted.
pub(crate) fn signal(sent: nix::Result<()>) {
    if let Err(error) = sent
        && error != Errno::ESRCH
    {
        eprintln!("muster-shim: a process could not be signalled: {error}");
    }
}

fn is_marked(pid: i32, mark: &[u8]) -> bool {
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|set| set == mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_shift_the_fields() {
        let stat = "17 (a) S 1 (x) Z 1 99 17 0 -1 0 0 0 0 0 5 6 7 8 20 0 3 0 100 4096 12 184 1";
        let process = parse(stat).unwrap();
        let expected = Process {
            pid: 17,
            born: 100,
            zombie: true,
            running: false,
            group: 99,
            own: 11,
            children: 15,
            threads: 3,
            pages: 12,
        };
        assert_eq!(process, expected);
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn this_process_is_among_all() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(all().iter().any(|process| process.pid == me && process.pages > 0));
    }
}
