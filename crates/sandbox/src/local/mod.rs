//! Sandboxes of bubblewrap: namespaces of the kernel, without a daemon. Files that a sandbox writes belong to the user who
//! runs this process, because the user inside is mapped to that one.

mod bubblewrap;
mod cgroup;
mod record;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bubblewrap::{Abilities, Contents};
use cgroup::Groups;
use record::{First, Record};
use serde::Deserialize;
use serde_json::json;
use shim::protocol::{Held, PROGRAM};
use tokio::{
    io::{AsyncReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{
    Backend, Error, Found, Image, Limits, Probe, Result, Sandbox, Settings, Spec, Trouble, backend, client::Client,
    egress::Egress, error::Doing, host, spec::check_id,
};

const BUBBLEWRAP: &str = "bwrap";
/// For a sandbox to answer after its start, and to be gone after its end.
const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(4);

#[derive(Debug, Clone)]
pub struct Local {
    settings: Arc<Settings>,
}

/// Of bubblewrap's `--info-fd`.
#[derive(Deserialize)]
struct Info {
    #[serde(rename = "child-pid")]
    child: i32,
}

impl Local {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    fn registry(&self) -> &Path {
        &self.settings.registry
    }

    fn open_registry(&self) -> Result<()> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(self.registry());
        made.doing(|| format!("Cannot make {}", self.registry().display()))
    }

    async fn abilities(&self) -> Result<Abilities, Trouble> {
        let missing = |_| Trouble::new("bubblewrap is not installed.", "Install it: apt-get install bubblewrap.");
        let help = Command::new(BUBBLEWRAP).arg("--help").stdin(Stdio::null()).output().await.map_err(missing)?;
        Ok(Abilities::from_help(&String::from_utf8_lossy(&help.stdout)))
    }

    /// Starts bubblewrap; the record then knows the first process.
    async fn start(&self, spec: &Spec, groups: &Groups, record: &mut Record) -> Result<Child> {
        let able = self.abilities().await?;
        let (user, doing) = (bubblewrap::USER, || "Cannot prepare a sandbox".to_owned());
        let mut host = host::parts(&self.settings.host_paths);
        host.extend(host::accounts(self.registry(), user, user).doing(doing)?);
        let contents = Contents {
            host: &host,
            shim: &self.settings.shim,
            workspace: &spec.workspace,
            state: &spec.state,
            shown: &groups.shown,
            environment: &spec.environment(),
        };
        let with = json!({ "groups": groups.entrances(), "processors": processors(&spec.limits, &groups.held) });
        let start = serde_json::to_string(&spec.start(groups.held.clone())).map_err(io::Error::from).doing(doing)?;
        let mut command = Command::new(&self.settings.shim);
        command.arg("enter").arg(with.to_string()).arg(BUBBLEWRAP);
        command.args(bubblewrap::arguments(able, &spec.limits, &contents)).args([PROGRAM, "init", &start]);
        let log = File::create(record::log(self.registry(), &spec.id)).doing(doing)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).current_dir("/");
        let mut child = command.spawn().doing(|| format!("Cannot run {}", self.settings.shim.display()))?;
        if let Some(info) = info(&mut child).await.doing(doing)? {
            record.first = First::seen(info.child);
            record.write(self.registry()).doing(doing)?;
        }
        Ok(child)
    }

    /// What went wrong in a sandbox that never answered.
    fn failure(&self, id: &str) -> Error {
        let said = fs::read_to_string(record::log(self.registry(), id)).unwrap_or_default();
        let said = said.lines().last().unwrap_or("it ended without a word").to_owned();
        Error::Trouble(Trouble::new(format!("The sandbox could not be made: {said}."), advice(&said)))
    }

    async fn wait(&self, id: &str, client: &Client, child: &mut Child) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match client.answer(&shim::protocol::Request::Ping).await {
                Ok(_) => return Ok(()),
                Err(Error::Gone(_)) => {}
                Err(error) => return Err(error),
            }
            if child.try_wait().doing(|| format!("Cannot look after {id}"))?.is_some() {
                return Err(self.failure(id));
            }
            sleep(GLANCE).await;
        }
        Err(self.failure(id))
    }

    async fn make(&self, spec: &Spec) -> Result<Sandbox> {
        if spec.image != Image::Host {
            return Err(Trouble::new(
                "The local backend has no images; it shows this machine's programs.",
                "Choose Docker as the sandbox, or no image.",
            )
            .into());
        }
        let serving = spec.open_egress().map(|egress| egress.serve(&spec.state)).transpose()?;
        let groups = Groups::make(&spec.id, &spec.limits);
        let mut record = Record {
            id: spec.id.clone(),
            labels: spec.labels.clone(),
            state: spec.state.clone(),
            groups: groups.folders.clone(),
            first: None,
        };
        // Before anything runs: what is made from here on can be found.
        record.write(self.registry()).doing(|| format!("Cannot remember the sandbox {}", spec.id))?;
        let mut child = self.start(spec, &groups, &mut record).await?;
        self.wait(&spec.id, &Client::new(&spec.id, &spec.state), &mut child).await?;
        // Collected here for as long as this process lives, by the system afterwards.
        tokio::spawn(async move { child.wait().await });
        Ok(Sandbox::new(&spec.id, &spec.state, Arc::new(self.clone()), serving))
    }

    async fn clear(&self, record: &Record) -> Result<()> {
        let doing = || format!("Cannot remove the sandbox {}", record.id);
        if let Some(first) = record.first {
            first.kill().doing(doing)?;
            let until = Instant::now() + PATIENCE;
            while first.lives() && Instant::now() < until {
                sleep(GLANCE).await;
            }
        }
        cgroup::remove(&record.groups).await.doing(doing)?;
        backend::remove_all(&record.state).await.doing(doing)?;
        remove_file(&record::log(self.registry(), &record.id)).doing(doing)?;
        remove_file(&record::path(self.registry(), &record.id)).doing(doing)
    }
}

#[async_trait]
impl Backend for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    async fn probe(&self) -> Result<Probe, Trouble> {
        self.abilities().await?;
        backend::trial(self, &self.settings).await?;
        let version = Command::new(BUBBLEWRAP).arg("--version").output().await.map_err(|error| unexpected(&error))?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        let groups = Groups::make(&format!("probe-{}", std::process::id()), &Limits::default());
        cgroup::remove(&groups.folders).await.map_err(|error| unexpected(&error))?;
        Ok(Probe { version, holds: holds(&groups.held) })
    }

    async fn create(&self, spec: &Spec) -> Result<Sandbox> {
        spec.check()?;
        self.open_registry()?;
        let empty = Record {
            id: spec.id.clone(),
            labels: spec.labels.clone(),
            state: spec.state.clone(),
            groups: Vec::new(),
            first: None,
        };
        let doing = || format!("Cannot make the sandbox {}", spec.id);
        if !empty.claim(self.registry()).doing(doing)? {
            return Err(Error::Exists(spec.id.clone()));
        }
        let made = match DirBuilder::new().recursive(true).mode(0o700).create(&spec.state).doing(doing) {
            Ok(()) => self.make(spec).await,
            Err(error) => Err(error),
        };
        if made.is_err() {
            self.destroy(&spec.id).await?;
        }
        made
    }

    async fn attach(&self, id: &str, egress: Option<Egress>) -> Result<Option<Sandbox>> {
        check_id(id)?;
        let record = Record::read(self.registry(), id).doing(|| format!("Cannot look up the sandbox {id}"))?;
        let Some(record) = record.filter(|record| record.first.is_some_and(First::lives)) else { return Ok(None) };
        backend::attached(self, id, &record.state, egress).await
    }

    async fn list(&self) -> Result<Vec<Found>> {
        self.open_registry()?;
        let all = Record::all(self.registry()).doing(|| "Cannot list the sandboxes".to_owned())?;
        let found = all.into_iter().map(|(record, created_us)| Found {
            running: record.first.is_some_and(First::lives),
            id: record.id,
            labels: record.labels,
            created_us,
        });
        Ok(found.collect())
    }

    async fn destroy(&self, id: &str) -> Result<()> {
        check_id(id)?;
        match Record::read(self.registry(), id).doing(|| format!("Cannot look up the sandbox {id}"))? {
            Some(record) => self.clear(&record).await,
            None => Ok(()),
        }
    }

    /// Nothing: the user inside is this process's own.
    async fn hand_over(&self, _: &Path) -> Result<()> {
        Ok(())
    }
}

/// How many processors a sandbox is kept to where no control group shares them out.
fn processors(limits: &Limits, held: &[Held]) -> Option<u64> {
    (!held.contains(&Held::Cpu)).then(|| limits.cpu_millis.div_ceil(1000))
}

fn holds(held: &[Held]) -> Vec<(&'static str, &'static str)> {
    let by = |limit, otherwise| if held.contains(&limit) { "control group" } else { otherwise };
    vec![
        ("processors", by(Held::Cpu, "whole processors and stopping")),
        ("memory", by(Held::Memory, "watching")),
        ("processes", by(Held::Pids, "resource limit and watching")),
        ("disk", "watching"),
        ("time", "the sandbox itself"),
    ]
}

/// None when bubblewrap ended before it made a process.
async fn info(child: &mut Child) -> io::Result<Option<Info>> {
    let Some(stdout) = child.stdout.take() else { return Ok(None) };
    let (mut stdout, mut text) = (BufReader::new(stdout), Vec::new());
    // The pipe stays open in the sandbox, so its end is the object's end.
    while !text.ends_with(b"}") {
        match stdout.read_u8().await {
            Ok(byte) => text.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(serde_json::from_slice(&text)?))
}

fn advice(said: &str) -> &'static str {
    let namespaces = ["namespace", "uid map", "loopback", "Operation not permitted", "Permission denied"];
    if namespaces.iter().any(|word| said.contains(word)) {
        "Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0; in a container, run it with --security-opt seccomp=unconfined), or install Docker."
    } else {
        "Run `muster doctor`, or install Docker."
    }
}

fn unexpected(error: &io::Error) -> Trouble {
    Trouble::new(
        format!("bubblewrap cannot be tried: {error}."),
        "Install it again: apt-get install --reinstall bubblewrap.",
    )
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
