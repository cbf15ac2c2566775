//! Who waits for a team's money in this process, and what is served next.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, oneshot};
use types::{ReservationId, TeamId};

use super::{
    calls::{NewCall, Terms},
    desk::{COMPANY, lock},
    till::Ending,
};
use crate::Result;

/// Wishes of one kind in one transaction, at most.
const BATCH: usize = 256;
/// So many that ended are served although others begin.
const ENOUGH: usize = 128;

pub(super) struct HoldWish {
    pub(super) call: Box<NewCall>,
    pub(super) terms: Option<Terms>,
    pub(super) reply: oneshot::Sender<Result<Option<ReservationId>>>,
    /// Whether it was served before and found no room.
    pub(super) tried: bool,
}

pub(super) struct EndWish {
    pub(super) id: ReservationId,
    pub(super) ending: Ending,
    pub(super) reply: oneshot::Sender<Result<bool>>,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) holds: Vec<HoldWish>,
    pub(super) endings: Vec<EndWish>,
}

pub(super) enum Next {
    Serve(Batch),
    /// For others that end, until the bell rings, and no longer than this.
    Wait(Arc<Notify>, Duration),
    Close,
}

/// Those who wait for each team's money. The first to come has the others served.
#[derive(Default)]
pub(super) struct Lines(Mutex<HashMap<TeamId, Line>>);

#[derive(Default)]
struct Line {
    holds: Vec<HoldWish>,
    endings: Vec<EndWish>,
    /// Since when something that ended waits.
    since: Option<Instant>,
    served: bool,
    bell: Arc<Notify>,
}

impl Line {
    /// Takes the line's place at the window. True: nobody serves it, and the caller must.
    fn call(&mut self) -> bool {
        self.bell.notify_one();
        !mem::replace(&mut self.served, true)
    }

    fn take(&mut self, holds: bool, endings: bool) -> Batch {
        let mut batch = Batch::default();
        if holds {
            let rest = self.holds.split_off(self.holds.len().min(BATCH));
            batch.holds = mem::replace(&mut self.holds, rest);
        }
        if endings {
            let rest = self.endings.split_off(self.endings.len().min(BATCH));
            batch.endings = mem::replace(&mut self.endings, rest);
            self.since = (!self.endings.is_empty()).then(Instant::now);
        }
        batch
    }
}

impl Lines {
    pub(super) fn hold(&self, team: TeamId, wish: HoldWish) -> bool {
        let mut lines = lock(&self.0);
        let line = lines.entry(team).or_default();
        line.holds.push(wish);
        line.call()
    }

    pub(super) fn end(&self, team: TeamId, wish: EndWish) -> bool {
        let mut lines = lock(&self.0);
        let line = lines.entry(team).or_default();
        line.endings.push(wish);
        line.since.get_or_insert_with(Instant::now);
        line.call()
    }

    /// Puts a call that was served back in front, to be served with those that have ended; it comes back where none has.
    pub(super) fn again(&self, team: TeamId, mut wish: HoldWish) -> Option<HoldWish> {
        let mut lines = lock(&self.0);
        match lines.get_mut(&team).filter(|line| line.served && !line.endings.is_empty()) {
            Some(line) => {
                wish.tried = true;
                line.holds.insert(0, wish);
                None
            }
            None => Some(wish),
        }
    }

    /// What is served next. `under_way` counts the team's calls of this process: when all of them have ended, nothing is waited
    /// for.
    pub(super) fn next(&self, team: TeamId, hurries: bool, under_way: impl Fn() -> usize) -> Next {
        let mut lines = lock(&self.0);
        let Some(line) = lines.get_mut(&team) else { return Next::Close };
        if line.holds.is_empty() && line.endings.is_empty() {
            lines.remove(&team);
            return Next::Close;
        }
        if line.holds.iter().any(|wish| wish.tried) {
            return Next::Serve(line.take(true, true));
        }
        let left = line.since.map(|since| COMPANY.saturating_sub(since.elapsed()));
        let due = left.is_some_and(|left| left.is_zero()) || line.endings.len() >= ENOUGH;
        if due || (hurries && line.holds.is_empty()) {
            return Next::Serve(line.take(false, true));
        }
        if !line.holds.is_empty() {
            return Next::Serve(line.take(true, false));
        }
        if line.endings.len() >= under_way() {
            return Next::Serve(line.take(false, true));
        }
        Next::Wait(Arc::clone(&line.bell), left.unwrap_or(COMPANY))
    }

    /// Gives the line up: whoever waits in it is told so, and the next to come has it served again. For a window that was
    /// left in the middle.
    pub(super) fn abandon(&self, team: TeamId) {
        lock(&self.0).remove(&team);
    }

    pub(super) fn are_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    /// Has all lines looked at again.
    pub(super) fn ring(&self) {
        for line in lock(&self.0).values() {
            line.bell.notify_one();
        }
    }
}
