use gateway::prices::Rates;
use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ModelProviderId, TeamId, UserId};

use super::{callable::Agreed, providers::happening};
use crate::{
    Can, Error, Orchestrator, Result, audit,
    budgets::catalogue_changed,
    grants::{ManageIntegrations, ReadTeam},
};

/// Prices of one team.
const MAX_PRICES: i64 = 300;
/// A million dollars for a million tokens.
const HIGHEST: i64 = 1_000_000_000_000;

/// A price that the team agreed on with a provider; it comes before the public one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedPrice {
    pub provider: ModelProviderId,
    /// The provider's name, for people.
    pub provider_name: String,
    pub model: String,
    pub rates: Rates,
    pub set_at: OffsetDateTime,
}

impl Orchestrator {
    /// The team's agreed prices, by provider and model.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn agreed_prices(&self, scope: &Can<ReadTeam>) -> Result<Vec<AgreedPrice>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT m.provider_id AS "provider: ModelProviderId", p.name, m.model, m.input, m.cache_read, m.cache_write,
                      m.output, m.set_at
               FROM model_prices m JOIN model_providers p ON p.team_id = m.team_id AND p.id = m.provider_id
               WHERE m.team_id = $1 AND p.removed_at IS NULL ORDER BY lower(p.name), m.model"#,
            scope.team() as TeamId,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let prices = rows.into_iter().map(|row| AgreedPrice {
            provider: row.provider,
            provider_name: row.name,
            model: row.model,
            rates: Rates {
                input: row.input,
                cache_read: row.cache_read,
                cache_write: row.cache_write,
                output: row.output,
            },
            set_at: row.set_at,
        });
        Ok(prices.collect())
    }

    /// Sets what a model of a provider costs the team from now on.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a price that cannot be; [`Error::NotFound`] for no provider of the team.
    pub async fn agree_price(
        &self,
        scope: &Can<ManageIntegrations>,
        provider: ModelProviderId,
        model: &str,
        rates: Rates,
    ) -> Result<()> {
        let model = model.trim();
        if model.is_empty() || model.chars().count() > 200 {
            return Err(Error::field("model", "Enter the model's name as the provider writes it."));
        }
        let all = [
            ("input", rates.input),
            ("cache_read", rates.cache_read),
            ("cache_write", rates.cache_write),
            ("output", rates.output),
        ];
        if let Some((field, _)) = all.iter().find(|(_, rate)| !(0..=HIGHEST).contains(rate)) {
            return Err(Error::field(field, "Enter a price between 0 and 1,000,000 USD."));
        }
        let (team, now, user) = (scope.team(), self.clock().now(), scope.user()?);
        let mut tx = self.db().team(scope).await?;
        living(&mut tx, team, provider).await?;
        room(&mut tx, team).await?;
        sqlx::query!(
            "INSERT INTO model_prices (team_id, provider_id, model, input, cache_read, cache_write, output, set_by, set_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (team_id, provider_id, model) DO UPDATE SET input = $4, cache_read = $5, cache_write = $6,
                 output = $7, set_by = $8, set_at = $9",
            team as TeamId,
            provider as ModelProviderId,
            model,
            rates.input,
            rates.cache_read,
            rates.cache_write,
            rates.output,
            user as UserId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "model": model, "rates": rates });
        catalogue_changed(&mut tx, team).await?;
        audit::append(&mut tx, scope, now, happening("model_price.agreed", provider, details)).await?;
        Ok(tx.commit().await?)
    }

    /// Goes back to the public price of a model.
    ///
    /// # Errors
    /// [`Error::NotFound`] where no price was agreed.
    pub async fn forget_price(
        &self,
        scope: &Can<ManageIntegrations>,
        provider: ModelProviderId,
        model: &str,
    ) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        let gone = sqlx::query!(
            "DELETE FROM model_prices WHERE team_id = $1 AND provider_id = $2 AND model = $3",
            scope.team() as TeamId,
            provider as ModelProviderId,
            model
        )
        .execute(&mut *tx)
        .await?;
        if gone.rows_affected() == 0 {
            return Err(Error::NotFound);
        }
        let details = serde_json::json!({ "model": model });
        catalogue_changed(&mut tx, scope.team()).await?;
        audit::append(&mut tx, scope, self.clock().now(), happening("model_price.forgotten", provider, details))
            .await?;
        Ok(tx.commit().await?)
    }
}

async fn living(connection: &mut PgConnection, team: TeamId, provider: ModelProviderId) -> Result<()> {
    sqlx::query_scalar!(
        "SELECT 1 FROM model_providers WHERE team_id = $1 AND id = $2 AND removed_at IS NULL AND kind <> 'demo'",
        team as TeamId,
        provider as ModelProviderId
    )
    .fetch_optional(connection)
    .await?
    .ok_or(Error::NotFound)?;
    Ok(())
}

async fn room(connection: &mut PgConnection, team: TeamId) -> Result<()> {
    let count =
        sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM model_prices WHERE team_id = $1"#, team as TeamId)
            .fetch_one(connection)
            .await?;
    if count >= MAX_PRICES {
        return Err(Error::field("model", format!("A team has at most {MAX_PRICES} agreed prices. Remove one first.")));
    }
    Ok(())
}

/// The price that was agreed for a model, if any.
pub(super) async fn agreed(
    connection: &mut PgConnection,
    team: TeamId,
    provider: ModelProviderId,
    model: &str,
) -> Result<Option<Agreed>> {
    let row = sqlx::query!(
        "SELECT input, cache_read, cache_write, output, set_at FROM model_prices
         WHERE team_id = $1 AND provider_id = $2 AND model = $3",
        team as TeamId,
        provider as ModelProviderId,
        model
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let (input, cache_read, cache_write, output) = (row.input, row.cache_read, row.cache_write, row.output);
        Agreed { rates: Rates { input, cache_read, cache_write, output }, set_at: row.set_at }
    }))
}
