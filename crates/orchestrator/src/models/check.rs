//! The trial call of the settings page, and what its failures mean to a person.

use std::time::{Duration, Instant};

use gateway::{CallError, estimate};
use sqlx::PgConnection;
use types::{ModelProviderId, TeamId, chat::ChatRequest};
use uuid::Uuid;

use super::{CallableModel, ModelRoute, Tested, providers::happening};
use crate::{
    Can, Error, Orchestrator, Result, audit,
    budgets::{Held, NewCall, Spender, Used},
    grants::ManageIntegrations,
};

/// Longer than a cold start of a large model takes, shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// Of what is said about a failure, in characters.
const MOST: usize = 1_000;

impl Orchestrator {
    /// Makes a small real call and keeps how it ended. It is held back and booked on the team's limits as every call is.
    ///
    /// # Errors
    /// [`Error::NotFound`] for no provider of the team. A call that fails, or that a limit has no room for, is no error but a
    /// result.
    pub async fn test_model_provider(&self, scope: &Can<ManageIntegrations>, id: ModelProviderId) -> Result<Tested> {
        // The recording needs no proof.
        let ModelRoute::Server(callable) = self.model_for(scope, Some(id), None).await? else {
            return Err(Error::NotFound);
        };
        let problem = self.trial(scope.team(), &callable).await?.map(|problem| problem.told);
        let tested = Tested { at: self.clock().now(), model: callable.model.clone(), problem };
        self.keep_test(scope, id, &tested).await?;
        Ok(tested)
    }

    /// Makes a small real call, booked as every call is. What went wrong, if anything did.
    pub(super) async fn trial(&self, team: TeamId, callable: &CallableModel) -> Result<Option<Problem>> {
        let request = gateway::trial(&callable.model);
        let (told, refuses_key) = match self.hold(team, worst(callable, &request, self.clock().now())).await {
            Ok(held) => match self.try_out(held, callable, &request).await? {
                Some(error) => (explain(&error), matches!(error, CallError::Unauthorized { .. })),
                None => return Ok(None),
            },
            Err(error @ (Error::Budget(_) | Error::Paused(_))) => {
                let said = error.for_user();
                let told = format!("It was not called. {} {}", said.message, said.way_out.unwrap_or_default());
                (told, false)
            }
            Err(error) => return Err(error),
        };
        Ok(Some(Problem { told: told.chars().take(MOST).collect(), refuses_key }))
    }

    async fn try_out(&self, held: Held, callable: &CallableModel, request: &ChatRequest) -> Result<Option<CallError>> {
        let began = Instant::now();
        let call = self.gateway().stream(&callable.provider, request, |_| {});
        let outcome = match tokio::time::timeout(PATIENCE, call).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CallError::Timeout { waited: PATIENCE, partial: None }),
        };
        let usage = match &outcome {
            Ok(answer) => answer.usage,
            Err(error) if error.may_have_cost() => error.partial_usage(),
            Err(_) => {
                self.release(held).await?;
                return Ok(outcome.err());
            }
        };
        let usage_or_most = usage.unwrap_or_else(|| estimate::at_most(request));
        let (cost, source) = callable.cost(&usage_or_most, self.clock().now()).booked();
        let used = Used {
            usage: usage_or_most,
            estimated: usage.is_none() || outcome.is_err(),
            cost,
            source,
            model: outcome.as_ref().map_or_else(|_| callable.model.clone(), |answer| answer.model.clone()),
            failed: outcome.is_err(),
            duration: began.elapsed(),
            step: None,
        };
        self.settle(held, used).await?;
        Ok(outcome.err())
    }

    async fn keep_test(&self, scope: &Can<ManageIntegrations>, id: ModelProviderId, tested: &Tested) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        note_test(&mut tx, scope.team(), id, tested).await?;
        let details = serde_json::json!({ "model": tested.model, "works": tested.problem.is_none() });
        audit::append(&mut tx, scope, tested.at, happening("model_provider.tested", id, details)).await?;
        Ok(tx.commit().await?)
    }
}

/// Why a trial call came to nothing.
pub(super) struct Problem {
    pub(super) told: String,
    /// The provider answered that the key is wrong.
    pub(super) refuses_key: bool,
}

pub(super) async fn note_test(
    connection: &mut PgConnection,
    team: TeamId,
    id: ModelProviderId,
    tested: &Tested,
) -> Result<()> {
    let kept = sqlx::query!(
        "UPDATE model_providers SET tested_at = $3, tested_model = $4, test_problem = $5
             WHERE team_id = $1 AND id = $2 AND removed_at IS NULL",
        team as TeamId,
        id as ModelProviderId,
        tested.at,
        tested.model,
        tested.problem,
    )
    .execute(connection)
    .await?;
    if kept.rows_affected() == 0 { Err(Error::NotFound) } else { Ok(()) }
}

fn worst(callable: &CallableModel, request: &ChatRequest, now: time::OffsetDateTime) -> NewCall {
    let (input, output) = (estimate::input_tokens(request), u64::from(request.max_output_tokens));
    NewCall {
        spender: Spender::default(),
        key: format!("trial {}", Uuid::now_v7()),
        provider: callable.name.clone(),
        model: callable.model.clone(),
        worst: callable.worst_case(input, output, now).amount(),
        tokens: i64::try_from(input + output).unwrap_or(i64::MAX),
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
