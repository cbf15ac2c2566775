//! The vendors' own Python clients, where `deploy/setup.sh --tests` has installed them.

use std::path::PathBuf;

use test_needs::{Need, passed_over};
use tokio::process::Command;

use super::serve;

const SCRIPT: &str = r#"{"models": ["*"], "conversations": [{
    "name": "Official clients",
    "turns": [
        {"thinking": "A thought.", "text": "Reading.", "chunk": 4, "calls": [
            {"tool": "read", "arguments": {"path": "a ü.txt"}},
            {"tool": "run", "arguments": {"command": "ls -l"}}],
         "usage": {"uncached": 40, "cache_read": 60, "cache_write": 0, "output": 20, "reasoning": 5}},
        {"text": "Done."}
    ]}]}"#;

fn python() -> Option<PathBuf> {
    // Cargo's folder for tests is inside of the target folder, where the clients are installed.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let python = target.parent()?.join("model-clients/bin/python");
    python.exists().then_some(python)
}

async fn run(program: &str) {
    let Some(python) = python() else {
        passed_over(Need::ModelClients, "the official Python clients are not installed (deploy/setup.sh --tests)");
        return;
    };
    let url = serve(SCRIPT).await;
    let output = Command::new(python).args(["-c", program, &url]).kill_on_drop(true).output().await.unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("all good"), "{out}\n{error}");
}

#[tokio::test]
async fn openai_streams_tool_calls_and_usage() {
    run(include_str!("clients/openai_client.py")).await;
}

#[tokio::test]
async fn anthropic_streams_tool_calls_and_usage() {
    run(include_str!("clients/anthropic_client.py")).await;
}

#[tokio::test]
async fn google_streams_tool_calls_and_usage() {
    run(include_str!("clients/google_client.py")).await;
}
