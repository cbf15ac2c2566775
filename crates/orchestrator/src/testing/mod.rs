//! A throw-away database per test, with the three roles as in production, and people to act in it.
//!
//! Needs `TEST_DATABASE_URL`, the address of a cluster's superuser; `make test` starts one.
#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test that cannot begin has failed")]

mod ended;
mod journal;
mod writes;

use gateway::{SsrfPolicy, Timeouts};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use time::macros::datetime;
use tokio::sync::OnceCell;
use uuid::Uuid;
use vault::{MasterKey, MasterKeys};

pub use self::{ended::Ended, writes::Writes};
use crate::{
    Clock, Db, Keys, Orchestrator, Origin, Scope, Settings,
    accounts::{Checked, Credentials, NewAccount, Purpose, SignedIn},
    db::{Logins, PoolSettings, migrate},
    teams::Team,
};

/// Where the engine keeps its tables.
pub const ENGINE_SCHEMA: &str = crate::db::ENGINE_SCHEMA;

const PASSWORD: &str = "muster-tests-only";

/// A database of its own, removed at the end of the test.
pub struct World {
    pub muster: Orchestrator,
    pub clock: Clock,
    /// The one of `muster`, to see what it was asked.
    pub hasher: identity::Hasher,
    name: String,
    admin_url: String,
    app_url: String,
    system_url: String,
    engine_url: String,
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

#[expect(clippy::disallowed_methods, reason = "the tests' one setting")]
fn admin_url() -> String {
    std::env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL names a superuser of a test cluster; `make test` sets it")
}

fn at_database(url: &str, database: &str, login: Option<&str>) -> String {
    let options: PgConnectOptions = url.parse().expect("TEST_DATABASE_URL is an address");
    let (user, password) = match login {
        Some(name) => (name.to_owned(), format!(":{PASSWORD}")),
        None => {
            let authority = url.split("://").nth(1).and_then(|rest| rest.split('@').next()).unwrap_or_default();
            let (user, password) = authority.split_once(':').unwrap_or((authority, ""));
            (user.to_owned(), if password.is_empty() { String::new() } else { format!(":{password}") })
        }
    };
    format!("postgres://{user}{password}@{}:{}/{database}", options.get_host(), options.get_port())
}

/// The migrated database that each test's own is copied from: a copy takes a tenth of a migration's time.
async fn template() -> &'static str {
    TEMPLATE
        .get_or_init(|| async {
            let admin_url = admin_url();
            let mut admin = PgConnection::connect(&admin_url).await.expect("the test cluster answers");
            // One test process at a time makes the template; its name follows the migrations.
            sqlx::raw_sql("SELECT pg_advisory_lock(7221032)").execute(&mut admin).await.expect("lock");
            let name = format!("muster_template_{:x}", fingerprint());
            let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
                .bind(&name)
                .fetch_one(&mut admin)
                .await
                .expect("list databases");
            if !exists {
                let draft = format!("{name}_draft");
                execute(&mut admin, format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await;
                execute(&mut admin, format!("CREATE DATABASE {draft}")).await;
                let draft_url = at_database(&admin_url, &draft, None);
                let logins = logins();
                migrate(&draft_url, Some(&logins)).await.expect("migrations");
                execute(&mut admin, format!("ALTER DATABASE {draft} RENAME TO {name}")).await;
            }
            sqlx::raw_sql("SELECT pg_advisory_unlock(7221032)").execute(&mut admin).await.expect("unlock");
            name
        })
        .await
}

/// The same in every test, so that two processes can share a database.
#[must_use]
pub fn keys() -> Keys {
    let vault = MasterKeys::new(MasterKey::new([8; 32]), Vec::new());
    Keys { codes: identity::Key::from_bytes([7; 32]), vault }
}

/// A client that may call this machine, where tests put their providers.
#[must_use]
pub fn gateway() -> gateway::Client {
    gateway::Client::new(SsrfPolicy::SelfHosted, Timeouts::default()).expect("TLS")
}

fn logins() -> Logins {
    Logins::for_database("postgres://x@127.0.0.1/muster_test", PASSWORD, PASSWORD, PASSWORD).expect("an address")
}

/// Changes with the migrations, so that an old template is not taken for a new one.
fn fingerprint() -> u64 {
    use sha2::{Digest, Sha256};
    let mut sha = Sha256::new();
    let logins = logins();
    sha.update(&logins.app.name);
    sha.update(&logins.system.name);
    sha.update(&logins.engine.name);
    for migration in sqlx::migrate!("../../migrations").iter() {
        sha.update(&*migration.checksum);
    }
    sha.update(crate::db::FENCE);
    let bytes: [u8; 32] = sha.finalize().into();
    u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.expect("an administrator's statement");
}

impl World {
    /// # Panics
    /// When the test cluster does not answer.
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// # Panics
    /// When the test cluster does not answer.
    pub async fn with(settings: Settings) -> Self {
        let template = template().await;
        let admin_url = admin_url();
        let name = format!("muster_test_{}", Uuid::now_v7().simple());
        let mut admin = PgConnection::connect(&admin_url).await.expect("the test cluster answers");
        // Copies of one template wait for each other inside Postgres; a lock keeps them from failing instead.
        sqlx::raw_sql("SELECT pg_advisory_lock(7221033)").execute(&mut admin).await.expect("lock");
        execute(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        admin.close().await.expect("close");

        let logins = logins();
        let app_url = at_database(&admin_url, &name, Some(&logins.app.name));
        let system_url = at_database(&admin_url, &name, Some(&logins.system.name));
        let engine_url = at_database(&admin_url, &name, Some(&logins.engine.name));
        let pool = PoolSettings { max_connections: 8, ..PoolSettings::default() };
        let db = Db::open(&app_url, &system_url, &pool).expect("addresses");
        let clock = Clock::set_to(datetime!(2026-11-19 14:32 UTC));
        let hasher = identity::Hasher::new(2);
        let muster = Orchestrator::new(db, clock.clone(), hasher.clone(), keys(), gateway(), settings);
        Self { muster, clock, hasher, name, admin_url, app_url, system_url, engine_url }
    }

    #[must_use]
    pub fn app_url(&self) -> &str {
        &self.app_url
    }

    #[must_use]
    pub fn system_url(&self) -> &str {
        &self.system_url
    }

    #[must_use]
    pub fn engine_url(&self) -> &str {
        &self.engine_url
    }

    /// A connection past every fence, to look at rows and to damage them.
    ///
    /// # Panics
    /// When the test cluster does not answer.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&at_database(&self.admin_url, &self.name, None)).await.expect("the test cluster answers")
    }

    /// Calls out over the database, as another node would.
    ///
    /// # Panics
    /// When the test cluster does not answer.
    pub async fn call_out(&self, channel: &str, payload: &str) {
        let mut admin = self.superuser().await;
        let called = sqlx::query_scalar!("SELECT pg_notify($1, $2)::text", channel, payload);
        called.fetch_one(&mut admin).await.expect("a call");
    }

    /// The mail that waits for an address, newest first, as (subject, body).
    ///
    /// # Panics
    /// When the test cluster does not answer.
    pub async fn mail_for(&self, address: &str) -> Vec<(String, String)> {
        let mut admin = self.superuser().await;
        sqlx::query_as("SELECT subject, body FROM mails WHERE recipient = $1 AND NOT discard ORDER BY id DESC")
            .bind(address)
            .fetch_all(&mut admin)
            .await
            .expect("mails")
    }

    /// The code in the newest mail to an address.
    ///
    /// # Panics
    /// When no mail waits.
    pub async fn code_for(&self, address: &str) -> String {
        let (subject, _) = self.mail_for(address).await.into_iter().next().expect("a mail with a code");
        subject.split(' ').next().expect("a code").to_owned()
    }

    /// Somebody who signed up the way people do.
    ///
    /// # Panics
    /// When signing up fails.
    pub async fn person(&self, name: &str) -> SignedIn {
        let email = format!("{}@quayside.example", name.to_lowercase());
        let browser = self.muster.begin_sign_up(&email, false, None).await.expect("an open sign-up");
        let code = self.code_for(&email).await;
        let checked = self.muster.check_code(Purpose::SignUp, browser.expose(), &code).await.expect("a check");
        assert_eq!(checked, Checked::Right);
        let account = NewAccount { name, password: Self::password_of(name).leak() };
        let (opened, _) =
            self.muster.sign_up(browser.expose(), account, &Origin::internal()).await.expect("an account");
        self.muster.session(opened.token.expose()).await.expect("a session").expect("signed in")
    }

    #[must_use]
    pub fn password_of(name: &str) -> String {
        format!("correct horse of {name}'s stable")
    }

    /// # Panics
    /// When signing in fails.
    pub async fn sign_in(&self, name: &str) -> SignedIn {
        let email = format!("{}@quayside.example", name.to_lowercase());
        let password = Self::password_of(name);
        let credentials = Credentials { email: &email, password: &password };
        let opened = self.muster.sign_in(credentials, &Origin::internal()).await.expect("signed in");
        self.muster.session(opened.token.expose()).await.expect("a session").expect("signed in")
    }

    /// A team, its owner, and the owner's scope.
    ///
    /// # Panics
    /// When making the team fails.
    pub async fn team(&self, slug: &str, owner: &SignedIn) -> (Team, Scope) {
        let team = self.muster.create_team(owner, slug, slug, &Origin::internal()).await.expect("a team");
        (team, self.scope(owner, slug).await)
    }

    /// # Panics
    /// When the person is no member.
    pub async fn scope(&self, who: &SignedIn, slug: &str) -> Scope {
        self.muster.enter(who, slug, Origin::internal()).await.expect("a member").scope
    }

    /// Lets somebody join by an invitation they accept.
    ///
    /// # Panics
    /// When inviting or accepting fails.
    pub async fn join(&self, inviter: &Scope, who: &SignedIn, role: &str) {
        let can = inviter.can().expect("may invite");
        self.muster.invite(&can, &who.user.email, role).await.expect("an invitation");
        let (_, body) = self.mail_for(&who.user.email).await.into_iter().next().expect("a mail");
        let link = body.split("token=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link");
        self.muster.accept_invitation(who, link, &Origin::internal()).await.expect("accepted");
    }

    /// Removes the database. A test that fails leaves its own behind, to be looked at.
    ///
    /// # Panics
    /// When the test cluster does not answer.
    pub async fn end(self) {
        self.muster.db().close().await;
        let mut admin = PgConnection::connect(&self.admin_url).await.expect("the test cluster answers");
        execute(&mut admin, format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

/// A row of the usage ledger, as tests look at it.
#[derive(Clone, Debug)]
pub struct UsageRow {
    pub model: String,
    pub uncached: i64,
    pub cache_read: i64,
    pub output: i64,
    pub reasoning: i64,
    pub cost: Option<i64>,
    pub source: String,
    pub estimated: bool,
}

/// Everybody's usage, in the order in which it was booked.
pub async fn usage(admin: &mut PgConnection) -> Vec<UsageRow> {
    sqlx::query_as!(
        UsageRow,
        "SELECT model, uncached, cache_read, output, reasoning, cost_micro_usd AS cost, price_source AS source, estimated
         FROM usage ORDER BY id"
    )
    .fetch_all(admin)
    .await
    .expect("the ledger")
}
