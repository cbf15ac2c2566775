use types::{SessionId, UserId};

use super::{SignedIn, check_name, check_password, sign_up::hash_error};
use crate::{Error, Orchestrator, Result, mail};

/// In place of a network, where guesses count together wherever they come from.
const ANYWHERE: &str = "";

impl Orchestrator {
    /// Changes the person's name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty or too long name.
    pub async fn rename_user(&self, who: &SignedIn, name: &str) -> Result<()> {
        let mut errors = Vec::new();
        check_name(name, &mut errors);
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        let mut tx = self.db().global().await?;
        sqlx::query!("UPDATE users SET name = $2 WHERE id = $1", who.user.id as UserId, name.trim())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Changes the password, given the current one, and ends all other sessions.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong current password or a new one that is too weak, [`Error::TooManyAttempts`] after several
    /// wrong ones in this session.
    pub async fn change_password(&self, who: &SignedIn, current: &str, new: &str) -> Result<()> {
        // Whoever came by a session may not try passwords in it, from wherever. The person's own sessions are not slowed.
        let attempts = format!("session {}", who.session);
        self.check_throttle(&attempts, ANYWHERE).await?;
        let mut tx = self.db().global().await?;
        let stored = sqlx::query_scalar!("SELECT password_hash FROM users WHERE id = $1", who.user.id as UserId)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        let verdict = self.hasher.verify(current, stored.as_deref()).await.map_err(hash_error)?;
        if !verdict.matches {
            self.count_failure(&attempts, ANYWHERE).await?;
            return Err(Error::field("current", "This is not your current password."));
        }
        let mut errors = Vec::new();
        check_password(new, &who.user.email, &who.user.name, &mut errors);
        if !errors.is_empty() {
            // The form's field is called `new`, so that password managers tell it from the current one.
            errors.iter_mut().for_each(|error| error.field = "new".into());
            return Err(Error::Invalid(errors));
        }
        let hash = self.hash_password(new).await?;

        let mut tx = self.db().global().await?;
        sqlx::query!("UPDATE users SET password_hash = $2 WHERE id = $1", who.user.id as UserId, hash)
            .execute(&mut *tx)
            .await?;
        sqlx::query!(
            "DELETE FROM sessions WHERE user_id = $1 AND id <> $2",
            who.user.id as UserId,
            who.session as SessionId
        )
        .execute(&mut *tx)
        .await?;
        mail::enqueue(&mut tx, self.clock().now(), &self.password_changed_mail(&who.user.email)).await?;
        tx.commit().await?;
        Ok(())
    }
}
