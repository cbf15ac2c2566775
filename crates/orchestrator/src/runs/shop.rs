//! What runs are carried out with: sandboxes, repositories, models, and a place for files.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use artifacts::Store;
use dbos::DBOS;
use forge::Repository;
use gateway::Provider;
use sandbox::{Backend, Image, Limits, Sandbox, Spec};
use sqlx::{Postgres, Transaction};
use types::{RunId, TeamId};

use super::{
    engine::{Segment, apart},
    inside::{Inside, RunKeys},
    job::Job,
    machine::Failure,
    nodes,
    workflow::{Stumble, Stumbled},
};
use crate::{Error, Orchestrator, Result};

const MIB: u64 = 1 << 20;

/// What an engine works with. The server makes it from its settings.
#[derive(Clone)]
pub struct Shop {
    pub muster: Orchestrator,
    /// This node's name, as in [`super::EngineSettings`]: workspaces stay on the node that made them.
    pub node: String,
    pub sandboxes: Arc<dyn Backend>,
    /// Programs inside sandboxes.
    pub image: Image,
    pub store: Store,
    /// The model that replays a recording, for agents without another.
    pub demo: Provider,
    /// What answers programs in sandboxes; nothing does without one.
    pub inside: Option<Arc<dyn Inside>>,
    pub keys: RunKeys,
}

impl Shop {
    pub(super) fn repository_folder(&self, job: &Job) -> PathBuf {
        self.muster.repository_folder(job.team(), job.project.id)
    }

    pub(super) fn repository(&self, job: &Job) -> Stumbled<Repository> {
        Repository::open(self.repository_folder(job)).map_err(|error| {
            Stumble::last(Failure::Preparation, format!("The project's repository cannot be opened: {error}."))
        })
    }

    pub(super) fn workspaces(&self) -> PathBuf {
        self.muster.settings().data_dir.join("workspaces")
    }

    pub(super) fn workspace(&self, run: RunId, lane: u16) -> PathBuf {
        self.workspaces().join(numbered(run.to_string(), lane))
    }

    /// The sandbox's name. It names the node too, because several nodes of one machine share its Docker and its control groups.
    pub(super) fn sandbox_name(&self, run: RunId, lane: u16) -> String {
        let plain = self.node.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
        numbered(format!("run-{run}-{}", plain.take(16).collect::<String>()), lane)
    }

    /// A transaction in which something is written for the run: only while it is this node's.
    pub(super) async fn begin(&self, job: &Job) -> Stumbled<Transaction<'static, Postgres>> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        nodes::holds(&mut tx, job).await?;
        Ok(tx)
    }

    fn state(&self, job: &Job) -> PathBuf {
        // Short, because a socket's path may have only about 100 bytes.
        self.muster.settings().data_dir.join("boxes").join(numbered(short(job.run()), job.lane))
    }

    /// The sandbox of the job's workspace: the one that lives, also from before a crash, or a new one over the same workspace. Where the
    /// workspace was another node's, it is made again as it was `at` a commit, or at the last snapshot of the run.
    pub(super) async fn sandbox(&self, job: &Job, at: Option<&str>) -> Stumbled<Sandbox> {
        let fresh = self.bring_back(job, at).await?;
        let sandbox = self.sandbox_over(job).await?;
        if fresh {
            self.set_up_again(job, &sandbox).await?;
        }
        Ok(sandbox)
    }

    async fn sandbox_over(&self, job: &Job) -> Stumbled<Sandbox> {
        let run = job.run();
        self.check_pause(job, None).await?;
        // A new sandbox after a question, a hold-up or its own end has what the others left.
        let wall = self.time_left(job).await?;
        let egress = self.egress(job)?;
        let name = self.sandbox_name(run, job.lane);
        let found = self.sandboxes.attach(&name, egress.clone()).await.map_err(no_sandbox)?;
        if let Some(sandbox) = found {
            return Ok(sandbox);
        }
        // What is left of a dead one stands in the way of the new one.
        self.sandboxes.destroy(&name).await.map_err(no_sandbox)?;
        let limits = job.project.limits;
        let amount = |value: i32| u64::try_from(value).unwrap_or(0);
        let spec = Spec {
            id: name,
            workspace: self.workspace(run, job.lane),
            state: self.state(job),
            labels: BTreeMap::from([("team".into(), job.team().to_string()), ("run".into(), run.to_string())]),
            limits: Limits {
                cpu_millis: amount(limits.cpu_millis),
                memory_bytes: amount(limits.memory_mb) * MIB,
                pids: amount(limits.pids),
                disk_bytes: amount(limits.disk_mb) * MIB,
                wall,
                ..Limits::default()
            },
            image: self.image.clone(),
            egress,
            env: BTreeMap::new(),
        };
        match self.sandboxes.create(&spec).await {
            Ok(sandbox) => Ok(sandbox),
            Err(error) => {
                // A pause ends what is only just being made, too.
                self.check_pause(job, None).await?;
                Err(no_sandbox(error))
            }
        }
    }

    /// Ends the run's sandboxes on this node.
    pub(super) async fn release_sandboxes(&self, run: RunId) -> Stumbled<()> {
        self.end_sandboxes(run, 0).await.map_err(|error| not_ended(&error))
    }

    /// Ends the sandboxes of the coders who worked beside the first, and removes their workspaces.
    pub(super) async fn release_beside(&self, run: RunId) -> Stumbled<()> {
        self.end_sandboxes(run, 1).await.map_err(|error| not_ended(&error))?;
        self.clear(run, 1).await.map_err(|error| not_ended(&error))
    }

    /// Removes sandboxes and workspaces of a run from this node.
    pub(super) async fn forget(&self, run: RunId) -> Result<()> {
        self.keys.forget(run);
        self.end_sandboxes(run, 0).await?;
        self.clear(run, 0).await
    }

    /// Ends the sandboxes of a run, from this lane on.
    pub(super) async fn end_sandboxes(&self, run: RunId, from: u16) -> Result<()> {
        // A sandbox stands over a workspace, and goes before it; but the run's own may be looked for without one.
        let mut lanes: Vec<u16> =
            self.folders().await?.into_iter().filter(|found| found.run == run).map(|found| found.lane).collect();
        lanes.push(0);
        lanes.sort_unstable();
        lanes.dedup();
        for lane in lanes.into_iter().filter(|lane| *lane >= from) {
            self.sandboxes.destroy(&self.sandbox_name(run, lane)).await.map_err(Error::internal)?;
        }
        Ok(())
    }

    async fn clear(&self, run: RunId, from: u16) -> Result<()> {
        for found in self.folders().await?.into_iter().filter(|found| found.run == run && found.lane >= from) {
            remove(found.path).await?;
        }
        Ok(())
    }

    /// What stands among the workspaces of this node: folders of runs, and marks and drafts beside them.
    pub(super) async fn folders(&self) -> Result<Vec<Found>> {
        let mut names = match tokio::fs::read_dir(self.workspaces()).await {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::internal(error)),
        };
        let mut found = Vec::new();
        while let Some(entry) = names.next_entry().await.map_err(Error::internal)? {
            if let Some((run, lane)) = entry.file_name().to_str().and_then(named) {
                found.push(Found { run, lane, path: entry.path() });
            }
        }
        Ok(found)
    }

    /// Gives back what ended runs of this node still hold, and stops what was stopped.
    pub(super) async fn end_stopped(&self, dbos: &DBOS) -> Result<()> {
        let mut tx = self.muster.db().system().await?;
        let ended = sqlx::query!(
            r#"SELECT team_id AS "team: TeamId", id AS "run: RunId", segment, state FROM runs
               WHERE released_at IS NULL AND state IN ('COMPLETED', 'FAILED', 'CANCELLED') AND (node = $1 OR node IS NULL) LIMIT 100"#,
            self.node
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        for row in ended {
            let segment = Segment { team: row.team, run: row.run, number: row.segment };
            let stopped = row.state == "CANCELLED";
            apart(row.run, self.end_one(dbos, segment, stopped).await);
        }
        Ok(())
    }

    async fn end_one(&self, dbos: &DBOS, segment: Segment, stopped: bool) -> Result<()> {
        if stopped {
            dbos.cancel(&segment.workflow()).await.map_err(Error::internal)?;
        }
        self.forget(segment.run).await?;
        self.released(segment.team, segment.run).await
    }

    async fn released(&self, team: TeamId, run: RunId) -> Result<()> {
        let now = self.muster.clock().now();
        let mut tx = self.muster.db().of_team(team).await?;
        sqlx::query!(
            "UPDATE runs SET released_at = $3 WHERE team_id = $1 AND id = $2",
            team as TeamId,
            run as RunId,
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Something of a run among the workspaces.
pub(super) struct Found {
    pub(super) run: RunId,
    lane: u16,
    path: PathBuf,
}

/// The first has the plain name, the second a 2.
fn numbered(name: String, lane: u16) -> String {
    match lane {
        0 => name,
        beside => format!("{name}-{}", beside + 1),
    }
}

/// Reads the name of a workspace, or of what stands beside it: `<run>`, `<run>-2`, `<run>.unready`.
fn named(name: &str) -> Option<(RunId, u16)> {
    let stem = name.split('.').next().unwrap_or(name);
    if let Ok(run) = stem.parse() {
        return Some((run, 0));
    }
    let (run, number) = stem.rsplit_once('-')?;
    Some((run.parse().ok()?, number.parse::<u16>().ok()?.checked_sub(1)?))
}

fn short(run: RunId) -> String {
    run.uuid().simple().to_string()
}

#[expect(clippy::needless_pass_by_value, reason = "its shape is that of map_err")]
fn no_sandbox(error: sandbox::Error) -> Stumble {
    tracing::warn!(%error, "a sandbox stumbled");
    Stumble::last(Failure::Preparation, format!("The sandbox could not be used: {error}"))
}

fn not_ended(error: &Error) -> Stumble {
    tracing::warn!(%error, "a sandbox or its workspace could not be removed");
    Stumble::Passing("A sandbox could not be removed.".into())
}

pub(super) async fn remove(path: PathBuf) -> Result<()> {
    let removed = match tokio::fs::remove_dir_all(&path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => tokio::fs::remove_file(&path).await,
        other => other,
    };
    match removed {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_says_whose_it_is() {
        let run = RunId::new();
        for lane in [0, 1, 11] {
            let name = numbered(run.to_string(), lane);
            assert_eq!(named(&name), Some((run, lane)), "{name}");
            assert_eq!(named(&format!("{name}.unready")), Some((run, lane)), "{name}");
        }
        for other in ["lost+found", "", "-2", &format!("{run}-0"), &format!("{run}-x"), &format!("{run}-2-3")] {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
