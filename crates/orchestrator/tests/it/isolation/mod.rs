//! Whatever one team does, another team's rows stay as they are: with row-level security, and with it switched off.

mod sides;
mod tries;

use orchestrator::{Origin, testing::World, work::Source};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use sqlx::PgConnection;
use types::TeamId;

use self::{
    sides::side,
    tries::{attempt, tries},
};
use crate::fenced::fenced_tables;

/// Looks at a team past every fence.
struct Camera {
    superuser: PgConnection,
    statement: String,
}

impl Camera {
    async fn new(world: &World) -> Self {
        let mut superuser = world.superuser().await;
        let of_table = |table: &String| {
            let team = if table == "teams" { "id" } else { "team_id" };
            format!("SELECT '{table} ' || t::text FROM {table} t WHERE {team} = $1")
        };
        let tables = fenced_tables(&mut superuser).await;
        let statement = tables.iter().map(of_table).collect::<Vec<_>>().join(" UNION ALL ");
        Self { superuser, statement: format!("{statement} ORDER BY 1") }
    }

    /// Every byte of a team's rows.
    async fn picture(&mut self, team: TeamId) -> Vec<String> {
        let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(self.statement.clone())).bind(team);
        rows.fetch_all(&mut self.superuser).await.expect("rows")
    }
}

async fn neighbours_stay_untouched(fenced: bool) {
    let world = World::new().await;
    if !fenced {
        let mut superuser = world.superuser().await;
        for table in fenced_tables(&mut superuser).await {
            let statement = format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY");
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut superuser).await.expect("switched off");
        }
    }
    let (mira, jonas) = (world.person("Mira").await, world.person("Jonas").await);
    let (hanna, hugo) = (world.person("Hanna").await, world.person("Hugo").await);
    let own = side(&world, "quayside", &mira, &jonas).await;
    let other = side(&world, "harbour", &hanna, &hugo).await;
    world
        .muster
        .create_project(&other.scope.can().expect("owner"), "secret", &Source::Sample)
        .await
        .expect("a project");
    assert!(world.muster.enter(&mira, "harbour", Origin::internal()).await.is_err());

    // What the call of the set-up gave back is booked by now.
    world.muster.empty_desk().await;
    let mut camera = Camera::new(&world).await;
    let before = camera.picture(other.scope.team()).await;
    let mut runner = TestRunner::deterministic();
    let mut outcomes = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let what = tries().new_tree(&mut runner).expect("a try").current();
        let outcome = attempt(&world, &own, &other, &what).await;
        assert_eq!(camera.picture(other.scope.team()).await, before, "{what:?} changed the other team");
        outcomes.insert(outcome);
    }
    assert!(
        outcomes.contains("Ok(())") && outcomes.contains("Err(NotFound)"),
        "tries both worked and failed: {outcomes:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn neighbours_stay_untouched_behind_both_fences() {
    neighbours_stay_untouched(true).await;
}

#[tokio::test]
async fn neighbours_stay_untouched_by_the_queries_alone() {
    neighbours_stay_untouched(false).await;
}
