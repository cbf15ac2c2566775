//! Secrets of teams, sealed under a data key of each team, which the installation's master key wraps.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{SecretId, TeamId, UserId};
use vault::{DataKey, MasterKeys, Place, VaultError};
use zeroize::Zeroizing;

use crate::{
    Can, Error, Orchestrator, Result, Scope,
    audit::{self, Happening},
    grants::ManageIntegrations,
};

/// What a secret is for; it opens for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    ModelKey,
    GitCredential,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ModelKey => "model_key",
            Self::GitCredential => "git_credential",
        }
    }
}

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub generation: u32,
    /// Secrets that were sealed anew.
    pub resealed: usize,
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        Self::internal(error)
    }
}

/// Seals a secret and keeps it. It is never shown again, only `hint` is.
pub(crate) async fn keep(
    connection: &mut PgConnection,
    keys: &MasterKeys,
    (scope, now): (&Scope, OffsetDateTime),
    purpose: Purpose,
    text: &str,
) -> Result<SecretId> {
    let team = scope.team();
    let key = newest_key(connection, keys, team, now).await?;
    let id = SecretId::new();
    let sealed = key.seal(&place(&team, &id, purpose), text.as_bytes())?;
    sqlx::query!(
        "INSERT INTO secrets (team_id, id, purpose, sealed, generation, hint, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        team as TeamId,
        id as SecretId,
        purpose.as_str(),
        sealed,
        number(key.generation())?,
        hint(text),
        scope.user()? as UserId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// What a value other than a secret is sealed to.
#[derive(Clone, Copy)]
pub(crate) struct Sealing<'a> {
    pub(crate) purpose: &'a str,
    pub(crate) row: &'a [u8],
    pub(crate) field: &'a str,
}

impl<'a> Sealing<'a> {
    fn place(self, team: &'a TeamId) -> Place<'a> {
        Place { purpose: self.purpose, owner: team.as_bytes(), row: self.row, field: self.field }
    }
}

/// Seals a value that stands in another table, which names the generation of the team's key.
pub(crate) async fn seal(
    connection: &mut PgConnection,
    keys: &MasterKeys,
    (team, now): (TeamId, OffsetDateTime),
    to: Sealing<'_>,
    value: &[u8],
) -> Result<(Vec<u8>, i32)> {
    let key = newest_key(connection, keys, team, now).await?;
    Ok((key.seal(&to.place(&team), value)?, number(key.generation())?))
}

/// Opens what [`seal`] has sealed.
pub(crate) async fn unseal(
    connection: &mut PgConnection,
    keys: &MasterKeys,
    team: TeamId,
    to: Sealing<'_>,
    (sealed, generation): (&[u8], i32),
) -> Result<Zeroizing<Vec<u8>>> {
    let wrapped = sqlx::query_scalar!(
        "SELECT wrapped FROM data_keys WHERE team_id = $1 AND generation = $2",
        team as TeamId,
        generation,
    )
    .fetch_one(connection)
    .await?;
    let key = keys.unwrap(&key_place(&team, generation.to_be_bytes().as_slice()), &wrapped)?;
    Ok(key.open(&to.place(&team), sealed)?)
}

/// Opens a secret of the team.
pub(crate) async fn open(
    connection: &mut PgConnection,
    keys: &MasterKeys,
    team: TeamId,
    id: SecretId,
    purpose: Purpose,
) -> Result<Zeroizing<String>> {
    let row = sqlx::query!(
        "SELECT s.sealed, k.wrapped, k.generation
         FROM secrets s JOIN data_keys k ON k.team_id = s.team_id AND k.generation = s.generation
         WHERE s.team_id = $1 AND s.id = $2 AND s.purpose = $3",
        team as TeamId,
        id as SecretId,
        purpose.as_str(),
    )
    .fetch_optional(connection)
    .await?
    .ok_or(Error::NotFound)?;
    let key = keys.unwrap(&key_place(&team, row.generation.to_be_bytes().as_slice()), &row.wrapped)?;
    let opened = key.open(&place(&team, &id, purpose), &row.sealed)?;
    let text = std::str::from_utf8(&opened).map_err(Error::internal)?;
    Ok(Zeroizing::new(text.to_owned()))
}

pub(crate) async fn forget(connection: &mut PgConnection, team: TeamId, id: SecretId) -> Result<()> {
    sqlx::query!("DELETE FROM secrets WHERE team_id = $1 AND id = $2", team as TeamId, id as SecretId)
        .execute(connection)
        .await?;
    Ok(())
}

/// The beginning up to the first dash and the last four letters; of a short secret nothing.
fn hint(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() < 16 {
        return "…".to_owned();
    }
    let dash = letters.iter().take(8).position(|letter| matches!(letter, '-' | '_'));
    let start: String = letters[..dash.map_or(0, |at| at + 1)].iter().collect();
    let end: String = letters[letters.len() - 4..].iter().collect();
    format!("{start}…{end}")
}

fn number(generation: u32) -> Result<i32> {
    i32::try_from(generation).map_err(Error::internal)
}

/// Ids by their 16 bytes, which both borrow from here.
fn place<'a>(team: &'a TeamId, id: &'a SecretId, purpose: Purpose) -> Place<'a> {
    Place { purpose: purpose.as_str(), owner: team.as_bytes(), row: id.as_bytes(), field: "secrets.sealed" }
}

fn key_place<'a>(team: &'a TeamId, generation: &'a [u8]) -> Place<'a> {
    Place { purpose: "data key", owner: team.as_bytes(), row: generation, field: "data_keys.wrapped" }
}

/// The key that new secrets are sealed with; a team gets its first one here. One that an older master key wrapped is
/// wrapped anew on the way.
async fn newest_key(
    connection: &mut PgConnection,
    keys: &MasterKeys,
    team: TeamId,
    now: OffsetDateTime,
) -> Result<DataKey> {
    // Held until the secret is written, so that a rotation cannot take the key away in between.
    let row = sqlx::query!(
        "SELECT generation, wrapped FROM data_keys WHERE team_id = $1 ORDER BY generation DESC LIMIT 1 FOR KEY SHARE",
        team as TeamId
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return add_key(connection, keys, team, 1, now).await };
    let generation = row.generation.to_be_bytes();
    let place = key_place(&team, generation.as_slice());
    let key = keys.unwrap(&place, &row.wrapped)?;
    if keys.is_outdated(&row.wrapped) {
        sqlx::query!(
            "UPDATE data_keys SET wrapped = $3 WHERE team_id = $1 AND generation = $2 AND wrapped = $4",
            team as TeamId,
            row.generation,
            keys.wrap(&place, &key)?,
            row.wrapped,
        )
        .execute(connection)
        .await?;
    }
    Ok(key)
}

async fn add_key(
    connection: &mut PgConnection,
    keys: &MasterKeys,
    team: TeamId,
    generation: u32,
    now: OffsetDateTime,
) -> Result<DataKey> {
    let key = DataKey::generate(generation)?;
    let wrapped = keys.wrap(&key_place(&team, generation.to_be_bytes().as_slice()), &key)?;
    sqlx::query!(
        "INSERT INTO data_keys (team_id, generation, wrapped, created_at) VALUES ($1, $2, $3, $4)",
        team as TeamId,
        number(generation)?,
        wrapped,
        now,
    )
    .execute(connection)
    .await
    .map_err(|error| match &error {
        // Somebody else added it this moment.
        sqlx::Error::Database(database) if database.is_unique_violation() => Error::Busy,
        _ => error.into(),
    })?;
    Ok(key)
}

impl Orchestrator {
    /// Gives the team a new data key and seals every secret with it.
    ///
    /// The new key is committed first, then secrets change one by one, and an old key goes only when nothing needs it:
    /// whatever is interrupted leaves every secret readable, and the next rotation finishes the rest.
    ///
    /// # Errors
    /// [`Error::Busy`] when two rotate at once; an internal one when a secret does not open.
    pub async fn rotate_secrets(&self, scope: &Can<ManageIntegrations>) -> Result<Rotation> {
        let now = self.clock().now();
        let team = scope.team();
        let mut tx = self.db().team(scope).await?;
        let newest = sqlx::query_scalar!("SELECT max(generation) FROM data_keys WHERE team_id = $1", team as TeamId)
            .fetch_one(&mut *tx)
            .await?
            .unwrap_or(0);
        let generation = u32::try_from(newest).map_err(Error::internal)? + 1;
        let key = add_key(&mut tx, self.vault(), team, generation, now).await?;
        let what = Happening {
            action: "secrets.rotated",
            target_kind: "team",
            target_id: team.to_string(),
            details: serde_json::json!({ "generation": generation }),
        };
        audit::append(&mut tx, scope, now, what).await?;
        let older = sqlx::query!(
            r#"SELECT id AS "id: SecretId", purpose FROM secrets WHERE team_id = $1 AND generation < $2 ORDER BY id"#,
            team as TeamId,
            number(generation)?
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut resealed = 0;
        for row in older {
            let purpose =
                [Purpose::ModelKey, Purpose::GitCredential].into_iter().find(|purpose| purpose.as_str() == row.purpose);
            let purpose = purpose.ok_or_else(|| Error::internal("a secret has an unknown purpose"))?;
            resealed += usize::from(self.reseal(scope, row.id, purpose, &key).await?);
        }
        self.sweep_keys(scope, generation).await?;
        Ok(Rotation { generation, resealed })
    }

    /// False when the secret was replaced or removed meanwhile.
    async fn reseal(&self, scope: &Scope, id: SecretId, purpose: Purpose, key: &DataKey) -> Result<bool> {
        let team = scope.team();
        let mut tx = self.db().team(scope).await?;
        let text = match open(&mut tx, self.vault(), team, id, purpose).await {
            Err(Error::NotFound) => return Ok(false),
            other => other?,
        };
        let sealed = key.seal(&place(&team, &id, purpose), text.as_bytes())?;
        let changed = sqlx::query!(
            "UPDATE secrets SET sealed = $3, generation = $4 WHERE team_id = $1 AND id = $2 AND generation < $4",
            team as TeamId,
            id as SecretId,
            sealed,
            number(key.generation())?,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(changed.rows_affected() == 1)
    }

    async fn sweep_keys(&self, scope: &Scope, newest: u32) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        let swept = sqlx::query!(
            "DELETE FROM data_keys k WHERE team_id = $1 AND generation < $2
             AND NOT EXISTS (SELECT FROM secrets s WHERE s.team_id = k.team_id AND s.generation = k.generation)
             AND NOT EXISTS (SELECT FROM call_contents c WHERE c.team_id = k.team_id AND c.generation = k.generation)",
            scope.team() as TeamId,
            number(newest)?,
        )
        .execute(&mut *tx)
        .await;
        match swept {
            Ok(_) => Ok(tx.commit().await?),
            // A secret was sealed with an old key this moment; the next sweep takes the key.
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_tell_keys_apart_and_no_more() {
        assert_eq!(hint("sk-proj-abcdefghijklmnop"), "sk-…mnop");
        assert_eq!(hint("AIzaSyAbcdefghijklmnop"), "…mnop");
        assert_eq!(hint("short-key"), "…");
    }
}
