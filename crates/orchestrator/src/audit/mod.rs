//! The audit log. Every change of state and every refused permission writes one entry, in the same transaction.

mod chain;
mod verify;

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{AuditEntryId, Permission, TeamId, UserId};
use uuid::Uuid;

use chain::{GENESIS, Hash, Link};
pub use verify::{Broken, TAMPERING, Verdict};

use crate::{Actor, Can, Error, Orchestrator, Origin, Result, Scope, grants::ReadAudit};

/// What happened, in the words of the log.
pub(crate) struct Happening<'a> {
    /// `noun.verb`, in the past: `member.invited`.
    pub(crate) action: &'a str,
    pub(crate) target_kind: &'a str,
    pub(crate) target_id: String,
    /// Fields worth keeping; never secrets.
    pub(crate) details: serde_json::Value,
}

/// Writes an entry at the end of the team's chain. The only writer.
///
/// The chain's head is locked first. Locking the last entry instead would not order the writers: an empty log
/// has none, and a waiting writer would still see the old one.
pub(crate) async fn append(
    connection: &mut PgConnection,
    scope: &Scope,
    at: OffsetDateTime,
    what: Happening<'_>,
) -> Result<()> {
    let team = scope.team();
    let head = sqlx::query!("SELECT seq, hash FROM audit_heads WHERE team_id = $1 FOR UPDATE", team as TeamId)
        .fetch_one(&mut *connection)
        .await?;
    let (actor_kind, actor_id) = match scope.actor() {
        Actor::User(user) => ("user", Some(user.uuid())),
        Actor::System => ("system", None),
    };
    let id = AuditEntryId::new();
    let details = what.details.to_string();
    let seq = head.seq + 1;
    let hash: Hash = Link {
        team,
        seq,
        id,
        at,
        actor_kind,
        actor_id,
        action: what.action,
        target_kind: what.target_kind,
        target_id: &what.target_id,
        details: &details,
        request_id: scope.origin().request_id,
        prev: &head.hash,
    }
    .hash();
    // One statement, so that the head is locked for one round trip less.
    sqlx::query!(
        "WITH entry AS (
             INSERT INTO audit_entries (team_id, seq, id, at, actor_kind, actor_id, action, target_kind, target_id, details,
                                        request_id, prev_hash, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::json, $11, $12, $13)
         )
         UPDATE audit_heads SET seq = $2, hash = $13 WHERE team_id = $1",
        team as TeamId,
        seq,
        id as AuditEntryId,
        at,
        actor_kind,
        actor_id,
        what.action,
        what.target_kind,
        what.target_id,
        details,
        scope.origin().request_id,
        head.hash,
        &hash,
    )
    .execute(&mut *connection)
    .await?;
    keep_origin(connection, team, seq, scope.origin()).await
}

async fn keep_origin(connection: &mut PgConnection, team: TeamId, seq: i64, origin: &Origin) -> Result<()> {
    if origin.ip.is_none() && origin.user_agent.is_none() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO audit_origins (team_id, seq, ip, user_agent) VALUES ($1, $2, $3, $4)",
        team as TeamId,
        seq,
        origin.ip.map(|ip| ip.to_canonical().to_string()),
        origin.user_agent.as_deref().map(|agent| agent.chars().take(500).collect::<String>()),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Begins the chain of a new team.
pub(crate) async fn begin(connection: &mut PgConnection, team: TeamId) -> Result<()> {
    sqlx::query!("INSERT INTO audit_heads (team_id, seq, hash) VALUES ($1, 0, $2)", team as TeamId, &GENESIS)
        .execute(connection)
        .await?;
    Ok(())
}

/// An entry as people read it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub seq: i64,
    pub id: AuditEntryId,
    pub at: OffsetDateTime,
    pub actor: Option<String>,
    pub action: String,
    pub target_kind: String,
    pub target_id: String,
    /// JSON.
    pub details: String,
    pub request_id: Uuid,
    /// The entry's hash in hexadecimal, and that of the entry before it.
    pub hash: String,
    pub previous: String,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// Which entries to show; newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Entries that contain this text in their action, target, details or request id.
    pub text: Option<String>,
    /// Entries whose action starts with this text.
    pub action: Option<String>,
    pub actor: Option<UserId>,
    /// Entries before this sequence number, for the next page.
    pub before: Option<i64>,
}

/// Entries on one page of the log.
pub const PAGE: i64 = 50;

impl Orchestrator {
    /// One page of the log, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_log(&self, scope: &Can<ReadAudit>, filter: &Filter) -> Result<Vec<Entry>> {
        let mut tx = self.db().team(scope).await?;
        let entries = entries(&mut tx, scope, filter, PAGE).await?;
        tx.commit().await?;
        Ok(entries)
    }

    /// What happened lately in the team, for the dashboard. Every member may know.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn activity(&self, scope: &Can<crate::grants::ReadTeam>, limit: i64) -> Result<Vec<Entry>> {
        let mut tx = self.db().team(scope).await?;
        let entries = entries(&mut tx, scope, &Filter::default(), limit).await?;
        tx.commit().await?;
        Ok(without_origins(entries))
    }

    /// Records that somebody asked for what their role does not allow.
    ///
    /// # Errors
    /// When the entry cannot be written.
    pub async fn record_refusal(&self, scope: &Scope, permission: Permission, asked_for: &str) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        append(
            &mut tx,
            scope,
            self.clock().now(),
            Happening {
                action: "permission.refused",
                target_kind: "permission",
                target_id: permission.to_string(),
                details: serde_json::json!({ "asked_for": asked_for }),
            },
        )
        .await?;
        tx.commit().await.map_err(Error::from)
    }
}

pub(crate) async fn entries(
    connection: &mut PgConnection,
    scope: &Scope,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Entry>> {
    Ok(sqlx::query_as!(
        Entry,
        r#"SELECT e.seq, e.id AS "id: AuditEntryId", e.at, coalesce(u.name, CASE e.actor_kind WHEN 'system' THEN 'Muster' END) AS actor,
                  e.action, e.target_kind, e.target_id, e.details::text AS "details!", e.request_id,
                  encode(e.hash, 'hex') AS "hash!", encode(e.prev_hash, 'hex') AS "previous!", o.ip AS "ip?", o.user_agent AS "user_agent?"
           FROM audit_entries e
           LEFT JOIN users u ON u.id = e.actor_id
           LEFT JOIN audit_origins o ON o.team_id = e.team_id AND o.seq = e.seq
           WHERE e.team_id = $1
             AND ($2::text IS NULL OR starts_with(e.action, $2))
             AND ($3::uuid IS NULL OR e.actor_id = $3)
             AND ($4::bigint IS NULL OR e.seq < $4)
             AND ($6::text IS NULL
                  OR position(lower($6) IN lower(concat_ws(' ', e.action, e.target_id, e.details::text, e.request_id::text))) > 0)
           ORDER BY e.seq DESC LIMIT $5"#,
        scope.team() as TeamId,
        filter.action,
        filter.actor as Option<UserId>,
        filter.before,
        limit,
        filter.text,
    )
    .fetch_all(connection)
    .await?)
}

/// Where people were is for those who may read the log.
pub(crate) fn without_origins(mut entries: Vec<Entry>) -> Vec<Entry> {
    for entry in &mut entries {
        entry.ip = None;
        entry.user_agent = None;
    }
    entries
}
