//! The ten traps of row-level security, each shown closed.

use orchestrator::{
    db::{Breach, UNFENCED_TABLES, check_catalogue, check_login},
    testing::World,
};
use sqlx::{Connection, PgConnection, Row};
use types::{TeamId, UserId};
use uuid::Uuid;

use crate::fenced::fenced_tables;

struct Two {
    world: World,
    own: TeamId,
    other: TeamId,
    user: UserId,
    app: PgConnection,
}

async fn two_teams() -> Two {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let jonas = world.person("Jonas").await;
    let (own, scope) = world.team("quayside", &mira).await;
    let (other, other_scope) = world.team("harbour", &jonas).await;
    for scope in [&scope, &other_scope] {
        let can = scope.can().expect("owner");
        world.muster.create_project(&can, "ledger", &orchestrator::work::Source::Sample).await.expect("a project");
    }
    let app = PgConnection::connect(world.app_url()).await.expect("the app role connects");
    Two { own: own.id, other: other.id, user: mira.user.id, app, world }
}

async fn set_team(connection: &mut PgConnection, team: TeamId) {
    sqlx::query("SELECT set_config('muster.team', $1, true)")
        .bind(team.to_string())
        .execute(connection)
        .await
        .expect("set_config");
}

#[tokio::test]
async fn trap_1_without_a_team_every_table_is_empty() {
    let mut two = two_teams().await;
    for table in fenced_tables(&mut two.world.superuser().await).await {
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut two.app)
            .await
            .expect(&table);
        assert_eq!(count, 0, "{table}");
    }
    two.world.end().await;
}

#[tokio::test]
async fn trap_2_a_setting_that_has_ended_reads_as_no_team() {
    let mut two = two_teams().await;
    let mut tx = two.app.begin().await.expect("begin");
    set_team(&mut tx, two.own).await;
    tx.commit().await.expect("commit");
    let setting: String =
        sqlx::query_scalar("SELECT current_setting('muster.team', true)").fetch_one(&mut two.app).await.expect("read");
    assert_eq!(setting, "", "an ended local setting is empty, not null");
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(&mut two.app).await.expect("no error");
    assert_eq!(count, 0);
    two.world.end().await;
}

#[tokio::test]
async fn trap_3_who_takes_a_connection_does_not_see_the_team_that_it_was_set_to() {
    let two = two_teams().await;
    let db = two.world.muster.db();
    // What the wrapper never does: a setting for the whole session. The next transaction's begin clears it.
    for _ in 0..20 {
        let mut tx = db.anew().await.expect("a transaction");
        let left: Option<String> = sqlx::query_scalar("SELECT nullif(current_setting('muster.team', true), '')")
            .fetch_one(&mut *tx)
            .await
            .expect("read");
        assert_eq!(left, None);
        drop(tx);
        let mut connection = db.raw().await.expect("a connection");
        sqlx::query("SELECT set_config('muster.team', $1, false)")
            .bind(two.own.to_string())
            .execute(&mut *connection)
            .await
            .expect("set_config");
    }
    two.world.end().await;
}

/// What is said of a role that serves people and is something else as well. It is made for the moment: the one that tests connect as
/// is shared with whatever runs beside this.
async fn breaches_of_an_app_role(world: &World, wrong: &str) -> Vec<Breach> {
    let mut superuser = world.superuser().await;
    let mut sql = async |statement: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut superuser).await.expect(wrong);
    };
    let name = format!("muster_test_{}", Uuid::now_v7().simple());
    let address = world.app_url();
    let login = address.trim_start_matches("postgres://").split('@').next().expect("a login");
    let (login, password) = login.split_once(':').expect("a password");
    sql(format!("CREATE ROLE {name} LOGIN PASSWORD '{password}' {wrong}; GRANT muster_app TO {name}")).await;
    let breaches = check_login(&address.replace(login, &name)).await;
    sql(format!("DROP ROLE {name}")).await;
    let breaches = breaches.expect("a check");
    assert!(breaches.iter().all(|breach| breach.object == format!("role {name}")), "{breaches:?}");
    breaches
}

#[tokio::test]
async fn trap_4_the_owner_is_fenced_and_the_server_refuses_to_be_owner_or_superuser() {
    let two = two_teams().await;
    let mut superuser = two.world.superuser().await;
    sqlx::raw_sql("SET ROLE muster_owner").execute(&mut superuser).await.expect("set role");
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM projects").fetch_one(&mut superuser).await.expect("count");
    assert_eq!(count, 0, "forced: the owner is fenced too");
    assert_eq!(two.world.muster.db().breaches().await.expect("a check"), []);

    assert_eq!(check_login(two.world.engine_url()).await.expect("a check"), []);

    for (wrong, rule) in [
        ("SUPERUSER", "must not connect as a superuser"),
        ("BYPASSRLS", "must not connect as a role that bypasses row-level security"),
        ("IN ROLE muster_owner", "must not connect as the owner of the tables"),
    ] {
        let breaches = breaches_of_an_app_role(&two.world, wrong).await;
        assert!(breaches.iter().any(|breach| breach.rule.contains(rule)), "{wrong}: {breaches:?}");
    }
    two.world.end().await;
}

#[tokio::test]
async fn traps_5_to_8_the_catalogue_check_names_each_broken_rule() {
    let two = two_teams().await;
    let mut superuser = two.world.superuser().await;
    assert_eq!(check_catalogue(&mut superuser).await.expect("a check"), []);
    let breaking = [
        ("CREATE TABLE loose (id uuid PRIMARY KEY)", "not on the list"),
        ("CREATE TABLE unforced (team_id uuid PRIMARY KEY REFERENCES teams)", "not enabled and forced"),
        ("CREATE TABLE unpoliced (team_id uuid PRIMARY KEY); ALTER TABLE unpoliced ENABLE ROW LEVEL SECURITY; ALTER TABLE unpoliced FORCE ROW LEVEL SECURITY", "no policy"),
        ("CREATE POLICY everything ON tasks USING (true)", "not on the list"),
        ("CREATE POLICY everything ON tasks FOR SELECT TO muster_app USING (true)", "not on the list"),
        ("DROP POLICY own_memberships ON memberships; CREATE POLICY own_memberships ON memberships FOR SELECT USING (true)", "not on the list"),
        ("ALTER POLICY own_team ON tasks USING (team_id = (SELECT current_team()) OR true)", "no policy"),
        ("ALTER POLICY own_team ON tasks WITH CHECK (true)", "no policy"),
        ("CREATE VIEW leaky AS SELECT * FROM projects", "security_invoker"),
        ("CREATE TABLE crossing (team_id uuid, id uuid, project uuid, PRIMARY KEY (team_id, id)); SELECT fence('crossing');
          ALTER TABLE projects ADD CONSTRAINT projects_id UNIQUE (id); ALTER TABLE crossing ADD FOREIGN KEY (project) REFERENCES projects (id)", "does not carry the team"),
        ("CREATE UNIQUE INDEX telling ON squads (name)", "does not start with the team"),
        ("GRANT TRUNCATE ON tasks TO muster_app", "TRUNCATE"),
        ("GRANT UPDATE ON audit_entries TO muster_app", "audit entries"),
        ("GRANT UPDATE (details) ON audit_entries TO muster_app", "audit entries"),
        ("GRANT TRIGGER ON tasks TO muster_system", "TRIGGER"),
        ("GRANT SELECT ON projects TO muster_system", "more than its jobs need"),
        ("GRANT INSERT (recipient) ON mails TO muster_system", "more than its jobs need"),
        ("GRANT SELECT ON runs TO muster_engine", "not the engine's"),
        ("GRANT SELECT ON users TO PUBLIC", "not the engine's"),
    ];
    // What an extension owns holds nobody's rows: many installations have pg_stat_statements.
    let mut tx = superuser.begin().await.expect("begin");
    let owned = "CREATE TABLE gauge (id int PRIMARY KEY); CREATE VIEW gauges AS SELECT * FROM gauge;
                 ALTER EXTENSION plpgsql ADD TABLE gauge; ALTER EXTENSION plpgsql ADD VIEW gauges";
    sqlx::raw_sql(owned).execute(&mut *tx).await.expect("an extension's objects");
    assert_eq!(check_catalogue(&mut tx).await.expect("a check"), []);
    tx.rollback().await.expect("rollback");
    for (statement, rule) in breaking {
        let mut tx = superuser.begin().await.expect("begin");
        sqlx::raw_sql(statement).execute(&mut *tx).await.expect(statement);
        let breaches = check_catalogue(&mut tx).await.expect("a check");
        assert!(breaches.iter().any(|breach| breach.rule.contains(rule)), "{statement}: {breaches:?}");
        tx.rollback().await.expect("rollback");
    }
    two.world.end().await;
}

#[tokio::test]
async fn the_owner_of_the_tables_is_nobody_who_signs_in() {
    let two = two_teams().await;
    let mut superuser = two.world.superuser().await;
    let rights: Vec<bool> = sqlx::query_scalar(
        "SELECT unnest(ARRAY[rolcanlogin, rolsuper, rolbypassrls]) FROM pg_roles WHERE rolname = 'muster_owner'",
    )
    .fetch_all(&mut superuser)
    .await
    .expect("the role");
    assert_eq!(rights, [false; 3]);
    let owners: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&mut superuser)
            .await
            .expect("the tables");
    assert_eq!(owners, ["muster_owner"]);
    two.world.end().await;
}

#[tokio::test]
async fn the_query_on_the_home_page_names_what_is_not_fenced() {
    let two = two_teams().await;
    let mut superuser = two.world.superuser().await;
    let mut unfenced = async |change: &'static str| -> Vec<String> {
        sqlx::raw_sql(change).execute(&mut superuser).await.expect(change);
        sqlx::query_scalar(UNFENCED_TABLES).fetch_all(&mut superuser).await.expect("the query runs as it stands")
    };
    assert_eq!(unfenced("").await, [""; 0]);
    assert_eq!(unfenced("CREATE TABLE open (team_id uuid)").await, ["open"]);
    assert_eq!(unfenced("ALTER TABLE open ENABLE ROW LEVEL SECURITY").await, ["open"], "the owner goes around it");
    assert_eq!(unfenced("ALTER TABLE open FORCE ROW LEVEL SECURITY").await, [""; 0]);
    assert_eq!(unfenced("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY").await, ["tasks"]);
    two.world.end().await;
}

#[tokio::test]
async fn trap_6_a_foreign_key_never_points_into_another_team() {
    let mut two = two_teams().await;
    let mut superuser = two.world.superuser().await;
    let foreign: Uuid = sqlx::query_scalar("SELECT id FROM projects WHERE team_id = $1")
        .bind(two.other.uuid())
        .fetch_one(&mut superuser)
        .await
        .expect("a project");
    let mut tx = two.app.begin().await.expect("begin");
    set_team(&mut tx, two.own).await;
    let refused = sqlx::query(
        "INSERT INTO tasks (team_id, id, number, project_id, title, state, created_by, created_at, updated_at) VALUES ($1, $2, 1, $3, 'x', 'TODO', $4, now(), now())",
    )
    .bind(two.own.uuid())
    .bind(Uuid::now_v7())
    .bind(foreign)
    .bind(two.user.uuid())
    .execute(&mut *tx)
    .await
    .expect_err("another team's project");
    assert_eq!(
        refused.as_database_error().and_then(sqlx::error::DatabaseError::constraint),
        Some("tasks_team_id_project_id_fkey")
    );
    drop(tx);
    two.world.end().await;
}

#[tokio::test]
async fn trap_7_a_unique_key_tells_nothing_about_another_team() {
    // Both teams hold a project called "ledger" by now: the second insert would have failed.
    let two = two_teams().await;
    let mut superuser = two.world.superuser().await;
    let ledgers: i64 = sqlx::query_scalar("SELECT count(*) FROM projects WHERE name = 'ledger'")
        .fetch_one(&mut superuser)
        .await
        .expect("count");
    assert_eq!(ledgers, 2);
    two.world.end().await;
}

#[tokio::test]
async fn trap_8_the_app_role_may_not_truncate() {
    let mut two = two_teams().await;
    for table in fenced_tables(&mut two.world.superuser().await).await {
        let refused =
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("TRUNCATE {table} CASCADE"))).execute(&mut two.app).await;
        assert!(refused.is_err(), "{table}");
    }
    two.world.end().await;
}

#[tokio::test]
async fn trap_9_rows_of_another_team_can_be_neither_read_written_nor_moved() {
    let mut two = two_teams().await;
    let mut tx = two.app.begin().await.expect("begin");
    set_team(&mut tx, two.own).await;
    let seen = sqlx::query("SELECT team_id FROM projects").fetch_all(&mut *tx).await.expect("select");
    assert_eq!(seen.iter().map(|row| row.get::<Uuid, _>(0)).collect::<Vec<_>>(), [two.own.uuid()]);
    let changed = sqlx::query("UPDATE projects SET name = 'taken' WHERE team_id = $1")
        .bind(two.other.uuid())
        .execute(&mut *tx)
        .await
        .expect("update");
    assert_eq!(changed.rows_affected(), 0);
    let moved = sqlx::query("UPDATE projects SET team_id = $1").bind(two.other.uuid()).execute(&mut *tx).await;
    assert!(moved.is_err(), "WITH CHECK refuses to move a row");
    drop(tx);
    two.world.end().await;
}

#[tokio::test]
async fn trap_10_the_policy_is_an_equality_that_an_index_serves() {
    let two = two_teams().await;
    let mut app = PgConnection::connect(two.world.app_url()).await.expect("the app role connects");
    let mut tx = app.begin().await.expect("begin");
    set_team(&mut tx, two.own).await;
    // Without sequential scans the planner shows whether an index can serve the policy at all.
    sqlx::raw_sql("SET LOCAL enable_seqscan = off").execute(&mut *tx).await.expect("set");
    let plan: Vec<String> =
        sqlx::query_scalar("EXPLAIN SELECT * FROM tasks WHERE title = 'x'").fetch_all(&mut *tx).await.expect("explain");
    let plan = plan.join("\n");
    assert!(plan.contains("Index Cond: (team_id = ") && plan.contains("InitPlan"), "{plan}");
    drop(tx);
    two.world.end().await;
}

#[tokio::test]
async fn the_books_are_added_to_and_never_changed() {
    let two = two_teams().await;
    let mut app = PgConnection::connect(two.world.app_url()).await.expect("the app role connects");
    for table in ["usage", "ledger_entries"] {
        for statement in [format!("UPDATE {table} SET at = now()"), format!("DELETE FROM {table}")] {
            let mut tx = app.begin().await.expect("a transaction");
            set_team(&mut tx, two.own).await;
            let refused = sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&mut *tx).await;
            let code =
                refused.expect_err(&statement).into_database_error().and_then(|error| error.code().map(String::from));
            assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        }
    }
    drop(app);
    two.world.end().await;
}
