//! A new key in place of the old one.

use gateway::{Provider, Secret};
use types::{ModelProviderId, SecretId, TeamId};

use super::{
    CallableModel, ProviderKind, Tested,
    check::note_test,
    providers::{happening, set_key},
    settings::check_key,
};
use crate::{
    Can, Error, Orchestrator, Result, audit, budgets::catalogue_changed, grants::ManageIntegrations, runs, secrets,
};

impl Orchestrator {
    /// Tries a new key out with a small call, and puts it in place of the old one when the provider answers. There is no moment
    /// without a key that works: calls that run keep the old one, and every later call gets the new one. A key that could not be
    /// tried, because nobody answered or a limit has no room, is taken only `anyway`; one that the provider refuses, never.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no key; [`Error::NotFound`] for no provider of the team with an address; [`Error::Refused`] with
    /// what went wrong when the old key stays.
    pub async fn replace_model_key(
        &self,
        scope: &Can<ManageIntegrations>,
        id: ModelProviderId,
        key: &str,
        anyway: bool,
    ) -> Result<Tested> {
        let (callable, key) = self.with_key(scope, id, key).await?;
        let problem = self.trial(scope.team(), &callable).await?;
        if let Some(problem) = problem.as_ref().filter(|problem| problem.refuses_key || !anyway) {
            return Err(Error::Refused(format!("{} The key that was in use stays.", problem.told)));
        }
        let (now, team) = (self.clock().now(), scope.team());
        let mut tx = self.db().team(scope).await?;
        let old = sqlx::query_scalar!(
            r#"SELECT secret_id AS "secret: SecretId" FROM model_providers
               WHERE team_id = $1 AND id = $2 AND removed_at IS NULL AND kind <> 'demo' FOR UPDATE"#,
            team as TeamId,
            id as ModelProviderId
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        let secret = self.keep_key(&mut tx, scope, now, Some(&key)).await?;
        set_key(&mut tx, team, id, secret).await?;
        if let Some(old) = old {
            secrets::forget(&mut tx, team, old).await?;
        }
        let tested = Tested { at: now, model: callable.model.clone(), problem: problem.map(|problem| problem.told) };
        note_test(&mut tx, team, id, &tested).await?;
        let details = serde_json::json!({ "name": callable.name, "works": tested.problem.is_none() });
        catalogue_changed(&mut tx, team).await?;
        runs::let_go_on_with_models(&mut tx, team, now).await?;
        audit::append(&mut tx, scope, now, happening("model_provider.key_replaced", id, details)).await?;
        tx.commit().await?;
        Ok(tested)
    }

    /// The provider with another key. The one in use is not opened: it may be one that no longer does.
    async fn with_key(
        &self,
        scope: &Can<ManageIntegrations>,
        id: ModelProviderId,
        key: &str,
    ) -> Result<(CallableModel, Secret)> {
        let team = scope.team();
        let mut tx = self.db().team(scope).await?;
        let row = sqlx::query!(
            r#"SELECT name, kind, base_url AS "base_url!", model FROM model_providers
               WHERE team_id = $1 AND id = $2 AND removed_at IS NULL AND kind <> 'demo'"#,
            team as TeamId,
            id as ModelProviderId
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        // After the look-up: of a foreign provider nothing but its absence is told.
        let key = check_key(key, true)
            .map_err(|message| Error::field("key", message))?
            .ok_or_else(|| Error::internal("a key that is needed and not there"))?;
        let agreed = super::prices::agreed(&mut tx, team, id, &row.model).await?;
        tx.commit().await?;
        let Some(ProviderKind::Server(kind)) = ProviderKind::parse(&row.kind) else {
            return Err(Error::internal("a provider of an unknown kind"));
        };
        let provider = Provider::new(kind, &row.base_url, Some(key.clone())).map_err(Error::internal)?;
        Ok((CallableModel { id, name: row.name, provider, model: row.model, agreed }, key))
    }
}
