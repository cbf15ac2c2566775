//! Where calls ask before they are made. Whatever arrives while one transaction runs goes into the next one together, so
//! that the team's lock is taken once for many calls. Calls that begin go first; those that ended wait for each other, since
//! whoever made them has the answer already.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, oneshot};
use types::{ReservationId, TeamId};

use super::{
    calls::{Held, NewCall, Terms, Used},
    inside::Inside,
    line::{Batch, EndWish, HoldWish, Lines, Next},
    load,
    till::{Ending, Remembered, Till},
    tree::Tree,
};
use crate::{
    Error, Orchestrator, Result,
    db::{BooksLine, Durability, HeadRow},
    models::Caller,
};

/// Rows of one team that are remembered between two transactions.
const REMEMBERED: usize = 20_000;
/// Teams whose money is remembered.
const REMEMBERED_TEAMS: usize = 2_000;

#[derive(Default)]
pub(crate) struct Desk {
    lines: Lines,
    /// Calls of this process that are under way.
    beating: Mutex<HashMap<TeamId, HashSet<ReservationId>>>,
    /// Trees by version: read again when a limit was changed.
    trees: Mutex<HashMap<TeamId, (i64, Arc<Tree>)>>,
    /// The money of teams as this process left it.
    remembered: Mutex<HashMap<TeamId, (HeadRow, Remembered)>>,
    /// Nothing waits for company any more.
    hurries: AtomicBool,
    emptied: Notify,
}

/// A sign of life: while it exists, its reservation is kept from the reaper.
#[derive(Debug)]
pub(crate) struct Beating {
    team: TeamId,
    id: ReservationId,
    desk: std::sync::Weak<Desk>,
}

impl Drop for Beating {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.upgrade() {
            desk.ended(self.team, self.id);
        }
    }
}

/// Whoever serves a team's line. A panic in between must not leave the line as served: everybody would wait in it for good.
struct Window<'a> {
    desk: &'a Desk,
    team: TeamId,
    closed: bool,
}

impl Window<'_> {
    fn close(mut self) {
        self.closed = true;
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        if !self.closed {
            tracing::error!(team = %self.team, "the books were left in the middle; whoever waits for them is told so");
            self.desk.lines.abandon(self.team);
        }
        self.desk.emptied.notify_waiters();
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// What is behind these locks stays whole when a holder panics: each is changed by single calls.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub(crate) fn known(&self, team: TeamId, version: i64) -> Option<Arc<Tree>> {
        lock(&self.trees).get(&team).filter(|(known, _)| *known == version).map(|(_, tree)| Arc::clone(tree))
    }

    pub(crate) fn learn(&self, team: TeamId, version: i64, tree: &Arc<Tree>) {
        lock(&self.trees).insert(team, (version, Arc::clone(tree)));
    }

    /// The calls under way, by team.
    pub(crate) fn under_way(&self) -> HashMap<TeamId, Vec<ReservationId>> {
        lock(&self.beating).iter().map(|(&team, calls)| (team, calls.iter().copied().collect())).collect()
    }

    fn begun(&self, team: TeamId, id: ReservationId) {
        lock(&self.beating).entry(team).or_default().insert(id);
    }

    fn ended(&self, team: TeamId, id: ReservationId) {
        let mut beating = lock(&self.beating);
        if let Some(calls) = beating.get_mut(&team) {
            calls.remove(&id);
            if calls.is_empty() {
                beating.remove(&team);
            }
        }
    }

    fn calls_under_way(&self, team: TeamId) -> usize {
        lock(&self.beating).get(&team).map_or(0, HashSet::len)
    }

    /// The team's money, if nobody has moved it or changed a limit since this process did. It is taken out: a transaction that
    /// comes to nothing leaves nothing remembered.
    fn recall(&self, team: TeamId, head: &HeadRow) -> Remembered {
        let known = lock(&self.remembered).remove(&team);
        let holds = |then: &HeadRow| then.version == head.version && then.last_move == head.last_move;
        known.filter(|(then, _)| then.last_move.is_some() && holds(then)).map(|(_, money)| money).unwrap_or_default()
    }

    fn remember(&self, team: TeamId, head: HeadRow, money: Remembered) {
        let mut remembered = lock(&self.remembered);
        if remembered.len() >= REMEMBERED_TEAMS {
            remembered.clear();
        }
        if money.len() <= REMEMBERED {
            remembered.insert(team, (head, money));
        }
    }
}

impl Orchestrator {
    /// Holds the worst case of a call back on every limit it falls under, before it is made.
    ///
    /// # Errors
    /// [`Error::Budget`] when a limit has no room, [`Error::Paused`] while somebody has stopped the spender.
    pub async fn hold(&self, team: TeamId, call: NewCall) -> Result<Held> {
        self.ask_to_hold(team, None, call).await?.ok_or_else(|| Error::internal("a hold was compared with nothing"))
    }

    /// As [`Orchestrator::hold`], for a call that was worked out from what is remembered of the team's keys and providers.
    /// `None`: they have changed since `catalogue`, and nothing is held.
    ///
    /// # Errors
    /// As [`Orchestrator::hold`].
    pub async fn hold_as_of(&self, team: TeamId, catalogue: i64, call: NewCall) -> Result<Option<Held>> {
        self.ask_to_hold(team, Some(Terms { catalogue, expires_at: None }), call).await
    }

    /// As [`Orchestrator::hold_as_of`], for whoever shows a key. `None` also where the key has expired or its run has ended.
    ///
    /// # Errors
    /// As [`Orchestrator::hold`], and [`Error::AgentLimit`] where the key is of a run whose agent has used up what it may.
    pub async fn hold_for(&self, caller: &Caller, call: NewCall) -> Result<Option<Held>> {
        self.ask_to_hold(caller.team(), Some(caller.terms()), call).await
    }

    async fn ask_to_hold(&self, team: TeamId, terms: Option<Terms>, call: NewCall) -> Result<Option<Held>> {
        let (reply, answer) = oneshot::channel();
        let wish = HoldWish { call: Box::new(call), terms, reply, tried: false };
        self.serve_if(team, self.desk().lines.hold(team, wish));
        let Some(id) = answer.await.map_err(|_| gone())?? else { return Ok(None) };
        self.desk().begun(team, id);
        let beating = Arc::new(Beating { team, id, desk: Arc::downgrade(self.desk()) });
        Ok(Some(Held { team, id, _beating: beating }))
    }

    /// Books what a call came to, and gives the rest of what was held back.
    ///
    /// # Errors
    /// When the database does not answer; then the call counts at its worst case within a minute. So it does when the
    /// database's machine fails in the moment after this has returned.
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
        let mut till = Till::open(tx, (held.team, now), tree, &[], &[held.id], Remembered::default()).await?;
        if !till.end(held.id, &Ending::Settled(used)) {
            tracing::warn!(reservation = %held.id, "a call was settled as lost before it ended");
        }
        let closed = till.close(tx).await?;
        load::add_to_runs(tx, held.team, &closed.usage).await
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
        self.serve_if(team, self.desk().lines.end(team, EndWish { id, ending, reply }));
        answer.await.map_err(|_| gone())?
    }

    /// Waits until everything that waits in this process is in the books. From now on nothing waits for company. For the end of
    /// a process; what is still under way then counts as lost within a minute.
    pub async fn empty_desk(&self) {
        self.desk().hurries.store(true, Ordering::Relaxed);
        self.desk().lines.ring();
        loop {
            let emptied = self.desk().emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.desk().lines.are_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn serve_if(&self, team: TeamId, nobody_does: bool) {
        if nobody_does {
            let muster = self.clone();
            // Of its own: whoever came first may go away, and the others still wait.
            tokio::spawn(async move { muster.serve(team).await });
        }
    }

    async fn serve(&self, team: TeamId) {
        let window = Window { desk: self.desk(), team, closed: false };
        let mut books = self.db().books();
        loop {
            let hurries = self.desk().hurries.load(Ordering::Relaxed);
            match self.desk().lines.next(team, hurries, || self.desk().calls_under_way(team)) {
                Next::Serve(batch) => {
                    self.grant(team, &mut books, batch).await;
                    books.yield_if_scarce();
                }
                Next::Wait(bell, time) => {
                    // Either way it is looked again.
                    drop(tokio::time::timeout(time, bell.notified()).await);
                }
                Next::Close => return window.close(),
            }
        }
    }

    /// Grants or refuses wishes in one transaction, and only then tells.
    async fn grant(&self, team: TeamId, books: &mut BooksLine, batch: Batch) {
        let done = self.book_all(team, books, &batch).await;
        if let Err(error) = &done {
            books.give_back();
            tracing::error!(%error, team = %team, "the books could not be written");
        }
        let unheard = match done {
            Ok((held, ended)) => {
                let held = batch.holds.into_iter().zip(held).map(|(wish, answer)| self.tell(team, wish, answer));
                let ended = batch.endings.into_iter().zip(ended).map(|(wish, open)| wish.reply.send(Ok(open)).is_ok());
                held.chain(ended).filter(|heard| !heard).count()
            }
            Err(error) => {
                let held = batch.holds.into_iter().map(|wish| wish.reply.send(Err(unreachable(&error))).is_ok());
                let ended = batch.endings.into_iter().map(|wish| wish.reply.send(Err(unreachable(&error))).is_ok());
                held.chain(ended).filter(|heard| !heard).count()
            }
        };
        if unheard > 0 {
            // A reservation nobody waits for is found by the reaper.
            tracing::debug!(unheard, "nobody waits for some answers of the books any more");
        }
    }

    /// A call that had no room only because of others under way asks once more, together with those that have ended.
    fn tell(&self, team: TeamId, wish: HoldWish, answer: Result<Option<ReservationId>>) -> bool {
        let passing = match &answer {
            Err(Error::Budget(refusal)) => refusal.may_pass(),
            Err(Error::AgentLimit(refusal)) => refusal.may_pass(),
            _ => false,
        };
        let wish = if passing && !wish.tried { self.desk().lines.again(team, wish) } else { Some(wish) };
        wish.is_none_or(|wish| wish.reply.send(answer).is_ok())
    }

    async fn book_all(
        &self,
        team: TeamId,
        books: &mut BooksLine,
        batch: &Batch,
    ) -> Result<(Vec<Result<Option<ReservationId>>>, Vec<bool>)> {
        // A hold that were forgotten would be spent twice. An ending that is forgotten leaves the worst case held, and that is
        // what it then counts as.
        let durability = if batch.holds.is_empty() { Durability::Soon } else { Durability::AtOnce };
        let (mut tx, head) = books.begin(team, durability).await?;
        let mut head = match head {
            Some(head) => head,
            None => load::begin(&mut tx, team, self.clock().now()).await?,
        };
        let remembered = self.desk().recall(team, &head);
        let tree = load::tree(&mut tx, self.desk(), team, head.version).await?;
        let endings: Vec<ReservationId> = batch.endings.iter().map(|wish| wish.id).collect();
        let mut inside = Inside::read(&mut tx, team, &batch.holds, &endings).await?;
        // The clock is read under the lock: a later transaction never counts in an earlier period.
        let now = self.clock().now();
        let current = |wish: &HoldWish| wish.terms.is_none_or(|terms| terms.stand(head.catalogue, now));
        let current: Vec<bool> = batch.holds.iter().map(|wish| current(wish) && inside.is_alive(wish)).collect();
        let calls = batch.holds.iter().zip(&current).filter(|(_, current)| **current);
        let calls: Vec<&NewCall> = calls.map(|(wish, _)| &*wish.call).collect();
        let mut till = Till::open(&mut tx, (team, now), tree, &calls, &endings, remembered).await?;
        // What ends makes room for what begins.
        let ended = batch.endings.iter().map(|wish| till.end(wish.id, &wish.ending)).collect();
        inside.count(till.usage());
        let hold = |(wish, current)| if current { inside.hold(&mut till, wish).map(Some) } else { Ok(None) };
        let held = batch.holds.iter().zip(current).map(hold).collect();
        let closed = till.close(&mut tx).await?;
        load::add_to_runs(&mut tx, team, &closed.usage).await?;
        tx.commit().await?;
        head.last_move = closed.name.or(head.last_move);
        self.desk().remember(team, head, closed.remembered);
        Ok((held, ended))
    }
}

/// How long calls that ended wait for each other.
pub(super) const COMPANY: Duration = Duration::from_millis(20);

fn gone() -> Error {
    Error::internal("the books were left in the middle of a wish")
}

fn unreachable(error: &Error) -> Error {
    match error {
        Error::Internal(cause) => Error::internal(cause.to_string()),
        Error::Busy => Error::Busy,
        error => Error::Unreachable(error.to_string().into()),
    }
}
