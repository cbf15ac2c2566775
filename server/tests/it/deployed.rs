//! As a hosted service: a database and an object store elsewhere, migrations as a step of their own, a server and a worker.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStderr, Stdio},
};

use artifacts::embedded::{Credentials, Embedded, Limits};
use local_postgres::{Cluster, Options};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;

use crate::running::{Running, folder, muster, stop};

const SECRET: &str = "forty random characters of this test onl";

type Settings = Vec<(&'static str, String)>;

/// What stands around the nodes.
struct Surroundings {
    folder: TempDir,
    cluster: Cluster,
    runtime: Runtime,
    objects: String,
}

impl Surroundings {
    fn start() -> Self {
        let folder = folder();
        let options = Options { fast: true, ..Options::new(folder.path().join("database")) };
        let cluster = Cluster::start(&options).expect("a database");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let credentials = Credentials { access_key: "muster".into(), secret_key: SECRET.into() };
        let limits = Limits { min_free_bytes: 0, ..Limits::default() };
        let store = Embedded::open(&folder.path().join("objects"), &credentials, limits).expect("a store");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let objects = format!("http://{}", listener.local_addr().expect("an address"));
        runtime.spawn(async move { store.serve(listener, CancellationToken::new()).await });
        let surroundings = Self { folder, cluster, runtime, objects };
        surroundings.sql("postgres", "CREATE DATABASE muster");
        surroundings
    }

    fn sql(&self, database: &str, statements: &'static str) {
        let url = self.cluster.superuser_url(database);
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&url).await.expect("connected");
            sqlx::raw_sql(statements).execute(&mut connection).await.expect(statements);
            connection.close().await.expect("closed");
        });
    }

    fn settings(&self) -> Settings {
        vec![
            ("MUSTER_SERVER__MODE", "production".into()),
            ("MUSTER_SERVER__PUBLIC_URL", "https://muster.example".into()),
            ("MUSTER_SERVER__SECRET", SECRET.into()),
            ("MUSTER_MAIL__SMTP_URL", "smtp://127.0.0.1:9".into()),
            ("MUSTER_MAIL__FROM", "Muster <muster@muster.example>".into()),
            ("DATABASE_URL", self.cluster.superuser_url("muster")),
            ("S3_ENDPOINT", self.objects.clone()),
            ("S3_ACCESS_KEY", "muster".into()),
            ("S3_SECRET_KEY", SECRET.into()),
        ]
    }

    /// With logins that somebody made by hand.
    fn with_logins(&self, app: &str, system: &str, engine: &str) -> Settings {
        let url = |login: &str| format!("postgres://{login}:secret@127.0.0.1:{}/muster", self.cluster.port());
        let mut settings = self.settings();
        settings.push(("MUSTER_DATABASE__APP_URL", url(app)));
        settings.push(("MUSTER_DATABASE__SYSTEM_URL", url(system)));
        settings.push(("MUSTER_DATABASE__ENGINE_URL", url(engine)));
        settings
    }

    /// A node's own folder.
    fn node(&self, name: &str) -> std::path::PathBuf {
        let node = self.folder.path().join(name);
        fs::create_dir_all(&node).expect("a folder");
        node
    }

    /// What a server says that does not start.
    fn refusal(&self, settings: Settings) -> String {
        let mut serve = muster(&self.node("serve"));
        serve.arg("serve").env("PORT", "0").envs(settings).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = serve.spawn().expect("started");
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("text");
        if read > 0 {
            child.kill().expect("killed");
            child.wait().expect("ended");
            panic!("it starts: {line}");
        }
        let output = child.wait_with_output().expect("ended");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// The doctor finds this wrong with a part, and says what to do.
    fn doctor_fails(&self, settings: Settings, part: &str, found: &str) {
        let mut doctor = muster(&self.node("doctor"));
        let output = doctor.args(["doctor", "--json"]).envs(settings).output().expect("ended");
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stdout);
        let findings: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        let finding = findings.iter().find(|finding| finding["part"] == part).expect("a line");
        assert_eq!(finding["verdict"], "fail", "{text}");
        assert!(finding["found"].as_str().is_some_and(|told| told.contains(found)), "{text}");
        assert!(finding["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{text}");
    }

    fn migrate(&self) -> String {
        let output = muster(&self.node("migrate")).arg("migrate").envs(self.settings()).output().expect("ended");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn a_deployment_is_migrated_refuses_wrong_roles_and_runs() {
    let around = Surroundings::start();
    let said = around.refusal(around.settings());
    assert!(said.contains("The database does not answer as it should") && said.contains("`muster migrate`"), "{said}");

    let done = around.migrate();
    assert!(done.starts_with("Done: 0001 "), "{done}");
    assert_eq!(around.migrate(), "The database is up to date.\n");
    refuses_an_older_schema(&around);
    refuses_wrong_roles(&around);

    let settings = around.with_logins("hand_app", "hand_system", "hand_engine");
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Running::start_with(&around.node("serve"), &settings);
    // With the logins that the migration made.
    let worker = Worker::start(&around.node("worker"), around.settings());
    let ready = server.get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    worker.stop();
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
    around.cluster.stop().expect("stopped");
}

fn refuses_an_older_schema(around: &Surroundings) {
    around.sql("muster", "UPDATE _sqlx_migrations SET success = false WHERE version = 3");
    around.doctor_fails(around.settings(), "migrations", "missing: 0003 audit");
    let said = around.refusal(around.settings());
    assert!(said.contains("lacks migrations: 0003 audit.") && said.contains("Run `muster migrate` first."), "{said}");
    around.sql("muster", "UPDATE _sqlx_migrations SET success = true WHERE version = 3");
}

fn refuses_wrong_roles(around: &Surroundings) {
    around.sql(
        "muster",
        "CREATE ROLE hand_app LOGIN PASSWORD 'secret' IN ROLE muster_app;
         CREATE ROLE hand_system LOGIN PASSWORD 'secret' IN ROLE muster_system;
         CREATE ROLE hand_engine LOGIN PASSWORD 'secret' IN ROLE muster_engine;
         CREATE ROLE root_like LOGIN PASSWORD 'secret' SUPERUSER;
         CREATE ROLE bypassing LOGIN PASSWORD 'secret' BYPASSRLS IN ROLE muster_app, muster_system, muster_engine",
    );
    for (app, system, engine) in [
        ("root_like", "hand_system", "hand_engine"),
        ("hand_app", "root_like", "hand_engine"),
        ("hand_app", "hand_system", "root_like"),
    ] {
        let said = around.refusal(around.with_logins(app, system, engine));
        assert!(said.contains("role root_like: the server must not connect as a superuser"), "{said}");
        assert!(said.contains("database.app_url in muster_app"), "{said}");
    }
    around.doctor_fails(
        around.with_logins("hand_app", "root_like", "hand_engine"),
        "roles",
        "role root_like: the server must not connect as a superuser",
    );
    let hand_made = || around.with_logins("hand_app", "hand_system", "hand_engine");
    around.sql("muster", "CREATE POLICY everything ON tasks USING (true)");
    around.doctor_fails(hand_made(), "roles", "everything of tasks: a policy that is not on the list");
    around.sql("muster", "DROP POLICY everything ON tasks");
    // A database whose clock is a minute fast, as far as this role can tell.
    around.sql(
        "muster",
        "CREATE SCHEMA fast; GRANT USAGE ON SCHEMA fast TO hand_app;
         CREATE FUNCTION fast.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
             $$ SELECT pg_catalog.clock_timestamp() + interval '1 minute' $$;
         ALTER ROLE hand_app SET search_path = fast, pg_catalog, public",
    );
    around.doctor_fails(hand_made(), "clock", "ms from the database's clock");
    around.sql("muster", "ALTER ROLE hand_app RESET search_path; DROP SCHEMA fast CASCADE");
    let said = around.refusal(around.with_logins("bypassing", "hand_system", "hand_engine"));
    assert!(said.contains("role bypassing: the server must not connect as a role that bypasses"), "{said}");
}

/// `muster worker`, once it said that it runs.
struct Worker {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Worker {
    fn start(folder: &Path, settings: Settings) -> Self {
        let mut worker = muster(folder);
        worker.arg("worker").envs(settings).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = worker.spawn().expect("started");
        let mut log = BufReader::new(child.stderr.take().expect("stderr"));
        let mut said = String::new();
        while !said.contains("the worker runs") {
            let read = log.read_line(&mut said).expect("text");
            assert!(read > 0, "ended before it ran: {said}");
        }
        Self { child, log }
    }

    fn stop(self) {
        let Self { mut child, mut log } = self;
        let mut out = child.stdout.take().expect("stdout");
        let (status, _) = stop(child);
        let (mut said, mut rest) = (String::new(), String::new());
        out.read_to_string(&mut said).expect("text");
        log.read_to_string(&mut rest).expect("text");
        assert!(status.success(), "{status}: {rest}");
        assert_eq!(said, "The worker stopped.\n");
    }
}
