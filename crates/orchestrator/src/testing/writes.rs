//! Hearing of what is written, so that a test waits for a row and not for a while.

use sqlx::postgres::PgListener;

use super::{World, at_database, execute};

/// With the name of a table behind it, the channel on which the database tells of that table.
const CHANNEL: &str = "muster_test_wrote_";

/// Hears of what is written into some tables, by whichever process.
pub struct Writes {
    listener: PgListener,
}

impl World {
    /// Lets the database tell from now on when rows of these tables are inserted or updated.
    ///
    /// Comes before anything works on the database: making a trigger waits for whoever is writing into the table, and
    /// everybody else then waits behind it.
    ///
    /// # Panics
    /// When the test cluster does not answer, or has no such table.
    pub async fn tell_of_writes(&self, tables: &[&str]) {
        let mut admin = self.superuser().await;
        // In a schema of its own: whatever looks at the product's does not come upon it.
        let function = format!(
            "CREATE SCHEMA IF NOT EXISTS watching;
             CREATE OR REPLACE FUNCTION watching.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 PERFORM pg_catalog.pg_notify('{CHANNEL}' || TG_TABLE_NAME::text, '');
                 RETURN NULL;
             END $$"
        );
        execute(&mut admin, function).await;
        for table in tables {
            // One transaction each: held together, their locks could stand crosswise to a writer's.
            let trigger = format!(
                "CREATE OR REPLACE TRIGGER tells_tests AFTER INSERT OR UPDATE ON public.{table}
                 FOR EACH STATEMENT EXECUTE FUNCTION watching.tell()"
            );
            execute(&mut admin, trigger).await;
        }
    }

    /// Begins to hear of rows of these tables, of which [`World::tell_of_writes`] lets the database tell.
    ///
    /// Whoever looks at the rows after this, and again after each [`Writes::more`], misses none: a row is told of when it is
    /// committed, so it is there to be seen.
    ///
    /// # Panics
    /// When the test cluster does not answer.
    pub async fn writes(&self, tables: &[&str]) -> Writes {
        let url = at_database(&self.admin_url, &self.name, None);
        let mut listener = PgListener::connect(&url).await.expect("the test cluster answers");
        let channels: Vec<String> = tables.iter().map(|table| format!("{CHANNEL}{table}")).collect();
        listener.listen_all(channels.iter().map(String::as_str)).await.expect("channels");
        Writes { listener }
    }
}

impl Writes {
    /// Returns once more was written. A false alarm is possible, also of a row that was seen already.
    ///
    /// # Panics
    /// When the test cluster does not answer.
    pub async fn more(&mut self) {
        self.listener.recv().await.expect("the test cluster answers");
    }
}
