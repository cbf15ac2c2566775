//! Who is told of what is spent, and how.

use super::*;

#[tokio::test]
async fn people_are_told_once_and_by_mail() {
    let desk = Desk::new().await;
    desk.limit(Subject::TEAM, BudgetSettings { warn_at: vec![50, 80], ..daily(micros(100)) }).await;
    for _ in 0..9 {
        desk.spend(10).await;
    }
    desk.refused(11).await;
    desk.refused(11).await;
    let alerts = desk.world.muster.budget_alerts(&desk.scope.can().expect("may")).await.expect("alerts");
    assert_eq!(alerts.iter().rev().map(|alert| alert.step).collect::<Vec<_>>(), [50, 80, 100]);
    let subjects: Vec<String> =
        desk.world.mail_for("ada@quayside.example").await.into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(
        subjects[..3],
        [
            "The budget of quayside is used up",
            "80 % of the budget of quayside is spent",
            "50 % of the budget of quayside is spent"
        ]
    );
    desk.world.end().await;
}

#[tokio::test]
async fn limits_in_tokens_are_told_of_in_tokens_and_to_those_who_may_raise_them() {
    let desk = Desk::new().await;
    let reader = desk.world.person("Rita").await;
    desk.world.join(&desk.scope, &reader, "reader").await;
    let both = BudgetSettings { tokens: Some(1_000), ..daily(micros(1_000)) };
    desk.limit(Subject::TEAM, both).await;
    // The same numbers in both measures, and each is told of.
    desk.spend(850).await;
    desk.refused(151).await;
    let dear = NewCall { worst: Some(MicroUsd::from_micros(1)), tokens: 151, ..call(desk.project, 0) };
    for _ in 0..2 {
        let refused = desk.world.muster.hold(desk.team(), dear.clone()).await;
        assert!(matches!(refused, Err(Error::Budget(refusal)) if refusal.measure == Measure::Tokens));
    }
    let alerts = desk.world.muster.budget_alerts(&desk.scope.can().expect("may")).await.expect("alerts");
    let mut told: Vec<_> = alerts.iter().map(|alert| (alert.step, alert.measure, alert.spent, alert.limit)).collect();
    told.sort_by_key(|&(step, measure, ..)| (step, measure == Measure::Tokens));
    let each = |step| [(step, Measure::Money, 850, 1_000), (step, Measure::Tokens, 850, 1_000)];
    assert_eq!(told, [each(80), each(100)].concat());

    let mail = desk.world.mail_for("ada@quayside.example").await;
    for (subject, line) in [
        ("80 % of the token budget of quayside is spent", "850 of 1000 tokens are spent."),
        ("The token budget of quayside is used up", "850 of 1000 tokens are spent."),
        ("The budget of quayside is used up", "0.000850 of 0.001000 USD are spent."),
    ] {
        let found = mail.iter().filter(|(told, _)| told == subject).map(|(_, body)| body).collect::<Vec<_>>();
        assert!(found.len() == 1 && found[0].starts_with(line), "{subject}: {found:?}");
    }
    let told = desk.world.mail_for(&reader.user.email).await;
    assert!(told.iter().all(|(subject, _)| !subject.contains("budget")), "{told:?}");
    desk.world.end().await;
}

#[tokio::test]
async fn what_one_task_or_run_may_cost_is_told_of_by_its_name() {
    let desk = Desk::new().await;
    let (muster, can) = (&desk.world.muster, desk.scope.can().expect("may"));
    muster.form_squad(&can, "Crew", Template::Solo).await.expect("a squad");
    let can = desk.scope.can().expect("may");
    let task = muster.create_task(&can, desk.project, &NewTask::titled("Weights")).await.expect("a task");
    let run = muster.start_run(&desk.scope.can().expect("may"), task.id, None).await.expect("a run");
    let reader = desk.world.person("Rita").await;
    desk.world.join(&desk.scope, &reader, "reader").await;
    let caps = BudgetSettings {
        per_task: Some(MicroUsd::from_micros(200)),
        per_run: Some(MicroUsd::from_micros(100)),
        ..daily(micros(1_000_000))
    };
    desk.limit(Subject::TEAM, caps).await;
    let of = |run, micros| {
        let mut new = call(desk.project, micros);
        (new.spender.task, new.spender.run) = (Some(task.id), run);
        muster.hold(desk.team(), new)
    };
    let held = of(Some(run), 85).await.expect("room");
    muster.settle(held, used(85)).await.expect("settled");
    assert!(matches!(of(Some(run), 16).await, Err(Error::Budget(refusal)) if refusal.kind == BoundKind::Run(run)));
    let held = of(None, 80).await.expect("room");
    muster.settle(held, used(80)).await.expect("settled");
    for _ in 0..2 {
        assert!(matches!(of(None, 36).await, Err(Error::Budget(refusal)) if refusal.kind == BoundKind::Task(task.id)));
    }

    let alerts = muster.budget_alerts(&desk.scope.can().expect("may")).await.expect("alerts");
    let mut told: Vec<_> = alerts.iter().map(|alert| (alert.kind, alert.step, alert.spent, alert.limit)).collect();
    told.sort_by_key(|&(kind, step, ..)| (kind == BoundKind::Run(run), step));
    let (of_task, of_run) = (BoundKind::Task(task.id), BoundKind::Run(run));
    assert_eq!(
        told,
        [(of_task, 80, 165, 200), (of_task, 100, 165, 200), (of_run, 80, 85, 100), (of_run, 100, 85, 100)]
    );
    for alert in &alerts {
        assert_eq!(
            (alert.name.as_str(), alert.task.as_ref()),
            ("quayside", Some(&(task.number, "Weights".to_owned())))
        );
        assert_eq!(alert.told, ["Ada"], "a reader is not told");
    }
    assert_eq!(muster.budget_managers(&desk.scope.can().expect("may")).await.expect("people"), ["Ada"]);

    let mail = desk.world.mail_for("ada@quayside.example").await;
    for (subject, line) in [
        (
            "Task #1 (Weights) has spent 80 % of the limit for one task of quayside",
            "0.000165 of 0.000200 USD are spent.",
        ),
        ("Task #1 (Weights) has reached the limit for one task of quayside", "0.000165 of 0.000200 USD are spent."),
        ("A run of task #1 (Weights) has spent 80 % of the limit for one run of quayside", "0.000085 of 0.000100 USD"),
        ("A run of task #1 (Weights) has reached the limit for one run of quayside", "0.000085 of 0.000100 USD"),
    ] {
        let found = mail.iter().filter(|(told, _)| told == subject).map(|(_, body)| body).collect::<Vec<_>>();
        assert!(found.len() == 1 && found[0].starts_with(line), "{subject}: {found:?} of {mail:?}");
    }
    assert!(mail.iter().all(|(subject, _)| !subject.contains("is used up")), "{mail:?}");
    desk.world.end().await;
}
