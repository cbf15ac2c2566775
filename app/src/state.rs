use std::{ops::Deref, sync::Arc};

use orchestrator::Orchestrator;
use tokio_util::sync::CancellationToken;

use crate::shelf::Shelf;

/// What every handler may use. Each layer and each request holds a clone, so a clone is one counter.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    shelf: Shelf,
}

/// What an [`App`] is made of.
pub struct Parts {
    pub muster: Orchestrator,
    /// Where the files of runs are; pages lead to them with links of their own.
    pub store: artifacts::Store,
    pub settings: PageSettings,
    /// What model calls of programs share.
    pub llm: crate::Llm,
    /// Cancelled when this process leaves. Pages that are followed end then, and their browsers connect again elsewhere; the answer
    /// of a model may come to its end.
    pub leaving: CancellationToken,
}

impl App {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, shelf: Shelf::default() }))
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
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
