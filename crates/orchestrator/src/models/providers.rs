use std::sync::Arc;

use gateway::{Provider, Secret};
use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ModelProviderId, SecretId, TeamId, UserId};

use super::{
    CallableModel, DEMO_MODEL, ModelProvider, ModelRoute, ProviderKind, ProviderSettings, Tested,
    in_use::refuse_if_used,
};
use crate::{
    Can, DEMO_PROVIDER, Error, Orchestrator, Result, Scope,
    audit::{self, Happening},
    budgets::catalogue_changed,
    error::OnConstraint,
    grants::{ManageIntegrations, ReadTeam},
    runs,
    secrets::{self, Purpose},
};

/// Providers of one team.
const MAX_PROVIDERS: i64 = 30;

pub(super) fn happening(action: &'static str, id: ModelProviderId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "model_provider", target_id: id.to_string(), details }
}

fn name_taken() -> Error {
    Error::field("name", "The team has a provider of this name.")
}

impl Orchestrator {
    /// The team's providers: the demo model last, the others by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn model_providers(&self, scope: &Can<ReadTeam>) -> Result<Vec<ModelProvider>> {
        let mut tx = self.db().team(scope).await?;
        demo(&mut tx, scope.team(), self.clock().now()).await?;
        let rows = sqlx::query_file!("src/models/list.sql", scope.team() as TeamId).fetch_all(&mut *tx).await?;
        tx.commit().await?;
        let chosen = rows.iter().any(|row| row.chosen);
        rows.into_iter()
            .map(|row| {
                let kind =
                    ProviderKind::parse(&row.kind).ok_or_else(|| Error::internal("an unknown kind of provider"))?;
                let tested = row.tested_at.zip(row.tested_model);
                Ok(ModelProvider {
                    id: row.id,
                    name: row.name,
                    kind,
                    base_url: row.base_url,
                    key_hint: row.hint,
                    key_set_at: row.key_set_at,
                    model: row.model,
                    is_default: row.chosen || (!chosen && kind == ProviderKind::Demo),
                    tested: tested.map(|(at, model)| Tested { at, model, problem: row.test_problem }),
                    agents: row.agents,
                })
            })
            .collect()
    }

    /// Adds a provider with its key. The first one becomes the team's default, in place of the demo model.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what cannot be, among it an address that this installation does not call.
    pub async fn add_model_provider(
        &self,
        scope: &Can<ManageIntegrations>,
        settings: &ProviderSettings,
        key: &str,
    ) -> Result<ModelProviderId> {
        let (settings, key) = settings.checked(key, self.gateway())?;
        let (id, now, team, user) = (ModelProviderId::new(), self.clock().now(), scope.team(), scope.user()?);
        let mut tx = self.db().team(scope).await?;
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM model_providers WHERE team_id = $1 AND removed_at IS NULL"#,
            team as TeamId
        )
        .fetch_one(&mut *tx)
        .await?;
        if count >= MAX_PROVIDERS {
            let sentence = format!("A team has at most {MAX_PROVIDERS} providers. Remove one first.");
            return Err(Error::field("name", sentence));
        }
        let secret = self.keep_key(&mut tx, scope, now, key.as_ref()).await?;
        sqlx::query!(
            "INSERT INTO model_providers (team_id, id, name, kind, base_url, secret_id, model, created_by, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            team as TeamId,
            id as ModelProviderId,
            settings.name,
            settings.kind.as_str(),
            settings.base_url,
            secret as Option<SecretId>,
            settings.model,
            user as UserId,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("model_providers_name_is_unique", name_taken)?;
        sqlx::query!(
            "INSERT INTO model_defaults (team_id, provider_id, chosen_by, chosen_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (team_id) DO NOTHING",
            team as TeamId,
            id as ModelProviderId,
            user as UserId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({
            "name": settings.name, "kind": settings.kind.as_str(), "base_url": settings.base_url,
            "model": settings.model, "has_key": key.is_some(),
        });
        catalogue_changed(&mut tx, team).await?;
        runs::let_go_on_with_models(&mut tx, team, now).await?;
        audit::append(&mut tx, scope, now, happening("model_provider.added", id, details)).await?;
        tx.commit().await?;
        Ok(id)
    }

    pub(super) async fn keep_key(
        &self,
        connection: &mut PgConnection,
        scope: &Scope,
        now: OffsetDateTime,
        key: Option<&Secret>,
    ) -> Result<Option<SecretId>> {
        let Some(key) = key else { return Ok(None) };
        let kept = secrets::keep(connection, self.vault(), (scope, now), Purpose::ModelKey, key.expose()).await?;
        Ok(Some(kept))
    }

    /// Makes a provider the one that agents use which name none.
    ///
    /// # Errors
    /// [`Error::NotFound`] for no provider of the team.
    pub async fn choose_default_model(&self, scope: &Can<ManageIntegrations>, id: ModelProviderId) -> Result<()> {
        let (now, team) = (self.clock().now(), scope.team());
        let mut tx = self.db().team(scope).await?;
        let name = sqlx::query_scalar!(
            "SELECT name FROM model_providers WHERE team_id = $1 AND id = $2 AND removed_at IS NULL FOR SHARE",
            team as TeamId,
            id as ModelProviderId
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        sqlx::query!(
            "INSERT INTO model_defaults (team_id, provider_id, chosen_by, chosen_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (team_id) DO UPDATE SET provider_id = $2, chosen_by = $3, chosen_at = $4",
            team as TeamId,
            id as ModelProviderId,
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "name": name });
        catalogue_changed(&mut tx, team).await?;
        runs::let_go_on_with_models(&mut tx, team, now).await?;
        audit::append(&mut tx, scope, now, happening("model_provider.made_default", id, details)).await?;
        Ok(tx.commit().await?)
    }

    /// Removes a provider and destroys its key. Where it was the default, the demo model is that again.
    ///
    /// # Errors
    /// [`Error::Refused`] while agents or lists of allowed models name it; [`Error::NotFound`] for none of the team, and for the demo model.
    pub async fn remove_model_provider(&self, scope: &Can<ManageIntegrations>, id: ModelProviderId) -> Result<()> {
        let (now, team) = (self.clock().now(), scope.team());
        let mut tx = self.db().team(scope).await?;
        let row = sqlx::query!(
            r#"SELECT name, secret_id AS "secret: SecretId" FROM model_providers
               WHERE team_id = $1 AND id = $2 AND removed_at IS NULL AND kind <> 'demo' FOR UPDATE"#,
            team as TeamId,
            id as ModelProviderId
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        refuse_if_used(&mut tx, team, id).await?;
        sqlx::query!(
            "DELETE FROM model_defaults WHERE team_id = $1 AND provider_id = $2",
            team as TeamId,
            id as ModelProviderId
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE model_providers SET removed_at = $3, secret_id = NULL WHERE team_id = $1 AND id = $2",
            team as TeamId,
            id as ModelProviderId,
            now
        )
        .execute(&mut *tx)
        .await?;
        if let Some(secret) = row.secret {
            secrets::forget(&mut tx, team, secret).await?;
        }
        let details = serde_json::json!({ "name": row.name });
        catalogue_changed(&mut tx, team).await?;
        audit::append(&mut tx, scope, now, happening("model_provider.removed", id, details)).await?;
        Ok(tx.commit().await?)
    }

    /// What a call goes through: the provider and model that were named, else the team's default, else the demo model.
    /// It opens the key, so it is for the step that calls.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a provider that is not the team's or was removed; an internal one when the key does not
    /// open.
    pub async fn model_for(
        &self,
        scope: &Scope,
        provider: Option<ModelProviderId>,
        model: Option<&str>,
    ) -> Result<ModelRoute> {
        let team = scope.team();
        let mut tx = self.db().team(scope).await?;
        let named = match provider {
            Some(id) => Some(id),
            None => {
                sqlx::query_scalar!(
                    r#"SELECT provider_id AS "id: ModelProviderId" FROM model_defaults WHERE team_id = $1"#,
                    team as TeamId
                )
                .fetch_optional(&mut *tx)
                .await?
            }
        };
        let id = match named {
            Some(id) => id,
            None => demo(&mut tx, team, self.clock().now()).await?,
        };
        let row = sqlx::query!(
            r#"SELECT name, kind, base_url, model, secret_id AS "secret: SecretId" FROM model_providers
               WHERE team_id = $1 AND id = $2 AND removed_at IS NULL"#,
            team as TeamId,
            id as ModelProviderId
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        let key = match row.secret {
            Some(secret) => {
                let text = secrets::open(&mut tx, self.vault(), team, secret, Purpose::ModelKey).await?;
                Some(Secret::new(text.as_str()))
            }
            None => None,
        };
        let model = model.map_or(row.model, str::to_owned);
        let agreed = super::prices::agreed(&mut tx, team, id, &model).await?;
        tx.commit().await?;
        match (ProviderKind::parse(&row.kind), row.base_url) {
            (Some(ProviderKind::Demo), _) => Ok(ModelRoute::Demo { provider: id }),
            (Some(ProviderKind::Server(kind)), Some(base_url)) => {
                let provider = Provider::new(kind, &base_url, key).map_err(Error::internal)?;
                Ok(ModelRoute::Server(Arc::new(CallableModel { id, name: row.name, provider, model, agreed })))
            }
            _ => Err(Error::internal("a provider of an unknown kind")),
        }
    }
}

pub(super) async fn set_key(
    connection: &mut PgConnection,
    team: TeamId,
    id: ModelProviderId,
    secret: Option<SecretId>,
) -> Result<()> {
    // What was found out with the old key says nothing about the new one.
    sqlx::query!(
        "UPDATE model_providers SET secret_id = $3, tested_at = NULL, tested_model = NULL, test_problem = NULL
         WHERE team_id = $1 AND id = $2",
        team as TeamId,
        id as ModelProviderId,
        secret as Option<SecretId>
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The demo model of a team, made where a team of an older version has none.
async fn demo(connection: &mut PgConnection, team: TeamId, now: OffsetDateTime) -> Result<ModelProviderId> {
    let found = sqlx::query_scalar!(
        r#"SELECT id AS "id: ModelProviderId" FROM model_providers WHERE team_id = $1 AND kind = 'demo'"#,
        team as TeamId
    )
    .fetch_optional(&mut *connection)
    .await?;
    match found {
        Some(id) => Ok(id),
        None => insert_demo(connection, team, now).await,
    }
}

/// Gives a new team the demo model.
pub(crate) async fn insert_demo(
    connection: &mut PgConnection,
    team: TeamId,
    now: OffsetDateTime,
) -> Result<ModelProviderId> {
    let id = ModelProviderId::new();
    sqlx::query!(
        "INSERT INTO model_providers (team_id, id, name, kind, model, created_at) VALUES ($1, $2, $3, 'demo', $4, $5)",
        team as TeamId,
        id as ModelProviderId,
        DEMO_PROVIDER,
        DEMO_MODEL,
        now,
    )
    .execute(connection)
    .await?;
    Ok(id)
}
