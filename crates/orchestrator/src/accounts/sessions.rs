use identity::Token;
use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{SessionId, UserId};

use super::User;
use crate::{Error, Orchestrator, Origin, Result};

/// A session that was just opened. The token goes into the cookie and is kept nowhere else.
#[derive(Debug)]
pub struct Opened {
    pub user: UserId,
    pub token: Token,
    pub expires_at: OffsetDateTime,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub session: SessionId,
    pub user: User,
    pub signed_in_at: OffsetDateTime,
}

/// A session in the person's list of devices.
#[derive(Clone, Debug)]
pub struct SessionSummary {
    pub id: SessionId,
    pub method: String,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: OffsetDateTime,
    pub last_seen_at: OffsetDateTime,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl Orchestrator {
    pub(super) async fn open_session(
        &self,
        connection: &mut PgConnection,
        user: UserId,
        method: &str,
        origin: &Origin,
    ) -> Result<Opened> {
        let token = Token::generate().map_err(Error::internal)?;
        let now = self.clock().now();
        let expires_at = now + self.settings().session_absolute;
        let hash = token.hash();
        sqlx::query!(
            "INSERT INTO sessions (id, user_id, token_hash, method, ip, user_agent, created_at, last_seen_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
            SessionId::new() as SessionId,
            user as UserId,
            hash.as_bytes(),
            method,
            origin.ip.map(|ip| ip.to_canonical().to_string()),
            origin.user_agent.as_deref().map(|agent| agent.chars().take(500).collect::<String>()),
            now,
            expires_at,
        )
        .execute(connection)
        .await?;
        Ok(Opened { user, token, expires_at })
    }

    /// Whether a session has not ended, by itself or by somebody. Unlike [`arrive`](Self::arrive) it does not count as its use:
    /// a page that keeps itself up to date keeps nobody signed in.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session_lives(&self, session: SessionId) -> Result<bool> {
        let now = self.clock().now();
        let mut connection = self.db().global_once().await?;
        let lives = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM sessions WHERE id = $1 AND expires_at > $2 AND last_seen_at > $3) AS "lives!""#,
            session as SessionId,
            now,
            now - self.settings().session_idle,
        )
        .fetch_one(&mut *connection)
        .await?;
        Ok(lives)
    }

    /// Ends the session of this cookie. A cookie without a session changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_out(&self, token: &str) -> Result<()> {
        let Some(hash) = super::hash_of(token) else { return Ok(()) };
        let mut tx = self.db().global().await?;
        sqlx::query!("DELETE FROM sessions WHERE token_hash = $1", hash.as_bytes()).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The person's living sessions, last used first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sessions(&self, who: &SignedIn) -> Result<Vec<SessionSummary>> {
        let now = self.clock().now();
        let mut tx = self.db().global().await?;
        let sessions = sqlx::query_as!(
            SessionSummary,
            r#"SELECT id AS "id: SessionId", method, ip, user_agent, created_at, last_seen_at, id = $2 AS "current!"
               FROM sessions WHERE user_id = $1 AND expires_at > $3 AND last_seen_at > $4
               ORDER BY id = $2 DESC, last_seen_at DESC"#,
            who.user.id as UserId,
            who.session as SessionId,
            now,
            now - self.settings().session_idle,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(sessions)
    }

    /// Ends one of the person's own sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a session that is not theirs.
    pub async fn revoke_session(&self, who: &SignedIn, session: SessionId) -> Result<()> {
        let mut tx = self.db().global().await?;
        let ended = sqlx::query!(
            "DELETE FROM sessions WHERE id = $1 AND user_id = $2",
            session as SessionId,
            who.user.id as UserId
        )
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Err(Error::NotFound);
        }
        tx.commit().await?;
        Ok(())
    }

    /// Ends all of the person's sessions but the one that asks. Returns how many ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_other_sessions(&self, who: &SignedIn) -> Result<u64> {
        let mut tx = self.db().global().await?;
        let ended = sqlx::query!(
            "DELETE FROM sessions WHERE user_id = $1 AND id <> $2",
            who.user.id as UserId,
            who.session as SessionId
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(ended.rows_affected())
    }
}
