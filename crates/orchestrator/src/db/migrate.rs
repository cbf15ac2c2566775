use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{Error, Result};

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// The groups that own and use the tables. Cluster-wide, without a login of their own.
const GROUPS: [&str; 4] = ["muster_owner", "muster_app", "muster_system", "muster_engine"];

/// Where the durable engine keeps its checkpoints, out of sight of the app role.
pub(crate) const ENGINE_SCHEMA: &str = "engine";

/// The logins that the server uses, made by [`migrate`].
#[derive(Clone, Debug)]
pub struct Logins {
    /// Serves people: member of `muster_app`.
    pub app: Login,
    /// Runs the jobs that span teams: member of `muster_system`.
    pub system: Login,
    /// Keeps the checkpoints of durable work: member of `muster_engine`, which sees nothing else.
    pub engine: Login,
}

#[derive(Clone)]
pub struct Login {
    pub name: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.name)
    }
}

impl Logins {
    /// Logins named after the database, so that two Musters in one cluster keep apart.
    ///
    /// # Errors
    /// When the address cannot be read or names no database.
    pub fn for_database(url: &str, app_password: &str, system_password: &str, engine_password: &str) -> Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let database =
            options.get_database().ok_or_else(|| Error::internal("the database address names no database"))?;
        let login = |suffix: &str, password: &str| Login {
            // Postgres cuts names at 63 bytes; a cut name would be shared.
            name: format!("{}_{suffix}_login", database.chars().take(45).collect::<String>()),
            password: password.to_owned(),
        };
        Ok(Self {
            app: login("app", app_password),
            system: login("system", system_password),
            engine: login("engine", engine_password),
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("cannot reach the database as its owner: {0}")]
    Connect(#[source] sqlx::Error),
    #[error(
        "the role of the database address may not prepare the roles {GROUPS:?} ({0}); connect as a role with CREATEROLE \
         that owns the database, or let an administrator create them"
    )]
    Roles(#[source] sqlx::Error),
    #[error("a migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("the tables of the durable engine could not be prepared: {0}")]
    Engine(#[from] dbos::sysdb::migrations::runner::MigrateError),
}

/// Brings the database to this binary's schema: roles, then tables, then logins. Safe to run again, and by
/// several processes at once.
///
/// `owner_url` names a role that owns the database and may create roles; the running server never uses it.
///
/// # Errors
/// [`MigrateError`], each with what to do. Every migration is one transaction: a failed one leaves nothing behind.
pub async fn migrate(owner_url: &str, logins: Option<&Logins>) -> Result<Vec<String>, MigrateError> {
    let mut connection = PgConnection::connect(owner_url).await.map_err(MigrateError::Connect)?;
    prepare_groups(&mut connection).await.map_err(MigrateError::Roles)?;
    let before = pending_migrations(&mut connection).await.unwrap_or_else(|_| names());

    sqlx::raw_sql("SET ROLE muster_owner; SET lock_timeout = '5s'")
        .execute(&mut connection)
        .await
        .map_err(MigrateError::Roles)?;
    MIGRATOR.run_direct(None, &mut connection, false).await?;
    sqlx::raw_sql("GRANT SELECT ON _sqlx_migrations TO muster_app; RESET ROLE")
        .execute(&mut connection)
        .await
        .map_err(MigrateError::Roles)?;

    prepare_engine(owner_url, &mut connection).await?;

    if let Some(logins) = logins {
        let members =
            [(&logins.app, "muster_app"), (&logins.system, "muster_system"), (&logins.engine, "muster_engine")];
        for (login, group) in members {
            ensure_login(&mut connection, login, group).await.map_err(MigrateError::Roles)?;
        }
    }
    connection.close().await.map_err(MigrateError::Connect)?;
    Ok(before)
}

/// Migrations this binary knows and the database does not have.
pub async fn pending_migrations(connection: &mut PgConnection) -> Result<Vec<String>> {
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(connection).await?;
    Ok(MIGRATOR
        .iter()
        .filter(|migration| !applied.contains(&migration.version))
        .map(|migration| format!("{:04} {}", migration.version, migration.description))
        .collect())
}

fn names() -> Vec<String> {
    MIGRATOR.iter().map(|migration| format!("{:04} {}", migration.version, migration.description)).collect()
}

async fn prepare_groups(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Databases migrated side by side share the cluster's roles: one at a time.
    sqlx::raw_sql("SELECT pg_advisory_lock(7221031)").execute(&mut *connection).await?;
    for group in GROUPS {
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(group)
            .fetch_one(&mut *connection)
            .await?;
        if !exists {
            execute(connection, format!("CREATE ROLE {group} NOLOGIN")).await?;
        }
    }
    // The migrating role becomes the owner's equal, so that it may act as it.
    let statement: String = sqlx::query_scalar(
        "SELECT format('GRANT muster_owner TO %I; GRANT CREATE, USAGE ON SCHEMA public TO muster_owner', current_user)",
    )
    .fetch_one(&mut *connection)
    .await?;
    execute(connection, statement).await?;
    execute(connection, "GRANT USAGE ON SCHEMA public TO muster_app, muster_system".into()).await?;
    sqlx::raw_sql("SELECT pg_advisory_unlock(7221031)").execute(connection).await?;
    Ok(())
}

/// Lets only the node that has a run write down how far it is.
pub(crate) const FENCE: &str = include_str!("fence.sql");

/// Brings the engine's own tables to its version, and lets its role use them.
async fn prepare_engine(owner_url: &str, connection: &mut PgConnection) -> Result<(), MigrateError> {
    let pool = PgPoolOptions::new().max_connections(2).connect(owner_url).await.map_err(MigrateError::Connect)?;
    let migrated = dbos::sysdb::migrations::runner::run(&pool, ENGINE_SCHEMA, true).await;
    pool.close().await;
    migrated?;
    execute(connection, FENCE.into()).await.map_err(MigrateError::Roles)?;
    execute(
        connection,
        format!(
            "GRANT USAGE ON SCHEMA {ENGINE_SCHEMA} TO muster_engine;
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {ENGINE_SCHEMA} TO muster_engine;
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA {ENGINE_SCHEMA} TO muster_engine;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {ENGINE_SCHEMA} TO muster_engine"
        ),
    )
    .await
    .map_err(MigrateError::Roles)
}

async fn ensure_login(connection: &mut PgConnection, login: &Login, group: &str) -> Result<(), sqlx::Error> {
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(&login.name)
        .fetch_one(&mut *connection)
        .await?;
    let verb = if exists { "ALTER" } else { "CREATE" };
    // Role statements take no parameters: the server quotes the name and the password.
    let statement: String = sqlx::query_scalar(
        "SELECT format('%s ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD %L; GRANT %I TO %I', $1, $2, $3, $4, $2)",
    )
    .bind(verb)
    .bind(&login.name)
    .bind(&login.password)
    .bind(group)
    .fetch_one(&mut *connection)
    .await?;
    execute(connection, statement).await
}

/// Runs statements whose names the database itself has quoted.
async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_login_is_called_like_a_group() {
        let logins = Logins::for_database("postgres://owner@db/muster", "a", "b", "c").expect("logins");
        for login in [&logins.app, &logins.system, &logins.engine] {
            assert!(!GROUPS.contains(&login.name.as_str()), "{}", login.name);
        }
        assert_ne!(logins.app.name, logins.system.name);
    }
}
