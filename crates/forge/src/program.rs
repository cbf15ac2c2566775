use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Where git and its helpers are looked for.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Git by its whole path. A bare name under a `PATH` of our own makes the standard library copy the process (`fork`) to search
/// there, which takes milliseconds in a server that holds much memory; a path is started without a copy (`posix_spawn`).
pub(crate) fn path() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let found = PATH.split(':').map(|folder| Path::new(folder).join("git")).find(|path| path.is_file());
        found.unwrap_or_else(|| "git".into())
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn git_is_started_by_its_whole_path() {
        assert!(super::path().is_absolute(), "{:?}", super::path());
    }
}
