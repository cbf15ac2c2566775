//! What the rows tell of money and of runs.

use orchestrator::{
    Can, Scope,
    analytics::{Alike, By, Cause, Filter, NOTHING, Of, Range, Span, Spending, Waste},
    budgets::{BudgetSettings, Calendar, NewCall, Period, Spender, Subject, Used},
    grants::ReadBudgets,
    squads::{Holder, Template},
    work::NewTask,
};
use sqlx::PgConnection;
use time::Duration as Time;
use types::{AgentId, MicroUsd, RunId, SquadId, StepId, TaskId, chat::TokenUsage};
use uuid::Uuid;

use crate::budgets::Desk;

/// A team whose days are Berlin's, with a squad and a task.
struct Bench {
    desk: Desk,
    squad: SquadId,
    agent: AgentId,
    task: TaskId,
}

struct Made<'a> {
    spender: Spender,
    model: &'a str,
    /// None: the price is not known.
    cost: Option<i64>,
    failed: bool,
    step: Option<StepId>,
}

impl Bench {
    async fn new() -> Self {
        let desk = Desk::new().await;
        let calendar = Calendar { period: Period::Month, reset_day: 1, time_zone: "Europe/Berlin".into() };
        desk.limit(Subject::TEAM, BudgetSettings { calendar, ..BudgetSettings::default() }).await;
        let muster = &desk.world.muster;
        let squad = muster.form_squad(&desk.scope.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
        let mut members = muster.squad(&desk.scope.can().expect("may"), squad).await.expect("the squad").members;
        let Holder::Agent(agent) = members.remove(0).holder else { panic!("templates have agents alone") };
        let new = NewTask::titled("Insure parcels");
        let task = muster.create_task(&desk.scope.can().expect("may"), desk.project, &new).await.expect("a task").id;
        Self { desk, squad, agent: agent.id, task }
    }

    fn read(&self) -> Can<ReadBudgets> {
        self.desk.scope.can().expect("may read")
    }

    fn worker(&self, run: Option<RunId>) -> Spender {
        let (project, squad) = (Some(self.desk.project), Some(self.squad));
        Spender { project, squad, agent: Some(self.agent), task: Some(self.task), run }
    }

    async fn made(&self, made: Made<'_>) {
        book(&self.desk, &self.desk.scope, made).await;
    }

    async fn spent(&self, spender: Spender, model: &str, cost: Option<i64>) {
        self.made(Made { spender, model, cost, failed: false, step: None }).await;
    }

    async fn span(&self, range: Range) -> Span {
        self.desk.world.muster.analytics_span(&self.read(), range).await.expect("a span")
    }

    async fn spending(&self, span: &Span, filter: &Filter, by: By) -> Spending {
        self.desk.world.muster.spending(&self.read(), span, filter, by).await.expect("spending")
    }

    /// A run in the rows, as the engine leaves it.
    async fn run(
        &self,
        admin: &mut PgConnection,
        task: TaskId,
        attempt: i32,
        state: &str,
        failure: Option<&str>,
    ) -> RunId {
        let (run, now) = (RunId::new(), self.desk.world.clock.now());
        let failure = failure.map(|failure| serde_json::json!({ "failure": failure, "sentence": "It did not work." }));
        sqlx::query(
            "INSERT INTO runs (team_id, id, task_id, project_id, squad_id, attempt, state, stage, plan, position, failure, merge_oid,
                               started_by, created_at, started_at, ended_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, 'merge', '{}', '{}', $8, CASE WHEN $7 = 'COMPLETED' THEN 'abc' END, created_by, $9, $9, $9
             FROM tasks WHERE team_id = $1 AND id = $3",
        )
        .bind(self.desk.team().uuid())
        .bind(run.uuid())
        .bind(task.uuid())
        .bind(self.desk.project.uuid())
        .bind(self.squad.uuid())
        .bind(attempt)
        .bind(state)
        .bind(failure)
        .bind(now + Time::minutes(5))
        .execute(admin)
        .await
        .expect("a run");
        run
    }

    async fn step(&self, admin: &mut PgConnection, run: RunId, ordinal: i32, kind: &str, state: &str) -> StepId {
        let step = StepId::new();
        sqlx::query(
            "INSERT INTO run_steps (team_id, run_id, id, key, ordinal, kind, state, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, now())",
        )
        .bind(self.desk.team().uuid())
        .bind(run.uuid())
        .bind(step.uuid())
        .bind(ordinal.to_string())
        .bind(ordinal)
        .bind(kind)
        .bind(state)
        .execute(admin)
        .await
        .expect("a step");
        step
    }
}

async fn book(desk: &Desk, scope: &Scope, made: Made<'_>) {
    let worst = made.cost.map(MicroUsd::from_micros);
    let call = NewCall {
        spender: made.spender,
        key: Uuid::now_v7().to_string(),
        provider: "A provider".into(),
        model: made.model.into(),
        worst,
        tokens: 1_000,
    };
    let held = desk.world.muster.hold(scope.team(), call).await.expect("room");
    let usage = TokenUsage { uncached: 100, cache_read: 300, cache_write: 0, output: 50, reasoning: 10 };
    let used = Used {
        usage,
        estimated: false,
        cost: worst,
        source: "a test".into(),
        model: made.model.into(),
        failed: made.failed,
        duration: std::time::Duration::from_millis(5),
        step: made.step,
    };
    desk.world.muster.settle(held, used).await.expect("settled");
}

#[tokio::test]
async fn every_grouping_adds_up_to_the_ledger_and_no_other_teams_rows_count() {
    let bench = Bench::new().await;
    let bob = bench.desk.world.person("Bob").await;
    let (_, foreign) = bench.desk.world.team("other", &bob).await;
    // The clock of tests stands at 14:32 UTC; 22:30 UTC of the 19th is the 20th in Berlin, as is 01:00 UTC of the 20th.
    for (hours, model, cost) in [(0, "m", Some(1_000)), (8, "m", Some(20)), (2, "other/m", None), (30, "m", Some(3))] {
        bench.desk.world.clock.advance(Time::hours(hours));
        bench.spent(bench.worker(None), model, cost).await;
        bench.spent(Spender { project: Some(bench.desk.project), ..Spender::default() }, "m", cost).await;
        bench.spent(Spender::default(), model, cost).await;
        let theirs = Made { spender: Spender::default(), model: "m", cost: Some(7_777), failed: false, step: None };
        book(&bench.desk, &foreign, theirs).await;
    }
    let mut admin = bench.desk.world.superuser().await;
    let (calls, counted, unknown): (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*), sum(counted_micro_usd)::bigint, coalesce(sum(counted_micro_usd) FILTER (WHERE cost_micro_usd IS NULL), 0)::bigint
         FROM usage WHERE team_id = $1",
    )
    .bind(bench.desk.team().uuid())
    .fetch_one(&mut admin)
    .await
    .expect("the ledger");
    assert!(unknown > 0 && counted > unknown, "a price nobody knows is not free");
    let span = bench.span(Range::Last(7)).await;
    let (muster, all) = (&bench.desk.world.muster, Filter::default());
    for by in By::ALL {
        let found = bench.spending(&span, &all, *by).await;
        let total = found.total;
        assert_eq!((total.calls, total.counted.micros(), total.unknown.micros()), (calls, counted, unknown), "{by:?}");
        assert_eq!((total.unknown_calls, total.cache_share()), (3, Some(750)), "{by:?}");
        // Each row leads to tasks, and those add up to the row.
        for row in &found.rows {
            let id = || row.key.parse().ok();
            let filter = match by {
                By::Project => Filter { project: Of::parse(&row.key).expect("a key"), ..Filter::default() },
                By::Squad => Filter { squad: Of::parse(&row.key).expect("a key"), ..Filter::default() },
                By::Agent => Filter { agent: Of::parse(&row.key).expect("a key"), ..Filter::default() },
                By::Model => Filter { model: id().or_else(|| Some(row.key.clone())), ..Filter::default() },
                By::Day => continue,
            };
            let tasks = muster.spending_of_tasks(&bench.read(), &span, &filter, None, 10).await.expect("tasks");
            let sum: i64 = tasks.rows.iter().map(|task| task.spent.counted.micros()).sum();
            assert_eq!(sum, row.spent.counted.micros(), "{by:?} {}", row.key);
        }
    }
    let days = bench.spending(&span, &all, By::Day).await;
    let on = |date: &str| days.rows.iter().find(|row| row.key == date).map(|row| row.spent.calls);
    assert_eq!((on("2026-11-19"), on("2026-11-20"), on("2026-11-21")), (Some(6), Some(3), Some(3)), "{days:#?}");
    assert_eq!(days.rows.len(), 7, "days without calls too");

    let projects = bench.spending(&span, &all, By::Project).await;
    let named: Vec<_> = projects.rows.iter().map(|row| (row.name.as_deref(), row.key == NOTHING)).collect();
    assert!(named.contains(&(Some("Parcels"), false)) && named.contains(&(None, true)), "{named:?}");
    let theirs = foreign.can::<ReadBudgets>().expect("an owner");
    let of_mine = Filter { project: Some(Of::One(bench.desk.project)), ..Filter::default() };
    let found = muster.spending(&theirs, &span, &of_mine, By::Project).await.expect("spending");
    assert!(found.rows.is_empty(), "another team's project has no rows here");
    bench.desk.world.end().await;
}

#[tokio::test]
async fn outcomes_causes_and_waste_count_each_run_and_call_once() {
    let bench = Bench::new().await;
    let (muster, mut admin) = (&bench.desk.world.muster, bench.desk.world.superuser().await);
    let merged = bench.run(&mut admin, bench.task, 3, "COMPLETED", None).await;
    let fix = bench.step(&mut admin, merged, 1, "fix", "DONE").await;
    bench.step(&mut admin, merged, 2, "verify", "FAILED").await;
    let good = bench.step(&mut admin, merged, 3, "fix", "DONE").await;
    bench.step(&mut admin, merged, 4, "verify", "DONE").await;
    bench.step(&mut admin, merged, 5, "rework", "DONE").await;
    let failed = bench.run(&mut admin, bench.task, 1, "FAILED", Some("checks")).await;
    let stopped = bench.run(&mut admin, bench.task, 2, "CANCELLED", None).await;
    let made =
        |run, cost, failed, step| Made { spender: bench.worker(Some(run)), model: "m", cost: Some(cost), failed, step };
    bench.made(made(merged, 1_000, false, None)).await;
    bench.made(made(merged, 10, true, None)).await;
    bench.made(made(merged, 200, false, Some(fix))).await;
    bench.made(made(merged, 3_000, false, Some(good))).await;
    bench.made(made(failed, 40, true, None)).await;
    bench.made(made(stopped, 5, false, None)).await;
    let span = bench.span(Range::Last(1)).await;
    let all = Filter::default();

    let wasted = muster.waste(&bench.read(), &span, &all).await.expect("waste");
    let of = |kind| wasted.iter().find(|row| row.kind == kind).map(|row| (row.calls, row.counted.micros()));
    assert_eq!((of(Waste::Failed), of(Waste::Stopped)), (Some((1, 40)), Some((1, 5))));
    assert_eq!((of(Waste::Repeated), of(Waste::Loop)), (Some((1, 10)), Some((1, 200))));
    assert_eq!((of(Waste::Idle), of(Waste::Lost), of(Waste::Reverted)), (Some((0, 0)), Some((0, 0)), Some((0, 0))));
    for row in &wasted {
        let tasks = muster.spending_of_tasks(&bench.read(), &span, &all, Some(row.kind), 10).await.expect("tasks");
        let sum: i64 = tasks.rows.iter().map(|task| task.spent.counted.micros()).sum();
        assert_eq!(sum, row.counted.micros(), "{:?}", row.kind);
    }
    let whole = muster.run_outcomes(&bench.read(), &span, &all, None).await.expect("outcomes");
    let whole = whole.first().expect("runs ended").outcome;
    assert_eq!((whole.ended, whole.merged, whole.failed, whole.stopped, whole.reworked), (3, 1, 1, 1, 1));
    for by in By::ALL {
        let rows = muster.run_outcomes(&bench.read(), &span, &all, Some(*by)).await.expect("outcomes");
        assert_eq!(rows.iter().map(|row| row.outcome).collect::<Vec<_>>(), [whole], "{by:?}");
    }
    let causes = muster.failure_causes(&bench.read(), &span, &all).await.expect("causes");
    let causes: Vec<_> = causes.iter().map(|row| (row.cause, row.runs, row.counted.micros())).collect();
    assert_eq!(causes, [(Cause::Checks, 1, 40), (Cause::Stopped, 1, 5)]);
    let runs = muster.runs_ended_by(&bench.read(), &span, &all, Cause::Checks, 10).await.expect("runs");
    assert_eq!(
        runs.iter().map(|run| (run.attempt, run.sentence.as_str())).collect::<Vec<_>>(),
        [(1, "It did not work.")]
    );

    // What began after the end is idle, whatever became of the run; a merge that is taken back was for nothing.
    bench.desk.world.clock.advance(Time::minutes(10));
    bench.made(made(merged, 7, false, None)).await;
    sqlx::query("UPDATE runs SET reverted_at = ended_at, revert_oid = 'def', reverted_by = started_by WHERE id = $1")
        .bind(merged.uuid())
        .execute(&mut admin)
        .await
        .expect("taken back");
    let wasted = muster.waste(&bench.read(), &span, &all).await.expect("waste");
    let of = |kind| wasted.iter().find(|row| row.kind == kind).map(|row| (row.calls, row.counted.micros()));
    assert_eq!((of(Waste::Idle), of(Waste::Reverted)), (Some((1, 7)), Some((4, 4_210))));
    bench.desk.world.end().await;
}

#[tokio::test]
async fn an_estimate_compares_with_finished_tasks_of_the_team() {
    let bench = Bench::new().await;
    let (muster, mut admin) = (&bench.desk.world.muster, bench.desk.world.superuser().await);
    let can = bench.desk.scope.can().expect("may");
    assert_eq!(muster.task_estimate(&can, bench.task, None).await.expect("an answer"), None, "nothing is finished");
    for cost in [100, 300, 200] {
        let new = NewTask::titled("Another");
        let task = muster.create_task(&bench.desk.scope.can().expect("may"), bench.desk.project, &new).await;
        let task = task.expect("a task").id;
        for (attempt, state) in [(1, "FAILED"), (2, "COMPLETED")] {
            let failure = (state == "FAILED").then_some("checks");
            let run = bench.run(&mut admin, task, attempt, state, failure).await;
            let spender = Spender { task: Some(task), ..bench.worker(Some(run)) };
            bench.spent(spender, "m", Some(cost)).await;
        }
    }
    let found = muster
        .task_estimate(&can, bench.task, Some(bench.squad))
        .await
        .expect("an answer")
        .expect("tasks are finished");
    assert_eq!((found.alike, found.tasks), (Alike::SquadInProject, 3));
    assert_eq!(
        (found.cost.low, found.cost.median, found.cost.high),
        (240, 400, 560),
        "all attempts of a task together"
    );
    let bob = bench.desk.world.person("Bob").await;
    let (_, foreign) = bench.desk.world.team("other", &bob).await;
    let theirs = muster.task_estimate(&foreign.can().expect("may"), bench.task, None).await;
    assert!(matches!(theirs, Err(orchestrator::Error::NotFound)), "{theirs:?}");
    bench.desk.world.end().await;
}

#[tokio::test]
async fn another_models_price_is_known_before_it_is_connected() {
    let bench = Bench::new().await;
    let models = bench.desk.world.muster.priced_models(&bench.read()).await.expect("models");
    let one = models.iter().find(|model| model.key == "Anthropic/claude-sonnet-5").expect("a public price");
    assert!(!one.connected && one.rates.output > one.rates.input, "{one:?}");
    bench.desk.world.end().await;
}
