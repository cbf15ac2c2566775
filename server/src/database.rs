//! From settings to database addresses: given ones, or an embedded server that is started.

use local_postgres::{Cluster, Options};
use orchestrator::{
    Db,
    db::{Breach, Logins, PoolSettings, check_login},
};
use sqlx::{Connection, PgConnection};
use url::Url;

use crate::{
    config::{Config, Mode},
    data::DataFolder,
    keys::RootSecret,
    trouble::{Trouble, chain},
};

pub(crate) const WAY_OUT_OF_BREACHES: &str = "Use three logins, each in one group alone: database.app_url in muster_app, \
     database.system_url in muster_system, database.engine_url in muster_engine. Then run `muster migrate`.";

/// The embedded server's database.
const NAME: &str = "muster";

/// Where the database is, as each of its roles. Dropping it stops an embedded server.
pub(crate) struct Database {
    owner_url: String,
    app_url: String,
    system_url: String,
    engine_url: String,
    /// Made by migrations; `None` when the settings name roles that somebody else made.
    logins: Option<Logins>,
    cluster: Option<Cluster>,
}

impl Database {
    pub(crate) async fn open(config: &Config, data: &DataFolder, root: &RootSecret) -> Result<Self, Trouble> {
        let (owner_url, cluster) = match &config.database.url {
            Some(url) => (url.expose().to_owned(), None),
            None => start(data).await.map(|(url, cluster)| (url, Some(cluster)))?,
        };
        let given = (&config.database.app_url, &config.database.system_url, &config.database.engine_url);
        if let (Some(app), Some(system), Some(engine)) = given {
            let [app_url, system_url, engine_url] = [app, system, engine].map(|url| url.expose().to_owned());
            return Ok(Self { owner_url, app_url, system_url, engine_url, logins: None, cluster });
        }
        let (app, system) = (root.password("database login: app")?, root.password("database login: system")?);
        let engine = root.password("database login: engine")?;
        let logins = Logins::for_database(&owner_url, &app, &system, &engine).map_err(|error| unreadable(&error))?;
        let app_url = with_login(&owner_url, &logins.app.name, &app)?;
        let system_url = with_login(&owner_url, &logins.system.name, &system)?;
        let engine_url = with_login(&owner_url, &logins.engine.name, &engine)?;
        Ok(Self { owner_url, app_url, system_url, engine_url, logins: Some(logins), cluster })
    }

    /// The database as the durable engine's login.
    pub(crate) fn engine_url(&self) -> &str {
        &self.engine_url
    }

    /// What was chosen, for the person at the terminal. Never a password.
    pub(crate) fn describe(&self) -> String {
        match &self.cluster {
            Some(cluster) if cluster.attached() => {
                format!("embedded PostgreSQL on 127.0.0.1:{}, already running", cluster.port())
            }
            Some(cluster) => format!("embedded PostgreSQL on 127.0.0.1:{} (process {})", cluster.port(), cluster.pid()),
            None => Url::parse(&self.owner_url).map_or_else(
                |_| "PostgreSQL".into(),
                |url| {
                    format!("{}:{}{}", url.host_str().unwrap_or("local socket"), url.port().unwrap_or(5432), url.path())
                },
            ),
        }
    }

    pub(crate) fn notes(&self) -> &[String] {
        self.cluster.as_ref().map(Cluster::notes).unwrap_or_default()
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self.cluster.is_some()
    }

    /// Brings the database to this binary's schema and returns what was missing.
    pub(crate) async fn migrate(&self) -> Result<Vec<String>, Trouble> {
        orchestrator::db::migrate(&self.owner_url, self.logins.as_ref()).await.map_err(|error| {
            Trouble::new(
                format!("The database could not be prepared: {}.", chain(&error)),
                "Nothing of the failed migration stays. Mend the cause, then run `muster migrate`.",
            )
        })
    }

    /// Whether `serve` brings the schema up to date itself. In production that is a step of its own, by a role that the
    /// serving machines need not know.
    pub(crate) fn migrates_at_start(&self, config: &Config) -> bool {
        self.is_embedded() || config.server.mode == Mode::Development
    }

    /// Opens the pools, after making sure that the schema is this binary's and the fences stand.
    pub(crate) async fn connect(&self, config: &Config) -> Result<Db, Trouble> {
        let db = self.pools(config)?;
        let pending = db.pending_migrations().await.map_err(|error| unreachable(&error))?;
        if !pending.is_empty() {
            return Err(Trouble::new(
                format!("The database lacks migrations: {}.", pending.join(", ")),
                "Run `muster migrate` first.",
            ));
        }
        let breaches = self.breaches(&db).await.map_err(|error| unreachable(&error))?;
        if !breaches.is_empty() {
            let told: Vec<_> = breaches.iter().map(ToString::to_string).collect();
            return Err(Trouble::new(
                format!("The database does not keep teams apart: {}.", told.join("; ")),
                WAY_OUT_OF_BREACHES,
            ));
        }
        Ok(db)
    }

    /// What is wrong with the roles, the engine's too, and with the fences.
    pub(crate) async fn breaches(&self, db: &Db) -> orchestrator::Result<Vec<Breach>> {
        let mut breaches = db.breaches().await?;
        breaches.extend(check_login(&self.engine_url).await?);
        Ok(breaches)
    }

    /// The pools without any check: for the doctor, which names what is wrong itself.
    pub(crate) fn pools(&self, config: &Config) -> Result<Db, Trouble> {
        let settings = PoolSettings {
            max_connections: config.database.pool_size,
            acquire_timeout: config.database.acquire_timeout,
            statement_timeout: config.database.statement_timeout,
            idle_in_transaction: config.runs.silence,
        };
        Db::open(&self.app_url, &self.system_url, &settings).map_err(|error| unreadable(&error))
    }

    /// Stops an embedded server. Blocks.
    pub(crate) fn stop(self) -> Result<(), Trouble> {
        let Some(cluster) = self.cluster else { return Ok(()) };
        cluster.stop().map_err(|error| Trouble::new(error.to_string(), "The next start repairs what is needed."))
    }
}

async fn start(data: &DataFolder) -> Result<(String, Cluster), Trouble> {
    let options = Options::new(data.join("postgres"));
    let started = tokio::task::spawn_blocking(move || Cluster::start(&options)).await;
    let cluster =
        started.map_err(|error| no_cluster(&error.to_string()))?.map_err(|error| no_cluster(&error.to_string()))?;
    create_database(&cluster).await.map_err(|error| no_cluster(&chain(&error)))?;
    Ok((cluster.superuser_url(NAME), cluster))
}

async fn create_database(cluster: &Cluster) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(&cluster.superuser_url("postgres")).await?;
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(NAME)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        sqlx::raw_sql("CREATE DATABASE muster").execute(&mut connection).await?;
    }
    connection.close().await
}

fn with_login(owner_url: &str, name: &str, password: &str) -> Result<String, Trouble> {
    let unreadable = || {
        Trouble::new(
            "database.url cannot be read as an address.",
            "Write it as postgres://user:password@host:5432/muster.",
        )
    };
    let mut url = Url::parse(owner_url).map_err(|_| unreadable())?;
    url.set_username(name).map_err(|()| unreadable())?;
    url.set_password(Some(password)).map_err(|()| unreadable())?;
    Ok(url.into())
}

fn no_cluster(error: &str) -> Trouble {
    Trouble::new(
        format!("The embedded PostgreSQL did not start: {error}"),
        "Its log is postgres.log in the data folder. Or use your own server: DATABASE_URL=postgres://user:password@host/muster.",
    )
}

fn unreadable(error: &orchestrator::Error) -> Trouble {
    Trouble::new(
        format!("A database address cannot be used: {}.", chain(error)),
        "Write it as postgres://user:password@host:5432/muster.",
    )
}

fn unreachable(error: &orchestrator::Error) -> Trouble {
    Trouble::new(
        format!("The database does not answer as it should: {}.", chain(error)),
        "See that it runs and takes this role; `muster migrate` prepares it, `muster doctor` says more.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_replaces_the_owner_in_the_address_alone() {
        let url =
            with_login("postgres://owner:old@db:5433/muster?sslmode=require", "muster_app", "abc").expect("address");
        assert_eq!(url, "postgres://muster_app:abc@db:5433/muster?sslmode=require");
        assert!(with_login("nonsense", "a", "b").is_err());
    }
}
