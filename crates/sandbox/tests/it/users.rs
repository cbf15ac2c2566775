//! The same as another user, where these tests run as root.

use std::{fs, os::unix::fs::PermissionsExt, os::unix::process::CommandExt, process::Command};

use nix::unistd::getuid;
use test_needs::{Need, passed_over};

const NOBODY: u32 = 65_534;

/// This file's own tests, once more, by a user who may nothing.
#[test]
fn an_ordinary_user_can_make_local_sandboxes_too() {
    if !getuid().is_root() {
        passed_over(Need::OtherUsers, "these tests already run as an ordinary user");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (tests, shim) = (folder.path().join("it"), folder.path().join("shim"));
    fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    fs::copy(test_needs::shim(), &shim).unwrap();
    for test in [
        "commands::local::a_command_runs_in_the_workspace",
        "commands::local::a_command_that_takes_too_long_ends_with_all_it_started",
        "isolation::local::a_command_has_no_privileges_and_gains_none",
        "isolation::local::a_command_cannot_speak_for_the_outside",
        "limits::local::a_memory_hog_is_ended_and_the_sandbox_lives",
        "limits::local::processors_are_shared_out",
        "limits::local::a_bomb_of_processes_is_held",
        "life::local::a_sandbox_outlives_the_process_that_made_it",
    ] {
        let mut command = Command::new(&tests);
        command.args([test, "--exact", "--nocapture"]).uid(NOBODY).gid(NOBODY).current_dir(folder.path());
        command.env("MUSTER_SHIM", &shim).env("TMPDIR", folder.path());
        let ended = command.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.contains("1 passed"), "{test}: {said}");
    }
}
