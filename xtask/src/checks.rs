//! `cargo xtask test`: everything that must hold, in the order in which it fails fastest.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::failure::{Doing, Failure, Outcome};
use crate::{assets, database, direction, docker, licences, needs, shim, workspace};

/// One part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Check {
    /// Install what tests need
    Setup,
    /// The code is formatted
    Fmt,
    /// Clippy has no warning
    Clippy,
    /// The set-up script chooses as it should
    Scripts,
    /// Crates depend only downwards
    Direction,
    /// Licences, origins and bans of dependencies
    Licences,
    /// The browser's files build and fit their budget
    Assets,
    /// The program inside sandboxes builds and is small
    Shim,
    /// The tests of all crates, with a Postgres of their own, and with Docker where it can be had
    Unit,
    /// The binary builds
    Build,
    /// The website in Chromium
    Browser,
}

/// How a check ended.
enum End {
    Passed,
    /// Could not be done here, with the reason.
    Skipped(&'static str),
}

struct Report {
    check: Check,
    took: Duration,
    end: Outcome<End>,
}

/// Runs the named checks, or all, and fails when one did. A failed check does not hide what the others would say.
pub(crate) fn run(only: &[Check]) -> Outcome {
    let mut reports = Vec::new();
    for check in Check::value_variants() {
        if !only.is_empty() && !only.contains(check) {
            continue;
        }
        println!("\ntest: {} …", check.name());
        let begin = Instant::now();
        let end = check.run();
        if let Err(failure) = &end {
            println!("{failure}");
        }
        let report = Report { check: *check, took: begin.elapsed(), end };
        println!("{}", report.line());
        reports.push(report);
        // Without a set-up machine every later check would fail for the same reason.
        if *check == Check::Setup && reports.iter().any(Report::failed) {
            break;
        }
    }
    summary(&reports)
}

fn summary(reports: &[Report]) -> Outcome {
    println!("\nSummary");
    for report in reports {
        println!("{}", report.line());
    }
    let failed = reports.iter().filter(|report| report.failed()).count();
    let skipped = reports.iter().filter(|report| matches!(report.end, Ok(End::Skipped(_)))).count();
    let passed = reports.len() - failed - skipped;
    let line = format!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed > 0 {
        return Err(Failure::new(line));
    }
    println!("{line}");
    Ok(())
}

impl Report {
    fn failed(&self) -> bool {
        self.end.is_err()
    }

    fn line(&self) -> String {
        let (word, reason) = match &self.end {
            Ok(End::Passed) => ("passed", ""),
            Ok(End::Skipped(reason)) => ("skipped", *reason),
            Err(_) => ("FAILED", ""),
        };
        format!("test: {:<10} {word:<8} {:>6.1} s  {reason}", self.check.name(), self.took.as_secs_f32())
            .trim_end()
            .to_owned()
    }
}

impl Check {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn run(self) -> Outcome<End> {
        match self {
            Self::Setup => workspace::run(Command::new(workspace::root()?.join("deploy/setup.sh")).arg("--tests"))?,
            Self::Fmt => cargo(&["fmt", "--all", "--", "--check"])?,
            Self::Clippy => {
                cargo(&["clippy", "--workspace", "--exclude", "frontend", "--all-targets", "--", "-D", "warnings"])?
            }
            Self::Scripts => workspace::run(&mut Command::new(workspace::root()?.join("deploy/tests/setup.sh")))?,
            Self::Direction => direction::check()?,
            Self::Licences => dependencies()?,
            Self::Assets => assets::run(assets::Options { dev: false })?,
            Self::Shim => shim::build().map(drop)?,
            Self::Unit => unit()?,
            Self::Build => cargo(&["build", "--package", "server", "--bin", "muster"])?,
            Self::Browser => return browser(),
        }
        Ok(End::Passed)
    }
}

fn cargo(arguments: &[&str]) -> Outcome {
    workspace::run(&mut workspace::cargo(arguments)?)
}

/// Our own check always; the thorough tool where it is installed, or on request, as compiling it takes ten minutes.
fn dependencies() -> Outcome {
    licences::check()?;
    let wanted = std::env::var_os("MUSTER_DENY").is_some_and(|value| value == "1");
    if wanted && !workspace::installed("cargo-deny") {
        cargo(&["install", "--locked", "cargo-deny"])?;
    }
    if workspace::installed("cargo-deny") {
        return cargo(&["deny", "check", "bans", "licenses", "sources"]);
    }
    println!("cargo-deny is not installed, so only deny.toml's lists were checked (MUSTER_DENY=1 installs it).");
    Ok(())
}

fn unit() -> Outcome {
    let cluster = database::start(&database::of_this_checkout()?)?;
    let mut tests =
        workspace::cargo(&["test", "--no-fail-fast", "--all-targets", "--workspace", "--exclude", "frontend"])?;
    tests.env("TEST_DATABASE_URL", cluster.superuser_url("postgres")).env("MUSTER_SHIM", shim::build()?);
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        // Many tests wait for a database, git or a sandbox: at one for each processor a third of the machine is idle.
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        tests.env("RUST_TEST_THREADS", (2 * processors).to_string());
    }
    let docker = docker::Daemon::start()?;
    let record = needs::Record::begin()?;
    tests.env(test_needs::RECORD, record.path());
    // The databases of failed tests are left to be looked at.
    let tested = workspace::run(&mut tests).and_then(|()| database::remove_tests(&cluster));
    let stopped = docker.map_or(Ok(()), docker::Daemon::stop);
    tested.and(record.judge()).and(stopped).and(cluster.stop().doing(|| "The test database did not stop".to_owned()))
}

fn browser() -> Outcome<End> {
    let folder = workspace::root()?.join("e2e");
    if !folder.join("package.json").exists() {
        return Ok(End::Skipped("there is no e2e/package.json"));
    }
    let mut tests = Command::new(node()?);
    tests
        .args(["node_modules/@playwright/test/cli.js", "test"])
        .current_dir(&folder)
        // Built for the other tests already: on a bare machine the release build of all crates takes as long as the rest together.
        .env("MUSTER_BIN", workspace::target()?.join("debug/muster"));
    if let Some(chromium) = chromium() {
        tests.env("CHROMIUM", chromium);
    }
    // The sample runs in both kinds of sandbox.
    let docker = docker::Daemon::start()?;
    let tested = workspace::run(&mut tests);
    let stopped = docker.map_or(Ok(()), docker::Daemon::stop);
    tested.and(stopped)?;
    Ok(End::Passed)
}

/// The Node.js that `deploy/setup.sh --tests` fetched because the system's is too old, or else the system's.
fn node() -> Outcome<PathBuf> {
    let fetched = workspace::target()?.join("node/node");
    Ok(if fetched.exists() { fetched } else { "node".into() })
}

/// The browser that was named, or the system's. None leaves the choice to Playwright, which may have one of its own.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let known = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
    let known = known.iter().filter_map(|name| workspace::find(name));
    // Ubuntu's packages leave a program behind that only names a snap.
    known.into_iter().find(|program| workspace::output(Command::new(program).arg("--version")).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(end: Outcome<End>) -> Report {
        Report { check: Check::Fmt, took: Duration::from_millis(1250), end }
    }

    #[test]
    fn one_failure_fails_the_whole() {
        let reports = [report(Ok(End::Passed)), report(Err(Failure::new("no"))), report(Ok(End::Skipped("why")))];
        assert_eq!(summary(&reports).unwrap_err().to_string(), "1 passed, 1 failed, 1 skipped");
        assert!(summary(&reports[..1]).is_ok());
    }

    #[test]
    fn a_line_tells_the_check_its_end_and_its_time() {
        assert_eq!(report(Ok(End::Skipped("why"))).line(), "test: fmt        skipped     1.2 s  why");
    }
}
