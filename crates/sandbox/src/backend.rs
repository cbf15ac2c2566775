use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use shim::protocol::Request;

use crate::{
    Docker, Error, Image, Limits, Local, Result, Sandbox, Spec, Trouble, client::Client, egress::Egress, error::Doing,
};

/// A way to make sandboxes.
#[async_trait]
pub trait Backend: Send + Sync + fmt::Debug {
    /// As settings name it.
    fn name(&self) -> &'static str;

    /// Makes sure that sandboxes work here, by making one.
    ///
    /// # Errors
    /// What is missing, with what to do about it.
    async fn probe(&self) -> Result<Probe, Trouble>;

    /// Makes a sandbox and waits until it answers.
    ///
    /// # Errors
    /// When the specification is impossible, its name is taken, or the machine refuses. Nothing is left behind.
    async fn create(&self, spec: &Spec) -> Result<Sandbox>;

    /// Finds a sandbox that runs, made by this process or an earlier one. Its way out is opened again with `egress`, if it
    /// was made with one.
    ///
    /// # Errors
    /// When it cannot be told whether it runs.
    async fn attach(&self, id: &str, egress: Option<Egress>) -> Result<Option<Sandbox>>;

    /// All sandboxes that were made and not destroyed, running or not.
    ///
    /// # Errors
    /// When they cannot be listed.
    async fn list(&self) -> Result<Vec<Found>>;

    /// Ends a sandbox and removes what belongs to it, its state folder too. Succeeds when there is none.
    ///
    /// # Errors
    /// When something could not be removed.
    async fn destroy(&self, id: &str) -> Result<()>;

    /// Lets sandboxes change files that this process wrote into a workspace after the sandbox was made. Making one does the
    /// same, so only later writes need it.
    ///
    /// # Errors
    /// When a file cannot be given away.
    async fn hand_over(&self, folder: &Path) -> Result<()>;
}

/// A sandbox as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub id: String,
    pub labels: BTreeMap<String, String>,
    /// Microseconds since 1970, UTC.
    pub created_us: i64,
    pub running: bool,
}

/// How a backend works here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Which programs, in which version.
    pub version: String,
    /// What holds each limit, as pairs to be read by a person.
    pub holds: Vec<(&'static str, &'static str)>,
}

impl fmt::Display for Probe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds: Vec<_> = self.holds.iter().map(|(limit, holder)| format!("{limit} by {holder}")).collect();
        write!(out, "{}; limits: {}", self.version, holds.join(", "))
    }
}

/// Which backend is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// Docker where it answers, else local.
    #[default]
    Auto,
    Docker,
    Local,
}

#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub choice: Choice,
    /// The program `muster-shim` on this machine.
    pub shim: PathBuf,
    /// A folder in which local sandboxes are remembered; it also tells the sandboxes of this installation from others'.
    pub registry: PathBuf,
    /// Folders of this machine that [`crate::Image::Host`] shows besides the system's own, read-only.
    pub host_paths: Vec<PathBuf>,
    /// Docker's name for a container runtime, like `runsc`; its default when absent.
    pub runtime: Option<String>,
    /// Docker's socket on this machine; `/var/run/docker.sock` when absent.
    pub docker_socket: Option<PathBuf>,
}

/// The backend to use, after it was seen to work. There is none without isolation.
///
/// # Errors
/// Why the wanted one, or each in turn, does not work here.
pub async fn pick(settings: &Settings) -> Result<Arc<dyn Backend>, Trouble> {
    let docker = async { tried(Docker::open(settings.clone()).await?).await };
    let local = async { tried(Local::new(settings.clone())).await };
    match settings.choice {
        Choice::Docker => docker.await,
        Choice::Local => local.await,
        Choice::Auto => match docker.await {
            Ok(docker) => Ok(docker),
            Err(no_docker) => {
                tracing::debug!(%no_docker, "trying the local backend");
                local.await.map_err(|no_local| neither(&no_docker, &no_local))
            }
        },
    }
}

/// How a backend does on this machine.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// As settings name it.
    pub name: &'static str,
    /// Whether [`pick`] takes it.
    pub picked: bool,
    pub found: Result<Probe, Trouble>,
}

/// Tries every backend, whichever is wanted.
pub async fn survey(settings: &Settings) -> Vec<Surveyed> {
    let docker = match Docker::open(settings.clone()).await {
        Ok(docker) => docker.probe().await,
        Err(trouble) => Err(trouble),
    };
    let local = Local::new(settings.clone()).probe().await;
    let wanted = |choice| [Choice::Auto, choice].contains(&settings.choice);
    let takes_docker = docker.is_ok() && wanted(Choice::Docker);
    let takes_local = local.is_ok() && wanted(Choice::Local) && !takes_docker;
    vec![
        Surveyed { name: "docker", picked: takes_docker, found: docker },
        Surveyed { name: "local", picked: takes_local, found: local },
    ]
}

async fn tried(backend: impl Backend + 'static) -> Result<Arc<dyn Backend>, Trouble> {
    backend.probe().await?;
    Ok(Arc::new(backend))
}

fn neither(docker: &Trouble, local: &Trouble) -> Trouble {
    let what = format!("Nothing here can keep programs in a sandbox. Docker: {} Local: {}", docker.what, local.what);
    Trouble::new(what, format!("{} Or: {}", local.fix, docker.fix))
}

/// Makes a sandbox, runs nothing, ends it.
pub(crate) async fn trial(backend: &impl Backend, settings: &Settings) -> Result<(), Trouble> {
    let id = format!("probe-{}", std::process::id());
    let folder = settings.registry.join(&id);
    let spec = Spec {
        id: id.clone(),
        workspace: folder.join("work"),
        state: folder.join("state"),
        labels: BTreeMap::new(),
        limits: Limits { wall: Duration::from_secs(60), ..Limits::default() },
        image: Image::Host,
        egress: None,
        env: BTreeMap::new(),
    };
    let tried = async {
        backend.destroy(&id).await?;
        tokio::fs::create_dir_all(&spec.workspace).await.doing(|| format!("Cannot make {}", folder.display()))?;
        backend.create(&spec).await?.destroy().await?;
        remove_all(&folder).await.doing(|| format!("Cannot remove {}", folder.display()))
    };
    tried.await.map_err(|error| match error {
        Error::Trouble(trouble) => trouble,
        error => Trouble::new(
            format!("A sandbox for trial failed: {error}."),
            "Read the message, or choose another sandbox.",
        ),
    })
}

/// A sandbox whose first process lives, if it also answers.
pub(crate) async fn attached<B: Backend + Clone + 'static>(
    backend: &B,
    id: &str,
    state: &Path,
    egress: Option<Egress>,
) -> Result<Option<Sandbox>> {
    match Client::new(id, state).answer(&Request::Ping).await {
        Ok(_) => {}
        Err(Error::Gone(_)) => return Ok(None),
        Err(error) => return Err(error),
    }
    let serving = egress.filter(|egress| !egress.is_empty()).map(|egress| egress.serve(state)).transpose()?;
    Ok(Some(Sandbox::new(id, state, Arc::new(backend.clone()), serving)))
}

pub(crate) async fn remove_all(folder: &Path) -> io::Result<()> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
