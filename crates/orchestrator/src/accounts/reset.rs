use identity::Token;
use types::UserId;

use super::{
    check_password, parse_email,
    sessions::Opened,
    verification::{Purpose, Request, find, is_known, use_up},
};
use crate::{
    Error, Mail, Orchestrator, Origin, Result,
    mail::{self, Sending},
};

impl Orchestrator {
    /// Begins a password reset. The answer is the same for an address without an account, and so is the work, that the time it
    /// takes tells nothing; only no mail goes out.
    ///
    /// # Errors
    /// [`Error::Invalid`] for text that is no address.
    pub async fn begin_reset(&self, email: &str) -> Result<Token> {
        let email = parse_email(email)?;
        let now = self.clock().now();
        let mut tx = self.db().global().await?;
        let known = is_known(&mut tx, email.key()).await?;
        let request = Request { purpose: Purpose::Reset, email: &email, may_match: known, next: None };
        let (token, code) = self.begin_verification(&mut tx, request).await?;
        if let Some(code) = code {
            let code = code.expose();
            let mail = Mail {
                to: email.as_str().to_owned(),
                subject: format!("{code} resets your Muster password"),
                body: format!(
                    "Your code for choosing a new password at {}:\n\n    {code}\n\nIt works for 10 minutes, in the browser \
                     that asked for it.\nIf you did not ask, do not pass it on; your password stays as it is.\n",
                    self.settings().public_url
                ),
            };
            let whether = if known { Sending::Send } else { Sending::Discard };
            mail::write(&mut tx, now, &mail, whether).await?;
        }
        tx.commit().await?;
        Ok(token)
    }

    /// Sets a new password after the code was right, ends every session of the person, and opens a new one.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong with the password; [`Error::NotFound`] where this browser has proven
    /// nothing, or took too long.
    pub async fn reset_password(&self, browser: &str, password: &str, origin: &Origin) -> Result<Opened> {
        let pending = self.pending_verification(Purpose::Reset, browser).await?.ok_or(Error::NotFound)?;
        if !pending.verified {
            return Err(Error::NotFound);
        }
        let mut errors = Vec::new();
        check_password(password, &pending.email, "", &mut errors);
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        let hash = self.hash_password(password).await?;

        let now = self.clock().now();
        let mut tx = self.db().global().await?;
        let row = find(&mut tx, Purpose::Reset, browser, now).await?.ok_or(Error::NotFound)?;
        let user = sqlx::query_scalar!(r#"SELECT id AS "id: UserId" FROM users WHERE email_key = $1"#, row.email_key)
            .fetch_optional(&mut *tx)
            .await?;
        let (Some(user), Some(_)) = (user, row.verified_at) else {
            return Err(Error::NotFound);
        };
        sqlx::query!("UPDATE users SET password_hash = $2 WHERE id = $1", user as UserId, hash)
            .execute(&mut *tx)
            .await?;
        sqlx::query!("DELETE FROM sessions WHERE user_id = $1", user as UserId).execute(&mut *tx).await?;
        use_up(&mut tx, row.id, now).await?;
        mail::enqueue(&mut tx, now, &self.password_changed_mail(&row.email)).await?;
        let opened = self.open_session(&mut tx, user, "reset", origin).await?;
        tx.commit().await?;
        Ok(opened)
    }

    pub(super) fn password_changed_mail(&self, to: &str) -> Mail {
        let url = &self.settings().public_url;
        Mail {
            to: to.to_owned(),
            subject: "Your Muster password was changed".into(),
            body: format!(
                "The password of your account at {url} was just changed, and every other session was ended.\n\n\
                 If that was not you, reset it at once: {url}/reset\n"
            ),
        }
    }
}
