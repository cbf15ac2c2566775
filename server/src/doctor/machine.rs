use std::path::Path;

use super::Finding;
use crate::{
    config::{Config, Mode},
    data::{DataFolder, LEAST_FREE},
    runs::sandbox_settings,
    site::Site,
};

/// Below this the disk is worth a look, before it is too full to start.
const LITTLE: u64 = 2 << 30;

/// What can be seen without any of our services.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    vec![disk(config), site(config), public_url(config), sandbox(config).await, time_service()]
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

/// Makes a sandbox, as a run would.
async fn sandbox(config: &Config) -> Finding {
    let settings = DataFolder::open(&config.server.data_dir).and_then(|data| sandbox_settings(config, &data));
    let picked = match settings {
        Ok(settings) => sandbox::pick(&settings).await,
        Err(trouble) => return Finding::fail("sandbox", trouble.what, trouble.way_out),
    };
    let probed = match &picked {
        Ok(backend) => backend.probe().await,
        Err(trouble) => Err(trouble.clone()),
    };
    match (picked, probed) {
        (Ok(backend), Ok(probe)) => Finding::ok("sandbox", format!("{}: {probe}", backend.name())),
        (_, Err(trouble)) | (Err(trouble), _) => {
            Finding::warn("sandbox", format!("agents cannot run here: {}", trouble.what), trouble.fix)
        }
    }
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
