use orchestrator::{Clock, Db};

use super::Finding;
use crate::{
    boot,
    config::Config,
    data::DataFolder,
    database::{Database, WAY_OUT_OF_BREACHES},
    objects::ObjectStore,
    trouble::{Trouble, chain},
};

/// Between this machine's clock and the database's, in milliseconds. Sessions and codes compare the two.
const CLOSE_MS: i128 = 2_000;
const FAR_MS: i128 = 30_000;

/// The services that Muster uses. An embedded database is started for the visit when none runs.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let data = match DataFolder::open(&config.server.data_dir) {
        Ok(data) => data,
        Err(trouble) => return vec![failed("data", trouble)],
    };
    let mut findings = vec![mail(config, &data).await, objects(config, &data).await];
    match open(config, &data).await {
        Err(trouble) => findings.push(failed("database", trouble)),
        Ok((database, db)) => {
            findings.extend(ask(&database, &db).await);
            db.close().await;
            if let Ok(Err(trouble)) = tokio::task::spawn_blocking(|| database.stop()).await {
                findings.push(failed("database", trouble));
            }
        }
    }
    findings
}

fn failed(part: &'static str, trouble: Trouble) -> Finding {
    Finding::fail(part, trouble.what, trouble.way_out)
}

async fn mail(config: &Config, data: &DataFolder) -> Finding {
    let mailer = match boot::mailer(config, data) {
        Ok(mailer) => mailer,
        Err(trouble) => return failed("mail", trouble),
    };
    match (mailer.check().await, &mailer) {
        (Ok(()), notify::Mailer::Smtp(_)) => Finding::ok("mail", "the mail server takes our connection"),
        (Ok(()), notify::Mailer::Outbox(outbox)) => {
            Finding::ok("mail", format!("development: kept in {}", outbox.folder().display()))
        }
        (Err(error), _) => {
            Finding::fail("mail", chain(&error), "Check mail.smtp_url, and that the server is reachable.")
        }
    }
}

/// Writes, reads and deletes a tiny object.
async fn objects(config: &Config, data: &DataFolder) -> Finding {
    let opened = match boot::root_secret(config, data) {
        Ok(root) => ObjectStore::visit(config, data, &root).await,
        Err(trouble) => Err(trouble),
    };
    let objects = match opened {
        Ok(objects) => objects,
        Err(trouble) => return failed("objects", trouble),
    };
    let (checked, found) = (objects.store().check().await, objects.describe());
    match (checked, objects.close(data).await) {
        (Err(error), _) => {
            Finding::fail("objects", chain(&error), "Check objects.endpoint, the bucket, and what the key may do.")
        }
        (Ok(()), Err(trouble)) => failed("objects", trouble),
        (Ok(()), Ok(())) => Finding::ok("objects", found),
    }
}

async fn open(config: &Config, data: &DataFolder) -> Result<(Database, Db), Trouble> {
    let root = boot::root_secret(config, data)?;
    let database = Database::open(config, data, &root).await?;
    let db = database.pools(config)?;
    Ok((database, db))
}

async fn ask(database: &Database, db: &Db) -> Vec<Finding> {
    if let Err(error) = db.ping().await {
        let fix = "Check that it runs and that the address is right. On a new database run `muster migrate` first: it makes the role.";
        return vec![Finding::fail("database", chain(&error), fix)];
    }
    let reached = Finding::ok("database", database.describe());
    vec![reached, migrations(db).await, fences(database, db).await, clock(db).await, nodes(db).await]
}

async fn migrations(db: &Db) -> Finding {
    match db.pending_migrations().await {
        Ok(pending) if pending.is_empty() => Finding::ok("migrations", "the schema is this binary's"),
        Ok(pending) => Finding::fail("migrations", format!("missing: {}", pending.join(", ")), "Run `muster migrate`."),
        Err(error) => Finding::fail("migrations", chain(&error), "Run `muster migrate`."),
    }
}

async fn fences(database: &Database, db: &Db) -> Finding {
    match database.breaches(db).await {
        Ok(breaches) if breaches.is_empty() => {
            Finding::ok("roles", "no role is superuser, owner or above row-level security; every table is fenced")
        }
        Ok(breaches) => {
            let told: Vec<_> = breaches.iter().map(ToString::to_string).collect();
            Finding::fail("roles", told.join("; "), WAY_OUT_OF_BREACHES)
        }
        Err(error) => Finding::fail("roles", chain(&error), "Run `muster migrate`."),
    }
}

/// Who carries runs out. The doctor itself is no node.
async fn nodes(db: &Db) -> Finding {
    let nodes = match db.nodes().await {
        Ok(nodes) => nodes,
        Err(error) => return Finding::fail("nodes", chain(&error), "Run `muster migrate`."),
    };
    let told: Vec<String> = nodes
        .iter()
        .map(|node| {
            let seconds = node.silent_seconds;
            if node.alive { format!("{} ({seconds} s ago)", node.name) } else { format!("{} (gone)", node.name) }
        })
        .collect();
    match nodes.iter().filter(|node| node.alive).count() {
        0 => Finding::ok("nodes", "none runs just now"),
        alive => Finding::ok("nodes", format!("{alive} alive: {}", told.join(", "))),
    }
}

async fn clock(db: &Db) -> Finding {
    let theirs = match db.now().await {
        Ok(theirs) => theirs,
        Err(error) => return Finding::fail("clock", chain(&error), "Check the database."),
    };
    apart((Clock::System.now() - theirs).whole_milliseconds().abs())
}

fn apart(apart: i128) -> Finding {
    let found = format!("{apart} ms from the database's clock");
    let fix = "Run a time service on both machines.";
    match apart {
        FAR_MS.. => Finding::fail("clock", found, fix),
        CLOSE_MS.. => Finding::warn("clock", found, fix),
        _ => Finding::ok("clock", found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn clocks_may_differ_by_little() {
        for (ms, verdict) in
            [(0, Verdict::Ok), (2_000, Verdict::Warn), (29_999, Verdict::Warn), (30_000, Verdict::Fail)]
        {
            assert_eq!(apart(ms).verdict, verdict, "{ms} ms");
        }
    }
}
