//! From settings to a server that is ready.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use app::{App, Gate, GateLimits, Llm, PageSettings, from_run::Answers};
use artifacts::StoreError;
use axum::Router;
use gateway::{SsrfPolicy, Timeouts};
use notify::{Mailer, Outbox, Smtp};
use orchestrator::{Clock, GitReach, Keys, Orchestrator, SandboxReach, Settings, SignUpPolicy as Policy};
use tokio::net::TcpListener;
use vault::{MasterKey, MasterKeys};

use crate::{
    config::{Config, SignUpPolicy, local_url},
    data::{Claim, DataFolder},
    database::Database,
    jobs::Jobs,
    keys::RootSecret,
    listen::{self, Patience},
    objects::ObjectStore,
    runs::{Demo, Runs},
    site::Site,
    trouble::{Trouble, chain},
    web::{self, Check, Health, Limit, OriginRule, Parts, Shutdown},
};

/// How long the books may take at the end.
const DESK_PATIENCE: Duration = Duration::from_secs(3);

/// The product without its website: what `worker`, `audit` and `serve` share. Dropping it stops an embedded database.
pub(crate) struct Product {
    pub(crate) muster: Orchestrator,
    pub(crate) mailer: Mailer,
    pub(crate) database: Database,
    pub(crate) data: DataFolder,
}

impl Product {
    pub(crate) async fn open(config: &Config) -> Result<Self, Trouble> {
        let data = DataFolder::open(&config.server.data_dir)?;
        data.require_space()?;
        let root = root_secret(config, &data)?;
        let mailer = mailer(config, &data)?;
        let database = Database::open(config, &data, &root).await?;
        if database.migrates_at_start(config) {
            for migration in database.migrate().await? {
                tracing::info!(migration, "migrated");
            }
        }
        let db = database.connect(config).await?;
        let hasher = identity::Hasher::new(cores()).with_pepper(root.key("password pepper")?);
        let (keys, gateway) = (keys(&root)?, gateway(config)?);
        let muster = Orchestrator::new(db, Clock::System, hasher, keys, gateway, settings(config, &data)?);
        Ok(Self { muster, mailer, database, data })
    }

    /// Closes the pools, then stops an embedded database.
    pub(crate) async fn close(self) -> Result<(), Trouble> {
        // What ended last is booked; calls that are still under way count at their worst case within a minute.
        drop(tokio::time::timeout(DESK_PATIENCE, self.muster.empty_desk()).await);
        self.muster.db().close().await;
        let database = self.database;
        let stopped = tokio::task::spawn_blocking(|| database.stop()).await;
        stopped.map_err(|error| {
            Trouble::new(format!("Stopping the database failed: {error}."), "Start again to repair it.")
        })?
    }

    pub(crate) fn outbox(&self) -> Option<&Outbox> {
        match &self.mailer {
            Mailer::Outbox(outbox) => Some(outbox),
            Mailer::Smtp(_) => None,
        }
    }
}

pub(crate) fn root_secret(config: &Config, data: &DataFolder) -> Result<RootSecret, Trouble> {
    match &config.server.secret {
        Some(secret) => Ok(RootSecret::new(secret.expose().to_owned())),
        None => data.secret("root").map(RootSecret::new),
    }
}

pub(crate) fn mailer(config: &Config, data: &DataFolder) -> Result<Mailer, Trouble> {
    let refused = |error: &(dyn std::error::Error + 'static)| {
        Trouble::new(format!("Mail cannot be set up: {}.", chain(error)), "Check mail.smtp_url and mail.from.")
    };
    match &config.mail.smtp_url {
        Some(url) => {
            let smtp = Smtp::new(url.expose(), &config.mail.from).map_err(|error| refused(&error))?;
            Ok(Mailer::Smtp(Arc::new(smtp)))
        }
        None => Outbox::open(data.join("outbox")).map(Mailer::Outbox).map_err(|error| refused(&error)),
    }
}

fn keys(root: &RootSecret) -> Result<Keys, Trouble> {
    let vault = MasterKey::new(*root.key("secrets of teams")?.expose());
    Ok(Keys { codes: root.key("verification codes")?, vault: MasterKeys::new(vault, Vec::new()) })
}

/// The client for model providers. In development, and where the settings say so, it also calls this machine and its
/// network, which is where Ollama and its like are.
fn gateway(config: &Config) -> Result<gateway::Client, Trouble> {
    let near = config.models.private_addresses.unwrap_or_else(|| config.development());
    let policy = if near { SsrfPolicy::SelfHosted } else { SsrfPolicy::PublicOnly };
    gateway::Client::new(policy, Timeouts::default())
        .map_err(|error| Trouble::new(format!("TLS cannot be set up: {error}."), "Report this."))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn settings(config: &Config, data: &DataFolder) -> Result<Settings, Trouble> {
    let near = config.development();
    let too_long = |_| Trouble::new("A limit of sessions is too long.", "Shorten sessions.idle and sessions.absolute.");
    Ok(Settings {
        public_url: config.public_url(),
        data_dir: data.path().to_owned(),
        sign_up: match config.sign_up.policy {
            SignUpPolicy::Open => Policy::Open,
            SignUpPolicy::Invite => Policy::InviteOnly,
            SignUpPolicy::Domains => Policy::Domains(config.sign_up.allowed_domains.clone()),
        },
        session_idle: config.sessions.idle.try_into().map_err(too_long)?,
        session_absolute: config.sessions.absolute.try_into().map_err(too_long)?,
        allow_local_repositories: config.projects.local_repositories,
        git_reach: GitReach { file: config.projects.local_repositories, loopback: near, private: near },
        sandbox_reach: if config.sandbox.private_addresses { SandboxReach::Private } else { SandboxReach::Public },
        ..Settings::default()
    })
}

/// A server that is ready to be run.
pub(crate) struct Server {
    product: Product,
    objects: ObjectStore,
    runs: Runs,
    listener: TcpListener,
    router: Router,
    limit: Option<Limit>,
    shutdown: Shutdown,
    patience: Patience,
    url: String,
    // Last, so that the folder is given back when everything else is gone.
    _claim: Claim,
}

impl Server {
    /// Claims the folder and the port first: both refusals are common, cheap, and must leave nothing behind.
    pub(crate) async fn prepare(config: &Config) -> Result<Self, Trouble> {
        let data = DataFolder::open(&config.server.data_dir)?;
        let mut claim = data.claim()?;
        let listener = listen::bind(config.server.listen).await?;
        let site = Arc::new(load_site(config)?);
        app::assets::install(site.manifest());
        let product = Product::open(config).await?;
        let objects = ObjectStore::open(config, &product.data, &root_secret(config, &product.data)?).await?;
        let demo = Demo::open().await?;
        let shutdown = Shutdown::default();
        let limit = limit(config)?;
        let llm = Llm { demo: Some(demo.provider().clone()), gate: Gate::new(gate_limits(config)), ..Llm::default() };
        let app = website(config, &product, (&objects, llm), &shutdown);
        let inside = Arc::new(Answers::new(app.clone()));
        let runs = Runs::open(config, &product, objects.store(), (demo, inside)).await?;
        let router = router(config, (&product, &objects), (app, site), limit.clone(), shutdown.clone())?;
        let url = local_url(listener.local_addr().unwrap_or(config.server.listen));
        claim.announce(&url)?;
        let patience = Patience { notice: config.server.shutdown_notice, grace: config.server.shutdown_grace };
        Ok(Self { product, objects, runs, listener, router, limit, shutdown, patience, url, _claim: claim })
    }

    /// What was chosen, for the person at the terminal.
    pub(crate) fn describe(&self, config: &Config, began: Instant) -> String {
        let mut lines: Vec<String> = self.product.database.notes().to_vec();
        let mail = self.product.outbox().map_or_else(
            || "SMTP".to_owned(),
            |outbox| format!("kept in {} and shown at {}/outbox", outbox.folder().display(), config.public_url()),
        );
        lines.push(format!("Database   {}", self.product.database.describe()));
        lines.push(format!("Objects    {}", self.objects.describe()));
        lines.push(format!("Sandbox    {}", self.runs.describe()));
        lines.push(format!("Mail       {mail}"));
        lines.push(format!("Data       {}", self.product.data.path().display()));
        if config.public_url() != self.url {
            lines.push(format!("Public     {}", config.public_url()));
        }
        lines.push(format!("Muster is ready at {} (in {:.1} s)", self.url, began.elapsed().as_secs_f64()));
        lines.join("\n")
    }

    /// Serves until `stop` completes, then leaves in order.
    pub(crate) async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Trouble> {
        let jobs = Jobs::start(&self.product.muster, &self.product.mailer);
        if let Some(limit) = self.limit {
            jobs.spawn(async move { limit.forget_the_quiet().await });
        }
        if let Some(sweeper) = self.objects.sweeper() {
            jobs.spawn(sweeper);
        }
        self.runs.start(&jobs);
        let served = listen::serve(self.listener, self.router, self.shutdown, self.patience, stop).await;
        jobs.end().await;
        self.runs.close().await;
        self.objects.close(&self.product.data).await?;
        self.product.close().await?;
        served.map_err(|error| Trouble::new(format!("Serving ended: {error}."), "Start again."))
    }
}

fn load_site(config: &Config) -> Result<Site, Trouble> {
    Site::load(config.site.as_deref())
        .map_err(|error| Trouble::new(error.to_string(), "`make start` builds both in one step."))
}

fn gate_limits(config: &Config) -> GateLimits {
    let limits = &config.rate_limits;
    GateLimits { calls: limits.model_calls_per_minute, wrong_keys: NonZeroU32::new(limits.per_minute) }
}

fn limit(config: &Config) -> Result<Option<Limit>, Trouble> {
    let per_minute = config.rate_limits.per_minute;
    let limit = (per_minute > 0).then(|| Limit::per_minute(per_minute)).transpose();
    limit.map_err(|error| Trouble::new(format!("{error}."), "Set rate_limits.per_minute."))
}

fn website(config: &Config, product: &Product, (objects, llm): (&ObjectStore, Llm), shutdown: &Shutdown) -> App {
    App::new(app::Parts {
        muster: product.muster.clone(),
        store: objects.store().clone(),
        llm,
        leaving: shutdown.streams(),
        settings: PageSettings {
            secure_cookies: config.secure_cookies(),
            development: config.development(),
            outbox: product.outbox().cloned(),
            version: env!("CARGO_PKG_VERSION"),
            contact: config.server.contact.clone(),
        },
    })
}

fn router(
    config: &Config,
    (product, objects): (&Product, &ObjectStore),
    (app, site): (App, Arc<Site>),
    limit: Option<Limit>,
    shutdown: Shutdown,
) -> Result<Router, Trouble> {
    let (pages, _table) = app::router(app.clone());
    let parts = Parts {
        trusted_proxies: config.server.trusted_proxies.clone().into(),
        origin: OriginRule { public: config.public_url(), loopback: config.development() },
        limit,
        max_body: config.server.max_body,
        max_auth_body: config.server.max_auth_body,
        timeout: config.server.request_timeout,
        https: config.public_url().starts_with("https://"),
        health: Arc::new(health(config, product, objects)?),
        shutdown,
    };
    Ok(web::wrap(pages.merge(site.router()), &parts, |router| app::with_failure_pages(router, app)))
}

fn health(config: &Config, product: &Product, objects: &ObjectStore) -> Result<Health, Trouble> {
    let recorder = web::recorder()
        .map_err(|error| Trouble::new(format!("Measurements cannot be recorded: {error}."), "Report this."))?;
    let (reach, level, pool) = (product.muster.clone(), product.muster.clone(), product.muster.clone());
    let store = objects.store().clone();
    let checks = vec![
        Check::new("database", move || {
            let muster = reach.clone();
            async move { muster.db().ping().await.map_err(|error| chain(&error)) }
        }),
        Check::new("migrations", move || {
            let muster = level.clone();
            async move {
                match muster.db().pending_migrations().await {
                    Ok(pending) if pending.is_empty() => Ok(()),
                    Ok(pending) => Err(format!("missing: {}", pending.join(", "))),
                    Err(error) => Err(chain(&error)),
                }
            }
        }),
        Check::new("objects", move || {
            let store = store.clone();
            async move {
                // An object that is not there is an answer too, and the cheapest.
                match store.head("check/readiness").await {
                    Ok(_) | Err(StoreError::NotFound) => Ok(()),
                    Err(error) => Err(chain(&error)),
                }
            }
        }),
    ];
    let gauges = Arc::new(move || {
        let (all, idle) = pool.db().connections();
        let idle = u32::try_from(idle).unwrap_or(u32::MAX);
        metrics::gauge!("muster_database_connections", "state" => "idle").set(f64::from(idle));
        metrics::gauge!("muster_database_connections", "state" => "used").set(f64::from(all.saturating_sub(idle)));
    });
    Ok(Health { checks, metrics: recorder, gauges, token: config.metrics.token.clone() })
}
