//! The books agree with themselves, whatever happens to calls and limits.

use orchestrator::grants::ReadSquads;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use types::{BudgetId, RunId, TaskId};

use super::*;

/// What may happen next. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Next {
    Hold {
        who: usize,
        micros: i64,
        priced: bool,
    },
    Settle {
        which: usize,
        micros: i64,
        priced: bool,
    },
    Release {
        which: usize,
    },
    /// Whoever makes the calls that are under way is gone.
    Expire,
    Limit {
        what: usize,
        settings: BudgetSettings,
    },
    Unlimit {
        what: usize,
    },
    Later {
        hours: i64,
    },
}

fn settings() -> impl Strategy<Value = BudgetSettings> {
    let limit =
        prop_oneof![Just(Limit::None), (0_i64..3_000).prop_map(micros), (1_u16..=10_000).prop_map(Limit::Share)];
    let cap = || proptest::option::of((0_i64..1_500).prop_map(MicroUsd::from_micros));
    let calendar = (0..Period::ALL.len(), 1_i16..=7).prop_map(|(period, reset_day)| Calendar {
        period: Period::ALL[period],
        reset_day,
        time_zone: "Europe/Berlin".into(),
    });
    (limit, proptest::option::of(0_i64..4_000), calendar, cap(), cap()).prop_map(
        |(limit, tokens, calendar, per_task, per_run)| BudgetSettings {
            limit,
            tokens,
            calendar,
            per_task,
            per_run,
            ..BudgetSettings::default()
        },
    )
}

fn next() -> impl Strategy<Value = Next> {
    let (any, priced) = (0_usize..100, proptest::bool::weighted(0.9));
    prop_oneof![
        8 => (any.clone(), 0_i64..400, priced).prop_map(|(who, micros, priced)| Next::Hold { who, micros, priced }),
        // Now and then more than was foreseen.
        5 => (any.clone(), 0_i64..450, priced).prop_map(|(which, micros, priced)| Next::Settle { which, micros, priced }),
        2 => any.clone().prop_map(|which| Next::Release { which }),
        1 => Just(Next::Expire),
        3 => (any.clone(), settings()).prop_map(|(what, settings)| Next::Limit { what, settings }),
        1 => any.prop_map(|what| Next::Unlimit { what }),
        2 => (1_i64..60).prop_map(|hours| Next::Later { hours }),
    ]
}

/// Who calls, what has limits, and what is under way.
struct Books {
    desk: Desk,
    spenders: Vec<Spender>,
    subjects: Vec<Subject>,
    open: Vec<Held>,
}

impl Books {
    async fn open() -> Self {
        let desk = Desk::new().await;
        let (muster, can) = (&desk.world.muster, desk.scope.can().expect("may"));
        let squad = muster.form_squad(&can, "Crew", Template::Full).await.expect("a squad");
        let can = desk.scope.can::<ReadSquads>().expect("may");
        let plan = muster.squad_plan(&can, squad).await.expect("a plan");
        let project = Some(desk.project);
        let mut spenders = vec![Spender::default(), Spender { project, ..Spender::default() }];
        for agent in plan.agents.iter().take(2) {
            let (task, run) = (Some(TaskId::new()), Some(RunId::new()));
            spenders.push(Spender { project, squad: Some(squad), agent: Some(agent.id), task, run });
        }
        let part = |project, squad, agent| Subject { project, squad, agent };
        let agent = Some(plan.agents[0].id);
        let subjects = vec![
            Subject::TEAM,
            part(project, None, None),
            part(None, Some(squad), None),
            part(project, Some(squad), None),
            part(project, Some(squad), agent),
            part(None, Some(squad), agent),
        ];
        Self { desk, spenders, subjects, open: Vec::new() }
    }

    fn take(&mut self, which: usize) -> Option<Held> {
        (!self.open.is_empty()).then(|| self.open.swap_remove(which % self.open.len()))
    }

    async fn happen(&mut self, next: Next) {
        let muster = self.desk.world.muster.clone();
        match next {
            Next::Hold { who, micros, priced } => {
                let spender = self.spenders[who % self.spenders.len()];
                let worst = priced.then(|| MicroUsd::from_micros(micros));
                let new = NewCall { spender, worst, ..call(self.desk.project, micros) };
                match muster.hold(self.desk.team(), new).await {
                    Ok(held) => self.open.push(held),
                    Err(Error::Budget(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Next::Settle { which, micros, priced } => {
                let Some(held) = self.take(which) else { return };
                let cost = priced.then(|| MicroUsd::from_micros(micros));
                muster.settle(held, Used { cost, ..used(micros) }).await.expect("settled");
            }
            Next::Release { which } => {
                let Some(held) = self.take(which) else { return };
                muster.release(held).await.expect("released");
            }
            Next::Expire => {
                self.desk.world.clock.advance(Span::minutes(1));
                muster.settle_lost().await.expect("a look");
            }
            Next::Limit { what, settings } => {
                let subject = self.subjects[what % self.subjects.len()];
                match muster.set_budget(&self.desk.manage(), subject, &settings).await {
                    // It does not fit with the others.
                    Ok(_) | Err(Error::Invalid(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Next::Unlimit { what } => {
                let views = self.desk.views().await;
                match muster.remove_budget(&self.desk.manage(), views[what % views.len()].node.id).await {
                    Ok(()) | Err(Error::Refused(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            Next::Later { hours } => self.desk.world.clock.advance(Span::hours(hours)),
        }
    }
}

/// Calls whose double entries do not come to what became of them: nothing is left held, what was spent is what it counts as.
const UNBALANCED: &str = "
    SELECT count(*) FROM reservations r
    LEFT JOIN usage u ON u.team_id = r.team_id AND u.reservation_id = r.id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(CASE 'held' WHEN e.credit THEN e.micro_usd WHEN e.debit THEN -e.micro_usd ELSE 0 END), 0) AS held,
               coalesce(sum(CASE 'spent' WHEN e.credit THEN e.micro_usd WHEN e.debit THEN -e.micro_usd ELSE 0 END), 0) AS spent,
               coalesce(sum(CASE 'available' WHEN e.credit THEN e.micro_usd WHEN e.debit THEN -e.micro_usd ELSE 0 END), 0) AS free
        FROM ledger_entries e WHERE e.team_id = r.team_id AND e.reservation_id = r.id
    ) AS b
    WHERE b.held <> CASE r.state WHEN 'HELD' THEN r.micro_usd ELSE 0 END
       OR b.spent <> coalesce(u.counted_micro_usd, 0)
       OR b.free + b.held + b.spent <> 0";

/// What has become of calls, and which kinds of counters there are.
const KINDS: &str = "SELECT state FROM reservations UNION SELECT split_part(bucket, ':', 1) FROM budget_counters";

#[tokio::test]
async fn every_counter_of_every_node_agrees_whatever_happens() {
    let mut books = Books::open().await;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut kinds = std::collections::BTreeSet::new();
    let mut rows = books.desk.world.superuser().await;
    for _ in 0..250 {
        let next = next().new_tree(&mut runner).expect("what happens").current();
        books.happen(next.clone()).await;
        let differences = books.desk.world.muster.reconcile(books.desk.team()).await.expect("books");
        assert_eq!(differences, [], "after {next:?}");
        let there: Vec<(String,)> = sqlx::query_as(KINDS).fetch_all(&mut rows).await.expect("kinds");
        kinds.extend(there.into_iter().map(|(kind,)| kind));
    }
    let all = ["HELD", "LOST", "RELEASED", "SETTLED", "from", "run", "task", "total"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all, "all has happened");
    let unbalanced: i64 = sqlx::query_scalar(UNBALANCED).fetch_one(&mut rows).await.expect("a count");
    assert_eq!(unbalanced, 0);
    while let Some(held) = books.take(0) {
        books.desk.world.muster.release(held).await.expect("released");
    }
    books.desk.world.muster.empty_desk().await;
    books.desk.balanced().await;
    let left = books.desk.views().await.iter().map(|view| view.reserved.micros() + view.tokens_reserved).sum::<i64>();
    assert_eq!(left, 0, "nothing stays held");
    books.desk.world.end().await;
}

#[tokio::test]
async fn the_check_names_the_node_and_the_counter_that_are_off() {
    let desk = Desk::new().await;
    let most = Some(MicroUsd::from_micros(500));
    desk.limit(Subject::TEAM, daily(micros(1_000))).await;
    desk.limit(desk.part(), BudgetSettings { per_task: most, per_run: most, ..daily(micros(1_000)) }).await;
    let mut new = call(desk.project, 100);
    (new.spender.task, new.spender.run) = (Some(TaskId::new()), Some(RunId::new()));
    let held = desk.world.muster.hold(desk.team(), new.clone()).await.expect("room");
    desk.world.muster.settle(held, used(60)).await.expect("settled");
    let _under_way = desk.world.muster.hold(desk.team(), NewCall { key: "two".into(), ..new }).await.expect("room");
    desk.balanced().await;

    let part: BudgetId = desk.views().await[1].node.id;
    let mut rows = desk.world.superuser().await;
    let columns = [
        ("spent", "money spent", 60),
        ("tokens_spent", "tokens spent", 60),
        ("reserved", "money held", 100),
        ("tokens_reserved", "tokens held", 100),
    ];
    for kind in ["from", "task", "run"] {
        for (column, what, counted) in columns {
            let shift = async |rows: &mut sqlx::PgConnection, by: i64| {
                let statement = format!(
                    "UPDATE budget_counters SET {column} = {column} + $1 WHERE budget_id = $2 AND bucket LIKE $3"
                );
                let shifted = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(by).bind(part).bind(format!("{kind}:%"));
                assert_eq!(shifted.execute(rows).await.expect("shifted").rows_affected(), 1);
            };
            shift(&mut rows, 7).await;
            let found = desk.world.muster.reconcile(desk.team()).await.expect("books");
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].what.starts_with(&format!("{what} in Parcels ({part}), {kind}:")), "{found:?}");
            assert_eq!((found[0].counted, found[0].booked), (counted, counted + 7));
            shift(&mut rows, -7).await;
        }
    }
    desk.balanced().await;
    desk.world.end().await;
}
