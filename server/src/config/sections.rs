use std::{fmt, net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use ipnet::IpNet;
use url::Url;

use super::{layers::Layers, reader::Reader};

/// A value that logs and prints never show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// All settings, checked. Their meaning and units stand in `server/config.default.toml`.
#[derive(Clone, Debug)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub embedded: Embedded,
    pub objects: Objects,
    pub mail: Mail,
    pub sign_up: SignUp,
    pub sessions: Sessions,
    pub projects: Projects,
    pub sandbox: Sandboxes,
    pub runs: Runs,
    pub models: Models,
    pub rate_limits: RateLimits,
    pub telemetry: Telemetry,
    pub metrics: Metrics,
    /// A folder to serve the browser's files from, instead of those in the binary. From `MUSTER_SITE` alone: a tool of development.
    pub site: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Development,
    Production,
}

#[derive(Clone, Debug)]
pub struct Server {
    pub listen: SocketAddr,
    pub public_url: Option<Url>,
    pub contact: Option<String>,
    pub mode: Mode,
    pub data_dir: PathBuf,
    pub secret: Option<Secret>,
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes.
    pub max_body: usize,
    /// Bytes.
    pub max_auth_body: usize,
    pub request_timeout: Duration,
    pub shutdown_notice: Duration,
    pub shutdown_grace: Duration,
}

#[derive(Clone, Debug)]
pub struct Database {
    pub url: Option<Secret>,
    pub app_url: Option<Secret>,
    pub system_url: Option<Secret>,
    pub engine_url: Option<Secret>,
    pub pool_size: u32,
    pub acquire_timeout: Duration,
    pub statement_timeout: Duration,
}

/// Whether an embedded part is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    Auto,
    On,
    Off,
}

#[derive(Clone, Debug)]
pub struct Embedded {
    pub postgres: Switch,
    pub objects: Switch,
}

#[derive(Clone, Debug)]
pub struct Objects {
    pub endpoint: Option<Url>,
    pub bucket: String,
    pub region: String,
    pub access_key: Option<String>,
    pub secret_key: Option<Secret>,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub smtp_url: Option<Secret>,
    pub from: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpPolicy {
    Open,
    Invite,
    Domains,
}

#[derive(Clone, Debug)]
pub struct SignUp {
    pub policy: SignUpPolicy,
    pub allowed_domains: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Sessions {
    pub idle: Duration,
    pub absolute: Duration,
}

#[derive(Clone, Debug)]
pub struct Projects {
    pub local_repositories: bool,
}

#[derive(Clone, Debug)]
pub struct Sandboxes {
    pub backend: sandbox::Choice,
    pub image: Option<String>,
    pub runtime: Option<String>,
    pub docker_socket: Option<PathBuf>,
    pub host_paths: Vec<PathBuf>,
    pub private_addresses: bool,
    pub shim: Option<PathBuf>,
}

/// How many at once.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    pub per_node: u32,
    pub per_team: u32,
    pub per_project: u32,
    pub heartbeat: Duration,
    pub silence: Duration,
}

#[derive(Clone, Debug)]
pub struct Models {
    /// `None`: in development only.
    pub private_addresses: Option<bool>,
}

#[derive(Clone, Debug)]
pub struct RateLimits {
    pub per_minute: u32,
    /// Of one gateway key.
    pub model_calls_per_minute: NonZeroU32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

#[derive(Clone, Debug)]
pub struct Telemetry {
    pub format: LogFormat,
    pub level: String,
    pub otlp_endpoint: Option<Url>,
}

#[derive(Clone, Debug)]
pub struct Metrics {
    pub token: Option<Secret>,
}

impl Config {
    /// The address people use. Without a setting: where the server listens.
    #[must_use]
    pub fn public_url(&self) -> String {
        match &self.server.public_url {
            Some(url) => url.origin().ascii_serialization(),
            None => local_url(self.server.listen),
        }
    }

    /// Whether browsers may be asked to keep cookies for secure connections only: over https, and on loopback, which they
    /// trust as much.
    #[must_use]
    pub fn secure_cookies(&self) -> bool {
        let loopback = |url: &Url| match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        match &self.server.public_url {
            Some(url) => url.scheme() == "https" || loopback(url),
            None => true,
        }
    }

    #[must_use]
    pub fn development(&self) -> bool {
        self.server.mode == Mode::Development
    }
}

/// The address of a listener for a browser on this machine.
#[must_use]
pub fn local_url(listen: SocketAddr) -> String {
    let port = listen.port();
    match listen {
        _ if listen.ip().is_unspecified() => format!("http://127.0.0.1:{port}"),
        SocketAddr::V4(address) => format!("http://{}:{port}", address.ip()),
        SocketAddr::V6(address) => format!("http://[{}]:{port}", address.ip()),
    }
}

const ON_OFF: [(&str, bool); 2] = [("on", true), ("off", false)];
const SWITCH: [(&str, Switch); 3] = [("auto", Switch::Auto), ("on", Switch::On), ("off", Switch::Off)];

pub(super) fn read(layers: &Layers, problems: &mut Vec<String>) -> Config {
    let reader = &mut Reader::new(layers, problems);
    Config {
        server: server(reader),
        database: database(reader),
        embedded: Embedded {
            postgres: reader.choice("embedded.postgres", &SWITCH).unwrap_or(Switch::Auto),
            objects: reader.choice("embedded.objects", &SWITCH).unwrap_or(Switch::Auto),
        },
        objects: objects(reader),
        mail: Mail { smtp_url: reader.service("mail.smtp_url", &["smtp", "smtps"]), from: reader.text("mail.from") },
        sign_up: sign_up(reader),
        sessions: Sessions { idle: reader.duration("sessions.idle"), absolute: reader.duration("sessions.absolute") },
        projects: Projects {
            local_repositories: reader.choice("projects.local_repositories", &ON_OFF).unwrap_or(false),
        },
        sandbox: sandboxes(reader),
        runs: Runs {
            per_node: reader.number("runs.per_node", 1, 10_000),
            per_team: reader.number("runs.per_team", 1, 10_000),
            per_project: reader.number("runs.per_project", 1, 10_000),
            heartbeat: reader.duration("runs.heartbeat"),
            silence: reader.duration("runs.silence"),
        },
        models: Models { private_addresses: private_addresses(reader) },
        rate_limits: rate_limits(reader),
        telemetry: telemetry(reader),
        metrics: Metrics { token: reader.secret("metrics.token") },
        site: None,
    }
}

fn server(reader: &mut Reader<'_>) -> Server {
    let modes = [("development", Mode::Development), ("production", Mode::Production)];
    Server {
        listen: reader.address("server.listen"),
        public_url: reader.web_address("server.public_url"),
        contact: reader.optional("server.contact"),
        mode: reader.choice("server.mode", &modes).unwrap_or(Mode::Production),
        data_dir: reader.text("server.data_dir").into(),
        secret: reader.secret("server.secret"),
        trusted_proxies: reader.networks("server.trusted_proxies"),
        max_body: reader.size("server.max_body"),
        max_auth_body: reader.size("server.max_auth_body"),
        request_timeout: reader.duration("server.request_timeout"),
        shutdown_notice: reader.duration("server.shutdown_notice"),
        shutdown_grace: reader.duration("server.shutdown_grace"),
    }
}

fn rate_limits(reader: &mut Reader<'_>) -> RateLimits {
    let calls = reader.number("rate_limits.model_calls_per_minute", 1, 1_000_000_000);
    RateLimits {
        per_minute: reader.number("rate_limits.per_minute", 0, 1_000_000_000),
        model_calls_per_minute: NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN),
    }
}

fn sandboxes(reader: &mut Reader<'_>) -> Sandboxes {
    let backends =
        [("auto", sandbox::Choice::Auto), ("docker", sandbox::Choice::Docker), ("local", sandbox::Choice::Local)];
    Sandboxes {
        backend: reader.choice("sandbox.backend", &backends).unwrap_or_default(),
        image: reader.optional("sandbox.image"),
        runtime: reader.optional("sandbox.runtime"),
        docker_socket: reader.optional("sandbox.docker_socket").map(PathBuf::from),
        host_paths: reader.texts("sandbox.host_paths").into_iter().map(PathBuf::from).collect(),
        private_addresses: reader.choice("sandbox.private_addresses", &ON_OFF).unwrap_or(false),
        shim: reader.optional("sandbox.shim").map(PathBuf::from),
    }
}

fn database(reader: &mut Reader<'_>) -> Database {
    const SCHEMES: [&str; 2] = ["postgres", "postgresql"];
    Database {
        url: reader.service("database.url", &SCHEMES),
        app_url: reader.service("database.app_url", &SCHEMES),
        system_url: reader.service("database.system_url", &SCHEMES),
        engine_url: reader.service("database.engine_url", &SCHEMES),
        pool_size: reader.number("database.pool_size", 2, 1_000),
        acquire_timeout: reader.duration("database.acquire_timeout"),
        statement_timeout: reader.duration("database.statement_timeout"),
    }
}

fn objects(reader: &mut Reader<'_>) -> Objects {
    Objects {
        endpoint: reader.web_address("objects.endpoint"),
        bucket: reader.text("objects.bucket"),
        region: reader.text("objects.region"),
        access_key: reader.optional("objects.access_key"),
        secret_key: reader.secret("objects.secret_key"),
    }
}

fn sign_up(reader: &mut Reader<'_>) -> SignUp {
    let policies = [("open", SignUpPolicy::Open), ("invite", SignUpPolicy::Invite), ("domains", SignUpPolicy::Domains)];
    let domains = reader.texts("sign_up.allowed_domains");
    SignUp {
        policy: reader.choice("sign_up.policy", &policies).unwrap_or(SignUpPolicy::Invite),
        allowed_domains: domains.iter().map(|domain| domain.to_lowercase()).collect(),
    }
}

fn private_addresses(reader: &mut Reader<'_>) -> Option<bool> {
    let chosen = reader.choice("models.private_addresses", &SWITCH).unwrap_or(Switch::Off);
    match chosen {
        Switch::Auto => None,
        Switch::On => Some(true),
        Switch::Off => Some(false),
    }
}

fn telemetry(reader: &mut Reader<'_>) -> Telemetry {
    let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    Telemetry {
        format: reader.choice("telemetry.format", &formats).unwrap_or(LogFormat::Auto),
        level: reader.text("telemetry.level"),
        otlp_endpoint: reader.web_address("telemetry.otlp_endpoint"),
    }
}
