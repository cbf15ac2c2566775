//! What goes wrong in one team's books, or in one moment, leaves nobody waiting.

use time::{OffsetDateTime, macros::datetime};

use super::*;

/// Whatever waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("hangs: {what}"))
}

#[tokio::test]
async fn a_report_of_more_tokens_than_there_are_is_booked_as_the_most_there_can_be() {
    let desk = Desk::new().await;
    let endless =
        TokenUsage { uncached: 3, cache_read: u64::MAX, cache_write: u64::MAX, output: u64::MAX, reasoning: u64::MAX };
    for cost in [Some(MicroUsd::from_micros(i64::MAX)), None] {
        let held = desk.hold(5).await.expect("room");
        let settled = desk.world.muster.settle(held, Used { usage: endless, cost, ..used(5) });
        soon("the settlement", settled).await.expect("settled");
    }
    soon("the next call", desk.spend(7)).await;
    let most = i64::try_from(TokenUsage::MOST).expect("few");
    assert_eq!(desk.views().await[0].tokens_spent, 2 * (4 * most + 3) + 7);
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn a_panic_in_the_books_fails_who_waits_and_nobody_after() {
    let desk = Desk::new().await;
    let held = desk.hold(5).await.expect("room");
    // The lease of a call ends after the last moment that can be told.
    let left: Span = datetime!(9999-12-31 23:59:59 UTC) - desk.world.clock.now();
    desk.world.clock.advance(left);
    let failed = soon("a call amid the panic", desk.hold(1)).await;
    assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
    desk.world.clock.advance(-left);
    soon("a settlement after it", desk.world.muster.settle(held, used(5))).await.expect("settled");
    soon("a call after it", desk.spend(2)).await;
    soon("the end of the process", desk.world.muster.empty_desk()).await;
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn the_books_of_one_team_hang_and_others_are_kept() {
    let desk = Desk::new().await;
    desk.world.tell_of_writes(&["reservations"]).await;
    let mut told = desk.world.writes(&["reservations"]).await;
    let (_, other) = desk.world.team("other", &desk.world.person("Bob").await).await;
    // The team that hangs comes first, by time and in the process's own list of beats alike.
    let stuck = desk.hold(5).await.expect("room");
    desk.world.clock.advance(Span::seconds(1));
    let new = NewCall { spender: Spender::default(), ..call(desk.project, 9) };
    let lost = desk.world.muster.hold(other.team(), new.clone()).await.expect("room");
    drop((stuck, lost));
    desk.world.clock.advance(Span::minutes(2));
    let mut lock = desk.world.superuser().await;
    sqlx::raw_sql("BEGIN").execute(&mut lock).await.expect("a transaction");
    sqlx::query("SELECT FROM budget_heads WHERE team_id = $1 FOR UPDATE")
        .bind(desk.team().uuid())
        .execute(&mut lock)
        .await
        .expect("the lock");

    let muster = desk.world.muster.clone();
    let look = tokio::spawn(async move { muster.settle_lost().await });
    let mut rows = desk.world.superuser().await;
    let settled = async {
        loop {
            let state: String = sqlx::query_scalar("SELECT state FROM reservations WHERE team_id = $1")
                .bind(other.team().uuid())
                .fetch_one(&mut rows)
                .await
                .expect("a reservation");
            if state == "LOST" {
                return;
            }
            told.more().await;
        }
    };
    soon("the other team's books", settled).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.expect("let go");
    soon("the look", look).await.expect("no panic").expect("a look");
    soon("the desk", desk.world.muster.empty_desk()).await;
    assert_eq!(desk.world.muster.settle_lost().await.expect("a look"), 0, "the team that hung is settled too");
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn a_sign_of_life_waits_for_no_row() {
    let desk = Desk::new().await;
    desk.world.tell_of_writes(&["reservations"]).await;
    let mut told = desk.world.writes(&["reservations"]).await;
    let (locked, free) = (desk.hold(5).await.expect("room"), desk.hold(9).await.expect("room"));
    let mut lock = desk.world.superuser().await;
    sqlx::raw_sql("BEGIN").execute(&mut lock).await.expect("a transaction");
    sqlx::query("SELECT FROM reservations WHERE id = $1 FOR UPDATE")
        .bind(locked.id().uuid())
        .execute(&mut lock)
        .await
        .expect("the row");
    desk.world.clock.advance(Span::seconds(30));
    let beaten = desk.world.clock.now() + Span::seconds(40);

    let muster = desk.world.muster.clone();
    let keeper = tokio::spawn(async move { muster.keep_books().await });
    let mut rows = desk.world.superuser().await;
    let beats = async {
        loop {
            let expires: OffsetDateTime = sqlx::query_scalar("SELECT expires_at FROM reservations WHERE id = $1")
                .bind(free.id().uuid())
                .fetch_one(&mut rows)
                .await
                .expect("a reservation");
            if expires == beaten {
                return;
            }
            told.more().await;
        }
    };
    soon("the other row", beats).await;
    keeper.abort();
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.expect("let go");
    for held in [locked, free] {
        desk.world.muster.release(held).await.expect("released");
    }
    desk.balanced().await;
    desk.world.end().await;
}
