use std::ops::{Deref, DerefMut};

use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool, Postgres, Row, pool::PoolConnection};
use types::TeamId;
use uuid::Uuid;

use super::ANEW;
use crate::{Error, Result};

/// Whether what is written must be on the disk before it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A crash of the database machine forgets nothing that was told.
    AtOnce,
    /// A crash of the database machine may forget the last moments. For what is made good later by itself.
    Soon,
}

/// The numbers of a team's head row, as they stand under its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadRow {
    pub(crate) version: i64,
    pub(crate) catalogue: i64,
    /// The transaction that moved the team's money last.
    pub(crate) last_move: Option<Uuid>,
}

/// A connection that is kept for the transactions of one team's books, one after another.
pub(crate) struct BooksLine {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
    /// Whether a transaction was begun and not committed.
    broken: bool,
}

impl BooksLine {
    pub(super) const fn new(pool: PgPool) -> Self {
        Self { pool, connection: None, broken: false }
    }

    /// Gives the connection back where others wait for one.
    pub(crate) fn yield_if_scarce(&mut self) {
        if self.pool.num_idle() == 0 {
            self.give_back();
        }
    }

    /// The server rolls back what was not committed when its connection closes.
    pub(crate) fn give_back(&mut self) {
        let broken = std::mem::take(&mut self.broken);
        if let Some(mut connection) = self.connection.take()
            && broken
        {
            connection.close_on_drop();
        }
    }

    /// A transaction of the team under the lock of its head row, all in one round trip. `None` in place of the numbers: the
    /// team has no head row yet.
    pub(crate) async fn begin(
        &mut self,
        team: TeamId,
        durability: Durability,
    ) -> Result<(Booking<'_>, Option<HeadRow>)> {
        if self.broken {
            self.give_back();
        }
        if self.connection.is_none() {
            self.connection = Some(self.pool.acquire().await?);
        }
        let Some(connection) = &mut self.connection else { return Err(Error::internal("a line without a connection")) };
        self.broken = true;
        let lazily = match durability {
            Durability::AtOnce => "",
            Durability::Soon => "SET LOCAL synchronous_commit = off; ",
        };
        // An id is hexadecimal digits and hyphens, whatever it came from.
        let begin = format!(
            "{ANEW}; {lazily}SELECT set_config('muster.team', '{team}', true); \
             SELECT version, catalogue_version, last_move FROM budget_heads WHERE team_id = '{team}' FOR UPDATE"
        );
        let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(begin))).await?;
        // The first row is the setting's.
        let head = rows.get(1).map(|row| {
            Ok::<_, sqlx::Error>(HeadRow {
                version: row.try_get("version")?,
                catalogue: row.try_get("catalogue_version")?,
                last_move: row.try_get("last_move")?,
            })
        });
        let head = head.transpose()?;
        Ok((Booking { connection, broken: &mut self.broken }, head))
    }
}

impl Drop for BooksLine {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// A transaction under a team's lock. Dropped before it is committed, it breaks its line.
pub(crate) struct Booking<'a> {
    connection: &'a mut PgConnection,
    broken: &'a mut bool,
}

impl Booking<'_> {
    pub(crate) async fn commit(self) -> Result<()> {
        self.connection.execute("COMMIT").await?;
        *self.broken = false;
        Ok(())
    }
}

impl Deref for Booking<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection
    }
}

impl DerefMut for Booking<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection
    }
}
