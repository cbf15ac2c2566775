//! What carries runs out in this process: the sandbox, the demo model, the engine.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use artifacts::Store;
use async_trait::async_trait;
use gateway::{Kind, Provider};
use orchestrator::runs::{Engine, EngineLimits, EngineSettings, Inside, Patience, RunKeys, Shop};
use sandbox::{Backend, Found, Image, Probe, Sandbox, Settings, Spec, egress::Egress};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    boot::Product,
    config::Config,
    data::DataFolder,
    jobs::Jobs,
    trouble::{Trouble, chain},
};

include!(concat!(env!("OUT_DIR"), "/shim.rs"));

/// After the dispatcher lost the database.
const AGAIN: Duration = Duration::from_secs(2);

/// Between two readings of how many nodes live.
const COUNT: Duration = Duration::from_secs(5);

/// The engine of this process, and the demo model that it calls.
pub(crate) struct Runs {
    engine: Arc<Engine>,
    sandboxes: String,
    demo: Demo,
}

/// The model that replays the sample's recording, on a port of loopback that only this process is told of.
pub(crate) struct Demo {
    provider: Provider,
    stop: CancellationToken,
}

impl Runs {
    /// `inside` answers what programs in sandboxes ask of this process.
    pub(crate) async fn open(
        config: &Config,
        product: &Product,
        store: &Store,
        (demo, inside): (Demo, Arc<dyn Inside>),
    ) -> Result<Self, Trouble> {
        let sandboxes = backend(config, &product.data).await?;
        let told = match sandboxes.probe().await {
            Ok(probe) => format!("{} ({probe})", sandboxes.name()),
            Err(trouble) => trouble.to_string(),
        };
        let node = product.data.secret("node")?.chars().take(16).collect::<String>();
        let failed = |error: &(dyn std::error::Error + 'static)| {
            Trouble::new(
                format!("Runs cannot be carried out: {}.", chain(error)),
                "Start again; `muster doctor` says more.",
            )
        };
        let shop = Shop {
            muster: product.muster.clone(),
            node: node.clone(),
            sandboxes,
            image: config.sandbox.image.clone().map_or(Image::Host, Image::Named),
            store: store.clone(),
            demo: demo.provider.clone(),
            inside: Some(inside),
            keys: RunKeys::default(),
        };
        let settings = EngineSettings {
            database_url: product.database.engine_url().to_owned(),
            node,
            limits: EngineLimits {
                runs_per_node: config.runs.per_node.try_into().unwrap_or(i32::MAX),
                runs_per_team: config.runs.per_team.try_into().unwrap_or(i32::MAX),
                runs_per_project: config.runs.per_project.into(),
            },
            patience: Patience { heartbeat: config.runs.heartbeat, silence: config.runs.silence },
        };
        let engine = Engine::launch(shop, &settings).await.map_err(|error| failed(&error))?;
        Ok(Self { engine: Arc::new(engine), sandboxes: told, demo })
    }

    /// The sandbox in use, for the person at the terminal.
    pub(crate) fn describe(&self) -> &str {
        &self.sandboxes
    }

    pub(crate) fn start(&self, jobs: &Jobs) {
        let engine = Arc::clone(&self.engine);
        jobs.spawn(async move {
            loop {
                if let Err(error) = engine.dispatch().await {
                    tracing::error!(%error, "runs are not handed over; trying again");
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        let engine = Arc::clone(&self.engine);
        jobs.spawn(async move {
            loop {
                let alive = u32::try_from(engine.living_nodes()).unwrap_or(u32::MAX);
                metrics::gauge!("muster_nodes").set(f64::from(alive));
                tokio::time::sleep(COUNT).await;
            }
        });
    }

    /// Leaves runs where they are; the next start takes them up.
    pub(crate) async fn close(self) {
        self.engine.shut_down().await;
        self.demo.stop.cancel();
    }
}

/// What the settings ask of sandboxes.
pub(crate) fn sandbox_settings(config: &Config, data: &DataFolder) -> Result<Settings, Trouble> {
    let registry = data.join("sandboxes");
    let shim = shim(config, data)?;
    fs::create_dir_all(&registry).map_err(|error| unwritable(&registry, &error))?;
    let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|error| unwritable(&path, &error));
    Ok(Settings {
        choice: config.sandbox.backend,
        shim: absolute(shim)?,
        registry: absolute(registry)?,
        runtime: config.sandbox.runtime.clone(),
        docker_socket: config.sandbox.docker_socket.clone(),
        host_paths: config.sandbox.host_paths.clone(),
    })
}

/// The backend that works here. Without one the server still serves; a run then says what is missing.
async fn backend(config: &Config, data: &DataFolder) -> Result<Arc<dyn Backend>, Trouble> {
    let settings = sandbox_settings(config, data)?;
    match sandbox::pick(&settings).await {
        Ok(backend) => Ok(backend),
        Err(trouble) => {
            tracing::warn!(%trouble, "there is no sandbox, so no run can begin");
            Ok(Arc::new(NoSandbox(trouble)))
        }
    }
}

/// The program inside sandboxes: as built beside a debug build, or unpacked from this binary.
fn shim(config: &Config, data: &DataFolder) -> Result<PathBuf, Trouble> {
    if let Some(shim) = &config.sandbox.shim {
        return Ok(shim.clone());
    }
    if !BESIDE.is_empty() {
        return Ok(BESIDE.into());
    }
    if PROGRAM.is_empty() {
        let what = "The program that runs inside sandboxes is not part of this binary.";
        return Err(Trouble::new(what, "`make start` builds both; or name a muster-shim with sandbox.shim."));
    }
    let path = data.join("muster-shim");
    if fs::read(&path).is_ok_and(|there| there == PROGRAM) {
        return Ok(path);
    }
    // Beside and renamed: a sandbox that runs keeps the old one.
    let draft = data.join("muster-shim.new");
    fs::write(&draft, PROGRAM).map_err(|error| unwritable(&draft, &error))?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).map_err(|error| unwritable(&draft, &error))?;
    fs::rename(&draft, &path).map_err(|error| unwritable(&path, &error))?;
    Ok(path)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(
        format!("{} cannot be written: {error}.", path.display()),
        "Free some space, or choose another folder with server.data_dir.",
    )
}

impl Demo {
    pub(crate) async fn open() -> Result<Self, Trouble> {
        let failed = |error: String| Trouble::new(format!("The demo model did not start: {error}."), "Start again.");
        let stop = CancellationToken::new();
        let script = demo_model::Script::parse(agents::sample::RECORDING).map_err(|error| failed(error.to_string()))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| failed(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let served =
            axum::serve(listener, demo_model::router(script)).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the demo model ended");
            }
        });
        let provider = Provider::new(Kind::OpenAiChat, &format!("http://{address}/v1"), None);
        Ok(Self { provider: provider.map_err(|error| failed(error.to_string()))?.internal(), stop })
    }

    /// Its server, with OpenAI's paths under it.
    pub(crate) const fn provider(&self) -> &Provider {
        &self.provider
    }
}

/// Stands where no sandbox works: every run is told what is missing, and nothing runs outside one.
#[derive(Debug)]
struct NoSandbox(sandbox::Trouble);

#[async_trait]
impl Backend for NoSandbox {
    fn name(&self) -> &'static str {
        "none"
    }

    async fn probe(&self) -> Result<Probe, sandbox::Trouble> {
        Err(self.0.clone())
    }

    async fn create(&self, _: &Spec) -> sandbox::Result<Sandbox> {
        Err(self.0.clone().into())
    }

    async fn attach(&self, _: &str, _: Option<Egress>) -> sandbox::Result<Option<Sandbox>> {
        Ok(None)
    }

    async fn list(&self) -> sandbox::Result<Vec<Found>> {
        Ok(Vec::new())
    }

    async fn destroy(&self, _: &str) -> sandbox::Result<()> {
        Ok(())
    }

    async fn hand_over(&self, _: &Path) -> sandbox::Result<()> {
        Ok(())
    }
}
