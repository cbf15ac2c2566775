//! Where calls ask before they are made. Whatever arrives while one transaction runs goes into the next one together, so
//! that the team's lock is taken once for many calls.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;
use types::{ReservationId, TeamId};

use super::{
    calls::{Held, NewCall, Used},
    load,
    till::{Ending, Till},
    tree::Tree,
};
use crate::{Error, Orchestrator, Result};

/// Wishes of one transaction, at most.
const BATCH: usize = 256;

#[derive(Default)]
pub(crate) struct Desk {
    teams: Mutex<HashMap<TeamId, Line>>,
    /// Calls of this process that are under way.
    beating: Mutex<HashMap<ReservationId, TeamId>>,
    /// Trees by version: read again when a limit was changed.
    trees: Mutex<HashMap<TeamId, (i64, Arc<Tree>)>>,
}

/// Those who wait for one team's money. The first to come serves the others.
#[derive(Default)]
struct Line {
    wishes: Vec<Wish>,
    served: bool,
}

enum Wish {
    Hold(Box<NewCall>, oneshot::Sender<Result<ReservationId>>),
    End(ReservationId, Ending, oneshot::Sender<Result<bool>>),
}

/// A sign of life: while it exists, its reservation is kept from the reaper.
#[derive(Debug)]
pub(crate) struct Beating {
    id: ReservationId,
    desk: std::sync::Weak<Desk>,
}

impl Drop for Beating {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.upgrade() {
            lock(&desk.beating).remove(&self.id);
        }
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// What is behind these locks stays whole when a holder panics: each is changed by single calls.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Joins the team's line. True: nobody serves it, and the caller must.
    fn join(&self, team: TeamId, wish: Wish) -> bool {
        let mut teams = lock(&self.teams);
        let line = teams.entry(team).or_default();
        line.wishes.push(wish);
        !mem::replace(&mut line.served, true)
    }

    /// The next wishes; none: the line is closed.
    fn next(&self, team: TeamId) -> Vec<Wish> {
        let mut teams = lock(&self.teams);
        let Some(line) = teams.get_mut(&team) else { return Vec::new() };
        if line.wishes.is_empty() {
            teams.remove(&team);
            return Vec::new();
        }
        let rest = line.wishes.split_off(line.wishes.len().min(BATCH));
        mem::replace(&mut line.wishes, rest)
    }

    pub(crate) fn known(&self, team: TeamId, version: i64) -> Option<Arc<Tree>> {
        lock(&self.trees).get(&team).filter(|(known, _)| *known == version).map(|(_, tree)| Arc::clone(tree))
    }

    pub(crate) fn learn(&self, team: TeamId, version: i64, tree: &Arc<Tree>) {
        lock(&self.trees).insert(team, (version, Arc::clone(tree)));
    }

    /// The calls under way, by team.
    pub(crate) fn under_way(&self) -> HashMap<TeamId, Vec<ReservationId>> {
        let mut teams: HashMap<TeamId, Vec<ReservationId>> = HashMap::new();
        for (&id, &team) in lock(&self.beating).iter() {
            teams.entry(team).or_default().push(id);
        }
        teams
    }
}

impl Orchestrator {
    /// Holds the worst case of a call back on every limit it falls under, before it is made.
    ///
    /// # Errors
    /// [`Error::Budget`] when a limit has no room, [`Error::Paused`] while somebody has stopped the spender.
    pub async fn hold(&self, team: TeamId, call: NewCall) -> Result<Held> {
        let (reply, answer) = oneshot::channel();
        self.ask(team, Wish::Hold(Box::new(call), reply));
        let id = answer.await.map_err(|_| gone())??;
        lock(&self.desk().beating).insert(id, team);
        let beating = Arc::new(Beating { id, desk: Arc::downgrade(self.desk()) });
        Ok(Held { team, id, _beating: beating })
    }

    /// Books what a call came to, and gives the rest of what was held back.
    ///
    /// # Errors
    /// When the database does not answer; then the call counts at its worst case within a minute.
    pub async fn settle(&self, held: Held, used: Used) -> Result<()> {
        self.end(&held, Ending::Settled(used)).await
    }

    /// Gives all that was held back: nothing was sent, or the provider refused.
    ///
    /// # Errors
    /// As [`Orchestrator::settle`].
    pub async fn release(&self, held: Held) -> Result<()> {
        self.end(&held, Ending::Released).await
    }

    /// As [`Orchestrator::settle`], inside a transaction of the caller's: what is booked and what is told stand or fall together.
    pub(crate) async fn settle_in(&self, tx: &mut sqlx::PgConnection, held: &Held, used: Used) -> Result<()> {
        let now = self.clock().now();
        let tree = load::lock(tx, self.desk(), held.team, now).await?;
        let mut till = Till::open(tx, held.team, now, tree, &[], &[held.id]).await?;
        if !till.end(held.id, &Ending::Settled(used)) {
            tracing::warn!(reservation = %held.id, "a call was settled as lost before it ended");
        }
        let usage = till.close(tx).await?;
        load::add_to_runs(tx, held.team, &usage).await
    }

    async fn end(&self, held: &Held, ending: Ending) -> Result<()> {
        if self.end_by_id(held.team, held.id, ending).await? {
            return Ok(());
        }
        tracing::warn!(reservation = %held.id, "a call was settled as lost before it ended");
        Ok(())
    }

    pub(crate) async fn end_by_id(&self, team: TeamId, id: ReservationId, ending: Ending) -> Result<bool> {
        let (reply, answer) = oneshot::channel();
        self.ask(team, Wish::End(id, ending, reply));
        answer.await.map_err(|_| gone())?
    }

    fn ask(&self, team: TeamId, wish: Wish) {
        if self.desk().join(team, wish) {
            let muster = self.clone();
            // Of its own: whoever came first may go away, and the others still wait.
            tokio::spawn(async move { muster.serve(team).await });
        }
    }

    async fn serve(&self, team: TeamId) {
        loop {
            let wishes = self.desk().next(team);
            if wishes.is_empty() {
                return;
            }
            self.grant(team, wishes).await;
        }
    }

    /// Grants or refuses wishes in one transaction, and only then tells.
    async fn grant(&self, team: TeamId, wishes: Vec<Wish>) {
        let mut answers = Vec::with_capacity(wishes.len());
        let done = self.book_all(team, &wishes, &mut answers).await;
        if let Err(error) = &done {
            tracing::error!(%error, team = %team, "the books could not be written");
        }
        let mut answers = answers.into_iter();
        for wish in wishes {
            let answer = if done.is_ok() { answers.next() } else { None };
            // Whoever asked may be gone: a reservation nobody waits for is found by the reaper.
            let heard = match (wish, answer) {
                (Wish::Hold(_, reply), Some(Answer::Held(held))) => reply.send(held).is_ok(),
                (Wish::End(_, _, reply), Some(Answer::Ended(open))) => reply.send(Ok(open)).is_ok(),
                (Wish::Hold(_, reply), _) => reply.send(Err(unreachable(&done))).is_ok(),
                (Wish::End(_, _, reply), _) => reply.send(Err(unreachable(&done))).is_ok(),
            };
            if !heard {
                tracing::debug!("nobody waits for an answer of the books any more");
            }
        }
    }

    async fn book_all(&self, team: TeamId, wishes: &[Wish], answers: &mut Vec<Answer>) -> Result<()> {
        let mut tx = self.db().of_team(team).await?;
        let tree = load::lock(&mut tx, self.desk(), team, self.clock().now()).await?;
        let calls: Vec<&NewCall> = wishes
            .iter()
            .filter_map(|wish| if let Wish::Hold(call, _) = wish { Some(&**call) } else { None })
            .collect();
        let endings: Vec<ReservationId> =
            wishes.iter().filter_map(|wish| if let Wish::End(id, ..) = wish { Some(*id) } else { None }).collect();
        // The clock is read under the lock: a later transaction never counts in an earlier period.
        let mut till = Till::open(&mut tx, team, self.clock().now(), tree, &calls, &endings).await?;
        // What ends makes room for what begins.
        let ended: HashMap<ReservationId, bool> = wishes
            .iter()
            .filter_map(
                |wish| if let Wish::End(id, ending, _) = wish { Some((*id, till.end(*id, ending))) } else { None },
            )
            .collect();
        for wish in wishes {
            answers.push(match wish {
                Wish::Hold(call, _) => Answer::Held(till.hold(call)),
                Wish::End(id, ..) => Answer::Ended(ended.get(id).copied().unwrap_or(false)),
            });
        }
        let usage = till.close(&mut tx).await?;
        load::add_to_runs(&mut tx, team, &usage).await?;
        tx.commit().await?;
        Ok(())
    }
}

enum Answer {
    Held(Result<ReservationId>),
    Ended(bool),
}

fn gone() -> Error {
    Error::internal("the books were left in the middle of a wish")
}

fn unreachable(done: &Result<()>) -> Error {
    match done {
        Err(Error::Internal(cause)) => Error::internal(cause.to_string()),
        Err(error) => Error::Unreachable(error.to_string().into()),
        Ok(()) => gone(),
    }
}
