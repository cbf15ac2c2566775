//! `muster-shim enter`: run outside, it puts itself into control groups and becomes the program that makes the sandbox, so
//! that nothing of the sandbox is ever outside of them.

use std::{fs, io, os::unix::process::CommandExt, path::PathBuf, process::Command};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::{Pid, setsid},
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct With {
    /// `cgroup.procs` files to be written to.
    groups: Vec<PathBuf>,
    /// At most so many processors, where no control group shares them out.
    processors: Option<usize>,
}

/// Returns only with an error.
pub(crate) fn main(with: &str, argv: &[String]) -> io::Result<()> {
    let with: With = serde_json::from_str(with)?;
    // The sandbox outlives who started it, also when that ends by Ctrl-C.
    setsid()?;
    for group in &with.groups {
        fs::write(group, "0")?;
    }
    if let Some(most) = with.processors {
        keep_to(most)?;
    }
    let (program, arguments) = argv.split_first().ok_or_else(|| io::Error::other("nothing to run"))?;
    Err(Command::new(program).args(arguments).exec())
}

/// Spread by process number, so that sandboxes do not all share the first processor.
fn keep_to(most: usize) -> io::Result<()> {
    let me = Pid::from_raw(0);
    let allowed = sched_getaffinity(me)?;
    let mut usable = Vec::new();
    for processor in 0..CpuSet::count() {
        if allowed.is_set(processor)? {
            usable.push(processor);
        }
    }
    let begin = std::process::id() as usize % usable.len().max(1);
    let mut kept = CpuSet::new();
    for processor in usable.iter().cycle().skip(begin).take(most.clamp(1, usable.len().max(1))) {
        kept.set(*processor)?;
    }
    sched_setaffinity(me, &kept)?;
    Ok(())
}
