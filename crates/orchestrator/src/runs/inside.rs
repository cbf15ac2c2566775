//! What programs in a run's sandbox find at the other end of its socket, and the key by which they call models.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use sandbox::egress::{Egress, Service};
use time::{Duration, OffsetDateTime};
use types::{AgentId, ProjectId, RunId, TeamId};

use super::{
    job::Job,
    machine::Failure,
    shop::Shop,
    workflow::{Stumble, Stumbled},
};
use crate::{Error, Orchestrator};

/// How long a run's key works, unless the run ends before.
const LIFE: Duration = Duration::hours(2);
/// A command gets a key that works for longer than any command takes.
const LEFT: Duration = Duration::hours(1);

/// Answers programs in sandboxes. The server hands it in; what is served, and under which addresses, is not known here.
pub trait Inside: Send + Sync {
    /// Answers what a sandbox of this run asks, for this run alone.
    fn service(&self, team: TeamId, run: RunId) -> Service;

    /// Variables for a command's environment: where it finds the project's repository and, with a key, the models.
    fn environment(&self, project: ProjectId, key: Option<&str>) -> BTreeMap<String, String>;
}

/// The keys that this process gives to commands. They stand in memory alone: after a restart, commands that run go on with
/// theirs, and later ones get another.
#[derive(Clone, Default)]
pub struct RunKeys(Arc<Mutex<HashMap<Holder, Key>>>);

/// An agent of a run, or for its checks nobody.
type Holder = (RunId, Option<AgentId>);

struct Key {
    text: String,
    expires_at: OffsetDateTime,
}

impl fmt::Debug for RunKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("RunKeys")
    }
}

impl RunKeys {
    async fn of(&self, muster: &Orchestrator, team: TeamId, holder: Holder) -> crate::Result<String> {
        let now = muster.clock().now();
        let known = |keys: &HashMap<Holder, Key>| {
            keys.get(&holder).filter(|key| key.expires_at > now + LEFT).map(|key| key.text.clone())
        };
        if let Some(text) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(text);
        }
        let text = muster.gateway_key_for_run(team, holder.0, holder.1, LIFE).await?;
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, key| key.expires_at > now);
        keys.insert(holder, Key { text: text.clone(), expires_at: now + LIFE });
        Ok(text)
    }

    pub(super) fn forget(&self, run: RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| *of != run);
    }
}

impl Shop {
    /// What a command of the run, given by an agent or else by the project, is told of Muster.
    pub(super) async fn environment(&self, job: &Job, agent: Option<AgentId>) -> Stumbled<BTreeMap<String, String>> {
        let Some(inside) = &self.inside else { return Ok(BTreeMap::new()) };
        let key = if job.project.models_inside {
            Some(self.keys.of(&self.muster, job.team(), (job.run(), agent)).await.map_err(no_key)?)
        } else {
            None
        };
        Ok(inside.environment(job.project.id, key.as_deref()))
    }

    /// What the run's sandbox may reach, and what is answered there.
    pub(super) fn egress(&self, job: &Job) -> Stumbled<Option<Egress>> {
        let rules: Result<Vec<_>, _> = job.project.egress.iter().map(|rule| rule.parse()).collect();
        let rules = rules.map_err(|error| {
            Stumble::last(Failure::Preparation, format!("The project's list of allowed hosts cannot be read: {error}."))
        })?;
        let run = job.run();
        let egress = Egress::new(rules, move |contact| tracing::info!(%run, ?contact, "a sandbox reached out"));
        let egress = egress.reaching(self.muster.settings().sandbox_reach);
        Ok(Some(match &self.inside {
            Some(inside) => egress.with(inside.service(job.team(), run)),
            None => egress,
        }))
    }
}

/// The run ended in between.
fn no_key(error: Error) -> Stumble {
    match error {
        Error::NotFound => Stumble::Gone,
        other => other.into(),
    }
}
