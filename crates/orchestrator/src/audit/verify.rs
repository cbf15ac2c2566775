use sqlx::PgConnection;
use types::{AuditEntryId, TeamId};

use super::chain::{GENESIS, Link};
use crate::{Can, Orchestrator, Result, grants::ReadAudit};

/// Entries read at a time: bounded memory for a log of any length.
const BATCH: i64 = 1_000;

const MISSING: &str = "the entry is missing";

/// How a superuser changes the first entry of each team's log, to see that the chain shows it. A minus for the plus undoes it.
pub const TAMPERING: &str = "\
alter table audit_entries disable trigger user;
update audit_entries set at = at + interval '1 s' where seq = 1;
alter table audit_entries enable trigger user;";

/// What checking a chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Whole { entries: i64 },
    Broken(Broken),
}

/// The first entry that is not what it was when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub seq: i64,
    pub why: &'static str,
}

impl Orchestrator {
    /// Checks the team's whole chain, from its first entry to its head.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn verify_audit(&self, scope: &Can<ReadAudit>) -> Result<Verdict> {
        let mut tx = self.db().team(scope).await?;
        let verdict = verify(&mut tx, scope.team()).await?;
        tx.commit().await?;
        Ok(verdict)
    }

    /// Checks the chain of every team, or of the one with this slug. For `muster audit verify`.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) for a slug no team has, or when the database does not answer.
    pub async fn verify_every_audit(&self, slug: Option<&str>) -> Result<Vec<(String, Verdict)>> {
        let mut tx = self.db().system().await?;
        sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *tx).await?;
        let teams = sqlx::query!(
            r#"SELECT id AS "id: TeamId", slug FROM teams WHERE $1::text IS NULL OR slug = $1 ORDER BY slug"#,
            slug
        )
        .fetch_all(&mut *tx)
        .await?;
        if teams.is_empty() && slug.is_some() {
            return Err(crate::Error::NotFound);
        }
        let mut verdicts = Vec::with_capacity(teams.len());
        for team in teams {
            let verdict = verify(&mut tx, team.id).await?;
            verdicts.push((team.slug, verdict));
        }
        tx.commit().await?;
        Ok(verdicts)
    }
}

async fn verify(connection: &mut PgConnection, team: TeamId) -> Result<Verdict> {
    // The head first: entries that are appended while we read lie beyond it.
    let head = sqlx::query!("SELECT seq, hash FROM audit_heads WHERE team_id = $1", team as TeamId)
        .fetch_optional(&mut *connection)
        .await?;
    let end = head.as_ref().map_or(i64::MAX, |head| head.seq);
    let (seq, hash) = match walk(connection, team, end).await? {
        Ok(last) => last,
        Err(broken) => return Ok(Verdict::Broken(broken)),
    };
    Ok(match head {
        None => broken(seq, "the record of the chain's end is missing: later entries may be, too"),
        Some(head) if seq < head.seq => broken(seq + 1, MISSING),
        Some(head) if hash != head.hash => broken(seq, "the end of the chain is not the entry that was last written"),
        Some(_) => Verdict::Whole { entries: seq },
    })
}

/// Follows the chain up to `end`, or as far as it goes. Returns the last entry's number and hash.
async fn walk(connection: &mut PgConnection, team: TeamId, end: i64) -> Result<Result<(i64, Vec<u8>), Broken>> {
    let mut seq = 0;
    let mut prev = GENESIS.to_vec();
    while seq < end {
        let batch = sqlx::query!(
            r#"SELECT seq, id AS "id: AuditEntryId", at, actor_kind, actor_id, action, target_kind, target_id,
                      details::text AS "details!", request_id, prev_hash, hash
               FROM audit_entries WHERE team_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4"#,
            team as TeamId,
            seq,
            end,
            BATCH,
        )
        .fetch_all(&mut *connection)
        .await?;
        if batch.is_empty() {
            break;
        }
        for entry in batch {
            if entry.seq != seq + 1 {
                return Ok(Err(Broken { seq: seq + 1, why: MISSING }));
            }
            if entry.prev_hash != prev {
                return Ok(Err(Broken { seq: entry.seq, why: "the entry does not follow the one before it" }));
            }
            let hash = Link {
                team,
                seq: entry.seq,
                id: entry.id,
                at: entry.at,
                actor_kind: &entry.actor_kind,
                actor_id: entry.actor_id,
                action: &entry.action,
                target_kind: &entry.target_kind,
                target_id: &entry.target_id,
                details: &entry.details,
                request_id: entry.request_id,
                prev: &prev,
            }
            .hash();
            if entry.hash != hash {
                return Ok(Err(Broken { seq: entry.seq, why: "the entry was changed after it was written" }));
            }
            seq = entry.seq;
            prev = entry.hash;
        }
    }
    Ok(Ok((seq, prev)))
}

fn broken(seq: i64, why: &'static str) -> Verdict {
    Verdict::Broken(Broken { seq, why })
}
