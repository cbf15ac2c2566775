//! What some tests need of the machine they run on, and what becomes of a test that lacks it.
//!
//! A test calls [`passed_over`] and returns. Run by hand, it only says so. `cargo xtask test` collects what was passed over,
//! shows it at the end, and fails where the need was one that its set-up meets.
#![allow(clippy::print_stderr, reason = "tests say here why they did nothing")]

mod shim;

use std::{env, fmt::Display, fs::OpenOptions, io::Write as _, panic::Location, path::Path};

pub use shim::shim;

/// The variable that names the file in which tests record that they were passed over.
pub const RECORD: &str = "MUSTER_TESTS_PASSED_OVER";

/// Something that a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A Docker daemon that answers.
    Docker,
    /// The model vendors' own clients for Python.
    ModelClients,
    /// Another maker's S3 server, and the vendor's client for Python.
    S3Clients,
    /// The packages that `e2e/package-lock.json` pins.
    NodePackages,
    /// Python with pip, and Node.js with npm.
    Toolchains,
    /// The registries that cargo, pip and npm ask.
    Registries,
    /// The browser's files, which `cargo xtask assets` builds.
    Site,
    /// Control groups that this process may make.
    ControlGroups,
    /// A second user to become, which only root can.
    OtherUsers,
}

impl Need {
    pub const ALL: [Self; 9] = [
        Self::Docker,
        Self::ModelClients,
        Self::S3Clients,
        Self::NodePackages,
        Self::Toolchains,
        Self::Registries,
        Self::Site,
        Self::ControlGroups,
        Self::OtherUsers,
    ];

    /// The word for it in a record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::ModelClients => "model-clients",
            Self::S3Clients => "s3-clients",
            Self::NodePackages => "node-packages",
            Self::Toolchains => "toolchains",
            Self::Registries => "registries",
            Self::Site => "site",
            Self::ControlGroups => "control-groups",
            Self::OtherUsers => "other-users",
        }
    }
}

/// A test that did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    pub need: Need,
    /// Where in the sources the test gave up.
    pub place: String,
    pub reason: String,
}

/// Says that the calling test does nothing, and records it where a record is kept.
///
/// # Panics
/// When the record cannot be written: a test that is passed over in silence counts as one that passed.
#[track_caller]
pub fn passed_over(need: Need, reason: impl Display) {
    eprintln!("skipped: {reason}");
    if let Some(record) = env::var_os(RECORD) {
        note(Path::new(&record), need, Location::caller(), &reason.to_string());
    }
}

fn note(record: &Path, need: Need, place: &Location<'_>, reason: &str) {
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    // One write, so that tests which end together do not mix their lines.
    let line = format!("{}\t{}:{}\t{reason}\n", need.name(), place.file(), place.line());
    let written = OpenOptions::new().append(true).create(true).open(record);
    if let Err(error) = written.and_then(|mut file| file.write_all(line.as_bytes())) {
        panic!("{} cannot be written: {error}", record.display());
    }
}

/// The lines of a record; a line that [`passed_over`] did not write is the error.
///
/// # Errors
/// The line that is none of a record's.
pub fn read(record: &str) -> Result<Vec<PassedOver>, String> {
    let line = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let name = parts.next()?;
        let need = Need::ALL.into_iter().find(|need| need.name() == name)?;
        Some(PassedOver { need, place: parts.next()?.to_owned(), reason: parts.next()?.to_owned() })
    };
    record.lines().map(|text| line(text).ok_or_else(|| text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        let here = Location::caller();
        for need in Need::ALL {
            note(&record, need, here, "not\there,\nnor there");
        }
        let found = read(&std::fs::read_to_string(&record).unwrap()).unwrap();
        let needs: Vec<Need> = found.iter().map(|one| one.need).collect();
        assert_eq!(needs, Need::ALL);
        assert!(found.iter().all(|one| one.reason == "not here, nor there"), "{found:?}");
        assert_eq!(found[0].place, format!("{}:{}", here.file(), here.line()));
    }

    #[test]
    fn a_line_of_something_else_is_an_error() {
        assert_eq!(read("docker\ta.rs:1\tsilent\nnoise"), Err("noise".to_owned()));
    }
}
