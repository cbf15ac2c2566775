//! The Python SDK, where `deploy/setup.sh --tests` has installed it.

use std::path::PathBuf;

use test_needs::{Need, passed_over};
use tokio::process::Command;

use crate::server::{ACCESS_KEY, REGION, SECRET, Server};

/// A program of the pinned packages in `tests/clients.txt`; says so where it is missing.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    // Cargo's folder for tests is inside of the target folder, where the packages are installed.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = target.parent()?.join("s3-clients/bin").join(program);
    if !path.exists() {
        passed_over(Need::S3Clients, "the other S3 server and client are not installed (deploy/setup.sh --tests)");
        return None;
    }
    Some(path)
}

async fn run(program: &str, server: &Server) {
    let Some(python) = installed("python") else { return };
    server.store().await;
    let mut command = Command::new(python);
    command.args(["-c", program, &server.url(), &server.bucket, REGION, ACCESS_KEY, SECRET]);
    let output = command.kill_on_drop(true).output().await.unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("all good"), "{out}\n{error}");
}

pub(crate) async fn boto3_reads_and_writes(server: Server) {
    run(concat!(include_str!("clients/connect.py"), include_str!("clients/objects.py")), &server).await;
}

pub(crate) async fn boto3_is_refused_what_was_not_signed(server: Server) {
    run(concat!(include_str!("clients/connect.py"), include_str!("clients/presigned.py")), &server).await;
}
