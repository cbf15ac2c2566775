//! The vendors' official clients, as they are installed for everybody.

use std::path::PathBuf;

use test_needs::{Need, passed_over};
use tokio::process::Command;

use super::*;

pub(super) fn python() -> Option<PathBuf> {
    // Cargo's folder for tests is inside of the target folder, where the clients are installed.
    let python = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent()?.join("model-clients/bin/python");
    python.exists().then_some(python)
}

/// Runs a vendor's client against a face, with a provider of each format behind it.
async fn official(program: &str) {
    let Some(python) = python() else {
        passed_over(Need::ModelClients, "the official Python clients are not installed (deploy/setup.sh --tests)");
        return;
    };
    for kind in WireFormat::ALL {
        let bench = Bench::open(kind).await;
        let broke = bench.broke_key().await;
        let url = serve(bench.site.router.clone()).await;
        let run = Command::new(&python)
            .args(["-c", program, &url, &bench.key, &broke, "server/m", kind.as_str()])
            .kill_on_drop(true)
            .output();
        let output = run.await.expect("python runs");
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("all good"), "{kind:?} behind: {out}\n{error}");
        bench.end().await;
    }
}

#[tokio::test]
async fn openais_client_works_unchanged_whatever_is_behind() {
    official(include_str!("../clients/openai_client.py")).await;
}

#[tokio::test]
async fn anthropics_client_works_unchanged_whatever_is_behind() {
    official(include_str!("../clients/anthropic_client.py")).await;
}

#[tokio::test]
async fn googles_client_works_unchanged_whatever_is_behind() {
    official(include_str!("../clients/google_client.py")).await;
}

/// The clients for JavaScript, installed with the browser tests.
#[tokio::test]
async fn clients_for_javascript_work_unchanged_whatever_is_behind() {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../e2e");
    if !folder.join("node_modules/openai").exists() {
        passed_over(Need::NodePackages, "the packages of e2e are not installed (deploy/setup.sh --tests)");
        return;
    }
    for kind in WireFormat::ALL {
        let bench = Bench::open(kind).await;
        let broke = bench.broke_key().await;
        let url = serve(bench.site.router.clone()).await;
        let arguments = ["clients/models.mjs", &url, &bench.key, &broke, "server/m", kind.as_str()];
        let run = Command::new("node").current_dir(&folder).args(arguments).kill_on_drop(true).output();
        let output = run.await.expect("node runs");
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("all good"), "{kind:?} behind: {out}\n{error}");
        bench.end().await;
    }
}
