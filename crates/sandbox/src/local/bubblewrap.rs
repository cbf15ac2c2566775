//! The command line of bubblewrap (bwrap(1)).

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use shim::protocol::{FOLDER, HOME, PROGRAM, WORK};

use crate::{Limits, host::Part};

/// The user inside, whoever it is outside.
pub(super) const USER: u32 = 1000;

/// Of `/proc`: switches of the kernel, which check the user's number and nothing else, and that number is root's outside
/// when root runs this process.
const READ_ONLY: &[&str] = &["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/mtrr"];
/// Files that tell about the whole machine; the list is Docker's.
const EMPTY: &[&str] =
    &["/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug"];
const EMPTY_FOLDERS: &[&str] = &["/proc/acpi", "/proc/asound", "/proc/scsi"];

/// What this version of bubblewrap can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    /// Temporary file systems with a size.
    pub(super) size: bool,
    /// A sandbox that can make no further user namespaces.
    pub(super) disable_userns: bool,
}

impl Abilities {
    pub(super) fn from_help(help: &str) -> Self {
        let has = |option: &str| help.split_whitespace().any(|word| word == option);
        Self { size: has("--size"), disable_userns: has("--disable-userns") }
    }
}

/// What is put in beside the system's own.
pub(super) struct Contents<'a> {
    pub(super) host: &'a [Part],
    pub(super) shim: &'a Path,
    pub(super) workspace: &'a Path,
    pub(super) state: &'a Path,
    /// Control groups, to be seen read-only.
    pub(super) shown: &'a [(PathBuf, PathBuf)],
    pub(super) environment: &'a std::collections::BTreeMap<String, String>,
}

struct Line(Vec<OsString>);

impl Line {
    fn say<Word: Into<OsString>>(&mut self, words: impl IntoIterator<Item = Word>) {
        self.0.extend(words.into_iter().map(Into::into));
    }

    fn show(&mut self, option: &str, from: &Path, to: &Path) {
        self.say([OsString::from(option), from.into(), to.into()]);
    }

    fn temporary(&mut self, able: Abilities, mode: &str, bytes: u64, at: &str) {
        self.say(["--perms", mode]);
        if able.size {
            self.say(["--size", &bytes.to_string()]);
        }
        self.say(["--tmpfs", at]);
    }
}

/// The arguments up to the program to run.
pub(super) fn arguments(able: Abilities, limits: &Limits, contents: &Contents<'_>) -> Vec<OsString> {
    let mut line = Line(Vec::new());
    // No `--die-with-parent`: the sandbox outlives this process.
    line.say(["--unshare-all", "--unshare-user", "--new-session", "--as-pid-1", "--clearenv", "--cap-drop", "ALL"]);
    if able.disable_userns {
        line.say(["--disable-userns"]);
    }
    line.say(["--uid", &USER.to_string(), "--gid", &USER.to_string(), "--hostname", "muster", "--info-fd", "1"]);
    for part in contents.host {
        match part {
            Part::Folder(path) => line.show("--ro-bind", path, path),
            Part::At(from, to) => line.show("--ro-bind", from, to),
            Part::Link(at, to) => line.show("--symlink", to, at),
        }
    }
    line.say(["--proc", "/proc", "--dev", "/dev"]);
    let there = |path: &&&str| Path::new(path).exists();
    for path in READ_ONLY.iter().filter(there) {
        line.say(["--ro-bind", path, path]);
    }
    for path in EMPTY.iter().filter(there) {
        line.say(["--ro-bind", "/dev/null", path]);
    }
    for path in EMPTY_FOLDERS.iter().filter(there) {
        line.say(["--tmpfs", path, "--remount-ro", path]);
    }
    for at in ["/dev/shm", "/tmp", "/var/tmp"] {
        line.temporary(able, "1777", limits.temporary_bytes, at);
    }
    line.temporary(able, "0700", limits.temporary_bytes, HOME);
    for (from, to) in contents.shown {
        line.show("--ro-bind", from, to);
    }
    line.show("--ro-bind", contents.shim, Path::new(PROGRAM));
    line.show("--bind", contents.state, Path::new(FOLDER));
    line.show("--bind", contents.workspace, Path::new(WORK));
    line.say(["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]);
    for (name, value) in contents.environment {
        line.say(["--setenv", name, value]);
    }
    line.say(["--"]);
    line.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(able: Abilities) -> Vec<String> {
        let environment = [("A".to_owned(), "b".to_owned())].into();
        let contents = Contents {
            host: &[Part::Folder("/usr".into()), Part::Link("/bin".into(), "usr/bin".into())],
            shim: Path::new("/s"),
            workspace: Path::new("/w"),
            state: Path::new("/t"),
            shown: &[],
            environment: &environment,
        };
        let line = arguments(able, &Limits::default(), &contents);
        line.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn everything_is_unshared_and_nothing_of_the_host_is_writable() {
        let able = Abilities { size: true, disable_userns: true };
        let line = line(able);
        for wanted in ["--unshare-all", "--unshare-user", "--cap-drop", "--clearenv", "--as-pid-1", "--disable-userns"]
        {
            assert!(line.iter().any(|word| word == wanted), "{wanted}");
        }
        assert!(!line.iter().any(|word| word == "--share-net" || word == "--die-with-parent" || word == "--dev-bind"));
        let binds: Vec<_> =
            line.windows(3).filter(|words| words[0] == "--bind").map(|words| words[2].clone()).collect();
        assert_eq!(binds, [FOLDER, WORK]);
        let shown = |path: &str| line.windows(3).any(|words| words[0] == "--ro-bind" && words[2] == path);
        assert!(shown("/proc/sys"), "root's number writes there");
    }

    #[test]
    fn an_older_bubblewrap_is_not_asked_for_what_it_cannot_do() {
        let able = Abilities::from_help("usage: bwrap\n  --tmpfs DEST\n  --unshare-all");
        assert_eq!(able, Abilities::default());
        assert!(!line(able).iter().any(|word| word == "--size" || word == "--disable-userns"));
        assert!(Abilities::from_help("  --size BYTES   Set size").size);
    }
}
