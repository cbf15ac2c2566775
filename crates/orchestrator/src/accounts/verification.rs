use identity::{Code, CodeHash, Email, Token};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Error, Orchestrator, Result};

pub const CODE_LIFETIME: Duration = Duration::minutes(10);
/// After the code, this long to choose a password.
const GRACE: Duration = Duration::minutes(30);
const MAX_ATTEMPTS: i32 = 5;
/// Mails with codes that one address gets in an hour, whoever asks.
const MAX_PER_HOUR: i64 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignUp,
    Reset,
}

impl Purpose {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::Reset => "reset",
        }
    }
}

/// An attempt to prove an address, as the browser that began it sees it.
#[derive(Clone, Debug)]
pub struct Pending {
    pub email: String,
    pub minutes_left: i64,
    pub tries_left: i32,
    pub verified: bool,
    /// Where to go afterwards; a path inside this site.
    pub next: Option<String>,
}

/// What came of entering a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    Right,
    Wrong {
        tries_left: i32,
    },
    /// Too old, used up or tried too often: a new code is needed.
    Over,
}

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) email: String,
    pub(super) email_key: String,
    pub(super) code_hash: Option<Vec<u8>>,
    pub(super) attempts: i32,
    pub(super) next: Option<String>,
    pub(super) expires_at: OffsetDateTime,
    pub(super) verified_at: Option<OffsetDateTime>,
}

/// What to write down when an address is to be proven.
pub(super) struct Request<'a> {
    pub(super) purpose: Purpose,
    pub(super) email: &'a Email,
    /// Whether a code may ever match. Where none may, everything else is done all the same.
    pub(super) may_match: bool,
    pub(super) next: Option<&'a str>,
}

impl Orchestrator {
    /// Writes an attempt down. Returns the browser's token and, unless the address was mailed too often, a code.
    pub(super) async fn begin_verification(
        &self,
        connection: &mut PgConnection,
        request: Request<'_>,
    ) -> Result<(Token, Option<Code>)> {
        let now = self.clock().now();
        let token = Token::generate().map_err(Error::internal)?;
        let code = Code::generate().map_err(Error::internal)?;
        let asked = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM verifications WHERE email_key = $1 AND created_at > $2"#,
            request.email.key(),
            now - Duration::hours(1),
        )
        .fetch_one(&mut *connection)
        .await?;
        // Past the limit the answer stays the same, but no further mail goes out.
        let code = (asked < MAX_PER_HOUR).then_some(code);
        let id = Uuid::now_v7();
        let browser = token.hash();
        let hash = code.as_ref().map(|code| code.hash(&self.keys.codes, &id.to_string()).as_bytes().to_vec());
        sqlx::query!(
            "INSERT INTO verifications (id, purpose, email, email_key, browser_hash, code_hash, next, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            id,
            request.purpose.as_str(),
            request.email.as_str(),
            request.email.key(),
            browser.as_bytes(),
            hash.filter(|_| request.may_match),
            request.next,
            now,
            now + CODE_LIFETIME,
        )
        .execute(connection)
        .await?;
        Ok((token, code))
    }

    /// The attempt this browser began, while it lives.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending_verification(&self, purpose: Purpose, browser: &str) -> Result<Option<Pending>> {
        let now = self.clock().now();
        let mut tx = self.db().global().await?;
        let row = find(&mut tx, purpose, browser, now).await?;
        tx.commit().await?;
        Ok(row.map(|row| Pending {
            email: row.email,
            minutes_left: (row.expires_at - now).whole_minutes() + 1,
            tries_left: (MAX_ATTEMPTS - row.attempts).max(0),
            verified: row.verified_at.is_some(),
            next: row.next,
        }))
    }

    /// Checks a code. Every try counts, also those made at the same time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn check_code(&self, purpose: Purpose, browser: &str, code: &str) -> Result<Checked> {
        let now = self.clock().now();
        let mut tx = self.db().global().await?;
        let Some(row) = find(&mut tx, purpose, browser, now).await? else {
            return Ok(Checked::Over);
        };
        if row.verified_at.is_some() {
            return Ok(Checked::Right);
        }
        if row.attempts >= MAX_ATTEMPTS {
            return Ok(Checked::Over);
        }
        let tried = Code::parse(code).ok().map(|code| code.hash(&self.keys.codes, &row.id.to_string()));
        let stored = row.code_hash.as_deref().map(CodeHash::from_bytes).transpose().map_err(Error::internal)?;
        let right = tried.is_some() && tried == stored;
        sqlx::query!(
            "UPDATE verifications SET attempts = attempts + 1,
                    verified_at = CASE WHEN $2 THEN $3::timestamptz END,
                    expires_at = CASE WHEN $2 THEN $4::timestamptz ELSE expires_at END
             WHERE id = $1",
            row.id,
            right,
            now,
            now + GRACE,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(match (right, MAX_ATTEMPTS - row.attempts - 1) {
            (true, _) => Checked::Right,
            (false, 0) => Checked::Over,
            (false, tries_left) => Checked::Wrong { tries_left },
        })
    }
}

/// Whether there is an account under this address.
pub(super) async fn is_known(connection: &mut PgConnection, email_key: &str) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users WHERE email_key = $1) AS "known!""#, email_key)
        .fetch_one(connection)
        .await?)
}

/// The attempt of a browser, locked: a code is tried once at a time.
pub(super) async fn find(
    connection: &mut PgConnection,
    purpose: Purpose,
    browser: &str,
    now: OffsetDateTime,
) -> Result<Option<Row>> {
    let Some(hash) = super::hash_of(browser) else { return Ok(None) };
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, email, email_key, code_hash, attempts, next, expires_at, verified_at
           FROM verifications
           WHERE browser_hash = $1 AND purpose = $2 AND expires_at > $3 AND used_at IS NULL FOR UPDATE"#,
        hash.as_bytes(),
        purpose.as_str(),
        now,
    )
    .fetch_optional(connection)
    .await?)
}

/// Marks an attempt as used: it opens nothing a second time.
pub(super) async fn use_up(connection: &mut PgConnection, id: Uuid, now: OffsetDateTime) -> Result<()> {
    sqlx::query!("UPDATE verifications SET used_at = $2 WHERE id = $1", id, now).execute(connection).await?;
    Ok(())
}
