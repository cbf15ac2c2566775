//! Tests that were passed over for want of something, and whether this machine had an excuse.

use std::{fs, path::PathBuf};

use test_needs::{Need, PassedOver};

use crate::{
    docker,
    failure::{Doing, Failure, Outcome},
    workspace,
};

/// What tests write down while they run.
pub(crate) struct Record {
    path: PathBuf,
    excused: Vec<Need>,
}

impl Record {
    /// Begins an empty one. Docker counts as missing where it does not answer now.
    pub(crate) fn begin() -> Outcome<Self> {
        let target = workspace::target()?;
        let path = target.join("tests-passed-over.txt");
        fs::write(&path, "").doing(|| format!("Cannot write {}", path.display()))?;
        // Facts of the machine or of the network, which no set-up changes.
        let mut excused = vec![Need::Registries, Need::ControlGroups, Need::OtherUsers];
        if !docker::answers() {
            excused.push(Need::Docker);
        }
        // Left behind by deploy/setup.sh once the packages are whole; without it the set-up said that it could not have them.
        for (need, folder) in [(Need::ModelClients, "model-clients"), (Need::S3Clients, "s3-clients")] {
            if !target.join(folder).join(".installed").exists() {
                excused.push(need);
            }
        }
        Ok(Self { path, excused })
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Shows what was passed over, and fails for what should have been there.
    pub(crate) fn judge(&self) -> Outcome {
        let record = fs::read_to_string(&self.path).doing(|| format!("Cannot read {}", self.path.display()))?;
        let found = test_needs::read(&record)
            .map_err(|line| Failure::new(format!("{} has a strange line: {line}", self.path.display())))?;
        let (excused, missing): (Vec<_>, Vec<_>) = found.iter().partition(|one| self.excused.contains(&one.need));
        for line in lines(&excused) {
            println!("passed over, as this machine does not have it: {line}");
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "Tests were passed over although this machine is set up for them (`make setup`):\n{}",
            lines(&missing).join("\n")
        )))
    }
}

/// One line for each need, with its first reason and the places that gave up.
fn lines(found: &[&PassedOver]) -> Vec<String> {
    let mut lines = Vec::new();
    for need in Need::ALL {
        let of_it: Vec<_> = found.iter().filter(|one| one.need == need).collect();
        let Some(first) = of_it.first() else { continue };
        let mut places: Vec<&str> = of_it.iter().map(|one| one.place.as_str()).collect();
        let count = places.len();
        places.sort_unstable();
        places.dedup();
        let tests = if count == 1 { "1 test".to_owned() } else { format!("{count} tests") };
        lines.push(format!("{} ({tests} by {}): {}", need.name(), places.join(", "), first.reason));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(excused: Vec<Need>, record: &str) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        fs::write(&path, record).unwrap();
        Record { path, excused }.judge()
    }

    const DOCKER: &str = "docker\ta.rs:7\tIt is silent.\n";

    #[test]
    fn only_what_the_machine_cannot_have_may_be_passed_over() {
        judged(Vec::new(), "").unwrap();
        judged(vec![Need::Docker], DOCKER).unwrap();
        let record = format!("{DOCKER}{DOCKER}s3-clients\tb.rs:9\tNot installed.\n");
        let failure = judged(vec![Need::Docker], &record).unwrap_err().to_string();
        assert!(failure.contains("s3-clients (1 test by b.rs:9): Not installed."), "{failure}");
        assert!(!failure.contains("docker"), "{failure}");
        let failure = judged(Vec::new(), &record).unwrap_err().to_string();
        assert!(failure.contains("docker (2 tests by a.rs:7): It is silent."), "{failure}");
    }

    #[test]
    fn a_record_that_cannot_be_read_is_no_proof() {
        assert!(judged(Need::ALL.to_vec(), "noise").is_err());
    }
}
