use sqlx::{Connection, PgConnection};

use crate::Result;

/// Tables without a team, each with the reason why.
const GLOBAL_TABLES: &[(&str, &str)] = &[
    ("_sqlx_migrations", "the schema's own history"),
    ("users", "people are global; memberships join them to teams"),
    ("sessions", "a session belongs to a person, before any team is chosen"),
    ("verifications", "an address is proven before the account exists"),
    ("sign_in_failures", "counted before anybody is signed in"),
    ("nodes", "a node works for every team; only the system role sees it"),
    ("mails", "mail is addressed to people; only the system role reads it"),
];

/// Names the tables of teams that the database does not fence, for anybody who wants to see that there are none.
pub const UNFENCED_TABLES: &str = "\
select relname from pg_class
join pg_attribute on attrelid = pg_class.oid
where attname = 'team_id' and relkind in ('r', 'p')
and not (relrowsecurity and relforcerowsecurity);";

/// A rule of tenancy that the database does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub object: String,
    pub rule: &'static str,
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.object, self.rule)
    }
}

/// Reads the catalogue and names every table, view, key and grant that breaks a rule of tenancy.
///
/// Runs in tests and at every start: a migration that forgot a fence never serves a request.
///
/// # Errors
/// When the database does not answer.
pub async fn check_catalogue(connection: &mut PgConnection) -> Result<Vec<Breach>> {
    let globals: Vec<String> = GLOBAL_TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();
    let breaches = sqlx::query_file!("src/db/catalogue.sql", &globals).fetch_all(connection).await?;
    Ok(breaches.into_iter().map(|row| Breach { object: row.object, rule: rule(&row.rule) }).collect())
}

fn rule(code: &str) -> &'static str {
    match code {
        "unfenced" => "the table has no team column and is not on the list of global tables",
        "not_forced" => "row-level security is not enabled and forced",
        "no_policy" => "no policy compares the team with both USING and WITH CHECK",
        "policy" => "a policy that is not on the list lets rows through",
        "foreign_key" => "a foreign key to a team's table does not carry the team",
        "unique" => "a unique key does not start with the team",
        "view" => "the view does not run with the rights of whoever asks (security_invoker)",
        "grant" => "a role that serves holds TRUNCATE, REFERENCES or TRIGGER",
        "system_grant" => "the system role may do more than its jobs need",
        "engine_grant" => "the durable engine's role reaches a table that is not the engine's",
        "audit_grant" => "the app role may change or remove audit entries",
        _ => "unknown rule",
    }
}

/// What is wrong with the role of an address; for one that no pool of [`Db`](super::Db) connects as.
///
/// # Errors
/// When the address cannot be read, or the database does not let the role in.
pub async fn check_login(url: &str) -> Result<Vec<Breach>> {
    let mut connection = PgConnection::connect(url).await?;
    let breaches = check_role(&mut connection).await?;
    connection.close().await?;
    Ok(breaches)
}

/// Refuses roles that walk around row-level security.
pub(super) async fn check_role(connection: &mut PgConnection) -> Result<Vec<Breach>> {
    let role = sqlx::query!(
        r#"SELECT rolname::text AS "name!", rolsuper AS "superuser!", rolbypassrls AS "bypass!",
                  EXISTS (SELECT FROM pg_class WHERE relname = 'teams' AND pg_has_role(current_user, relowner, 'MEMBER')) AS "owner!"
           FROM pg_roles WHERE rolname = current_user"#
    )
    .fetch_one(connection)
    .await?;
    let rules = [
        (role.superuser, "the server must not connect as a superuser"),
        (role.bypass, "the server must not connect as a role that bypasses row-level security"),
        (role.owner, "the server must not connect as the owner of the tables"),
    ];
    Ok(rules
        .into_iter()
        .filter(|(broken, _)| *broken)
        .map(|(_, rule)| Breach { object: format!("role {}", role.name), rule })
        .collect())
}
