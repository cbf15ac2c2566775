use identity::Token;
use types::UserId;

use super::{
    check_name, check_password, parse_email,
    sessions::Opened,
    verification::{Purpose, Request, find, is_known, use_up},
};
use crate::{Error, Mail, Orchestrator, Origin, Result, SignUpPolicy, error::OnConstraint, mail};

/// What a new person chooses once the address is proven.
#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    pub name: &'a str,
    pub password: &'a str,
}

impl Orchestrator {
    /// Begins a sign-up: mails a code to a new address, and a word of explanation to one that has an account.
    /// The caller cannot tell which. Returns the token that binds the attempt to the browser.
    ///
    /// `invited` is whether the browser holds an invitation link; `next` is where to go afterwards.
    ///
    /// # Errors
    /// [`Error::Invalid`] for text that is no address, [`Error::Refused`] where sign-up is not open.
    pub async fn begin_sign_up(&self, email: &str, invited: bool, next: Option<&str>) -> Result<Token> {
        let email = parse_email(email)?;
        if !invited {
            self.settings().sign_up.admits(email.key())?;
        }
        let now = self.clock().now();
        let mut tx = self.db().global().await?;
        let known = is_known(&mut tx, email.key()).await?;
        let request = Request { purpose: Purpose::SignUp, email: &email, may_match: !known, next };
        let (token, code) = self.begin_verification(&mut tx, request).await?;
        if let Some(code) = code {
            let mail = match known {
                false => self.code_mail(email.as_str(), &code.expose()),
                true => self.known_address_mail(email.as_str()),
            };
            mail::enqueue(&mut tx, now, &mail).await?;
        }
        tx.commit().await?;
        Ok(token)
    }

    /// Makes the account whose address this browser has proven, and signs it in.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong with name or password; [`Error::NotFound`] where the browser has
    /// proven nothing, or took too long.
    pub async fn sign_up(
        &self,
        browser: &str,
        account: NewAccount<'_>,
        origin: &Origin,
    ) -> Result<(Opened, Option<String>)> {
        let pending = self.pending_verification(Purpose::SignUp, browser).await?.ok_or(Error::NotFound)?;
        let mut errors = Vec::new();
        check_name(account.name, &mut errors);
        check_password(account.password, &pending.email, account.name, &mut errors);
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        let hash = self.hash_password(account.password).await?;

        let now = self.clock().now();
        let mut tx = self.db().global().await?;
        let row = find(&mut tx, Purpose::SignUp, browser, now).await?.ok_or(Error::NotFound)?;
        // An address that had an account when the code was asked for was never mailed a code, and none matches.
        if row.verified_at.is_none() {
            return Err(Error::NotFound);
        }
        let user = UserId::new();
        sqlx::query!(
            "INSERT INTO users (id, email, email_key, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            user as UserId,
            row.email,
            row.email_key,
            account.name.trim(),
            hash,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("users_email_is_unique", || {
            Error::Refused("This address has an account by now. Sign in instead.".into())
        })?;
        use_up(&mut tx, row.id, now).await?;
        let opened = self.open_session(&mut tx, user, "sign_up", origin).await?;
        tx.commit().await?;
        Ok((opened, row.next))
    }

    pub(super) async fn hash_password(&self, password: &str) -> Result<String> {
        self.hasher.hash(password).await.map_err(hash_error)
    }

    fn code_mail(&self, to: &str, code: &str) -> Mail {
        Mail {
            to: to.to_owned(),
            subject: format!("{code} is your Muster code"),
            body: format!(
                "Your code for signing up at {}:\n\n    {code}\n\nIt works for 10 minutes, in the browser that asked for it.\n\
                 If you did not ask, nothing happens; you can delete this mail.\n",
                self.settings().public_url
            ),
        }
    }

    fn known_address_mail(&self, to: &str) -> Mail {
        let url = &self.settings().public_url;
        Mail {
            to: to.to_owned(),
            subject: "You already have a Muster account".into(),
            body: format!(
                "Somebody tried to sign up at {url} with this address, which has an account already.\n\n\
                 Sign in: {url}/sign-in\nPassword forgotten: {url}/reset\n\n\
                 If that was not you, nothing happened; you can delete this mail.\n"
            ),
        }
    }
}

impl SignUpPolicy {
    fn admits(&self, email_key: &str) -> Result<()> {
        let refused = |sentence: &str| Err(Error::field("email", sentence));
        match self {
            Self::Open => Ok(()),
            Self::InviteOnly => refused("New accounts here need an invitation. Ask a team's owner or admin for one."),
            Self::Domains(domains) => match email_key.rsplit_once('@') {
                Some((_, domain)) if domains.iter().any(|allowed| allowed == domain) => Ok(()),
                _ => refused("New accounts here need an invitation, or an address of your company."),
            },
        }
    }
}

pub(super) fn hash_error(error: identity::HashError) -> Error {
    match error {
        identity::HashError::Busy => Error::Busy,
        other => Error::internal(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_admits_whom_it_says() {
        let domains = SignUpPolicy::Domains(vec!["quayside.example".into()]);
        assert!(domains.admits("mira@quayside.example").is_ok());
        assert!(domains.admits("mira@evil-quayside.example").is_err());
        assert!(domains.admits("mira@quayside.example.evil.example").is_err());
        assert!(SignUpPolicy::Open.admits("anyone@anywhere.example").is_ok());
        assert!(SignUpPolicy::InviteOnly.admits("anyone@anywhere.example").is_err());
    }
}
