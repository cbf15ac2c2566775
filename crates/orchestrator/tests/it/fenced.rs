//! The tables that belong to teams, as the catalogue knows them: a new one is in every test that walks them.

use sqlx::PgConnection;

/// Every table of ours with a team, and the teams themselves.
pub(crate) async fn fenced_tables(superuser: &mut PgConnection) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND (c.relname = 'teams' OR EXISTS
             (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'team_id' AND NOT a.attisdropped))
         ORDER BY 1",
    )
    .fetch_all(superuser)
    .await
    .expect("the catalogue");
    assert!(tables.len() > 40, "{tables:?}");
    tables
}
