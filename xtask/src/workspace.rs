//! Where things are, and how cargo and other programs are run.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Doing, Failure, Outcome};

/// The checkout that `cargo run` was called in. Checkouts may share a target folder, so the one this program was compiled in is
/// only asked where cargo does not say.
pub(crate) fn root() -> Outcome<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let parent = Path::new(&package).parent();
    parent.map(Path::to_path_buf).ok_or_else(|| Failure::new("xtask stands in no workspace."))
}

/// Cargo's folder for what it builds.
pub(crate) fn target() -> Outcome<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(folder) => std::path::absolute(folder).doing(|| "Cannot find the target folder".to_owned()),
        None => Ok(root()?.join("target")),
    }
}

/// The folder in which `muster` keeps its data when started from the checkout.
pub(crate) fn var() -> Outcome<PathBuf> {
    Ok(root()?.join("var"))
}

/// A program of cargo's, in the checkout. Queries are checked against `.sqlx`, never against a database that happens to be
/// named in the environment.
pub(crate) fn cargo(arguments: &[&str]) -> Outcome<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()?).args(arguments).env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL");
    for variable in env::vars_os().map(|(name, _)| name).filter(|name| is_about_xtask(name)) {
        command.env_remove(variable);
    }
    Ok(command)
}

/// What cargo told this program about itself. Some build scripts (ring's) run again when it changes, so that a build from
/// here and one from the shell would each undo the other.
fn is_about_xtask(name: &OsStr) -> bool {
    let about = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_PACKAGE"];
    name.to_str().is_some_and(|name| about.iter().any(|prefix| name.starts_with(prefix)))
}

/// Runs a program that speaks for itself; only its end is judged.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let name = name(command);
    let status = command.status().doing(|| format!("Cannot run `{name}`"))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{name}` failed ({status}); see above."))) }
}

/// Runs a program for what it prints.
pub(crate) fn output(command: &mut Command) -> Outcome<Vec<u8>> {
    let name = name(command);
    let output = command.output().doing(|| format!("Cannot run `{name}`"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Failure::new(format!(
        "`{name}` failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

/// Whether a program is in PATH.
pub(crate) fn installed(program: &str) -> bool {
    find(program).is_some()
}

/// Where a program of PATH is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// The program and its first argument: enough to find it, without passwords that later arguments may hold.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let first = command.get_args().next().unwrap_or(OsStr::new(""));
    format!("{} {}", program.to_string_lossy(), first.to_string_lossy()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_run_as_from_a_shell() {
        let command = cargo(&["build"]).unwrap();
        let set: Vec<_> = command.get_envs().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect();
        assert_eq!(set, ["SQLX_OFFLINE"]);
        assert!(command.get_envs().any(|(name, value)| name == "CARGO_MANIFEST_DIR" && value.is_none()));
        assert!(!is_about_xtask(OsStr::new("CARGO_TARGET_DIR")));
    }
}
