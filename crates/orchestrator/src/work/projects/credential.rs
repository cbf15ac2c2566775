use sqlx::PgConnection;
use types::{FieldError, ProjectId, SecretId, TeamId};
use zeroize::Zeroizing;

use super::{happening, name_of};
use crate::{
    Can, Error, Orchestrator, Result, audit,
    grants::WriteProjects,
    secrets::{self, Purpose},
};

/// A user name and a token for a repository elsewhere. Its `Debug` form hides the token.
#[derive(Clone)]
pub struct RepositoryCredential {
    user: String,
    token: Zeroizing<String>,
}

impl std::fmt::Debug for RepositoryCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RepositoryCredential({}, …)", self.user)
    }
}

impl RepositoryCredential {
    /// Reads what somebody typed; `None` where both are empty. The user name may be empty where the server takes any.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name without a token, and for what cannot stand in a header (RFC 7617, section 2).
    pub fn parse(user: &str, token: &str) -> Result<Option<Self>> {
        let (user, token) = (user.trim(), token.trim());
        if user.is_empty() && token.is_empty() {
            return Ok(None);
        }
        let mut wrong = Vec::new();
        let mut refuse = |field: &str, message: &str| {
            wrong.push(FieldError { field: field.to_owned(), message: message.to_owned() });
        };
        if user.chars().count() > 200 || user.contains(|letter: char| letter == ':' || letter.is_control()) {
            refuse("credential_user", "Use at most 200 characters, without a colon.");
        }
        if token.is_empty() {
            refuse("credential_token", "Enter the token that belongs to this user name.");
        } else if token.len() > 1_000 || token.contains(char::is_control) {
            refuse("credential_token", "Use at most 1,000 characters, in one line.");
        }
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        Ok(Some(Self { user: user.to_owned(), token: Zeroizing::new(token.to_owned()) }))
    }
}

/// What may be shown of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialHint {
    /// Empty where the server takes any name.
    pub user: String,
    /// The token's beginning and end.
    pub hint: String,
}

impl Orchestrator {
    /// Keeps what Muster is let into a project's repository by; one that was there before is destroyed.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign project, [`Error::Refused`] for one whose code lives here alone.
    pub async fn keep_credential(
        &self,
        scope: &Can<WriteProjects>,
        project: ProjectId,
        credential: &RepositoryCredential,
    ) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let name = name_of(&mut tx, scope, project).await?;
        self.put_credential(&mut tx, scope, project, credential).await?;
        let details = serde_json::json!({ "name": name, "user": credential.user });
        audit::append(&mut tx, scope, now, happening("project.credential_kept", project, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Destroys what Muster is let into a project's repository by. Where there is none, nothing happens.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign project.
    pub async fn remove_credential(&self, scope: &Can<WriteProjects>, project: ProjectId) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let name = name_of(&mut tx, scope, project).await?;
        if forget_old(&mut tx, scope.team(), project).await? {
            let details = serde_json::json!({ "name": name });
            audit::append(&mut tx, scope, now, happening("project.credential_removed", project, details)).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn put_credential(
        &self,
        tx: &mut PgConnection,
        scope: &Can<WriteProjects>,
        project: ProjectId,
        credential: &RepositoryCredential,
    ) -> Result<()> {
        let now = self.clock().now();
        forget_old(tx, scope.team(), project).await?;
        let secret =
            secrets::keep(tx, self.vault(), (scope, now), Purpose::GitCredential, credential.token.as_str()).await?;
        let kept = sqlx::query!(
            "UPDATE projects SET credential_user = $3, credential_secret = $4 WHERE team_id = $1 AND id = $2 AND source = 'git'",
            scope.team() as TeamId,
            project as ProjectId,
            credential.user,
            secret as SecretId,
        )
        .execute(tx)
        .await?;
        if kept.rows_affected() == 0 {
            return Err(Error::Refused("Only a project with a git address needs a user name and a token.".into()));
        }
        Ok(())
    }
}

/// Whether there was one.
async fn forget_old(tx: &mut PgConnection, team: TeamId, project: ProjectId) -> Result<bool> {
    let old = sqlx::query_scalar!(
        r#"SELECT credential_secret AS "secret!: SecretId" FROM projects
           WHERE team_id = $1 AND id = $2 AND credential_secret IS NOT NULL FOR NO KEY UPDATE"#,
        team as TeamId,
        project as ProjectId,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(old) = old else { return Ok(false) };
    sqlx::query!(
        "UPDATE projects SET credential_user = NULL, credential_secret = NULL WHERE team_id = $1 AND id = $2",
        team as TeamId,
        project as ProjectId,
    )
    .execute(&mut *tx)
    .await?;
    secrets::forget(tx, team, old).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_needed_and_never_printed() {
        let parsed = |user, token| RepositoryCredential::parse(user, token);
        assert!(parsed(" ", "").is_ok_and(|none| none.is_none()));
        for (user, token) in [("ada", ""), ("a:b", "token"), ("ada", "two\nlines")] {
            assert!(parsed(user, token).is_err(), "{user} {token}");
        }
        let whole = parsed("ada", " hunter2 ").ok().flatten();
        assert_eq!(format!("{whole:?}"), "Some(RepositoryCredential(ada, …))");
    }
}
