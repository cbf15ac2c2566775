//! The trial call of the settings page, and what its failures mean to a person.

use std::time::Duration;

use gateway::CallError;
use types::{ModelProviderId, TeamId};

use super::{ModelRoute, Tested, providers::happening};
use crate::{Can, Error, Orchestrator, Result, audit, grants::ManageIntegrations};

/// Longer than a cold start of a large model takes, shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(20);

impl Orchestrator {
    /// Makes a small real call and keeps how it ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] for no provider of the team. A call that fails is no error but a result.
    pub async fn test_model_provider(&self, scope: &Can<ManageIntegrations>, id: ModelProviderId) -> Result<Tested> {
        // The recording needs no proof.
        let ModelRoute::Server(callable) = self.model_for(scope, Some(id), None).await? else {
            return Err(Error::NotFound);
        };
        let call = self.gateway().check(&callable.provider, &callable.model);
        let outcome = match tokio::time::timeout(PATIENCE, call).await {
            Ok(outcome) => outcome.map(drop),
            Err(_) => Err(CallError::Timeout { waited: PATIENCE, partial: None }),
        };
        let problem = outcome.err().map(|error| explain(&error).chars().take(1_000).collect::<String>());
        let tested = Tested { at: self.clock().now(), model: callable.model.clone(), problem };
        self.keep_test(scope, id, &tested).await?;
        Ok(tested)
    }

    async fn keep_test(&self, scope: &Can<ManageIntegrations>, id: ModelProviderId, tested: &Tested) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        let kept = sqlx::query!(
            "UPDATE model_providers SET tested_at = $3, tested_model = $4, test_problem = $5
             WHERE team_id = $1 AND id = $2 AND removed_at IS NULL",
            scope.team() as TeamId,
            id as ModelProviderId,
            tested.at,
            tested.model,
            tested.problem,
        )
        .execute(&mut *tx)
        .await?;
        if kept.rows_affected() == 0 {
            return Err(Error::NotFound);
        }
        let details = serde_json::json!({ "model": tested.model, "works": tested.problem.is_none() });
        audit::append(&mut tx, scope, tested.at, happening("model_provider.tested", id, details)).await?;
        Ok(tx.commit().await?)
    }
}

/// What happened and what to do, for the person who entered the key.
fn explain(error: &CallError) -> String {
    match error {
        CallError::RateLimited { .. } => {
            "The provider takes no more requests just now. Wait a minute and test again.".into()
        }
        CallError::Overloaded { .. } => "The provider is overloaded. Test again in a minute.".into(),
        CallError::OutOfCredit { message } => {
            format!("The key works, but its account has no credit left. Add credit at the provider. It says: {message}")
        }
        CallError::Unauthorized { message } => {
            format!(
                "The provider refuses the key. Check that you copied it whole and that it is active. It says: {message}"
            )
        }
        CallError::ModelNotFound { message } => {
            format!(
                "The provider does not know this model, or this key may not use it. Check the model's name. It says: {message}"
            )
        }
        CallError::BadRequest { message } => {
            format!(
                "The provider does not accept the request. Check the kind of provider and the model. It says: {message}"
            )
        }
        CallError::Refused { status: 404, .. } => {
            "There is no model API at this address. Check it; many end in /v1.".into()
        }
        CallError::Refused { status, message } => {
            format!("The provider answered with status {status}: {message}. Check the address.")
        }
        CallError::Blocked { host, reason } => {
            format!("Muster does not call {host}: {reason}. Whoever runs this Muster can allow private addresses.")
        }
        CallError::Network { message, .. } => {
            format!("The address cannot be reached: {message}. Check it, and that the server runs.")
        }
        CallError::Timeout { .. } => "The provider did not answer in time. Check the address and test again.".into(),
        CallError::Malformed { .. } | CallError::CutShort { .. } | CallError::TooLarge { .. } => {
            "The server answers, but not as this kind of provider does. Check the kind and the address.".into()
        }
        CallError::ContextTooLong { message } => format!("The model cannot read even a short message: {message}"),
    }
}
