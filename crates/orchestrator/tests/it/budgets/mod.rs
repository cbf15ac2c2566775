//! No call without a reservation, and no limit passed.

mod balanced;
mod hung;
mod killed;
mod many;
mod told;

use std::time::Duration;

use orchestrator::{
    Can, Db, Error, Orchestrator, Scope, Settings,
    budgets::{
        BoundKind, BudgetSettings, BudgetView, Calendar, Held, Limit, Measure, NewCall, Period, Refusal, Spender,
        Subject, Used,
    },
    db::PoolSettings,
    grants::{ManageBudgets, ReadBudgets},
    squads::Template,
    testing::{World, gateway, keys},
    work::{NewTask, Source},
};
use time::Duration as Span;
use types::{BuiltinRole, MicroUsd, PauseId, PermissionSet, ProjectId, TeamId, chat::TokenUsage};

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) scope: Scope,
    pub(crate) project: ProjectId,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let ada = world.person("Ada").await;
        let (_, scope) = world.team("quayside", &ada).await;
        let can = scope.can().expect("may");
        let project = world.muster.create_project(&can, "Parcels", &Source::Sample).await.expect("a project");
        Self { world, scope, project }
    }

    pub(crate) fn team(&self) -> TeamId {
        self.scope.team()
    }

    pub(crate) fn manage(&self) -> Can<ManageBudgets> {
        self.scope.can().expect("an owner")
    }

    pub(crate) async fn limit(&self, subject: Subject, settings: BudgetSettings) {
        self.world.muster.set_budget(&self.manage(), subject, &settings).await.expect("a budget");
    }

    pub(crate) async fn views(&self) -> Vec<BudgetView> {
        self.world.muster.budgets(&self.scope.can::<ReadBudgets>().expect("may read")).await.expect("budgets")
    }

    pub(crate) async fn hold(&self, micros: i64) -> Result<Held, Error> {
        self.world.muster.hold(self.team(), call(self.project, micros)).await
    }

    pub(crate) async fn refused(&self, micros: i64) -> Box<Refusal> {
        match self.hold(micros).await {
            Err(Error::Budget(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// A call from its beginning to its end.
    pub(crate) async fn spend(&self, micros: i64) {
        let held = self.hold(micros).await.expect("room");
        self.world.muster.settle(held, used(micros)).await.expect("settled");
    }

    pub(crate) async fn balanced(&self) {
        assert_eq!(self.world.muster.reconcile(self.team()).await.expect("books"), []);
    }

    pub(crate) const fn part(&self) -> Subject {
        Subject { project: Some(self.project), ..Subject::TEAM }
    }
}

pub(crate) fn call(project: ProjectId, micros: i64) -> NewCall {
    NewCall {
        spender: Spender { project: Some(project), ..Spender::default() },
        key: uuid::Uuid::now_v7().to_string(),
        provider: "A provider".into(),
        model: "m".into(),
        worst: Some(MicroUsd::from_micros(micros)),
        tokens: micros,
    }
}

pub(crate) fn used(micros: i64) -> Used {
    Used {
        usage: TokenUsage { uncached: micros.unsigned_abs(), ..TokenUsage::default() },
        estimated: false,
        cost: Some(MicroUsd::from_micros(micros)),
        source: "a test".into(),
        model: "m".into(),
        failed: false,
        duration: Duration::from_millis(5),
        step: None,
    }
}

pub(crate) fn daily(limit: Limit) -> BudgetSettings {
    let calendar = Calendar { period: Period::Day, reset_day: 1, time_zone: "UTC".into() };
    BudgetSettings { limit, calendar, ..BudgetSettings::default() }
}

pub(crate) const fn micros(micros: i64) -> Limit {
    Limit::Amount(MicroUsd::from_micros(micros))
}

#[tokio::test]
async fn a_call_is_held_on_every_node_and_settled_for_what_it_cost() {
    let desk = Desk::new().await;
    desk.limit(Subject::TEAM, daily(micros(1_000))).await;
    desk.limit(desk.part(), daily(Limit::Share(4_000))).await;
    let held = desk.hold(300).await.expect("room");
    let amounts = |views: &[BudgetView]| -> Vec<(i64, i64, Option<i64>)> {
        views
            .iter()
            .map(|view| (view.spent.micros(), view.reserved.micros(), view.left().map(MicroUsd::micros)))
            .collect()
    };
    assert_eq!(amounts(&desk.views().await), [(0, 300, Some(700)), (0, 300, Some(100))]);
    let refusal = desk.refused(101).await;
    assert_eq!((refusal.name.as_str(), refusal.measure, refusal.limit), ("Parcels", Measure::Money, 400));
    assert!(refusal.may_pass());
    desk.world.muster.settle(held, used(120)).await.expect("settled");
    assert_eq!(amounts(&desk.views().await), [(120, 0, Some(880)), (120, 0, Some(280))]);
    let released = desk.hold(280).await.expect("room");
    desk.world.muster.release(released).await.expect("released");
    desk.hold(280).await.expect("room again");
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn a_limit_counts_what_was_spent_and_held_before_it_was_set() {
    let desk = Desk::new().await;
    desk.spend(100).await;
    let held = desk.hold(50).await.expect("room");
    desk.limit(desk.part(), daily(micros(200))).await;
    let refusal = desk.refused(51).await;
    assert_eq!((refusal.spent, refusal.reserved), (100, 50));
    desk.world.muster.settle(held, used(10)).await.expect("settled");
    assert_eq!(desk.refused(91).await.spent, 110);
    desk.spend(90).await;
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn a_limit_begins_anew_with_its_period() {
    let desk = Desk::new().await;
    desk.limit(Subject::TEAM, daily(micros(100))).await;
    desk.spend(100).await;
    let refusal = desk.refused(1).await;
    assert_eq!(refusal.resets_at, Some(time::macros::datetime!(2026-11-20 0:00 UTC)));
    assert!(!refusal.may_pass());
    desk.world.clock.advance(Span::hours(10));
    desk.spend(100).await;
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn a_counter_that_comes_back_into_use_has_counted_all_the_while() {
    let desk = Desk::new().await;
    let weekly = |limit| {
        let calendar = Calendar { period: Period::Week, reset_day: 1, time_zone: "UTC".into() };
        BudgetSettings { calendar, ..daily(limit) }
    };
    desk.limit(Subject::TEAM, daily(micros(100))).await;
    desk.limit(desk.part(), daily(Limit::Share(10_000))).await;
    desk.spend(30).await;
    desk.limit(Subject::TEAM, weekly(micros(100))).await;
    desk.spend(40).await;
    let held = desk.hold(20).await.expect("room");
    desk.limit(Subject::TEAM, daily(micros(100))).await;
    let refusal = desk.refused(11).await;
    assert_eq!((refusal.spent, refusal.reserved), (70, 20));
    desk.world.muster.settle(held, used(20)).await.expect("settled");
    assert_eq!(desk.refused(11).await.spent, 90);
    assert!(desk.views().await.iter().all(|view| view.spent.micros() == 90), "the share follows its whole");

    let run = types::RunId::new();
    let of_run = async |micros| {
        let mut new = call(desk.project, micros);
        new.spender.run = Some(run);
        desk.world.muster.hold(desk.team(), new).await
    };
    let cap = |most| BudgetSettings { per_run: Some(MicroUsd::from_micros(most)), ..daily(micros(1_000)) };
    for (settings, cost) in [(cap(50), 20), (daily(micros(1_000)), 25)] {
        desk.limit(Subject::TEAM, settings).await;
        let held = of_run(cost).await.expect("room for the run");
        desk.world.muster.settle(held, used(cost)).await.expect("settled");
    }
    desk.limit(Subject::TEAM, cap(50)).await;
    let Err(Error::Budget(refusal)) = of_run(6).await else { panic!("no room in the run") };
    assert_eq!(refusal.kind, BoundKind::Run(run));
    assert_eq!((refusal.spent, refusal.limit), (45, 50), "what it spent without a cap counts");
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn tokens_tasks_and_unknown_prices_have_limits_too() {
    let desk = Desk::new().await;
    desk.limit(Subject::TEAM, BudgetSettings { tokens: Some(1_000), ..daily(Limit::None) }).await;
    let unknown = NewCall { worst: None, tokens: 900, ..call(desk.project, 0) };
    let held = desk.world.muster.hold(desk.team(), unknown).await.expect("room");
    assert_eq!(desk.views().await[0].reserved.micros(), 9_000, "ten dollars a million tokens");
    desk.world.muster.settle(held, Used { cost: None, ..used(500) }).await.expect("settled");
    assert_eq!(desk.views().await[0].spent.micros(), 5_000, "unknown is not free");
    assert_eq!(desk.refused(501).await.measure, Measure::Tokens);
    let task = Some(types::TaskId::new());
    desk.limit(Subject::TEAM, BudgetSettings { per_task: Some(MicroUsd::from_micros(60)), ..daily(Limit::None) }).await;
    let of_task = |micros| {
        let mut new = call(desk.project, micros);
        new.spender.task = task;
        desk.world.muster.hold(desk.team(), new)
    };
    of_task(60).await.expect("room for one task");
    assert!(matches!(of_task(1).await, Err(Error::Budget(_))));
    desk.hold(61).await.expect("another task, or none, has its own room");
    desk.world.end().await;
}

#[tokio::test]
async fn a_call_that_ends_makes_room_for_one_that_waits() {
    let desk = Desk::new().await;
    desk.limit(Subject::TEAM, daily(micros(100))).await;
    let (_other, first) = (desk.hold(10).await.expect("room"), desk.hold(90).await.expect("room"));
    // Calls that ended wait for others to be booked with; one that begins and finds no room does not wait for that.
    let (settled, second) = tokio::join!(desk.world.muster.settle(first, used(5)), desk.hold(80));
    settled.expect("settled");
    let second = second.expect("room");
    assert_eq!(desk.refused(6).await.reserved, 90);
    desk.world.muster.release(second).await.expect("released");
    desk.world.muster.empty_desk().await;
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn what_another_process_moves_is_seen_by_the_next_call() {
    let desk = Desk::new().await;
    desk.limit(Subject::TEAM, daily(micros(100))).await;
    let other = process(&desk.world);
    let of_other = |micros| other.hold(desk.team(), call(desk.project, micros));
    let (here, there) = (desk.hold(40).await.expect("room"), of_other(40).await.expect("room"));
    assert_eq!(desk.refused(30).await.reserved, 80);
    desk.world.muster.settle(here, used(10)).await.expect("settled");
    assert!(matches!(of_other(51).await, Err(Error::Budget(refusal)) if refusal.spent == 10 && refusal.reserved == 40));
    other.settle(there, used(20)).await.expect("settled");
    desk.limit(Subject::TEAM, daily(micros(50))).await;
    assert_eq!(desk.refused(21).await.spent, 30);
    desk.spend(20).await;
    desk.balanced().await;
    other.db().close().await;
    desk.world.end().await;
}

#[tokio::test]
async fn a_pause_stops_calls_at_once_and_names_its_reason() {
    let desk = Desk::new().await;
    let elsewhere = Spender::default();
    let pause = desk.world.muster.pause(&desk.manage(), desk.part(), "Runaway loop").await.expect("paused");
    assert!(matches!(desk.hold(1).await, Err(Error::Paused(reason)) if reason == "Runaway loop"));
    let outside = NewCall { spender: elsewhere, ..call(desk.project, 1) };
    desk.world.muster.hold(desk.team(), outside).await.expect("what is elsewhere goes on");
    assert!(matches!(desk.world.muster.pause(&desk.manage(), desk.part(), "Again").await, Err(Error::Refused(_))));
    desk.world.muster.resume(&desk.manage(), pause).await.expect("resumed");
    desk.hold(1).await.expect("room");
    assert!(matches!(desk.world.muster.resume(&desk.manage(), pause).await, Err(Error::Refused(_))));
    desk.world.end().await;
}

#[tokio::test]
async fn budgets_of_others_are_not_found_and_rules_hold() {
    let desk = Desk::new().await;
    let bob = desk.world.person("Bob").await;
    let (_, foreign) = desk.world.team("other", &bob).await;
    let (muster, theirs) = (&desk.world.muster, foreign.can::<ManageBudgets>().expect("an owner"));
    let set = muster.set_budget(&theirs, desk.part(), &daily(micros(1))).await;
    assert!(matches!(set, Err(Error::NotFound)), "{set:?}");
    assert!(matches!(muster.pause(&theirs, desk.part(), "x").await, Err(Error::NotFound)));
    assert!(matches!(muster.resume(&theirs, PauseId::new()).await, Err(Error::NotFound)));
    desk.limit(desk.part(), daily(micros(5))).await;
    let id = desk.views().await[1].node.id;
    assert!(matches!(muster.remove_budget(&theirs, id).await, Err(Error::NotFound)));
    let reader = Scope::for_test(desk.team(), desk.scope.actor(), BuiltinRole::Reader.permissions());
    assert!(matches!(reader.can::<ManageBudgets>(), Err(Error::Denied(_))));

    desk.limit(Subject::TEAM, daily(micros(10))).await;
    let over = muster.set_budget(&desk.manage(), desk.part(), &daily(micros(11))).await;
    assert!(matches!(over, Err(Error::Invalid(fields)) if fields[0].field == "amount"));
    let wrong = BudgetSettings { warn_at: vec![0], ..daily(micros(1)) };
    assert!(matches!(muster.set_budget(&desk.manage(), desk.part(), &wrong).await, Err(Error::Invalid(_))));
    muster.remove_budget(&desk.manage(), id).await.expect("removed");
    assert_eq!(desk.views().await.len(), 1);
    desk.world.end().await;
}

/// Another process on the same database.
pub(crate) fn process(world: &World) -> Orchestrator {
    let pool = PoolSettings { max_connections: 4, ..PoolSettings::default() };
    let db = Db::open(world.app_url(), world.system_url(), &pool).expect("addresses");
    Orchestrator::new(db, world.clock.clone(), identity::Hasher::new(1), keys(), gateway(), Settings::default())
}

#[tokio::test]
async fn an_idle_squad_costs_nothing_in_a_day() {
    let desk = Desk::new().await;
    let can = desk.scope.can().expect("may");
    desk.world.muster.form_squad(&can, "Crew", Template::Full).await.expect("a squad");
    desk.limit(Subject::TEAM, BudgetSettings { tokens: Some(0), ..daily(micros(0)) }).await;
    for _ in 0..24 {
        desk.world.clock.advance(Span::hours(1));
        assert_eq!(desk.world.muster.settle_lost().await.expect("a look"), 0);
        desk.world.muster.tidy().await.expect("tidied");
    }
    let view = &desk.views().await[0];
    assert_eq!((view.spent.micros(), view.tokens_spent, view.tokens_reserved), (0, 0, 0));
    let all: PermissionSet = desk.scope.permissions();
    assert!(all.contains(types::Permission::ManageBudgets));
    desk.world.end().await;
}

#[tokio::test]
async fn what_was_spent_stays_when_its_task_is_gone() {
    let desk = Desk::new().await;
    let (muster, can) = (&desk.world.muster, desk.scope.can().expect("may"));
    muster.form_squad(&can, "Crew", Template::Solo).await.expect("a squad");
    let can = desk.scope.can().expect("may");
    let task = muster.create_task(&can, desk.project, &NewTask::titled("Short-lived")).await.expect("a task").id;
    let run = muster.start_run(&desk.scope.can().expect("may"), task, None).await.expect("a run");
    let mut new = call(desk.project, 70);
    (new.spender.task, new.spender.run) = (Some(task), Some(run));
    let held = muster.hold(desk.team(), new).await.expect("room");
    muster.settle(held, used(70)).await.expect("settled");

    let mut rows = desk.world.superuser().await;
    sqlx::query("DELETE FROM tasks").execute(&mut rows).await.expect("deleted");
    sqlx::query("DELETE FROM budget_counters").execute(&mut rows).await.expect("deleted");
    assert_eq!(desk.views().await[0].spent.micros(), 70);
    desk.balanced().await;
    desk.world.end().await;
}
