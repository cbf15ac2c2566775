//! Test reports that the project's commands leave in the workspace, in the format of `JUnit`.

use forge::{FoundFile, SearchLimits, find_files};
use types::{RunId, TeamId};

use super::{
    keep::{Keep, digest},
    prepare::{unprepared, unwritten},
};
use crate::runs::{job::Job, shop::Shop, workflow::Stumbled};

/// Enough for the reports of a large build, and little enough to be read after every verification.
const LIMITS: SearchLimits = SearchLimits { depth: 8, names: 50_000, files: 50, file: 2 << 20, total: 16 << 20 };
/// Folders of tools, which hold thousands of files and no reports of this project.
const PASSED_OVER: &[&str] =
    &[".git", "node_modules", ".venv", "venv", "__pycache__", "deps", "incremental", ".fingerprint"];

impl Shop {
    /// Keeps the test reports that are new: neither in the code that the run began with, nor kept as they are before.
    pub(super) async fn keep_reports(&self, job: &Job) -> Stumbled<()> {
        let folder = self.workspace(job.run(), job.lane);
        // Reports lie where the commands ran. Another node may go on just after.
        if !tokio::fs::try_exists(&folder).await.map_err(unwritten)? {
            return Ok(());
        }
        for file in find_files(&folder, is_report, is_passed_over, LIMITS).await.map_err(unprepared)? {
            if holds_a_suite(&file.bytes) && !self.is_known(job, &file).await? {
                let report = Keep {
                    key: format!("report {} {}", job.point(), file.path),
                    name: file.path,
                    kind: "report",
                    content_type: "application/xml",
                    bytes: file.bytes,
                };
                self.keep(job, report).await?;
            }
        }
        Ok(())
    }

    async fn is_known(&self, job: &Job, file: &FoundFile) -> Stumbled<bool> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let kept = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM artifacts WHERE team_id = $1 AND run_id = $2 AND kind = 'report' AND name = $3 AND sha256 = $4) AS "kept!""#,
            job.team() as TeamId,
            job.run() as RunId,
            file.path,
            digest(&file.bytes)
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        if kept {
            return Ok(true);
        }
        let base = self.span(job).await?.0.to_string();
        // One that is not there, or longer, is another one.
        Ok(self.repository(job)?.read(&base, &file.path, LIMITS.file).await.is_ok_and(|bytes| bytes == file.bytes))
    }
}

/// What build tools call such a file: `junit.xml`, `junit-report.xml`, `TEST-com.example.FeesTest.xml`.
fn is_report(name: &str) -> bool {
    (name.starts_with("junit") || name.starts_with("TEST-")) && name.ends_with(".xml")
}

fn is_passed_over(folder: &str) -> bool {
    PASSED_OVER.contains(&folder)
}

/// A report's outermost element is `testsuites` or `testsuite` (<https://github.com/testmoapp/junitxml>); before it stand at
/// most a declaration and comments.
fn holds_a_suite(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes.get(..bytes.len().min(4096)).unwrap_or_default()).contains("<testsuite")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_known_by_name_and_content() {
        for name in ["junit.xml", "junit-report.xml", "TEST-a.B.xml"] {
            assert!(is_report(name), "{name}");
        }
        for name in ["pom.xml", "junit.xml.bak", "test-a.xml", "my-junit.xml"] {
            assert!(!is_report(name), "{name}");
        }
        assert!(holds_a_suite(b"<?xml version=\"1.0\"?>\n<testsuites>"));
        assert!(!holds_a_suite(b"<project/>") && !holds_a_suite(b""));
    }
}
