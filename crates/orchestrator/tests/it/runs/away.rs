//! The database ends connections in the middle of what runs write, as one does that is started anew.

use orchestrator::{runs::Gate, squads::Template, work::Commands};
use types::RunId;

use super::{
    at_once::{create, finish, shell},
    scripted::{Scripted, when},
};

/// Ends all connections of Muster, that of the writer too, with some of the lines that are told of runs: never with two in a row,
/// and only with a few.
const BLIPS: &str = "
    CREATE SEQUENCE blips;
    CREATE FUNCTION blip() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE told bigint := nextval('blips');
    BEGIN
        IF told % 3 = 2 AND told < 20 THEN
            PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND usename <> current_user AND pid <> pg_backend_pid();
            PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER blip BEFORE INSERT ON run_events FOR EACH ROW EXECUTE FUNCTION blip();";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_for_a_moment_ends_no_run() {
    let turns = [create("fees.txt", "fees\n"), shell("cat fees.txt"), create("more.txt", "more\n"), finish("Fees.")];
    let script = [when("write", &["Role: coder\n"], &[], &turns)];
    let site = Scripted::new(Template::Solo, &[], Commands::default(), &script).await;
    let mut rows = site.yard.world.superuser().await;
    sqlx::raw_sql(BLIPS).execute(&mut rows).await.expect("a trigger");
    site.start().await;
    let engine = site.yard.work().await;
    let waiting = site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("fees.txt").await, "fees\n");
    assert_eq!(site.delivered("more.txt").await, "more\n");
    told_once(&site, waiting.id).await;
    let blips: i64 = sqlx::query_scalar("SELECT last_value FROM blips").fetch_one(&mut rows).await.expect("a count");
    assert!(blips > 8, "connections were ended: {blips}");
    engine.shut_down().await;
}

/// What was tried again stands in the journal once.
async fn told_once(site: &Scripted, run: RunId) {
    let mut rows = site.yard.world.superuser().await;
    let (all, keys): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(DISTINCT key) FROM run_events WHERE run_id = $1")
            .bind(run.uuid())
            .fetch_one(&mut rows)
            .await
            .expect("counts");
    assert_eq!(all, keys);
}
