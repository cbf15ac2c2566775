//! `muster doctor`: does each part work, and what to do where one does not.

mod machine;
mod parts;

use std::fmt;

use serde::Serialize;

use crate::config::Config;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    part: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn ok(part: &'static str, found: impl Into<String>) -> Self {
        Self { part, verdict: Verdict::Ok, found: found.into(), fix: None }
    }

    fn warn(part: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { part, verdict: Verdict::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    fn fail(part: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { part, verdict: Verdict::Fail, found: found.into(), fix: Some(fix.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        write!(out, "{verdict}  {:<10} {}", self.part, self.found)?;
        if let Some(fix) = &self.fix {
            write!(out, "\n                 → {fix}")?;
        }
        Ok(())
    }
}

/// Everything found, and whether anything failed.
pub(crate) struct Report(Vec<Finding>);

impl Report {
    pub(crate) async fn make(config: &Config) -> Self {
        let mut findings = machine::look(config).await;
        findings.extend(parts::look(config).await);
        Self(findings)
    }

    pub(crate) fn failed(&self) -> bool {
        self.0.iter().any(|finding| finding.verdict == Verdict::Fail)
    }

    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(&self.0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            writeln!(out, "{finding}")?;
        }
        let count = |verdict| self.0.iter().filter(|finding| finding.verdict == verdict).count();
        write!(out, "{} ok, {} to look at, {} failed", count(Verdict::Ok), count(Verdict::Warn), count(Verdict::Fail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stands_beside_its_fix_and_fails_the_report() {
        let report =
            Report(vec![Finding::ok("disk", "9 GB free"), Finding::fail("mail", "refused", "Check mail.smtp_url.")]);
        assert!(report.failed());
        let text = report.to_string();
        assert!(
            text.contains("ok    disk") && text.contains("fail  mail") && text.contains("→ Check mail.smtp_url."),
            "{text}"
        );
        assert!(text.ends_with("1 ok, 0 to look at, 1 failed"));
        let json: serde_json::Value = serde_json::from_str(&report.json().expect("json")).expect("json");
        assert_eq!((&json[1]["verdict"], &json[1]["fix"]), (&"fail".into(), &"Check mail.smtp_url.".into()));
    }

    #[test]
    fn warnings_do_not_fail_the_report() {
        assert!(!Report(vec![Finding::warn("sandbox", "no Docker", "Install it.")]).failed());
    }
}
