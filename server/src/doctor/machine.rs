use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::Command,
};

use super::Finding;
use crate::{
    config::{Config, Mode},
    data::{DataFolder, LEAST_FREE},
    site::Site,
};

const DOCKER: &str = "/var/run/docker.sock";
const PATIENCE: Duration = Duration::from_secs(5);
/// Below this the disk is worth a look, before it is too full to start.
const LITTLE: u64 = 2 << 30;

/// What can be seen without any of our services.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    vec![disk(config), site(config), public_url(config), sandbox().await, time_service()]
}

fn disk(config: &Config) -> Finding {
    let free = DataFolder::open(&config.server.data_dir).and_then(|data| Ok((data.free_bytes()?, data)));
    match free {
        Err(trouble) => Finding::fail("disk", trouble.what, trouble.way_out),
        Ok((free, data)) => {
            let found = format!("{} MB free for {}", free >> 20, data.path().display());
            let fix = "Free some space, or choose another disk with server.data_dir.";
            match free {
                0..LEAST_FREE => Finding::fail("disk", found, fix),
                LEAST_FREE..LITTLE => Finding::warn("disk", found, fix),
                LITTLE.. => Finding::ok("disk", found),
            }
        }
    }
}

fn site(config: &Config) -> Finding {
    match Site::load(config.site.as_deref()) {
        Ok(_) => Finding::ok("site", "the browser's files are there and belong to this binary"),
        Err(error) => Finding::fail("site", error.to_string(), "`make start` builds both in one step."),
    }
}

fn public_url(config: &Config) -> Finding {
    let url = config.public_url();
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|start| url.starts_with(start));
    if url.starts_with("https://") || (local && config.server.mode == Mode::Development) {
        return Finding::ok("address", format!("people reach Muster at {url}"));
    }
    let found = format!("{url} sends passwords and sessions unencrypted");
    Finding::warn("address", found, "Put a proxy with TLS in front and set server.public_url to its https:// address.")
}

async fn sandbox() -> Finding {
    let (docker, bubblewrap) = (docker_answers().await, bubblewrap_works().await);
    let names: Vec<_> =
        [(docker, "Docker"), (bubblewrap, "bubblewrap")].into_iter().filter(|(works, _)| *works).collect();
    if names.is_empty() {
        let fix = "apt-get install bubblewrap (and allow user namespaces), or install and start Docker.";
        return Finding::warn("sandbox", "neither Docker nor bubblewrap works: agents cannot run here", fix);
    }
    let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
    Finding::ok("sandbox", format!("{} works", names.join(" and ")))
}

/// Asks the daemon for a sign of life (Docker Engine API, `GET /_ping`).
async fn docker_answers() -> bool {
    let ask = async {
        let mut stream = UnixStream::connect(DOCKER).await?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(PATIENCE, ask).await;
    matches!(answer, Ok(Ok(text)) if text.lines().next().is_some_and(|line| line.contains(" 200")))
}

/// Runs nothing inside the narrowest sandbox.
async fn bubblewrap_works() -> bool {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "true"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.status()).await;
    matches!(ended, Ok(Ok(status)) if status.success())
}

fn time_service() -> Finding {
    // systemd-timesyncd and its kin leave this mark once the clock was set from the network.
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Finding::ok("time", "the clock is set from the network");
    }
    Finding::warn(
        "time",
        "cannot tell whether the clock is set from the network",
        "Run a time service (systemd-timesyncd or chrony); in a container, on its host.",
    )
}
