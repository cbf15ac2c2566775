//! An answer that Postgres would refuse as it is.

use orchestrator::{runs::Gate, squads::Template, work::Commands};
use serde_json::json;

use super::{
    at_once::{create, finish},
    scripted::{Scripted, when},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_an_answer_is_kept_as_a_mark_and_paid_once() {
    let mut file = create("fees.txt", "fee\u{0}s\n");
    file["text"] = json!("I write\u{0} it.");
    let turns = [file, finish("All\u{0} of it.")];
    let coder = when("coder", &["Role: coder\n"], &[], &turns);
    let site = Scripted::new(Template::Solo, &[], Commands::default(), &[coder]).await;
    site.start().await;
    let engine = site.yard.work().await;
    let run = site.until_gate(Gate::Merge).await;
    let can = site.yard.scope.can().expect("may");
    let journal = site.yard.world.muster.journal(&can, run.id, 0, 1_000).await.expect("a journal");
    let told: Vec<_> = journal.iter().map(|entry| &entry.body).collect();
    let journal = serde_json::to_string(&told).expect("JSON");
    assert!(journal.contains("I write\u{fffd} it.") && journal.contains("All\u{fffd} of it."), "{journal}");
    assert_eq!(site.delivered("fees.txt").await, "fee\u{fffd}s\n");

    let mut rows = site.yard.world.superuser().await;
    let calls: i64 = sqlx::query_scalar("SELECT count(*) FROM reservations").fetch_one(&mut rows).await.expect("held");
    assert_eq!(calls, 2, "each turn is asked once");
    assert_eq!(orchestrator::testing::usage(&mut rows).await.len(), 2);
    engine.shut_down().await;
}
