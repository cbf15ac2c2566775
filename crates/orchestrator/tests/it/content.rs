//! The words of model calls: kept only where a team wants them, sealed, and gone in time.

use gateway::{Kind, Provider, Secret};
use orchestrator::{
    Error, Scope,
    budgets::{Held, NewCall, Spender},
    grants::ReadAudit,
    models::Words,
    testing::World,
};
use time::Duration;
use types::{MicroUsd, ReservationId};

const KEY: &str = "a-key-without-a-mark";
const WORDS: Words<'_> =
    Words { request: r#"{"content":"use a-key-without-a-mark or sk-0123456789abcdef"}"#, answer: "We use it." };

async fn call(world: &World, scope: &Scope) -> ReservationId {
    let new = NewCall {
        spender: Spender::default(),
        key: "call".into(),
        provider: "Own".into(),
        model: "m".into(),
        worst: Some(MicroUsd::ZERO),
        tokens: 1,
    };
    let held: Held = world.muster.hold(scope.team(), new).await.expect("held");
    let id = held.id();
    world.muster.release(held).await.expect("given back");
    let provider =
        Provider::new(Kind::OpenAiChat, "http://127.0.0.1:9/v1", Some(Secret::new(KEY))).expect("an address");
    world.muster.keep_words(scope.team(), id, &provider, WORDS).await.expect("kept or not");
    id
}

async fn read(world: &World, scope: &Scope, id: ReservationId) -> Result<(String, String), Error> {
    let content = world.muster.call_content(&scope.can()?, &scope.can()?, id).await?;
    Ok((content.request, content.answer))
}

async fn rows(world: &World) -> i64 {
    let mut admin = world.superuser().await;
    sqlx::query_scalar("SELECT count(*) FROM call_contents").fetch_one(&mut admin).await.expect("a count")
}

#[tokio::test]
async fn words_are_kept_only_when_somebody_says_so_without_secrets_and_read_with_a_trace() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let muster = &world.muster;
    let before = call(&world, &scope).await;
    assert!(matches!(read(&world, &scope, before).await, Err(Error::NotFound)));
    assert!(muster.content_capture(&scope.can().expect("owner")).await.expect("settings").is_none());

    for days in [0, 91] {
        let Err(Error::Invalid(fields)) = muster.keep_content(&scope.can().expect("owner"), days).await else {
            panic!("{days}")
        };
        assert_eq!(fields[0].field, "days");
    }
    muster.keep_content(&scope.can().expect("owner"), 7).await.expect("on");
    let capture = muster.content_capture(&scope.can().expect("owner")).await.expect("settings").expect("on");
    assert_eq!((capture.days, capture.set_by.as_str()), (7, "Mira"));
    let id = call(&world, &scope).await;
    let (request, answer) = read(&world, &scope, id).await.expect("kept");
    assert_eq!(request, r#"{"content":"use [key] or [secret]"}"#);
    assert_eq!(answer, "We use it.");
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM call_contents")
        .fetch_one(&mut world.superuser().await)
        .await
        .expect("a row");
    assert!(!sealed.windows(10).any(|window| window == b"We use it."), "nobody reads it without the team's key");

    let (_, harbour) = world.team("harbour", &world.person("Hanna").await).await;
    assert!(matches!(read(&world, &harbour, id).await, Err(Error::NotFound)));
    let log = muster.audit_log(&scope.can::<ReadAudit>().expect("owner"), &Default::default()).await.expect("a log");
    let actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions.iter().filter(|action| **action == "content.read").count(), 1);
    assert_eq!(actions.iter().filter(|action| **action == "content.kept").count(), 1);
    world.end().await;
}

#[tokio::test]
async fn words_go_in_time_or_at_once() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let muster = &world.muster;
    muster.keep_content(&scope.can().expect("owner"), 30).await.expect("on");
    let early = call(&world, &scope).await;
    // A shorter time holds for what is kept already; a longer one does not bring it back.
    muster.keep_content(&scope.can().expect("owner"), 2).await.expect("shorter");
    muster.keep_content(&scope.can().expect("owner"), 30).await.expect("longer");
    let late = call(&world, &scope).await;
    world.clock.advance(Duration::days(2));
    assert!(matches!(read(&world, &scope, early).await, Err(Error::NotFound)), "before anybody tidies");
    assert!(read(&world, &scope, late).await.is_ok());
    muster.tidy().await.expect("tidy");
    assert_eq!(rows(&world).await, 1);

    // Off without deleting: what is kept stays for its time, and nothing is added.
    muster.keep_no_content(&scope.can().expect("owner"), false).await.expect("off");
    assert!(read(&world, &scope, late).await.is_ok());
    let after = call(&world, &scope).await;
    assert!(matches!(read(&world, &scope, after).await, Err(Error::NotFound)));
    muster.keep_no_content(&scope.can().expect("owner"), true).await.expect("deleted");
    assert_eq!(rows(&world).await, 0);
    world.end().await;
}

#[tokio::test]
async fn kept_words_outlive_a_rotation_of_keys() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let muster = &world.muster;
    muster.keep_content(&scope.can().expect("owner"), 7).await.expect("on");
    let old = call(&world, &scope).await;
    muster.rotate_secrets(&scope.can().expect("owner")).await.expect("rotated");
    let new = call(&world, &scope).await;
    assert!(read(&world, &scope, old).await.is_ok() && read(&world, &scope, new).await.is_ok());
    world.clock.advance(Duration::days(8));
    muster.tidy().await.expect("tidy");
    muster.rotate_secrets(&scope.can().expect("owner")).await.expect("rotated");
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM data_keys")
        .fetch_one(&mut world.superuser().await)
        .await
        .expect("a count");
    assert_eq!(keys, 1, "keys that nothing needs are gone");
    world.end().await;
}
