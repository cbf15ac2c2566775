use identity::Token;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use types::{ApiTokenId, Permission, PermissionSet, TeamId, UserId};

use super::{members, roles, secret::Secret};
use crate::{
    Actor, Can, Error, Orchestrator, Origin, Result, Scope,
    audit::{self, Happening},
    grants::ReadTeam,
};

/// Tokens of one person in one team that work at the same time.
const MAX_LIVING: i64 = 50;
/// The longest life of a token.
const MAX_LIFE: Duration = Duration::days(366);
/// The time of the last use is kept this exactly: not every request writes.
const USED_EVERY: Duration = Duration::minutes(1);
const PREFIX: &str = "mst_";

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    pub name: &'a str,
    pub scopes: PermissionSet,
    pub life: Duration,
}

/// A token that works, or worked until it expired. Its secret is known to its holder alone.
#[derive(Clone, Debug)]
pub struct ApiToken {
    pub id: ApiTokenId,
    pub name: String,
    pub holder: String,
    /// Whether whoever asks holds it.
    pub own: bool,
    pub scopes: PermissionSet,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

impl Orchestrator {
    /// Makes a token for the acting person. The text is returned here and never again.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name or a life that cannot be, or too many tokens; [`Error::Denied`] for a scope that the
    /// person's role does not grant.
    pub async fn create_token(&self, scope: &Can<ReadTeam>, new: &NewToken<'_>) -> Result<(ApiTokenId, String)> {
        let name = check(scope, new)?;
        let (now, user) = (self.clock().now(), scope.user()?);
        let token = Token::generate().map_err(Error::internal)?;
        let (id, hash) = (ApiTokenId::new(), token.hash());
        let scopes = roles::write_permissions(new.scopes);
        let mut tx = self.db().team(scope).await?;
        limit(&mut tx, scope.team(), user, now).await?;
        sqlx::query!(
            "INSERT INTO api_tokens (team_id, id, user_id, name, token_hash, scopes, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            scope.team() as TeamId,
            id as ApiTokenId,
            user as UserId,
            name,
            hash.as_bytes(),
            &scopes,
            now,
            now + new.life,
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "name": name, "scopes": scopes, "expires_at": (now + new.life).to_string() });
        audit::append(&mut tx, scope, now, happening("token.created", id, details)).await?;
        tx.commit().await?;
        Ok((id, Secret::text(PREFIX, scope.team(), &token)))
    }

    /// The person's own tokens, newest first; for those who manage the team, everybody's.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tokens(&self, scope: &Can<ReadTeam>) -> Result<Vec<ApiToken>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT t.id AS "id: ApiTokenId", t.name, u.name AS holder, t.user_id = $2 AS "own!", t.scopes, t.created_at,
                      t.expires_at, t.last_used_at
               FROM api_tokens t JOIN users u ON u.id = t.user_id
               WHERE t.team_id = $1 AND t.revoked_at IS NULL AND (t.user_id = $2 OR $3)
               ORDER BY t.user_id = $2 DESC, t.created_at DESC LIMIT 500"#,
            scope.team() as TeamId,
            scope.user()? as UserId,
            scope.permissions().contains(Permission::ManageTeam),
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let tokens = rows.into_iter().map(|row| ApiToken {
            id: row.id,
            name: row.name,
            holder: row.holder,
            own: row.own,
            scopes: roles::read_permissions(&row.scopes),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        });
        Ok(tokens.collect())
    }

    /// Ends a token: one's own, or anybody's for those who manage the team.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a token that is not there for the person.
    pub async fn revoke_token(&self, scope: &Can<ReadTeam>, id: ApiTokenId) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let name = sqlx::query_scalar!(
            "UPDATE api_tokens SET revoked_at = $3, revoked_by = $4
             WHERE team_id = $1 AND id = $2 AND revoked_at IS NULL AND (user_id = $4 OR $5) RETURNING name",
            scope.team() as TeamId,
            id as ApiTokenId,
            now,
            scope.user()? as UserId,
            scope.permissions().contains(Permission::ManageTeam),
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        let details = serde_json::json!({ "name": name });
        audit::append(&mut tx, scope, now, happening("token.revoked", id, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Enters a team by a token: its holder acts, with what both the token and the holder's role grant.
    ///
    /// # Errors
    /// [`Error::SignedOut`] for a token that is unknown, revoked or expired; [`Error::NotFound`] for another team's address.
    pub async fn enter_by_token(&self, text: &str, slug: &str, origin: Origin) -> Result<Scope> {
        let secret = Secret::parse(PREFIX, text).ok_or(Error::SignedOut)?;
        let now = self.clock().now();
        let mut tx = self.db().of_team(secret.team).await?;
        let row = sqlx::query!(
            r#"SELECT t.id AS "id: ApiTokenId", t.user_id AS "user: UserId", t.scopes, t.last_used_at, teams.slug
               FROM api_tokens t JOIN teams ON teams.id = t.team_id
               WHERE t.team_id = $1 AND t.token_hash = $2 AND t.revoked_at IS NULL AND t.expires_at > $3"#,
            secret.team as TeamId,
            secret.hash.as_bytes(),
            now,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::SignedOut)?;
        let role = members::role_of(&mut tx, secret.team, row.user).await?.ok_or(Error::SignedOut)?;
        if row.slug != slug {
            return Err(Error::NotFound);
        }
        if row.last_used_at.is_none_or(|used| now - used > USED_EVERY) {
            sqlx::query!(
                "UPDATE api_tokens SET last_used_at = $3 WHERE team_id = $1 AND id = $2",
                secret.team as TeamId,
                row.id as ApiTokenId,
                now,
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        let scopes = roles::read_permissions(&row.scopes);
        let both = role.permissions().iter().filter(|permission| scopes.contains(*permission)).collect();
        Ok(Scope::new(secret.team, Actor::User(row.user), both, origin))
    }
}

fn check(scope: &Scope, new: &NewToken<'_>) -> Result<String> {
    let name = new.name.trim();
    if name.is_empty() {
        return Err(Error::field("name", "Say what the token is for."));
    }
    if name.chars().count() > 80 {
        return Err(Error::field("name", "Use at most 80 characters."));
    }
    if new.life <= Duration::ZERO || new.life > MAX_LIFE {
        return Err(Error::field("life", "Choose how long the token works, up to a year."));
    }
    if new.scopes.iter().next().is_none() {
        return Err(Error::field("access", "Choose what the token may do."));
    }
    match new.scopes.iter().find(|permission| !scope.permissions().contains(*permission)) {
        Some(missing) => Err(Error::Denied(missing)),
        None => Ok(name.to_owned()),
    }
}

async fn limit(connection: &mut PgConnection, team: TeamId, user: UserId, now: OffsetDateTime) -> Result<()> {
    let living = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM api_tokens
           WHERE team_id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3"#,
        team as TeamId,
        user as UserId,
        now,
    )
    .fetch_one(connection)
    .await?;
    if living >= MAX_LIVING {
        return Err(Error::field("name", format!("You have {MAX_LIVING} tokens. Revoke one that you no longer need.")));
    }
    Ok(())
}

fn happening(action: &'static str, id: ApiTokenId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "token", target_id: id.to_string(), details }
}
