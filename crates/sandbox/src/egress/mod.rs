//! The way out of a sandbox: a proxy on this side of its one socket, which opens what an allow-list names and nothing else,
//! and beside it what this side answers itself.
//!
//! It speaks HTTP/1.1 as proxies do (RFC 9110, 7.6 and 9.3.6): `CONNECT` for anything encrypted, and requests with a whole
//! address for plain HTTP. It looks names up itself and connects to the address that it checked, so that a name cannot mean one
//! thing when it is checked and another when it is used. A request whose target names no host, or [`crate::ORIGIN`], is for
//! this side, and a [`Service`] of the caller's answers it.

mod address;
mod count;
mod proxy;
mod rule;
mod service;
#[cfg(test)]
mod tests;
mod tunnel;

use std::{fmt, net::IpAddr, path::Path, sync::Arc, time::Duration};

pub use address::Reach;
pub use rule::{Rule, RuleError};
pub use service::{Body, Service};
use tokio::task::JoinHandle;

use crate::{Result, error::Doing, sockets};

/// What a sandbox may reach, and who is told about it.
#[derive(Clone)]
pub struct Egress {
    rules: Arc<[Rule]>,
    reach: Reach,
    bounds: Bounds,
    service: Option<Service>,
    tell: Arc<dyn Fn(Contact) + Send + Sync>,
}

/// What one sandbox may take of this side, and how long is waited for others.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Connections at a time, tunnels among them.
    connections: usize,
    /// For a request's first lines.
    head: Duration,
    /// For the next byte through a tunnel.
    idle: Duration,
    /// The same, where one of the two has said its last.
    half_closed: Duration,
}

const BOUNDS: Bounds = Bounds {
    connections: 128,
    head: Duration::from_secs(30),
    idle: Duration::from_secs(60 * 60),
    half_closed: Duration::from_secs(60),
};

/// What happened on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// A connection was opened.
    Opened { host: String, port: u16, address: IpAddr },
    /// A connection was not opened, and why, in a sentence.
    Refused { host: String, port: u16, reason: String },
    /// A connection ended, after so many bytes.
    Closed { host: String, port: u16, sent: u64, received: u64 },
}

impl Egress {
    /// `tell` is called from the proxy's tasks and must not block.
    pub fn new(rules: Vec<Rule>, tell: impl Fn(Contact) + Send + Sync + 'static) -> Self {
        let (reach, bounds) = (Reach::default(), BOUNDS);
        Self { rules: rules.into(), reach, bounds, service: None, tell: Arc::new(tell) }
    }

    /// With rules for addresses that lead further than to the public internet.
    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }

    /// With a service that answers what is asked of this side, at [`crate::ORIGIN`] inside.
    #[must_use]
    pub fn with(self, service: Service) -> Self {
        Self { service: Some(service), ..self }
    }

    /// Whether nothing may be reached; a sandbox then gets no way out at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.service.is_none()
    }

    /// Whether hosts may be reached, so that programs inside are told of a proxy.
    pub(crate) fn leads_to_hosts(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Serves until the result is dropped.
    pub(crate) fn serve(&self, folder: &Path) -> Result<Serving> {
        let listener = sockets::listen(folder, shim::protocol::EGRESS)
            .doing(|| "Cannot open the way out of a sandbox".to_owned())?;
        Ok(Serving(tokio::spawn(proxy::serve(listener, self.clone()))))
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Egress")
            .field("rules", &self.rules)
            .field("reach", &self.reach)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// A task of the proxy's, or all of it; dropping it ends the task and closes its connections.
#[derive(Debug)]
pub(crate) struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}
