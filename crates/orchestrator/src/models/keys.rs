use identity::Token;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use types::{AgentId, GatewayKeyId, PermissionSet, ProjectId, RunId, SquadId, TaskId, TeamId, UserId};

use super::memory::KnownKey;
use crate::{
    Actor, Can, Error, Orchestrator, Origin, Result, Scope,
    audit::{self, Happening},
    budgets::{Spender, Terms, catalogue_changed},
    grants::{ManageIntegrations, ReadTeam},
    teams::secret::Secret,
};

/// Keys of one team that work at the same time, those of runs not counted.
const MAX_LIVING: i64 = 200;
/// The longest life of a person's key, and of a run's.
const MAX_LIFE: Duration = Duration::days(366);
const MAX_RUN_LIFE: Duration = Duration::days(1);
/// The time of the last use is kept this exactly: not every call writes.
pub(super) const USED_EVERY: Duration = Duration::minutes(1);
/// `sk-` first, because some programs look for it.
const MARK: &str = "sk-muster-";

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct NewGatewayKey<'a> {
    pub name: &'a str,
    /// Calls count against this project's budget as well.
    pub project: Option<ProjectId>,
    pub life: Duration,
}

/// A key as people see it. Its secret is known to its holder alone.
#[derive(Clone, Debug)]
pub struct GatewayKey {
    pub id: GatewayKeyId,
    pub name: String,
    /// `sk-muster-…x7Qa`.
    pub hint: String,
    /// The project whose budget its calls count against as well.
    pub project: Option<String>,
    pub creator: String,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

/// Whoever shows a key that works: the team, and whose budgets the calls count against.
#[derive(Clone, Debug)]
pub struct Caller {
    pub key: GatewayKeyId,
    pub spender: Spender,
    scope: Scope,
    hash: [u8; 32],
    terms: Terms,
}

impl Caller {
    #[must_use]
    pub fn team(&self) -> TeamId {
        self.scope.team()
    }

    /// The version of the team's catalogue in which the key works.
    #[must_use]
    pub const fn catalogue(&self) -> i64 {
        self.terms.catalogue
    }

    pub(crate) const fn terms(&self) -> Terms {
        self.terms
    }

    pub(super) const fn scope(&self) -> &Scope {
        &self.scope
    }
}

fn happening(action: &'static str, id: GatewayKeyId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "gateway_key", target_id: id.to_string(), details }
}

struct Fresh {
    id: GatewayKeyId,
    text: String,
    hint: String,
    hash: [u8; 32],
}

fn fresh(team: TeamId) -> Result<Fresh> {
    let token = Token::generate().map_err(Error::internal)?;
    let text = Secret::text(MARK, team, &token);
    let hint = format!("{MARK}…{}", &text[text.len() - 4..]);
    Ok(Fresh { id: GatewayKeyId::new(), text, hint, hash: *token.hash().as_bytes() })
}

impl Orchestrator {
    /// Makes a key for a person's programs. The text is returned here and never again.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name or a life that cannot be, or too many keys; [`Error::NotFound`] for no project of the team.
    pub async fn create_gateway_key(
        &self,
        scope: &Can<ManageIntegrations>,
        new: &NewGatewayKey<'_>,
    ) -> Result<(GatewayKeyId, String)> {
        let name = check(new)?;
        let (team, now, user) = (scope.team(), self.clock().now(), scope.user()?);
        let key = fresh(team)?;
        let mut tx = self.db().team(scope).await?;
        limit(&mut tx, team, now).await?;
        if let Some(project) = new.project {
            sqlx::query_scalar!(
                "SELECT 1 FROM projects WHERE team_id = $1 AND id = $2",
                team as TeamId,
                project as ProjectId
            )
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(Error::NotFound)?;
        }
        sqlx::query!(
            "INSERT INTO gateway_keys (team_id, id, name, key_hash, hint, project_id, created_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            team as TeamId,
            key.id as GatewayKeyId,
            name,
            &key.hash,
            key.hint,
            new.project as Option<ProjectId>,
            user as UserId,
            now,
            now + new.life,
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "name": name, "project": new.project.map(|id| id.to_string()),
            "expires_at": (now + new.life).to_string() });
        audit::append(&mut tx, scope, now, happening("gateway_key.created", key.id, details)).await?;
        tx.commit().await?;
        Ok((key.id, key.text))
    }

    /// A key for the calls of one run's agent, or of what the run does without one. It stops working with the run, or after
    /// `life`, whichever comes first.
    ///
    /// # Errors
    /// [`Error::NotFound`] for no run of the team that goes on; [`Error::Invalid`] for a longer life than a day.
    pub async fn gateway_key_for_run(
        &self,
        team: TeamId,
        run: RunId,
        agent: Option<AgentId>,
        life: Duration,
    ) -> Result<String> {
        if life <= Duration::ZERO || life > MAX_RUN_LIFE {
            return Err(Error::field("life", "The key of a run lives up to a day."));
        }
        let (now, key) = (self.clock().now(), fresh(team)?);
        let scope = Scope::new(team, Actor::System, PermissionSet::NONE, Origin::internal());
        let mut tx = self.db().team(&scope).await?;
        let made = sqlx::query!(
            "INSERT INTO gateway_keys (team_id, id, name, key_hash, hint, project_id, squad_id, agent_id, task_id, run_id,
                                       created_at, expires_at)
             SELECT r.team_id, $2, coalesce(left(a.name, 80), 'Commands of a run'), $3, $4, t.project_id, r.squad_id, a.id,
                    r.task_id, r.id, $7, $8
             FROM runs r JOIN tasks t ON t.team_id = r.team_id AND t.id = r.task_id
             LEFT JOIN agents a ON a.team_id = r.team_id AND a.id = $6
             WHERE r.team_id = $1 AND r.id = $5 AND r.state IN ('QUEUED', 'RUNNING', 'WAITING')
                   AND (a.id IS NOT NULL OR $6::uuid IS NULL)",
            team as TeamId,
            key.id as GatewayKeyId,
            &key.hash,
            key.hint,
            run as RunId,
            agent as Option<AgentId>,
            now,
            now + life,
        )
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() == 0 {
            return Err(Error::NotFound);
        }
        let details = serde_json::json!({ "run": run.to_string(), "agent": agent.map(|id| id.to_string()) });
        audit::append(&mut tx, &scope, now, happening("gateway_key.created", key.id, details)).await?;
        tx.commit().await?;
        Ok(key.text)
    }

    /// The keys of people's programs that work, or worked until they expired, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn gateway_keys(&self, scope: &Can<ReadTeam>) -> Result<Vec<GatewayKey>> {
        let mut tx = self.db().team(scope).await?;
        let keys = sqlx::query_as!(
            GatewayKey,
            r#"SELECT k.id AS "id: GatewayKeyId", k.name, k.hint, p.name AS "project?", u.name AS creator, k.created_at,
                      k.expires_at, k.last_used_at
               FROM gateway_keys k JOIN users u ON u.id = k.created_by
               LEFT JOIN projects p ON p.team_id = k.team_id AND p.id = k.project_id
               WHERE k.team_id = $1 AND k.revoked_at IS NULL ORDER BY k.created_at DESC LIMIT 500"#,
            scope.team() as TeamId,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(keys)
    }

    /// Ends a key. Calls that are under way finish; no other begins.
    ///
    /// # Errors
    /// [`Error::NotFound`] for no key of the team that works.
    pub async fn revoke_gateway_key(&self, scope: &Can<ManageIntegrations>, id: GatewayKeyId) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let name = sqlx::query_scalar!(
            "UPDATE gateway_keys SET revoked_at = $3, revoked_by = $4
             WHERE team_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING name",
            scope.team() as TeamId,
            id as GatewayKeyId,
            now,
            scope.user()? as UserId,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        catalogue_changed(&mut tx, scope.team()).await?;
        audit::append(&mut tx, scope, now, happening("gateway_key.revoked", id, serde_json::json!({ "name": name })))
            .await?;
        Ok(tx.commit().await?)
    }

    /// Who calls, by the key that was shown.
    ///
    /// # Errors
    /// [`Error::SignedOut`] for a key that is unknown, revoked or expired, or whose run has ended.
    pub async fn caller(&self, text: &str, origin: Origin) -> Result<Caller> {
        let secret = Secret::parse(MARK, text).ok_or(Error::SignedOut)?;
        self.look_up(secret.team, *secret.hash.as_bytes(), origin).await
    }

    /// Whether this process knows a gateway key without asking the database. It may have been revoked since.
    #[must_use]
    pub fn remembers_gateway_key(&self, text: &str) -> bool {
        Secret::parse(MARK, text)
            .is_some_and(|secret| self.memory().key(secret.team, secret.hash.as_bytes(), self.clock().now()).is_some())
    }

    /// As [`Orchestrator::caller`], by what this process remembers. The key may have been revoked since, and so the call is
    /// held back with the caller's version of the catalogue, [`hold_for`](Orchestrator::hold_for), or not made.
    ///
    /// # Errors
    /// As [`Orchestrator::caller`].
    pub async fn caller_as_remembered(&self, text: &str, origin: Origin) -> Result<Caller> {
        let secret = Secret::parse(MARK, text).ok_or(Error::SignedOut)?;
        let (team, hash) = (secret.team, *secret.hash.as_bytes());
        match self.memory().key(team, &hash, self.clock().now()) {
            Some((key, catalogue)) => Ok(known(&key, (team, hash), catalogue, origin)),
            None => self.look_up(team, hash, origin).await,
        }
    }

    /// Forgets what is remembered of the caller's team, and looks the key up again.
    ///
    /// # Errors
    /// As [`Orchestrator::caller`].
    pub async fn caller_again(&self, caller: &Caller) -> Result<Caller> {
        self.memory().forget(caller.team(), caller.catalogue());
        self.look_up(caller.team(), caller.hash, caller.scope.origin().clone()).await
    }

    async fn look_up(&self, team: TeamId, hash: [u8; 32], origin: Origin) -> Result<Caller> {
        let now = self.clock().now();
        let mut tx = self.db().of_team(team).await?;
        let row = sqlx::query!(
            r#"SELECT k.id AS "id: GatewayKeyId", k.project_id AS "project: ProjectId", k.squad_id AS "squad: SquadId",
                      k.agent_id AS "agent: AgentId", k.task_id AS "task: TaskId", k.run_id AS "run: RunId", k.last_used_at,
                      k.expires_at, coalesce(h.catalogue_version, 0) AS "catalogue!"
               FROM gateway_keys k LEFT JOIN runs r ON r.team_id = k.team_id AND r.id = k.run_id
                    LEFT JOIN budget_heads h ON h.team_id = k.team_id
               WHERE k.team_id = $1 AND k.key_hash = $2 AND k.revoked_at IS NULL AND k.expires_at > $3
                     AND (k.run_id IS NULL OR r.state IN ('QUEUED', 'RUNNING', 'WAITING'))"#,
            team as TeamId,
            &hash,
            now,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::SignedOut)?;
        let used_at = row.last_used_at.filter(|&used| now - used <= USED_EVERY);
        if used_at.is_none() {
            sqlx::query!(
                "UPDATE gateway_keys SET last_used_at = $3 WHERE team_id = $1 AND id = $2",
                team as TeamId,
                row.id as GatewayKeyId,
                now,
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        let spender =
            Spender { project: row.project, squad: row.squad, agent: row.agent, task: row.task, run: row.run };
        let key = KnownKey { id: row.id, spender, expires_at: row.expires_at, used_at: used_at.unwrap_or(now) };
        // The key of a run ends with the run, which says so to nobody: it is looked up each time.
        if row.run.is_none() {
            self.memory().learn_key(team, row.catalogue, hash, key);
        }
        Ok(known(&key, (team, hash), row.catalogue, origin))
    }
}

fn known(key: &KnownKey, (team, hash): (TeamId, [u8; 32]), catalogue: i64, origin: Origin) -> Caller {
    let scope = Scope::new(team, Actor::System, PermissionSet::NONE, origin);
    let terms = Terms { catalogue, expires_at: Some(key.expires_at) };
    Caller { key: key.id, spender: key.spender, scope, hash, terms }
}

fn check(new: &NewGatewayKey<'_>) -> Result<String> {
    let name = new.name.trim();
    if name.is_empty() {
        return Err(Error::field("name", "Say what the key is for."));
    }
    if name.chars().count() > 80 {
        return Err(Error::field("name", "Use at most 80 characters."));
    }
    if new.life <= Duration::ZERO || new.life > MAX_LIFE {
        return Err(Error::field("life", "Choose how long the key works, up to a year."));
    }
    Ok(name.to_owned())
}

/// Output without the texts of keys. A key that was cut off is one too.
pub(crate) fn without_keys(bytes: Vec<u8>) -> Vec<u8> {
    const LEAST: usize = 16;
    const HIDDEN: &[u8] = b"sk-muster-[hidden]";
    let of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let (mut out, mut rest) = (Vec::new(), bytes.as_slice());
    while let Some(at) = rest.windows(MARK.len()).position(|word| word == MARK.as_bytes()) {
        let (before, key) = rest.split_at(at);
        let length = key.iter().take_while(|byte| of_key(byte)).count();
        out.extend_from_slice(before);
        out.extend_from_slice(if length < MARK.len() + LEAST { &key[..length] } else { HIDDEN });
        rest = &key[length..];
    }
    if out.is_empty() {
        return bytes;
    }
    out.extend_from_slice(rest);
    out
}

async fn limit(connection: &mut PgConnection, team: TeamId, now: OffsetDateTime) -> Result<()> {
    let living = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM gateway_keys
           WHERE team_id = $1 AND run_id IS NULL AND revoked_at IS NULL AND expires_at > $2"#,
        team as TeamId,
        now,
    )
    .fetch_one(connection)
    .await?;
    if living >= MAX_LIVING {
        return Err(Error::field("name", format!("The team has {MAX_LIVING} keys. Revoke one that nobody needs.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_kept_without_keys() {
        let key = fresh(TeamId::new()).expect("a key").text;
        let said = |text: &str| String::from_utf8(without_keys(text.into())).expect("text");
        assert_eq!(said(&format!("A={key}\nB={key}")), "A=sk-muster-[hidden]\nB=sk-muster-[hidden]");
        assert_eq!(said(&key[..40]), "sk-muster-[hidden]");
        for plain in ["", "ok", "sk-muster-", "sk-muster-…x7Qa is listed", "a sk-muster-key and sk-muster"] {
            assert_eq!(said(plain), plain);
        }
    }
}
