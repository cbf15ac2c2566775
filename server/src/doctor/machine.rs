use std::path::Path;

use sandbox::{Choice, Surveyed};

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
    let mut findings = vec![disk(config), site(config), public_url(config)];
    findings.extend(sandboxes(config).await);
    findings.push(time_service());
    findings
}

fn disk(config: &Config) -> Finding {
    let free = DataFolder::open(&config.server.data_dir).and_then(|data| Ok((data.free_bytes()?, data)));
    match free {
        Err(trouble) => Finding::fail("disk", trouble.what, trouble.way_out),
        Ok((free, data)) => enough_room(free, data.path()),
    }
}

fn enough_room(free: u64, folder: &Path) -> Finding {
    let found = format!("{} MB free for {}", free >> 20, folder.display());
    let fix = "Free some space, or choose another disk with server.data_dir.";
    match free {
        0..LEAST_FREE => Finding::fail("disk", found, fix),
        LEAST_FREE..LITTLE => Finding::warn("disk", found, fix),
        LITTLE.. => Finding::ok("disk", found),
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

/// Makes a sandbox in each way that there is, as a run would in the one that is picked.
async fn sandboxes(config: &Config) -> Vec<Finding> {
    let settings = DataFolder::open(&config.server.data_dir).and_then(|data| sandbox_settings(config, &data));
    match settings {
        Ok(settings) => backends(sandbox::survey(&settings).await, settings.choice),
        Err(trouble) => vec![Finding::fail("sandbox", trouble.what, trouble.way_out)],
    }
}

/// A backend that does not work here is worth a look where it is the wanted one, or where none works.
fn backends(surveyed: Vec<Surveyed>, choice: Choice) -> Vec<Finding> {
    let some_picked = surveyed.iter().any(|backend| backend.picked);
    let line = |Surveyed { name, picked, found }: Surveyed| match found {
        Ok(probe) if picked => Finding::ok("sandbox", format!("{name}, used by runs: {probe}")),
        Ok(probe) => Finding::ok("sandbox", format!("{name}, not used: {probe}")),
        Err(trouble) if some_picked || (choice != Choice::Auto && choice != choice_of(name)) => {
            Finding::ok("sandbox", format!("{name}, not used, would not work here: {}", trouble.what))
        }
        Err(trouble) => {
            Finding::warn("sandbox", format!("{name}: agents cannot run here: {}", trouble.what), trouble.fix)
        }
    };
    surveyed.into_iter().map(line).collect()
}

fn choice_of(name: &str) -> Choice {
    if name == "docker" { Choice::Docker } else { Choice::Local }
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

#[cfg(test)]
mod tests {
    use sandbox::{Probe, Trouble};

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_full_disk_fails_and_little_room_is_worth_a_look() {
        let verdict = |free| enough_room(free, Path::new("/var/muster")).verdict;
        assert_eq!(verdict(LEAST_FREE - 1), Verdict::Fail);
        assert_eq!(verdict(LEAST_FREE), Verdict::Warn);
        assert_eq!(verdict(LITTLE - 1), Verdict::Warn);
        assert_eq!(verdict(LITTLE), Verdict::Ok);
        let full = enough_room(7 << 20, Path::new("/var/muster"));
        assert!(full.found.contains("7 MB free for /var/muster") && full.fix.is_some(), "{full}");
    }

    #[test]
    fn each_backend_has_a_line_and_the_one_that_runs_use_is_marked() {
        let works = || Ok(Probe { version: "1.0".into(), holds: Vec::new() });
        let fails = || Err(Trouble { what: "No socket.".into(), fix: "Install it.".into() });
        let survey = |docker: bool, local: bool, choice| {
            let picks_docker = docker && choice != Choice::Local;
            let picks_local = local && choice != Choice::Docker && !picks_docker;
            let tried = |works_here| if works_here { works() } else { fails() };
            let surveyed = vec![
                Surveyed { name: "docker", picked: picks_docker, found: tried(docker) },
                Surveyed { name: "local", picked: picks_local, found: tried(local) },
            ];
            let lines = backends(surveyed, choice);
            lines.iter().map(|line| (line.verdict, line.found.contains("used by runs"))).collect::<Vec<_>>()
        };
        let (fine, look) = (Verdict::Ok, Verdict::Warn);
        assert_eq!(survey(true, true, Choice::Auto), [(fine, true), (fine, false)]);
        assert_eq!(survey(false, true, Choice::Auto), [(fine, false), (fine, true)]);
        assert_eq!(survey(false, false, Choice::Auto), [(look, false), (look, false)]);
        assert_eq!(survey(true, false, Choice::Local), [(fine, false), (look, false)]);
        assert_eq!(survey(false, true, Choice::Docker), [(look, false), (fine, false)]);
        assert_eq!(survey(false, false, Choice::Local), [(fine, false), (look, false)]);
    }
}
