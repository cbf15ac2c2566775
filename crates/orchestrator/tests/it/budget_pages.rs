//! What people read and ask of budgets.

use orchestrator::{
    Error,
    budgets::{BudgetDecision, BudgetSettings, EntryKind, LedgerFilter, Subject},
    grants::{ManageBudgets, ReadBudgets},
};
use time::Duration as Span;
use types::{BudgetRequestId, MicroUsd};

use crate::budgets::{Desk, daily, micros};

#[tokio::test]
async fn the_ledger_shows_each_movement_once_page_by_page() {
    let desk = Desk::new().await;
    for cost in [10, 20, 30] {
        desk.spend(cost).await;
    }
    let released = desk.hold(40).await.expect("room");
    desk.world.muster.release(released).await.expect("released");
    let can = desk.scope.can::<ReadBudgets>().expect("may");
    let mut filter = LedgerFilter::default();
    let mut seen = Vec::new();
    loop {
        let page = desk.world.muster.ledger(&can, &filter, 3).await.expect("a page");
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        filter.before = Some(last.place.to_string().parse().expect("a place that was told"));
        seen.extend(page.into_iter().map(|entry| (entry.reservation, entry.kind)));
    }
    let count = |kind| seen.iter().filter(|(_, found)| *found == kind).count();
    assert_eq!((count(EntryKind::Held), count(EntryKind::Settled), count(EntryKind::Released)), (4, 3, 1));
    let mut once = seen.clone();
    once.sort_by_key(|(id, kind)| (*id, kind.as_str()));
    once.dedup();
    assert_eq!(once.len(), seen.len());
    let settled = LedgerFilter { kind: Some(EntryKind::Settled), ..LedgerFilter::default() };
    let settled = desk.world.muster.ledger(&can, &settled, 10).await.expect("a page");
    let spent: i64 = settled.iter().filter_map(|entry| entry.used.as_ref()).map(|used| used.counted.micros()).sum();
    assert_eq!(spent, desk.views().await[0].spent.micros());
    let other = LedgerFilter { model: Some("another".into()), ..LedgerFilter::default() };
    assert!(desk.world.muster.ledger(&can, &other, 10).await.expect("a page").is_empty());
    desk.world.end().await;
}

#[tokio::test]
async fn the_burn_adds_up_to_what_is_spent_and_a_forecast_needs_days() {
    let desk = Desk::new().await;
    desk.limit(desk.part(), BudgetSettings { limit: micros(1_000), ..BudgetSettings::default() }).await;
    let can = desk.scope.can::<ReadBudgets>().expect("may");
    desk.spend(10).await;
    assert_eq!(desk.world.muster.burn(&can, None).await.expect("a burn").forecast, None);
    for _ in 0..3 {
        desk.world.clock.advance(Span::days(1));
        desk.spend(10).await;
    }
    let burn = desk.world.muster.burn(&can, None).await.expect("a burn");
    assert_eq!(burn.spent(), desk.views().await[0].spent);
    assert_eq!(burn.days.iter().filter(|day| day.spent.micros() == 10).count(), 4);
    assert_eq!(burn.days.len(), 22, "from the first of November to the twenty-second");
    let forecast = burn.forecast.expect("three full days");
    assert!(forecast.likely.micros() > 40 && forecast.low <= forecast.likely, "{forecast:?}");
    let part = desk.views().await[1].node.id;
    let of_part = desk.world.muster.burn(&can, Some(part)).await.expect("a burn");
    assert_eq!((of_part.spent().micros(), of_part.limit.map(MicroUsd::micros)), (40, Some(1_000)));
    desk.world.end().await;
}

fn no() -> BudgetDecision {
    BudgetDecision::Declined("Not this month".into())
}

#[tokio::test]
async fn a_granted_request_sets_the_limit_and_is_decided_once() {
    let desk = Desk::new().await;
    desk.limit(Subject::TEAM, daily(micros(1_000))).await;
    desk.limit(desk.part(), daily(micros(100))).await;
    let part = desk.views().await[1].node.id;
    let (muster, read) = (&desk.world.muster, desk.scope.can::<ReadBudgets>().expect("may"));
    let ask = |amount| muster.ask_for_budget(&read, part, MicroUsd::from_micros(amount), "A large import");
    assert!(matches!(ask(100).await, Err(Error::Invalid(fields)) if fields[0].field == "amount"), "no more than now");
    let id = ask(300).await.expect("asked");
    let mails = desk.world.mail_for("ada@quayside.example").await;
    assert!(mails.iter().any(|(subject, text)| subject.contains("for Parcels") && text.contains("A large import")));
    desk.refused(101).await;
    muster.decide_budget_request(&desk.manage(), id, &BudgetDecision::Granted).await.expect("granted");
    desk.hold(300).await.expect("room");
    assert!(matches!(muster.decide_budget_request(&desk.manage(), id, &no()).await, Err(Error::Refused(_))));
    desk.world.clock.advance(Span::seconds(1));
    let much = ask(5_000).await.expect("asked");
    let refused = muster.decide_budget_request(&desk.manage(), much, &BudgetDecision::Granted).await;
    assert!(
        matches!(refused, Err(Error::Refused(why)) if why.contains("the budget of quayside allows 0.0010 USD")),
        "it must fit into the team's"
    );
    let silent = muster.decide_budget_request(&desk.manage(), much, &BudgetDecision::Declined(" ".into())).await;
    assert!(matches!(silent, Err(Error::Invalid(fields)) if fields[0].field == "answer"));
    muster.decide_budget_request(&desk.manage(), much, &no()).await.expect("declined");
    let mails = desk.world.mail_for("ada@quayside.example").await;
    let about = |subject: &str| mails.iter().find(|(told, _)| told == subject).map(|(_, body)| body.as_str());
    assert!(about("The budget of Parcels is 0.0003 USD now").expect("a mail").starts_with("Your request was granted."));
    let declined = about("Your request for a budget of 0.0050 USD for Parcels was declined").expect("a mail");
    assert!(declined.contains("Not this month"), "{declined}");
    let told = muster.budget_requests(&read).await.expect("requests");
    assert_eq!(told[0].answer.as_deref(), Some("Not this month"));
    assert_eq!(
        told.iter().map(|one| one.decided.as_ref().map(|one| one.0)).collect::<Vec<_>>(),
        [Some(false), Some(true)]
    );

    let bob = desk.world.person("Bob").await;
    let (_, foreign) = desk.world.team("other", &bob).await;
    let theirs = foreign.can::<ManageBudgets>().expect("an owner");
    assert!(matches!(muster.decide_budget_request(&theirs, id, &BudgetDecision::Granted).await, Err(Error::NotFound)));
    assert!(matches!(muster.budget_draft(&theirs, desk.part()).await, Err(Error::NotFound)));
    let foreign_read = foreign.can::<ReadBudgets>().expect("an owner");
    let amount = MicroUsd::from_micros(1);
    assert!(matches!(muster.ask_for_budget(&foreign_read, part, amount, "x").await, Err(Error::NotFound)));
    assert!(matches!(muster.burn(&foreign_read, Some(part)).await, Err(Error::NotFound)));
    let unknown = muster.decide_budget_request(&desk.manage(), BudgetRequestId::new(), &BudgetDecision::Granted).await;
    assert!(matches!(unknown, Err(Error::NotFound)));
    desk.world.end().await;
}

#[tokio::test]
async fn the_signal_tells_the_step_of_this_period_and_what_is_paused() {
    let desk = Desk::new().await;
    let signal = async || desk.world.muster.signals(&desk.scope, 200).await.expect("signals").budget;
    assert_eq!(signal().await.step, 0);
    desk.limit(Subject::TEAM, daily(micros(100))).await;
    desk.spend(85).await;
    assert_eq!(signal().await.step, 80);
    desk.world.clock.advance(Span::days(1));
    assert_eq!(signal().await.step, 0, "another day");
    desk.world.muster.pause(&desk.manage(), desk.part(), "A loop").await.expect("paused");
    let signal = signal().await;
    assert_eq!(signal.pauses.iter().map(|pause| pause.reason.as_str()).collect::<Vec<_>>(), ["A loop"]);
    desk.world.end().await;
}

#[tokio::test]
async fn the_rate_for_unknown_prices_is_the_teams_own() {
    let desk = Desk::new().await;
    let read = desk.scope.can::<ReadBudgets>().expect("may");
    let muster = &desk.world.muster;
    assert_eq!(muster.unknown_rate(&read).await.expect("a rate"), MicroUsd::from_cents(1_000));
    muster.set_unknown_rate(&desk.manage(), MicroUsd::from_cents(200)).await.expect("set");
    assert_eq!(muster.unknown_rate(&read).await.expect("a rate"), MicroUsd::from_cents(200));
    for micros in [-1, 0] {
        let wrong = muster.set_unknown_rate(&desk.manage(), MicroUsd::from_micros(micros)).await;
        assert!(matches!(wrong, Err(Error::Invalid(_))), "{micros}");
    }
    desk.world.end().await;
}

#[tokio::test]
async fn a_rate_of_nothing_from_before_is_raised_to_the_usual_one() {
    let desk = Desk::new().await;
    let read = desk.scope.can::<ReadBudgets>().expect("may");
    let muster = &desk.world.muster;
    muster.unknown_rate(&read).await.expect("the books begin");
    let mut rows = desk.world.superuser().await;
    let as_it_was = "ALTER TABLE budget_heads DROP CONSTRAINT budget_heads_unknown_rate_micro_usd_check;
        ALTER TABLE budget_heads ADD CONSTRAINT budget_heads_unknown_rate_micro_usd_check
            CHECK (unknown_rate_micro_usd BETWEEN 0 AND 1000000000000);
        UPDATE budget_heads SET unknown_rate_micro_usd = 0, version = version + 1; SET ROLE muster_owner";
    sqlx::raw_sql(as_it_was).execute(&mut rows).await.expect("an older schema");
    assert_eq!(muster.unknown_rate(&read).await.expect("a rate"), MicroUsd::ZERO);
    let migration = include_str!("../../../../migrations/0026_unknown_rate.sql");
    sqlx::raw_sql(migration).execute(&mut rows).await.expect("migrated");
    assert_eq!(muster.unknown_rate(&read).await.expect("a rate"), MicroUsd::from_cents(1_000));
    let nothing = sqlx::query("UPDATE budget_heads SET unknown_rate_micro_usd = 0");
    sqlx::raw_sql("RESET ROLE").execute(&mut rows).await.expect("reset");
    assert!(nothing.execute(&mut rows).await.is_err(), "the table refuses it too");
    desk.world.end().await;
}
