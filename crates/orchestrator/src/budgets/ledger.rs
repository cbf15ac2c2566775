//! The ledger as people read it.

use std::{fmt, str::FromStr};

use time::{Date, OffsetDateTime};
use types::{AgentId, MicroUsd, ProjectId, ReservationId, RunId, SquadId, TeamId};

use crate::{Can, Error, Orchestrator, Result, grants::ReadBudgets};

/// What an entry does with an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A call's worst case is held back.
    Held,
    /// The call cost what it cost, and the rest is given back.
    Settled,
    /// The call was not made; all is given back.
    Released,
    /// Whoever made the call is gone: it counts at its worst case.
    Lost,
}

impl EntryKind {
    pub const ALL: &[Self] = &[Self::Held, Self::Settled, Self::Released, Self::Lost];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Lost => "lost",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

/// Which entries to show; all without any.
#[derive(Clone, Debug, Default)]
pub struct LedgerFilter {
    pub task: Option<i32>,
    pub project: Option<ProjectId>,
    pub squad: Option<SquadId>,
    pub agent: Option<AgentId>,
    /// As the entry names it: the one that answered, where one did.
    pub model: Option<String>,
    pub kind: Option<EntryKind>,
    /// The first day, in UTC.
    pub from: Option<Date>,
    /// The last day, in UTC.
    pub to: Option<Date>,
    /// Only what is older than this entry.
    pub before: Option<LedgerPlace>,
}

/// A place between two entries, for going on from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerPlace {
    at: OffsetDateTime,
    phase: i32,
    id: ReservationId,
}

impl fmt::Display for LedgerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at.unix_timestamp_nanos() / 1000, self.phase, self.id)
    }
}

impl FromStr for LedgerPlace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let mut parts = text.splitn(3, '.');
            let micros: i128 = parts.next()?.parse().ok()?;
            let at = OffsetDateTime::from_unix_timestamp_nanos(micros.checked_mul(1000)?).ok()?;
            Some(Self { at, phase: parts.next()?.parse().ok()?, id: parts.next()?.parse().ok()? })
        };
        read().ok_or(Error::NotFound)
    }
}

/// One movement of money.
#[derive(Clone, Debug)]
pub struct LedgerEntry {
    pub at: OffsetDateTime,
    pub kind: EntryKind,
    pub place: LedgerPlace,
    pub reservation: ReservationId,
    /// Number and title.
    pub task: Option<(i32, String)>,
    pub agent: Option<String>,
    pub agent_id: Option<AgentId>,
    /// The agent's part in its squad: lead, coder and so on.
    pub role: Option<String>,
    pub squad: Option<String>,
    pub squad_id: Option<SquadId>,
    pub project: Option<String>,
    pub project_id: Option<ProjectId>,
    pub run: Option<RunId>,
    pub provider: String,
    pub model: String,
    /// What was held back for the call, or is given back now.
    pub held: MicroUsd,
    /// What it could take at most, input and output together.
    pub tokens: i64,
    /// Whether what was held is a price, and not the team's rate for unknown ones.
    pub priced: bool,
    pub used: Option<LedgerUse>,
    /// Whether what was asked and answered is kept.
    pub has_content: bool,
}

/// What a call came to.
#[derive(Clone, Debug)]
pub struct LedgerUse {
    /// None: the price is not known.
    pub cost: Option<MicroUsd>,
    /// What budgets count.
    pub counted: MicroUsd,
    pub uncached: i64,
    pub cache_read: i64,
    pub cache_write: i64,
    /// Without reasoning.
    pub output: i64,
    pub reasoning: i64,
    /// Whether the provider reported no usage, and this is our count.
    pub estimated: bool,
    pub price_source: String,
}

impl Orchestrator {
    /// At most `most` entries of the team's ledger, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ledger(&self, scope: &Can<ReadBudgets>, filter: &LedgerFilter, most: i64) -> Result<Vec<LedgerEntry>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query_file!(
            "src/budgets/ledger.sql",
            scope.team() as TeamId,
            filter.task,
            filter.agent as Option<AgentId>,
            filter.model.as_deref(),
            filter.kind.map(|kind| kind.as_str().to_uppercase()),
            filter.from.map(|day| day.midnight().assume_utc()),
            filter.to.and_then(Date::next_day).map(|day| day.midnight().assume_utc()),
            filter.project as Option<ProjectId>,
            filter.squad as Option<SquadId>,
            filter.before.map(|place| place.at),
            filter.before.map(|place| place.phase),
            filter.before.map(|place| place.id) as Option<ReservationId>,
            most,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                let used = row.counted.map(|counted| LedgerUse {
                    cost: row.cost.map(MicroUsd::from_micros),
                    counted: MicroUsd::from_micros(counted),
                    uncached: row.uncached.unwrap_or(0),
                    cache_read: row.cache_read.unwrap_or(0),
                    cache_write: row.cache_write.unwrap_or(0),
                    output: row.output.unwrap_or(0),
                    reasoning: row.reasoning.unwrap_or(0),
                    estimated: row.estimated.unwrap_or(false),
                    price_source: row.price_source.unwrap_or_default(),
                });
                Ok(LedgerEntry {
                    at: row.at,
                    kind: EntryKind::parse(&row.state).ok_or_else(|| Error::internal("an entry of no known kind"))?,
                    place: LedgerPlace { at: row.at, phase: row.phase, id: row.id },
                    reservation: row.id,
                    task: row.task.zip(row.title),
                    agent: row.agent,
                    agent_id: row.agent_id,
                    role: row.role,
                    squad: row.squad,
                    squad_id: row.squad_id,
                    project: row.project,
                    project_id: row.project_id,
                    run: row.run,
                    provider: row.provider,
                    model: row.model,
                    held: MicroUsd::from_micros(row.held),
                    tokens: row.tokens,
                    priced: row.priced,
                    used,
                    has_content: row.has_content,
                })
            })
            .collect()
    }
}
