use std::sync::Arc;

use orchestrator::Orchestrator;

/// What every handler may use. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub muster: Orchestrator,
    /// Where the files of runs are; pages lead to them with links of their own.
    pub store: artifacts::Store,
    pub settings: Arc<PageSettings>,
    /// What model calls of programs share.
    pub llm: crate::Llm,
}

/// What pages need to know of the installation.
#[derive(Clone, Debug)]
pub struct PageSettings {
    /// Whether cookies are `__Host-` and `Secure`: over https, and on loopback, which browsers trust as much.
    pub secure_cookies: bool,
    /// Development shows the gallery and, without a mail server, the outbox.
    pub development: bool,
    /// Mail that was not sent because no server is set up.
    pub outbox: Option<notify::Outbox>,
    pub version: &'static str,
    /// Whom to write to about security and accessibility: an address, as it is shown.
    pub contact: Option<String>,
}
