//! The way to the rows. The pools are private to this module: a query outside a transaction that knows its team
//! cannot be written elsewhere.

mod catalogue;
mod line;
mod migrate;

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction,
    pool::{PoolConnection, PoolConnectionMetadata},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use types::{TeamId, UserId};

pub use catalogue::{Breach, UNFENCED_TABLES, check_catalogue, check_login};
pub(crate) use line::{BooksLine, Durability, HeadRow};
pub(crate) use migrate::ENGINE_SCHEMA;
#[cfg(any(test, feature = "testing"))]
pub(crate) use migrate::FENCE;
pub use migrate::{Logins, MigrateError, migrate, pending_migrations};

use crate::{Error, Result, Scope};

/// How a transaction begins. A second line behind the local settings: whatever a connection was set to, its next user does not
/// see it. It goes with the begin, because clearing each connection after its use would cost a round trip of its own.
const ANEW: &str = "RESET ALL; BEGIN";

/// Limits of the pools.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    pub max_connections: u32,
    /// How long a request waits for a connection before it is told that we are busy.
    pub acquire_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long a transaction may stand still before the database ends it. A node that hangs in the middle of one holds rows
    /// that others need to go on with its runs.
    pub idle_in_transaction: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max_connections: 20,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(15),
            idle_in_transaction: Duration::from_secs(30),
        }
    }
}

/// The database, as two roles: `app`, which serves people and sees one team at a time, and `system`, which does
/// the few jobs that span teams and may touch only what they need.
#[derive(Clone, Debug)]
pub struct Db {
    app: PgPool,
    system: PgPool,
}

impl Db {
    /// Opens both pools. Connections are made when first needed.
    ///
    /// # Errors
    /// When an address cannot be read.
    pub fn open(app_url: &str, system_url: &str, settings: &PoolSettings) -> Result<Self> {
        Ok(Self {
            app: pool(app_url, settings, settings.max_connections)?,
            system: pool(system_url, settings, settings.max_connections.min(4))?,
        })
    }

    /// A transaction that sees the rows of the scope's team.
    pub(crate) async fn team(&self, scope: &Scope) -> Result<Transaction<'static, Postgres>> {
        self.of_team(scope.team()).await
    }

    /// A transaction that sees the rows of a team whose member is not known yet: for accepting an invitation,
    /// and for making a team.
    pub(crate) async fn of_team(&self, team: TeamId) -> Result<Transaction<'static, Postgres>> {
        // One round trip for all. An id is hexadecimal digits and hyphens, whatever it came from.
        let begin = format!("{ANEW}; SELECT set_config('muster.team', '{team}', true)");
        Ok(self.app.begin_with(AssertSqlSafe(begin)).await?)
    }

    /// For many transactions of a team's books, one after another.
    pub(crate) fn books(&self) -> BooksLine {
        BooksLine::new(self.app.clone())
    }

    /// A transaction that sees the memberships of one person, in all their teams, and the names of those teams.
    pub(crate) async fn of_user(&self, user: UserId) -> Result<Transaction<'static, Postgres>> {
        let begin = format!("{ANEW}; SELECT set_config('muster.user', '{user}', true)");
        Ok(self.app.begin_with(AssertSqlSafe(begin)).await?)
    }

    /// A transaction over the global tables alone: people, sessions, codes, mail.
    pub(crate) async fn global(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.app.begin_with(ANEW).await?)
    }

    /// A connection for one statement over the global tables, or for one that sets itself whose rows it sees.
    pub(crate) async fn global_once(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.app.acquire().await?)
    }

    /// A transaction of the system role.
    pub(crate) async fn system(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.system.begin_with(ANEW).await?)
    }

    /// A connection that is kept, to hear notifications.
    pub(crate) async fn listener(&self) -> Result<sqlx::postgres::PgListener> {
        Ok(sqlx::postgres::PgListener::connect_with(&self.system).await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        let mut connection = self.app.acquire().await?;
        Ok(connection.ping().await?)
    }

    /// The database's own time, to compare clocks with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn now(&self) -> Result<time::OffsetDateTime> {
        let now = sqlx::query_scalar!("SELECT clock_timestamp()").fetch_one(&self.app).await?;
        now.ok_or_else(|| Error::internal("the database has no time"))
    }

    /// Connections of the app pool: all, and idle ones.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        (self.app.size(), self.app.num_idle())
    }

    /// What is wrong with the roles and the fences; empty when the server may run.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn breaches(&self) -> Result<Vec<Breach>> {
        let mut breaches = check_catalogue(&mut *self.app.acquire().await?).await?;
        breaches.extend(catalogue::check_role(&mut *self.app.acquire().await?).await?);
        breaches.extend(catalogue::check_role(&mut *self.system.acquire().await?).await?);
        Ok(breaches)
    }

    /// Migrations this binary knows and the database does not have, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        pending_migrations(&mut *self.app.acquire().await?).await
    }

    pub async fn close(&self) {
        self.app.close().await;
        self.system.close().await;
    }

    /// A transaction as each begins, to try what it sees.
    #[cfg(any(test, feature = "testing"))]
    pub async fn anew(&self) -> Result<Transaction<'static, Postgres>> {
        self.global().await
    }

    /// A raw connection of the app role, to try in tests what the wrapper does not allow.
    #[cfg(any(test, feature = "testing"))]
    pub async fn raw(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.app.acquire().await?)
    }
}

fn pool(url: &str, settings: &PoolSettings, max_connections: u32) -> Result<PgPool> {
    let timeout = settings.statement_timeout.as_millis().to_string();
    let options: PgConnectOptions = url.parse()?;
    let idle = settings.idle_in_transaction.as_millis().to_string();
    let limits = [("statement_timeout", timeout.as_str()), ("idle_in_transaction_session_timeout", idle.as_str())];
    let options = options.application_name("muster").options(limits);
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| Box::pin(still_there(connection, metadata)))
        .connect_lazy_with(options))
}

/// A connection that was in use a moment ago is taken as it is: asking it first would cost every transaction a round trip.
const TRUSTED: Duration = Duration::from_secs(1);

async fn still_there(connection: &mut PgConnection, metadata: PoolConnectionMetadata) -> Result<bool, sqlx::Error> {
    if metadata.idle_for > TRUSTED {
        connection.ping().await?;
    }
    Ok(true)
}
