//! The product: its rules, its SQL, its events. No HTTP, no HTML.
//!
//! Every verb about a team takes a [`Scope`] first, or a [`Can`], which is a scope whose permission is proven.
//! A verb is one transaction: it checks, changes rows, and writes one audit entry.

pub mod accounts;
pub mod analytics;
pub mod audit;
pub mod budgets;
mod clock;
pub mod db;
mod error;
mod housekeeping;
mod mail;
pub mod models;
mod repositories;
pub mod runs;
mod scope;
mod secrets;
pub mod squads;
pub mod teams;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod work;

use std::{path::PathBuf, sync::Arc};

use time::Duration;

/// What agents tell.
pub use agents::{Event as AgentEvent, PlanItem, PlanItemState};
pub use clock::Clock;
pub use db::Db;
pub use error::{Error, Result};
pub use forge::{FileChange, FileStatus, Hunk as DiffHunk, LineKind, Reach as GitReach};
pub use mail::Mail;
pub use repositories::{Code, address_of};
pub use sandbox::egress::Reach as SandboxReach;
pub use scope::{Actor, Can, Grant, Origin, Scope, grants};
pub use secrets::Rotation;

/// How the product behaves where an installation may choose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address people type, without a trailing slash; links in mail start with it.
    pub public_url: String,
    /// Where repositories and workspaces are kept on this machine.
    pub data_dir: PathBuf,
    pub sign_up: SignUpPolicy,
    /// A session ends after this long without a request.
    pub session_idle: Duration,
    /// A session ends after this long, used or not.
    pub session_absolute: Duration,
    /// Whether a project may name a folder of the server (`file://`): whoever may add projects can then read every
    /// repository that the server's account can.
    pub allow_local_repositories: bool,
    /// Which remote repositories may be reached.
    pub git_reach: GitReach,
    /// Which addresses a project's allow-list may open to its sandboxes.
    pub sandbox_reach: SandboxReach,
    /// For how long a model provider is left alone that fails again and again. By the machine's own clock.
    pub provider_rest: std::time::Duration,
}

/// Who may make an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUpPolicy {
    Open,
    /// Only somebody who holds an invitation link.
    InviteOnly,
    /// Only addresses in these domains, lower case, and invited people.
    Domains(Vec<String>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:7000".into(),
            data_dir: "var".into(),
            sign_up: SignUpPolicy::Open,
            session_idle: Duration::days(14),
            session_absolute: Duration::days(90),
            allow_local_repositories: false,
            git_reach: GitReach::default(),
            sandbox_reach: SandboxReach::default(),
            provider_rest: std::time::Duration::from_secs(15),
        }
    }
}

/// The name of the model that is always there, wherever it shows.
pub const DEMO_PROVIDER: &str = "Demo model: replays a recording";

/// The handle through which everything is done. Cheap to clone.
#[derive(Clone)]
pub struct Orchestrator {
    db: Db,
    clock: Clock,
    hasher: identity::Hasher,
    keys: Arc<Keys>,
    gateway: gateway::Client,
    settings: Arc<Settings>,
    live: runs::Live,
    desk: Arc<budgets::Desk>,
    memory: Arc<models::Memory>,
    breaker: Arc<models::Breaker>,
}

/// The installation's keys. They must outlive a restart.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Keys the hashes of verification codes.
    pub codes: identity::Key,
    /// Wraps the keys of teams' secrets.
    pub vault: vault::MasterKeys,
}

impl Orchestrator {
    /// `gateway` makes the calls that prove keys of model providers.
    #[must_use]
    pub fn new(
        db: Db,
        clock: Clock,
        hasher: identity::Hasher,
        keys: Keys,
        gateway: gateway::Client,
        settings: Settings,
    ) -> Self {
        Self {
            db,
            clock,
            hasher,
            keys: Arc::new(keys),
            gateway,
            breaker: Arc::new(models::Breaker::new(settings.provider_rest)),
            settings: Arc::new(settings),
            live: runs::Live::default(),
            desk: Arc::default(),
            memory: Arc::default(),
        }
    }

    pub(crate) fn vault(&self) -> &vault::MasterKeys {
        &self.keys.vault
    }

    pub(crate) fn desk(&self) -> &Arc<budgets::Desk> {
        &self.desk
    }

    pub(crate) fn memory(&self) -> &models::Memory {
        &self.memory
    }

    /// Which model providers are to be left alone, for the calls of runs and of programs alike.
    #[must_use]
    pub fn breaker(&self) -> &models::Breaker {
        &self.breaker
    }

    /// The client for model providers, with the installation's guard.
    #[must_use]
    pub fn gateway(&self) -> &gateway::Client {
        &self.gateway
    }

    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
