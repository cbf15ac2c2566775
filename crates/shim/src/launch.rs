//! `muster-shim launch`: narrows this process and becomes a command. A program of its own, because between fork and exec
//! nothing like this may be done safely.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

use crate::confine;

/// As a shell says "cannot be run" and "not found".
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

const OPEN_FILES: u64 = 65_536;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct With {
    pub(crate) work: PathBuf,
    pub(crate) cwd: Option<String>,
    /// Not to be seen by the command; none outside a sandbox.
    pub(crate) hidden: Option<PathBuf>,
    /// The largest file it may write, in bytes.
    pub(crate) file_bytes: u64,
    /// None where control groups count them.
    pub(crate) pids: Option<u64>,
}

pub(crate) fn main(with: &str, argv: &[String]) -> ExitCode {
    let (error, code) = match prepare(with) {
        Ok(()) => become_command(argv),
        Err(error) => (error, CANNOT_RUN),
    };
    eprintln!("muster-shim: {}: {error}", argv.first().map_or("no command", String::as_str));
    ExitCode::from(code)
}

fn become_command(argv: &[String]) -> (io::Error, u8) {
    let Some((program, arguments)) = argv.split_first() else {
        return (io::Error::other("nothing to run"), CANNOT_RUN);
    };
    let error = Command::new(program).args(arguments).exec();
    let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN };
    (error, code)
}

fn prepare(with: &str) -> io::Result<()> {
    let with: With = serde_json::from_str(with)?;
    std::env::set_current_dir(folder(&with.work, with.cwd.as_deref())?)?;
    // When memory runs out, a command goes before the shim.
    fs::write("/proc/self/oom_score_adj", "500")?;
    lower(Resource::RLIMIT_CORE, 0)?;
    lower(Resource::RLIMIT_NOFILE, OPEN_FILES)?;
    lower(Resource::RLIMIT_FSIZE, with.file_bytes)?;
    if let Some(pids) = with.pids {
        lower(Resource::RLIMIT_NPROC, pids)?;
    }
    if let Some(hidden) = &with.hidden {
        confine::hide(hidden)?;
    }
    confine::filter_calls()
}

/// The folder to run in, which is the workspace or below it, links resolved.
fn folder(work: &Path, cwd: Option<&str>) -> io::Result<PathBuf> {
    let work = work.canonicalize()?;
    let wanted = work.join(cwd.unwrap_or(".")).canonicalize()?;
    if wanted.starts_with(&work) {
        Ok(wanted)
    } else {
        Err(io::Error::other(format!("{} is outside the workspace", wanted.display())))
    }
}

/// Never above what already holds.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let (_, hard) = nix::sys::resource::getrlimit(resource)?;
    setrlimit(resource, most.min(hard), most.min(hard))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_runs_in_the_workspace_or_below() {
        let outside = tempfile::tempdir().unwrap();
        let work = outside.path().join("work");
        fs::create_dir_all(work.join("deep/er")).unwrap();
        std::os::unix::fs::symlink(outside.path(), work.join("out")).unwrap();
        let real = work.canonicalize().unwrap();
        assert_eq!(folder(&work, None).unwrap(), real);
        assert_eq!(folder(&work, Some("deep/er/..")).unwrap(), real.join("deep"));
        for bad in ["..", "out", "/", "deep/../..", "missing"] {
            assert!(folder(&work, Some(bad)).is_err(), "{bad}");
        }
    }
}
