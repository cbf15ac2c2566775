//! The PostgreSQL server for development and tests, kept in the build cache.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use local_postgres::{Cluster, Options};

use crate::failure::{Doing, Outcome};
use crate::workspace;

/// The server of `cargo xtask db`, which outlives the command.
const DEVELOPMENT: &str = "development";

/// The name of the tests' server. Each checkout has its own, as checkouts may share the build cache, and whoever ends first
/// would stop the other's.
pub(crate) fn of_this_checkout() -> Outcome<String> {
    Ok(tests_of(&workspace::root()?))
}

fn tests_of(checkout: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    checkout.hash(&mut hasher);
    format!("tests-{:016x}", hasher.finish())
}

/// Starts a server, or uses the running one of that name, and says what was chosen.
pub(crate) fn start(name: &str) -> Outcome<Cluster> {
    let folder = workspace::target()?.join("postgres");
    fs::create_dir_all(&folder).doing(|| format!("Cannot make {}", folder.display()))?;
    let options = Options { fast: true, ..Options::new(folder.join(name)) };
    let cluster = Cluster::start(&options).doing(|| "The test database did not start".to_owned())?;
    for note in cluster.notes() {
        println!("database: {note}");
    }
    Ok(cluster)
}

/// Removes the databases that tests left behind: some end by killing whoever would remove theirs.
pub(crate) fn remove_tests(cluster: &Cluster) -> Outcome {
    let left = "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database WHERE datname LIKE 'muster\\_test\\_%'";
    let list = workspace::output(psql(cluster, "postgres").args(["--tuples-only", "--no-align", "-c", left]))?;
    let list = String::from_utf8_lossy(&list);
    let statements: Vec<&str> = list.lines().flat_map(|statement| ["-c", statement]).collect();
    if statements.is_empty() { Ok(()) } else { sql(cluster, "postgres", &statements) }
}

/// `cargo xtask db`: a server that stays, its address on the last line.
pub(crate) fn show() -> Outcome {
    let cluster = start(DEVELOPMENT)?;
    println!("The database runs as process {} until `cargo xtask db --stop`.", cluster.pid());
    println!("DATABASE_URL={}", cluster.superuser_url("postgres"));
    cluster.leave_running();
    Ok(())
}

/// `cargo xtask db --stop`
pub(crate) fn stop() -> Outcome {
    let cluster = start(DEVELOPMENT)?;
    if cluster.attached() {
        println!("The database is used by another process, which stops it at its end.");
        return Ok(());
    }
    cluster.stop().doing(|| "The test database did not stop".to_owned())?;
    println!("The database has stopped.");
    Ok(())
}

/// `cargo xtask sqlx-prepare`: checks every query against a fresh database with all migrations, and keeps what was learned
/// in `.sqlx`, so that builds need no database.
pub(crate) fn prepare() -> Outcome {
    let cluster = start(DEVELOPMENT)?;
    let name = format!("prepare_{}", process::id());
    sql(&cluster, "postgres", &["-c", &format!("CREATE DATABASE {name}")])?;
    let prepared = migrate(&cluster, &name).and_then(|()| check_queries(&cluster.superuser_url(&name)));
    let dropped = sql(&cluster, "postgres", &["-c", &format!("DROP DATABASE {name} WITH (FORCE)")]);
    cluster.leave_running();
    prepared.and(dropped)
}

/// The roles that migrations grant to, which `muster migrate` makes before it runs them.
const ROLES: &str = "DO $$ DECLARE name text; BEGIN
    FOREACH name IN ARRAY ARRAY['muster_owner', 'muster_app', 'muster_system'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN EXECUTE format('CREATE ROLE %I NOLOGIN', name); END IF;
    END LOOP;
END $$";

fn migrate(cluster: &Cluster, database: &str) -> Outcome {
    sql(cluster, database, &["-c", ROLES])?;
    for file in sorted(&workspace::root()?.join("migrations"))? {
        let path = file.to_string_lossy();
        sql(cluster, database, &["--single-transaction", "-f", &path])?;
    }
    Ok(())
}

fn sql(cluster: &Cluster, database: &str, arguments: &[&str]) -> Outcome {
    workspace::run(psql(cluster, database).args(arguments))
}

fn psql(cluster: &Cluster, database: &str) -> Command {
    let mut psql = Command::new(cluster.bin().join("psql"));
    psql.args(["--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-d"])
        .arg(cluster.superuser_url(database))
        .env("PGOPTIONS", "-c client_min_messages=warning");
    psql
}

/// The macros write what the database told them into `SQLX_OFFLINE_DIR` while they are compiled. The folder is replaced as a
/// whole at the end, so that queries which are gone leave no file.
fn check_queries(url: &str) -> Outcome {
    let root = workspace::root()?;
    let (kept, fresh) = (root.join(".sqlx"), workspace::target()?.join(format!("sqlx-{}", process::id())));
    fs::create_dir_all(&fresh).doing(|| format!("Cannot make {}", fresh.display()))?;
    let mut arguments = vec!["check", "--all-targets"];
    for (package, source) in [("orchestrator", "crates/orchestrator"), ("server", "server")] {
        if asks_at_compile_time(&root.join(source))? {
            touch(&root.join(source))?;
            arguments.extend(["--package", package]);
        }
    }
    if arguments.len() == 2 {
        println!("No query is checked at compile time; nothing to keep.");
        return Ok(());
    }
    let mut check = workspace::cargo(&arguments)?;
    check.env("SQLX_OFFLINE", "false").env("DATABASE_URL", url).env("SQLX_OFFLINE_DIR", &fresh);
    workspace::run(&mut check)?;
    if kept.exists() {
        fs::remove_dir_all(&kept).doing(|| format!("Cannot replace {}", kept.display()))?;
    }
    fs::create_dir(&kept).doing(|| format!("Cannot make {}", kept.display()))?;
    let queries = sorted(&fresh)?;
    for query in &queries {
        let copy = kept.join(query.file_name().unwrap_or_default());
        fs::copy(query, &copy).doing(|| format!("Cannot write {}", copy.display()))?;
    }
    fs::remove_dir_all(&fresh).doing(|| format!("Cannot remove {}", fresh.display()))?;
    println!("{} queries checked and kept in {}.", queries.len(), kept.display());
    Ok(())
}

fn asks_at_compile_time(package: &Path) -> Outcome<bool> {
    let sources = rust_files(package)?;
    let mut found = false;
    for source in sources {
        let text = fs::read_to_string(&source).doing(|| format!("Cannot read {}", source.display()))?;
        found |= ["query!", "query_as!", "query_scalar!"].iter().any(|macro_name| text.contains(macro_name));
    }
    Ok(found)
}

/// Makes cargo compile the package again, as its queries are only seen while it is compiled.
fn touch(package: &Path) -> Outcome {
    for source in rust_files(package)? {
        if ["lib.rs", "main.rs"].iter().any(|name| source.ends_with(name)) {
            let file =
                fs::File::options().append(true).open(&source).doing(|| format!("Cannot open {}", source.display()))?;
            // The new modification time is for cargo's eyes only.
            #[allow(clippy::disallowed_methods, reason = "file times are the system's, not the product's")]
            let now = std::time::SystemTime::now();
            file.set_modified(now).doing(|| format!("Cannot touch {}", source.display()))?;
        }
    }
    Ok(())
}

fn rust_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in sorted(folder)? {
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn sorted(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let what = || format!("Cannot list {}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).doing(what)? {
        paths.push(entry.doing(what)?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_checkouts_have_two_servers_and_one_keeps_its_own() {
        let [one, other] = ["/home/mira/muster", "/home/mira/muster-2"].map(|path| tests_of(Path::new(path)));
        assert_ne!(one, other);
        assert_eq!(one, tests_of(Path::new("/home/mira/muster")));
    }
}
