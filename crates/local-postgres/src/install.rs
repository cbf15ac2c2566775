use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::error::StartError;

/// 15 is the oldest release this crate is tested with (and what Debian 12 ships).
const OLDEST: u32 = 15;

/// One installed PostgreSQL: the folder of its programs and its major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Install {
    pub(crate) bin: PathBuf,
    pub(crate) major: u32,
}

impl Install {
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Every usable installation, newest first.
pub(crate) fn all() -> Result<Vec<Install>, StartError> {
    among(folders())
}

fn among(folders: Vec<PathBuf>) -> Result<Vec<Install>, StartError> {
    let mut found: Vec<Install> = Vec::new();
    for bin in folders {
        if let Some(install) = probe(&bin)
            && install.major >= OLDEST
            && !found.contains(&install)
        {
            found.push(install);
        }
    }
    found.sort_by_key(|install| std::cmp::Reverse(install.major));
    if found.is_empty() { Err(StartError::NoBinaries { oldest: OLDEST }) } else { Ok(found) }
}

/// The installation that reads data of `version`, or the newest when there is no data yet.
pub(crate) fn choose(installs: &[Install], version: Option<&str>, folder: &Path) -> Result<Install, StartError> {
    let chosen = match version {
        None => installs.first(),
        Some(version) => installs.iter().find(|install| version.parse() == Ok(install.major)),
    };
    chosen.cloned().ok_or_else(|| StartError::OtherVersion {
        folder: folder.to_path_buf(),
        data: version.unwrap_or("an unknown release").to_owned(),
        installed: installs.iter().map(|install| install.major.to_string()).collect::<Vec<_>>().join(", "),
    })
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    for parent in ["/usr/lib/postgresql", "/usr/local/lib/postgresql"] {
        let Ok(releases) = fs::read_dir(parent) else { continue };
        folders.extend(releases.flatten().map(|release| release.path().join("bin")));
    }
    folders
}

/// Follows links, because `initdb` looks for `postgres` and the share folder beside its real place.
fn probe(folder: &Path) -> Option<Install> {
    let postgres = fs::canonicalize(folder.join("postgres")).ok()?;
    let bin = postgres.parent()?.to_path_buf();
    if !bin.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(&postgres).arg("--version").output().ok()?;
    let major = major(&String::from_utf8_lossy(&output.stdout))?;
    Some(Install { bin, major })
}

/// Reads `postgres (PostgreSQL) 15.14 (Debian …)`, `… 18beta1`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_releases_and_betas() {
        assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn without_programs_the_way_to_them_is_told() {
        let empty = tempfile::tempdir().unwrap();
        let refused = among(vec![empty.path().to_path_buf(), empty.path().join("nowhere")]).unwrap_err();
        assert!(matches!(refused, StartError::NoBinaries { oldest: OLDEST }), "{refused}");
        let told = refused.to_string();
        assert!(
            told.contains("PostgreSQL 15 or newer is not installed") && told.contains("apt-get install postgresql")
        );
    }

    #[test]
    fn data_is_opened_only_by_its_own_release() {
        let installs = [17, 15].map(|major| Install { bin: PathBuf::from("/x"), major });
        let folder = Path::new("/data");
        assert_eq!(choose(&installs, Some("15"), folder).unwrap().major, 15);
        assert_eq!(choose(&installs, None, folder).unwrap().major, 17);
        let refused = choose(&installs, Some("16"), folder).unwrap_err().to_string();
        assert!(refused.contains("made by PostgreSQL 16, but installed here: 17, 15"), "{refused}");
    }
}
