//! The same suite against `SeaweedFS`, so that what passes here is S3 and not merely what both of our sides agree on.

use std::{net::TcpListener, process::Stdio};

use tempfile::TempDir;
use tokio::{
    fs::File,
    io::AsyncReadExt,
    process::{Child, Command},
};

use crate::{
    boto3::installed,
    http::try_request,
    server::{ACCESS_KEY, SECRET},
    suite,
};

/// Each bucket takes several volumes when it is first written to.
const VOLUMES: &str = "-volume.max=1000";

struct SeaweedFs {
    folder: TempDir,
    process: Child,
    port: u16,
}

/// Ports that were free a moment ago, all different.
fn free_ports<const N: usize>() -> [u16; N] {
    let held: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

impl SeaweedFs {
    async fn start(program: &std::path::Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = serde_json::json!({"identities": [{
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }]});
        std::fs::write(folder.path().join("s3.json"), identity.to_string()).unwrap();
        let ports: [u16; 8] = free_ports();
        let mut weed = Command::new(program);
        weed.current_dir(folder.path()).args([
            "-logtostderr",
            "server",
            "-dir=.",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
        ]);
        weed.args([VOLUMES, "-master.volumeSizeLimitMB=16", "-master.telemetry=false", "-s3", "-s3.config=s3.json"]);
        weed.args(["-s3.allowDeleteBucketNotEmpty=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        for (part, pair) in ["master", "volume", "filer", "s3"].iter().zip(ports.chunks(2)) {
            weed.args([format!("-{part}.port={}", pair[0]), format!("-{part}.port.grpc={}", pair[1])]);
        }
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = weed.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap();
        let mut started = Self { folder, process, port: ports[6] };
        started.until_it_answers().await;
        started
    }

    /// It opens its ports one after the other, and the last is the one that speaks S3.
    async fn until_it_answers(&mut self) {
        let patience = std::time::Duration::from_secs(60);
        let answered = tokio::time::timeout(patience, async {
            let mut often = tokio::time::interval(std::time::Duration::from_millis(100));
            while try_request(self.port, "GET", "/", &[], "").await.is_err() {
                if self.process.try_wait().unwrap().is_some() {
                    return false;
                }
                often.tick().await;
            }
            true
        });
        if !matches!(answered.await, Ok(true)) {
            panic!("SeaweedFS did not start:\n{}", self.log().await);
        }
    }

    async fn log(&self) -> String {
        let mut log = String::new();
        File::open(self.folder.path().join("log")).await.unwrap().read_to_string(&mut log).await.unwrap();
        log
    }
}

#[tokio::test]
async fn another_server_passes_the_same_suite() {
    let Some(program) = installed("weed") else { return };
    let mut server = SeaweedFs::start(&program).await;
    let failed = suite::run(server.port).await;
    assert!(failed.is_empty(), "{failed:#?}\n{}", server.log().await);
    server.process.kill().await.unwrap();
}
