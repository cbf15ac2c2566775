//! A team's money while its lock is held: loaded, changed in memory by the rules of [`book`](super::book), written back.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use types::{AgentId, BudgetId, LedgerEntryId, ProjectId, ReservationId, RunId, SquadId, TaskId, TeamId};
use uuid::Uuid;

use super::{
    book::{self, Counter, Counters, Measure, Refusal},
    calls::{Account, NewCall, Used},
    rows::{self, AlertRow, EntryRow, ReservationRow, Stood, UsageRow},
    tree::{Bound, BoundKind, Leg, Tree},
    write::Moves,
};
use crate::{Error, Result};

/// How long a reservation stays without a sign of life from whoever makes the call.
pub(crate) const LEASE: Duration = Duration::seconds(40);

pub(crate) struct Till {
    team: TeamId,
    now: OffsetDateTime,
    tree: Arc<Tree>,
    counters: Counters,
    touched: BTreeSet<Leg>,
    held: HashMap<ReservationId, ReservationRow>,
    made: Vec<ReservationRow>,
    ended: Vec<(ReservationId, &'static str)>,
    entries: Vec<EntryRow>,
    usage: Vec<UsageRow>,
    alerts: Vec<AlertRow>,
}

/// The team's money as the last transaction of this process left it. It holds as long as nobody else has moved any.
#[derive(Default)]
pub(crate) struct Remembered {
    counters: Counters,
    held: HashMap<ReservationId, ReservationRow>,
}

impl Remembered {
    /// How many rows it stands for.
    pub(crate) fn len(&self) -> usize {
        self.counters.len() + self.held.len()
    }
}

/// What a transaction leaves behind.
pub(crate) struct Closed {
    pub(crate) usage: Vec<UsageRow>,
    /// The name of the transaction, where it moved anything.
    pub(crate) name: Option<Uuid>,
    pub(crate) remembered: Remembered,
}

/// What ended a reservation.
pub(crate) enum Ending {
    Settled(Used),
    Released,
    /// Nobody knows what became of the call: it counts at its worst case.
    Lost,
}

impl Till {
    /// Loads what the calls and endings need and is not remembered. The caller holds the team's lock.
    pub(crate) async fn open(
        connection: &mut PgConnection,
        (team, now): (TeamId, OffsetDateTime),
        tree: Arc<Tree>,
        calls: &[&NewCall],
        endings: &[ReservationId],
        remembered: Remembered,
    ) -> Result<Self> {
        let Remembered { counters, mut held } = remembered;
        let unknown: Vec<ReservationId> = endings.iter().copied().filter(|id| !held.contains_key(id)).collect();
        held.extend(rows::held(connection, team, &unknown).await?);
        let mut till = Self {
            team,
            now,
            tree,
            counters,
            touched: BTreeSet::new(),
            held,
            made: Vec::new(),
            ended: Vec::new(),
            entries: Vec::new(),
            usage: Vec::new(),
            alerts: Vec::new(),
        };
        let mut bounds: HashMap<Leg, Bound> = HashMap::new();
        for call in calls {
            bounds.extend(till.tree.bounds(&call.spender, now).into_iter().map(|bound| (bound.leg.clone(), bound)));
        }
        let mut legs: BTreeSet<Leg> = bounds.keys().cloned().collect();
        legs.extend(endings.iter().filter_map(|id| till.held.get(id)).flat_map(ReservationRow::legs));
        legs.retain(|leg| !till.counters.contains_key(leg));
        till.load(connection, &legs).await?;
        for leg in legs {
            if let (false, Some(bound)) = (till.counters.contains_key(&leg), bounds.get(&leg)) {
                till.begin_counter(connection, bound).await?;
            }
        }
        Ok(till)
    }

    async fn load(&mut self, connection: &mut PgConnection, legs: &BTreeSet<Leg>) -> Result<()> {
        if legs.is_empty() {
            return Ok(());
        }
        let (budgets, buckets): (Vec<Uuid>, Vec<String>) =
            legs.iter().map(|leg| (leg.budget.uuid(), leg.bucket.clone())).unzip();
        let rows = sqlx::query!(
            r#"SELECT c.budget_id AS "budget: BudgetId", c.bucket, c.spent, c.reserved, c.tokens_spent, c.tokens_reserved, c.warned, c.tokens_warned
               FROM unnest($2::uuid[], $3::text[]) AS l (budget_id, bucket)
               JOIN budget_counters c ON c.team_id = $1 AND c.budget_id = l.budget_id AND c.bucket = l.bucket"#,
            self.team as TeamId,
            &budgets,
            &buckets,
        )
        .fetch_all(connection)
        .await?;
        self.counters.extend(rows.into_iter().map(|row| {
            let counter = Counter {
                spent: row.spent,
                reserved: row.reserved,
                tokens_spent: row.tokens_spent,
                tokens_reserved: row.tokens_reserved,
                warned: row.warned,
                tokens_warned: row.tokens_warned,
            };
            (Leg { budget: row.budget, bucket: row.bucket }, counter)
        }));
        Ok(())
    }

    /// A counter that is asked for the first time begins with what was spent and held before: limits may be set at any time.
    async fn begin_counter(&mut self, connection: &mut PgConnection, bound: &Bound) -> Result<()> {
        let Some(node) = self.tree.node(bound.leg.budget) else { return Ok(()) };
        let (task, run) = match bound.kind {
            BoundKind::Period => (None, None),
            BoundKind::Task(task) => (Some(task), None),
            BoundKind::Run(run) => (None, Some(run)),
        };
        let subject = node.subject;
        let spent = sqlx::query!(
            r#"SELECT coalesce(sum(counted_micro_usd), 0)::bigint AS "micros!",
                      coalesce(sum(uncached + cache_read + cache_write + output + reasoning), 0)::bigint AS "tokens!"
               FROM usage WHERE team_id = $1 AND at >= $2 AND ($3::uuid IS NULL OR project_id = $3) AND ($4::uuid IS NULL OR squad_id = $4)
                 AND ($5::uuid IS NULL OR agent_id = $5) AND ($6::uuid IS NULL OR task_id = $6) AND ($7::uuid IS NULL OR run_id = $7)"#,
            self.team as TeamId,
            bound.window.start,
            subject.project as Option<ProjectId>,
            subject.squad as Option<SquadId>,
            subject.agent as Option<AgentId>,
            task as Option<TaskId>,
            run as Option<RunId>,
        )
        .fetch_one(&mut *connection)
        .await?;
        let held = sqlx::query!(
            r#"UPDATE reservations SET budgets = budgets || $8::uuid, buckets = buckets || $9::text
               WHERE team_id = $1 AND state = 'HELD' AND held_at >= $2 AND ($3::uuid IS NULL OR project_id = $3) AND ($4::uuid IS NULL OR squad_id = $4)
                 AND ($5::uuid IS NULL OR agent_id = $5) AND ($6::uuid IS NULL OR task_id = $6) AND ($7::uuid IS NULL OR run_id = $7)
               RETURNING id AS "id: ReservationId", micro_usd, tokens"#,
            self.team as TeamId,
            bound.window.start,
            subject.project as Option<ProjectId>,
            subject.squad as Option<SquadId>,
            subject.agent as Option<AgentId>,
            task as Option<TaskId>,
            run as Option<RunId>,
            bound.leg.budget as BudgetId,
            bound.leg.bucket,
        )
        .fetch_all(connection)
        .await?;
        let mut counter = Counter { spent: spent.micros, tokens_spent: spent.tokens, ..Counter::default() };
        for row in held {
            counter.reserved = counter.reserved.saturating_add(row.micro_usd);
            counter.tokens_reserved = counter.tokens_reserved.saturating_add(row.tokens);
            if let Some(reservation) = self.held.get_mut(&row.id) {
                reservation.budgets.push(bound.leg.budget);
                reservation.buckets.push(bound.leg.bucket.clone());
            }
        }
        self.counters.insert(bound.leg.clone(), counter);
        self.touched.insert(bound.leg.clone());
        Ok(())
    }

    /// Holds the worst case of a call back, or says which node has no room.
    pub(crate) fn hold(&mut self, call: &NewCall) -> Result<ReservationId> {
        if let Some(pause) = self.tree.paused(&call.spender) {
            return Err(Error::Paused(pause.reason.clone()));
        }
        let bounds = self.tree.bounds(&call.spender, self.now);
        let micros = self.worst(call);
        if let Err(refusal) = book::hold(&self.tree, &mut self.counters, &bounds, micros, call.tokens) {
            self.tell_refused(&bounds, &refusal);
            return Err(Error::Budget(refusal));
        }
        let legs: Vec<Leg> = bounds.into_iter().map(|bound| bound.leg).collect();
        self.touched.extend(legs.iter().cloned());
        let id = ReservationId::new();
        self.made.push(ReservationRow::new(id, call, micros, &legs, self.now));
        self.enter(id, Account::Available, Account::Held, micros);
        Ok(id)
    }

    /// Ends a reservation; one that has ended already is left as it is. Returns whether it was open.
    pub(crate) fn end(&mut self, id: ReservationId, ending: &Ending) -> bool {
        let Some(row) = self.held.remove(&id) else { return false };
        let legs: Vec<Leg> = row.legs().collect();
        let (state, usage) = match ending {
            Ending::Settled(used) => ("SETTLED", Some(self.settled(&row, used))),
            Ending::Lost => ("LOST", Some(row.lost(self.now))),
            Ending::Released => ("RELEASED", None),
        };
        let spent = usage.as_ref().map_or((0, 0), |usage| (usage.counted_micro_usd, usage.tokens()));
        book::settle(&mut self.counters, &legs, (row.micro_usd, row.tokens), spent);
        // What was held goes to what was spent and back; what the worst case did not foresee comes from the rest.
        self.enter(id, Account::Held, Account::Spent, spent.0.min(row.micro_usd));
        self.enter(id, Account::Held, Account::Available, row.micro_usd.saturating_sub(spent.0));
        self.enter(id, Account::Available, Account::Spent, spent.0.saturating_sub(row.micro_usd));
        if spent.0 > row.micro_usd {
            tracing::error!(reservation = %id, held = row.micro_usd, spent = spent.0, "a call cost more than its worst case");
        }
        self.usage.extend(usage);
        self.ended.push((id, state));
        self.warn(&legs);
        self.touched.extend(legs);
        true
    }

    /// What was used by the calls that have ended here.
    pub(crate) fn usage(&self) -> &[UsageRow] {
        &self.usage
    }

    /// What the worst case of a call counts as.
    pub(crate) fn worst(&self, call: &NewCall) -> i64 {
        self.tree.counted(call.worst, call.tokens)
    }

    fn settled(&self, row: &ReservationRow, used: &Used) -> UsageRow {
        let tokens = i64::try_from(used.usage.bounded().total()).unwrap_or(i64::MAX);
        let counted = self.tree.counted(used.cost, tokens);
        row.used(used, counted)
    }

    fn enter(&mut self, reservation: ReservationId, from: Account, to: Account, micros: i64) {
        if micros > 0 {
            self.entries.push(EntryRow {
                id: LedgerEntryId::new(),
                reservation_id: reservation,
                debit: from.as_str(),
                credit: to.as_str(),
                micro_usd: micros,
            });
        }
    }

    fn warn(&mut self, legs: &[Leg]) {
        for leg in legs {
            let Some(node) = self.tree.node(leg.budget) else { continue };
            let Some(bound) = self.tree.bound_of(leg, self.now) else { continue };
            let Some(counter) = self.counters.get_mut(leg) else { continue };
            for (measure, limit) in [(Measure::Money, bound.money), (Measure::Tokens, bound.tokens)] {
                let (spent, warned) = counter.stands(measure);
                let Some(most) = limit else { continue };
                if let Some(step) = book::warning((spent, *warned), most, &node.warn_at) {
                    *warned = step;
                    let stood = Stood { measure, step, spent, most };
                    self.alerts.push(AlertRow::new(self.team, leg, stood, self.now));
                }
            }
        }
    }

    /// A limit that is reached is told of once, as the last step.
    fn tell_refused(&mut self, bounds: &[Bound], refusal: &Refusal) {
        let stood = bounds.iter().find(|bound| bound.leg.budget == refusal.budget && bound.kind == refusal.kind);
        let Some(bound) = stood.filter(|_| !refusal.may_pass()) else { return };
        let (_, warned) = self.counters.entry(bound.leg.clone()).or_default().stands(refusal.measure);
        if *warned < REACHED {
            *warned = REACHED;
            self.touched.insert(bound.leg.clone());
            let (measure, spent, most) = (refusal.measure, refusal.spent, refusal.limit);
            let stood = Stood { measure, step: REACHED, spent, most };
            self.alerts.push(AlertRow::new(self.team, &bound.leg, stood, self.now));
        }
    }

    /// Writes everything back.
    pub(crate) async fn close(mut self, connection: &mut PgConnection) -> Result<Closed> {
        let counters: Vec<(Leg, Counter)> =
            self.touched.iter().filter_map(|leg| Some((leg.clone(), *self.counters.get(leg)?))).collect();
        let name = Uuid::now_v7();
        let mut moves = Moves { team: self.team, now: self.now, name, counters: &counters, entries: &self.entries };
        let moved = !self.made.is_empty() || !self.ended.is_empty() || !counters.is_empty();
        if !self.made.is_empty() {
            moves.holding(connection, &self.made).await?;
            (moves.counters, moves.entries) = (&[], &[]);
        }
        if !self.ended.is_empty() || !moves.counters.is_empty() {
            moves.ending(connection, &self.ended, &self.usage).await?;
        }
        for alert in &self.alerts {
            super::alerts::tell(connection, &self.tree, alert).await?;
        }
        self.held.extend(self.made.into_iter().map(|row| (row.id, row)));
        let remembered = Remembered { counters: self.counters, held: self.held };
        Ok(Closed { usage: self.usage, name: moved.then_some(name), remembered })
    }
}

/// One counter as it stands, begun where nobody asked for it before. The caller holds the team's lock.
pub(crate) async fn counter(
    connection: &mut PgConnection,
    team: TeamId,
    tree: &Arc<Tree>,
    bound: &Bound,
    now: OffsetDateTime,
) -> Result<Counter> {
    let mut till = Till::open(connection, (team, now), Arc::clone(tree), &[], &[], Remembered::default()).await?;
    till.load(connection, &BTreeSet::from([bound.leg.clone()])).await?;
    if !till.counters.contains_key(&bound.leg) {
        till.begin_counter(connection, bound).await?;
    }
    let counter = till.counters.get(&bound.leg).copied().unwrap_or_default();
    till.close(connection).await?;
    Ok(counter)
}

/// The step at which calls are refused.
pub(crate) const REACHED: i16 = 100;
