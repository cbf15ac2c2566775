//! Sandboxes as containers of Docker, without any registry: the programs may be this machine's.

mod config;
mod image;
mod user;

use std::{
    collections::{BTreeMap, HashMap},
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bollard::{
    API_DEFAULT_VERSION, Docker as Client,
    errors::Error as DockerError,
    models::{ContainerSummary, ContainerSummaryStateEnum, SystemInfo},
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptions, ListContainersOptions,
        LogsOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    },
};
use config::{LABEL, Parts, REGISTRY, SANDBOX, STATE, name};
use futures::TryStreamExt;
use shim::protocol::{Held, Request};
use tokio::time::{Instant, sleep, timeout};
use user::User;

use crate::{
    Backend, Error, Found, Image, Probe, Result, Sandbox, Settings, Spec, Trouble, backend, client::Client as Shim,
    egress::Egress, error::Doing, host, spec::check_id,
};

const SOCKET: &str = "/var/run/docker.sock";
/// For one answer of the daemon, in seconds.
const ANSWER: u64 = 60;
const HELLO: Duration = Duration::from_secs(5);
/// For a sandbox to answer after its start, and to be gone after its end.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(5);

#[derive(Debug, Clone)]
pub struct Docker {
    settings: Arc<Settings>,
    client: Client,
    user: User,
    info: Arc<SystemInfo>,
}

impl Docker {
    /// Finds the daemon on this machine.
    ///
    /// # Errors
    /// When it does not answer, or works in a way that we cannot use.
    pub async fn open(settings: Settings) -> Result<Self, Trouble> {
        let socket = settings.docker_socket.clone().unwrap_or_else(|| SOCKET.into());
        let silent = |why: String| {
            let what = format!("Docker does not answer at {}: {why}.", socket.display());
            Trouble::new(what, "Start it (systemctl start docker) and let this user into the group docker.")
        };
        let path = socket.to_string_lossy();
        let client =
            Client::connect_with_unix(&path, ANSWER, API_DEFAULT_VERSION).map_err(|error| silent(error.to_string()))?;
        let asked = async {
            let client = client.negotiate_version().await?;
            let info = client.info().await?;
            Ok::<_, DockerError>((client, info))
        };
        let (client, info) = match timeout(HELLO, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(silent(error.to_string())),
            Err(_) => return Err(silent("it is silent".to_owned())),
        };
        let options = info.security_options.clone().unwrap_or_default();
        if options.iter().any(|option| option.contains("name=userns")) {
            let what =
                "Docker maps users of containers to other ones (userns-remap), which could not write the workspace.";
            return Err(Trouble::new(
                what,
                "Turn userns-remap off, run Docker without root instead, or choose the local sandbox.",
            ));
        }
        let user = User::choose(options.iter().any(|option| option.contains("name=rootless")));
        Ok(Self { settings: Arc::new(settings), client, user, info: Arc::new(info) })
    }

    async fn image(&self, spec: &Spec) -> Result<(String, Vec<host::Part>)> {
        match &spec.image {
            Image::Named(name) => {
                image::named(&self.client, name).await?;
                Ok((name.clone(), Vec::new()))
            }
            Image::Host => {
                let mut parts = host::parts(&self.settings.host_paths);
                let name = image::empty(&self.client, &parts).await?;
                let accounts = host::accounts(&self.settings.registry, self.user.uid, self.user.gid);
                parts.extend(accounts.doing(|| "Cannot prepare a sandbox".to_owned())?);
                Ok((name, parts))
            }
        }
    }

    async fn own(&self, folder: &Path) -> Result<()> {
        let (user, path) = (self.user, folder.to_owned());
        let owned = tokio::task::spawn_blocking(move || user.own(&path)).await;
        let doing = || format!("Cannot hand {} to the sandbox", folder.display());
        owned.map_err(std::io::Error::other).doing(doing)?.doing(doing)
    }

    async fn make(&self, spec: &Spec) -> Result<Sandbox> {
        let doing = || format!("Cannot make the sandbox {}", spec.id);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.settings.registry).doing(doing)?;
        let (image, host) = self.image(spec).await?;
        let start = spec.start(vec![Held::Memory, Held::Pids, Held::Cpu]);
        let start = serde_json::to_string(&start).map_err(std::io::Error::from).doing(doing)?;
        let parts = Parts { image: &image, host: &host, user: self.user, start };
        let body = config::body(&self.settings, spec, &parts);
        let options = CreateContainerOptionsBuilder::default().name(&name(&spec.id)).build();
        let new = !spec.state.exists();
        // Docker looks for what it is to mount.
        DirBuilder::new().recursive(true).mode(0o700).create(&spec.state).doing(doing)?;
        if let Err(error) = self.client.create_container(Some(options), body).await {
            if new {
                backend::remove_all(&spec.state).await.doing(doing)?;
            }
            return match error {
                DockerError::DockerResponseServerError { status_code: 409, .. } => Err(Error::Exists(spec.id.clone())),
                error => Err(error).doing(doing),
            };
        }
        // From here on there is something to remove.
        match self.start(spec).await {
            Ok(serving) => Ok(Sandbox::new(&spec.id, &spec.state, Arc::new(self.clone()), serving)),
            Err(error) => {
                self.destroy(&spec.id).await?;
                Err(error)
            }
        }
    }

    async fn start(&self, spec: &Spec) -> Result<Option<crate::egress::Serving>> {
        self.own(&spec.workspace).await?;
        self.own(&spec.state).await?;
        let serving = spec.open_egress().map(|egress| egress.serve(&spec.state)).transpose()?;
        self.client.start_container(&name(&spec.id), None::<StartContainerOptions>).await.map_err(|error| {
            let what = format!("Docker could not start a sandbox: {error}.");
            Trouble::new(what, "Run `muster doctor`; or choose the local sandbox.")
        })?;
        self.wait(spec).await?;
        Ok(serving)
    }

    async fn wait(&self, spec: &Spec) -> Result<()> {
        let (shim, until) = (Shim::new(&spec.id, &spec.state), Instant::now() + PATIENCE);
        let mut glances = 0_u32;
        while Instant::now() < until {
            match shim.answer(&Request::Ping).await {
                Ok(_) => return Ok(()),
                Err(Error::Gone(_)) => {}
                Err(error) => return Err(error),
            }
            glances += 1;
            if glances.is_multiple_of(20) && !self.runs(&spec.id).await? {
                break;
            }
            sleep(GLANCE).await;
        }
        let what = format!("A container of {} ended at once: {}.", image_name(spec), self.last_words(&spec.id).await);
        Err(Trouble::new(what, "Docker must see the same files as Muster; in a container of its own it does not.")
            .into())
    }

    async fn last_words(&self, id: &str) -> String {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail("3").build();
        let said: Result<Vec<_>, _> = self.client.logs(&name(id), Some(options)).try_collect().await;
        let said = said.unwrap_or_default().iter().map(ToString::to_string).collect::<String>();
        if said.trim().is_empty() { "it said nothing".to_owned() } else { said.trim().to_owned() }
    }

    /// The labels of a sandbox of this installation, and whether it runs.
    async fn look_up(&self, id: &str) -> Result<Option<(HashMap<String, String>, bool)>> {
        let found = match self.client.inspect_container(&name(id), None::<InspectContainerOptions>).await {
            Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
            found => found.doing(|| format!("Cannot look up the sandbox {id}"))?,
        };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let running = found.state.and_then(|state| state.running).unwrap_or(false);
        let ours = labels.get(REGISTRY).is_some_and(|registry| Path::new(registry) == self.settings.registry);
        Ok(ours.then_some((labels, running)))
    }

    async fn runs(&self, id: &str) -> Result<bool> {
        Ok(self.look_up(id).await?.is_some_and(|(_, running)| running))
    }

    /// Ends the container and waits until it has.
    async fn end(&self, id: &str) -> Result<()> {
        match self.client.kill_container(&name(id), None::<KillContainerOptions>).await {
            // Gone, or not running.
            Err(DockerError::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
            ended => ended.doing(|| format!("Cannot end the sandbox {id}"))?,
        }
        let until = Instant::now() + PATIENCE;
        while self.runs(id).await? && Instant::now() < until {
            sleep(GLANCE).await;
        }
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.client.remove_container(&name(id), Some(options)).await {
            // Gone, or being removed by somebody else.
            Err(DockerError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
            removed => removed.doing(|| format!("Cannot remove the sandbox {id}")),
        }
    }
}

#[async_trait]
impl Backend for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    async fn probe(&self) -> Result<Probe, Trouble> {
        backend::trial(self, &self.settings).await?;
        let held = |by: Option<bool>| if by.unwrap_or(false) { "Docker" } else { "nothing (this kernel cannot)" };
        let version = self.info.server_version.as_deref().unwrap_or("of unknown version");
        let runtime = self.settings.runtime.as_deref().or(self.info.default_runtime.as_deref()).unwrap_or("runc");
        Ok(Probe {
            version: format!("Docker {version} with {runtime}"),
            holds: vec![
                ("processors", held(self.info.cpu_cfs_quota)),
                ("memory", held(self.info.memory_limit)),
                ("processes", held(self.info.pids_limit)),
                ("disk", "watching"),
                ("time", "the sandbox itself"),
            ],
        })
    }

    async fn create(&self, spec: &Spec) -> Result<Sandbox> {
        spec.check()?;
        self.make(spec).await
    }

    async fn attach(&self, id: &str, egress: Option<Egress>) -> Result<Option<Sandbox>> {
        check_id(id)?;
        let Some((labels, true)) = self.look_up(id).await? else { return Ok(None) };
        let Some(state) = labels.get(STATE).map(PathBuf::from) else { return Ok(None) };
        backend::attached(self, id, &state, egress).await
    }

    async fn list(&self) -> Result<Vec<Found>> {
        let label = format!("{REGISTRY}={}", self.settings.registry.display());
        let options = ListContainersOptions {
            all: true,
            filters: Some([("label".to_owned(), vec![label])].into()),
            ..ListContainersOptions::default()
        };
        let all = self.client.list_containers(Some(options)).await.doing(|| "Cannot list the sandboxes".to_owned())?;
        Ok(all.into_iter().filter_map(found).collect())
    }

    async fn destroy(&self, id: &str) -> Result<()> {
        check_id(id)?;
        let Some((labels, _)) = self.look_up(id).await? else { return Ok(()) };
        self.end(id).await?;
        // The container goes last: it is what remembers the folder.
        if let Some(state) = labels.get(STATE) {
            backend::remove_all(Path::new(state)).await.doing(|| format!("Cannot remove {state}"))?;
        }
        self.remove(id).await
    }

    async fn hand_over(&self, folder: &Path) -> Result<()> {
        self.own(folder).await
    }
}

fn image_name(spec: &Spec) -> &str {
    match &spec.image {
        Image::Named(name) => name,
        Image::Host => "this machine's programs",
    }
}

fn found(container: ContainerSummary) -> Option<Found> {
    let labels = container.labels?;
    let own = |(name, value): (&String, &String)| Some((name.strip_prefix(LABEL)?.to_owned(), value.clone()));
    Some(Found {
        id: labels.get(SANDBOX)?.clone(),
        labels: labels.iter().filter_map(own).collect::<BTreeMap<_, _>>(),
        created_us: container.created?.saturating_mul(1_000_000),
        running: container.state == Some(ContainerSummaryStateEnum::RUNNING),
    })
}
