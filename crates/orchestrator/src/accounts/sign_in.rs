use identity::Email;
use time::{Duration, OffsetDateTime};
use types::UserId;

use super::{sessions::Opened, sign_up::hash_error};
use crate::{Error, Orchestrator, Origin, Result};

/// What a person signs in with.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    pub email: &'a str,
    pub password: &'a str,
}

/// Wrong guesses before a client has to wait.
const FREE_FAILURES: i32 = 5;
const LONGEST_WAIT: Duration = Duration::minutes(15);

impl Orchestrator {
    /// Signs a person in and opens a session with a new id.
    ///
    /// An unknown address takes the same time and gets the same answer as a wrong password.
    ///
    /// # Errors
    /// [`Error::Invalid`] when address and password do not belong together, [`Error::TooManyAttempts`] after
    /// several wrong guesses from the same network, [`Error::Busy`] when too many passwords are being checked.
    pub async fn sign_in(&self, credentials: Credentials<'_>, origin: &Origin) -> Result<Opened> {
        // Text that is no address goes the same way as an address nobody has.
        let key = Email::parse(credentials.email)
            .map_or_else(|_| credentials.email.to_lowercase(), |email| email.key().to_owned());
        let key: String = key.chars().take(254).collect();
        self.check_throttle(&key, &origin.network()).await?;

        let mut tx = self.db().global().await?;
        let user = sqlx::query!(r#"SELECT id AS "id: UserId", password_hash FROM users WHERE email_key = $1"#, key)
            .fetch_optional(&mut *tx)
            .await?;
        // No transaction is held while the password is hashed.
        tx.commit().await?;
        let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
        let verdict = self.hasher.verify(credentials.password, stored).await.map_err(hash_error)?;
        let Some(user) = user.filter(|_| verdict.matches) else {
            self.count_failure(&key, &origin.network()).await?;
            return Err(Error::field("password", "The address and the password do not belong together."));
        };
        let better = if verdict.needs_rehash { Some(self.hash_password(credentials.password).await?) } else { None };

        let mut tx = self.db().global().await?;
        if let Some(better) = better {
            sqlx::query!("UPDATE users SET password_hash = $2 WHERE id = $1", user.id as UserId, better)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query!("DELETE FROM sign_in_failures WHERE email_key = $1 AND network = $2", key, origin.network())
            .execute(&mut *tx)
            .await?;
        let opened = self.open_session(&mut tx, user.id, "password", origin).await?;
        tx.commit().await?;
        Ok(opened)
    }

    pub(super) async fn check_throttle(&self, key: &str, network: &str) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().global().await?;
        let row = sqlx::query!(
            "SELECT failures, last_failed_at FROM sign_in_failures WHERE email_key = $1 AND network = $2",
            key,
            network
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        match row.and_then(|row| wait_left(row.failures, row.last_failed_at, now)) {
            Some(left) => Err(Error::TooManyAttempts { retry_after: left.unsigned_abs() }),
            None => Ok(()),
        }
    }

    pub(super) async fn count_failure(&self, key: &str, network: &str) -> Result<()> {
        let mut tx = self.db().global().await?;
        sqlx::query!(
            "INSERT INTO sign_in_failures (email_key, network, failures, last_failed_at) VALUES ($1, $2, 1, $3)
             ON CONFLICT (email_key, network) DO UPDATE
             SET failures = least(sign_in_failures.failures + 1, 1000), last_failed_at = excluded.last_failed_at",
            key,
            network,
            self.clock().now(),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// How long a client still has to wait: nothing for the first guesses, then 2, 4, 8 … seconds, at most 15 minutes.
fn wait_left(failures: i32, last: OffsetDateTime, now: OffsetDateTime) -> Option<Duration> {
    let over = u32::try_from(failures - FREE_FAILURES).ok()?;
    let wait = Duration::seconds(2_i64.pow((over + 1).min(12))).min(LONGEST_WAIT);
    let left = last + wait - now;
    left.is_positive().then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(1);
        let cases = [(1, None), (4, None), (5, Some(2)), (6, Some(4)), (9, Some(32)), (900, Some(15 * 60))];
        for (failures, seconds) in cases {
            assert_eq!(wait_left(failures, now, now).map(Duration::whole_seconds), seconds, "{failures}");
        }
        assert_eq!(wait_left(900, now - LONGEST_WAIT, now), None);
    }
}
