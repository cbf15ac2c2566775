//! The words of model calls, kept only where a team wants them, and not for long.

use gateway::Provider;
use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ReservationId, TeamId, UserId};
use zeroize::Zeroizing;

use super::redaction::bounded;
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    budgets::catalogue_changed,
    grants::{ManageTeam, ReadBudgets, ReadFiles},
    secrets::{self, Sealing},
};

/// The longest that words are kept, in days.
pub const MOST_DAYS: i16 = 90;
/// Bytes of a request, and of an answer.
const MOST_REQUEST: usize = 192 * 1024;
const MOST_ANSWER: usize = 64 * 1024;

/// That a team keeps the words of its calls.
#[derive(Clone, Debug)]
pub struct Capture {
    pub days: i16,
    /// The name of whoever said so.
    pub set_by: String,
    pub set_at: OffsetDateTime,
}

/// What was asked and answered in one call, without what looked like a secret.
#[derive(Clone, Debug)]
pub struct CallContent {
    pub provider: String,
    pub model: String,
    /// The number of the task that it was made for.
    pub task: Option<i32>,
    pub agent: Option<String>,
    /// JSON in the format of whoever asked; of a run, Muster's own.
    pub request: String,
    pub answer: String,
    pub kept_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// The words of a call that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    pub request: &'a str,
    pub answer: &'a str,
}

impl Words<'_> {
    /// The request behind its length, then the answer.
    fn packed(&self, provider: &Provider) -> Result<Zeroizing<Vec<u8>>> {
        let clean = |text: &str, most| bounded(&provider.redact(text), most);
        let (request, answer) = (clean(self.request, MOST_REQUEST), clean(self.answer, MOST_ANSWER));
        let length = u32::try_from(request.len()).map_err(Error::internal)?;
        let mut packed = Zeroizing::new(Vec::with_capacity(4 + request.len() + answer.len()));
        packed.extend_from_slice(&length.to_be_bytes());
        packed.extend_from_slice(request.as_bytes());
        packed.extend_from_slice(answer.as_bytes());
        Ok(packed)
    }
}

fn unpacked(packed: &[u8]) -> Option<(String, String)> {
    let (length, rest) = packed.split_first_chunk::<4>()?;
    let (request, answer) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((String::from_utf8(request.to_vec()).ok()?, String::from_utf8(answer.to_vec()).ok()?))
}

const fn sealing(reservation: &ReservationId) -> Sealing<'_> {
    Sealing { purpose: "call_content", row: reservation.as_bytes(), field: "call_contents.sealed" }
}

fn happening(action: &'static str, target: &str, details: serde_json::Value) -> Happening<'static> {
    let target_kind = if action == "content.read" { "model_call" } else { "team" };
    Happening { action, target_kind, target_id: target.to_owned(), details }
}

impl Orchestrator {
    /// Whether the team keeps the words of its model calls.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn content_capture(&self, scope: &Can<ManageTeam>) -> Result<Option<Capture>> {
        let mut tx = self.db().team(scope).await?;
        let found = sqlx::query_as!(
            Capture,
            "SELECT c.days, u.name AS set_by, c.set_at FROM content_capture c JOIN users u ON u.id = c.set_by
             WHERE c.team_id = $1",
            scope.team() as TeamId
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(found)
    }

    /// From now on keeps the words of the team's model calls for so many days. What is kept already goes then at the latest.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time that cannot be.
    pub async fn keep_content(&self, scope: &Can<ManageTeam>, days: i16) -> Result<()> {
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(Error::field("days", format!("Use a number from 1 to {MOST_DAYS}.")));
        }
        let (team, now) = (scope.team(), self.clock().now());
        let mut tx = self.db().team(scope).await?;
        sqlx::query!(
            "INSERT INTO content_capture (team_id, days, set_by, set_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (team_id) DO UPDATE SET days = $2, set_by = $3, set_at = $4",
            team as TeamId,
            days,
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE call_contents SET expires_at = least(expires_at, kept_at + make_interval(days => $2)) WHERE team_id = $1",
            team as TeamId,
            i32::from(days),
        )
        .execute(&mut *tx)
        .await?;
        catalogue_changed(&mut tx, team).await?;
        let details = serde_json::json!({ "days": days });
        audit::append(&mut tx, scope, now, happening("content.kept", &team.to_string(), details)).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps no words from now on; with `delete` also none of those that were kept, which otherwise stay for their time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep_no_content(&self, scope: &Can<ManageTeam>, delete: bool) -> Result<()> {
        let (team, now) = (scope.team(), self.clock().now());
        let mut tx = self.db().team(scope).await?;
        // This row first: whoever writes words holds it, so none come after what is deleted below.
        let off = sqlx::query!("DELETE FROM content_capture WHERE team_id = $1", team as TeamId);
        let off = off.execute(&mut *tx).await?.rows_affected();
        let mut deleted = 0;
        if delete {
            let gone = sqlx::query!("DELETE FROM call_contents WHERE team_id = $1", team as TeamId);
            deleted = gone.execute(&mut *tx).await?.rows_affected();
        }
        if off + deleted > 0 {
            catalogue_changed(&mut tx, team).await?;
            let details = serde_json::json!({ "deleted": deleted });
            audit::append(&mut tx, scope, now, happening("content.not_kept", &team.to_string(), details)).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Keeps the words of a call, if the team still wants that. For after the call is settled, outside of every lock.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep_words(
        &self,
        team: TeamId,
        reservation: ReservationId,
        provider: &Provider,
        words: Words<'_>,
    ) -> Result<()> {
        let (now, packed) = (self.clock().now(), words.packed(provider)?);
        let mut tx = self.db().of_team(team).await?;
        let (sealed, generation) =
            secrets::seal(&mut tx, self.vault(), (team, now), sealing(&reservation), &packed).await?;
        sqlx::query!(
            "INSERT INTO call_contents (team_id, reservation_id, sealed, generation, kept_at, expires_at)
             SELECT $1, $2, $3, $4, $5::timestamptz, $5::timestamptz + make_interval(days => c.days)
             FROM (SELECT days FROM content_capture WHERE team_id = $1 FOR SHARE) c
             ON CONFLICT (team_id, reservation_id) DO NOTHING",
            team as TeamId,
            reservation as ReservationId,
            sealed,
            generation,
            now,
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The words of a call. That somebody read them is told in the audit log.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a call of which none are kept, or no longer.
    pub async fn call_content(
        &self,
        scope: &Can<ReadBudgets>,
        files: &Can<ReadFiles>,
        reservation: ReservationId,
    ) -> Result<CallContent> {
        if files.team() != scope.team() {
            return Err(Error::NotFound);
        }
        let (team, now) = (scope.team(), self.clock().now());
        let mut tx = self.db().team(scope).await?;
        let found = find(&mut tx, self.vault(), team, reservation, now).await?;
        let details = serde_json::json!({ "model": found.model });
        audit::append(&mut tx, scope, now, happening("content.read", &reservation.to_string(), details)).await?;
        tx.commit().await?;
        Ok(found)
    }
}

async fn find(
    connection: &mut PgConnection,
    keys: &vault::MasterKeys,
    team: TeamId,
    reservation: ReservationId,
    now: OffsetDateTime,
) -> Result<CallContent> {
    let row = sqlx::query!(
        r#"SELECT c.sealed, c.generation, c.kept_at, c.expires_at, r.provider, coalesce(u.model, r.model) AS "model!",
                  t.number AS "task?", a.name AS "agent?"
           FROM call_contents c JOIN reservations r ON r.team_id = c.team_id AND r.id = c.reservation_id
                LEFT JOIN usage u ON u.team_id = r.team_id AND u.reservation_id = r.id
                LEFT JOIN tasks t ON t.team_id = r.team_id AND t.id = r.task_id
                LEFT JOIN agents a ON a.team_id = r.team_id AND a.id = r.agent_id
           WHERE c.team_id = $1 AND c.reservation_id = $2 AND c.expires_at > $3"#,
        team as TeamId,
        reservation as ReservationId,
        now,
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(Error::NotFound)?;
    let opened = secrets::unseal(connection, keys, team, sealing(&reservation), (&row.sealed, row.generation)).await?;
    let (request, answer) = unpacked(&opened).ok_or_else(|| Error::internal("kept words of no known shape"))?;
    Ok(CallContent {
        provider: row.provider,
        model: row.model,
        task: row.task,
        agent: row.agent,
        request,
        answer,
        kept_at: row.kept_at,
        expires_at: row.expires_at,
    })
}
