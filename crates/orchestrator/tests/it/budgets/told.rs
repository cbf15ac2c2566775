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
        ("The budget of quayside is used up", "0.00 of 0.00 USD are spent."),
    ] {
        let found = mail.iter().filter(|(told, _)| told == subject).map(|(_, body)| body).collect::<Vec<_>>();
        assert!(found.len() == 1 && found[0].starts_with(line), "{subject}: {found:?}");
    }
    let told = desk.world.mail_for(&reader.user.email).await;
    assert!(told.iter().all(|(subject, _)| !subject.contains("budget")), "{told:?}");
    desk.world.end().await;
}
