use std::time::Duration as StdDuration;

use notify::{Mailer, Message};
use sqlx::PgConnection;
use time::Duration;
use uuid::Uuid;

use crate::{Orchestrator, Result};

/// A mail to be sent once the transaction that wrote it commits.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub body: String,
}

/// A mail that could not be handed over is tried again, at growing distance, for about a day.
const MAX_ATTEMPTS: i32 = 12;

/// Whether a mail goes out, or is written for the sake of the time that writing takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    Send,
    /// Deleted by whoever comes to send it.
    Discard,
}

pub(crate) async fn enqueue(connection: &mut PgConnection, at: time::OffsetDateTime, mail: &Mail) -> Result<()> {
    write(connection, at, mail, Sending::Send).await
}

pub(crate) async fn write(
    connection: &mut PgConnection,
    at: time::OffsetDateTime,
    mail: &Mail,
    sending: Sending,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO mails (id, recipient, subject, body, created_at, next_attempt_at, discard) VALUES ($1, $2, $3, $4, $5, $5, $6)",
        Uuid::now_v7(),
        mail.to,
        mail.subject,
        mail.body,
        at,
        sending == Sending::Discard,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Orchestrator {
    /// Sends mail as it is written, until the future is dropped. Several processes may run it at once.
    ///
    /// # Errors
    /// When the database cannot be reached to begin with; later failures are logged and tried again.
    pub async fn deliver_mail(&self, mailer: &Mailer) -> Result<()> {
        let mut listener = self.db().listener().await?;
        listener.listen("muster_mail").await?;
        loop {
            match self.deliver_due_mail(mailer).await {
                Ok(0) => {
                    // Woken by the next mail; the timeout finds those whose turn has come again.
                    let woken = tokio::time::timeout(StdDuration::from_secs(5), listener.recv()).await;
                    if let Ok(Err(error)) = woken {
                        tracing::warn!(%error, "lost the mail notifications, reconnecting");
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "could not read the mail queue");
                    tokio::time::sleep(StdDuration::from_secs(1)).await;
                }
            }
        }
    }

    /// Sends the mail that is due, one transaction per mail, and returns how many were tried.
    ///
    /// # Errors
    /// When the database does not answer. A mail server that refuses is not an error here: the mail waits.
    pub async fn deliver_due_mail(&self, mailer: &Mailer) -> Result<u32> {
        let mut tried = 0;
        while self.deliver_one(mailer).await? {
            tried += 1;
        }
        Ok(tried)
    }

    async fn deliver_one(&self, mailer: &Mailer) -> Result<bool> {
        let now = self.clock().now();
        let mut tx = self.db().system().await?;
        let Some(mail) = sqlx::query!(
            "SELECT id, recipient, subject, body, attempts, discard FROM mails WHERE next_attempt_at <= $1
             ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED",
            now
        )
        .fetch_optional(&mut *tx)
        .await?
        else {
            return Ok(false);
        };
        if mail.discard {
            sqlx::query!("DELETE FROM mails WHERE id = $1", mail.id).execute(&mut *tx).await?;
            tx.commit().await?;
            return Ok(true);
        }
        let message = Message { to: mail.recipient, subject: mail.subject, text: mail.body, html: None };
        match mailer.send(message).await {
            Ok(()) => {
                sqlx::query!("DELETE FROM mails WHERE id = $1", mail.id).execute(&mut *tx).await?;
            }
            Err(error) if mail.attempts + 1 >= MAX_ATTEMPTS => {
                tracing::error!(mail = %mail.id, %error, "gave a mail up after {MAX_ATTEMPTS} attempts");
                sqlx::query!("DELETE FROM mails WHERE id = $1", mail.id).execute(&mut *tx).await?;
            }
            Err(error) => {
                let wait = Duration::seconds(5) * 2_i32.pow(u32::try_from(mail.attempts).unwrap_or(0).min(12));
                tracing::warn!(mail = %mail.id, %error, again_in = %wait, "could not send a mail");
                sqlx::query!(
                    "UPDATE mails SET attempts = attempts + 1, next_attempt_at = $2, last_error = $3 WHERE id = $1",
                    mail.id,
                    now + wait,
                    error.to_string(),
                )
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }
}
