//! What a program holds of the machine's memory.

use std::{fs, path::PathBuf};

use crate::failure::{Doing, Failure, Outcome};

/// The resident memory of a process and of its descendants that run the same program, in MiB. Other programs that it started,
/// such as a database, are not counted.
pub(super) fn resident(process: u32) -> Outcome<f64> {
    family(process, children, program)?.into_iter().map(of_one).sum()
}

fn family(
    process: u32,
    children: impl Fn(u32) -> Outcome<Vec<u32>>,
    program: impl Fn(u32) -> Option<PathBuf>,
) -> Outcome<Vec<u32>> {
    let mut found = vec![process];
    let mut looked_at = 0;
    while let Some(&parent) = found.get(looked_at) {
        looked_at += 1;
        found.extend(children(parent)?.into_iter().filter(|&child| program(child) == program(process)));
    }
    Ok(found)
}

fn of_one(process: u32) -> Outcome<f64> {
    let what = || format!("Cannot read the memory of process {process}");
    let status = fs::read_to_string(format!("/proc/{process}/status")).doing(what)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| Failure::new(what()))
}

/// Each thread names the processes it started.
fn children(process: u32) -> Outcome<Vec<u32>> {
    let what = || format!("Cannot list the children of process {process}");
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{process}/task")).doing(what)? {
        let list = fs::read_to_string(thread.doing(what)?.path().join("children")).doing(what)?;
        found.extend(list.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    Ok(found)
}

fn program(process: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/exe")).ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn another_program_is_not_counted_with_the_process_that_started_it() {
        let children = |process| {
            Ok(match process {
                1 => vec![2, 3],
                2 => vec![4],
                _ => Vec::new(),
            })
        };
        let program = |process| Some(if process == 3 { "postgres" } else { "server" }.into());
        assert_eq!(family(1, children, program).unwrap(), [1, 2, 4]);
    }

    #[test]
    fn children_are_found_and_memory_is_read() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let found = children(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.as_ref().unwrap().contains(&child.id()), "{found:?}");
        assert!(resident(std::process::id()).unwrap() > 0.0);
    }
}
