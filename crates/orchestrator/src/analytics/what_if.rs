use gateway::prices::{self, Rates};
use types::{MicroUsd, TeamId};

use super::Spending;
use crate::{Can, Orchestrator, Result, grants::ReadBudgets, models::PRESETS};

/// A model whose price is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedModel {
    /// `provider/model`.
    pub key: String,
    pub provider: String,
    pub name: String,
    pub rates: Rates,
    /// Where the price is from.
    pub source: String,
    /// Whether the team has a provider for it.
    pub connected: bool,
}

/// What the same tokens would have cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// In the order of the rows of the spending.
    pub rows: Vec<MicroUsd>,
    pub total: MicroUsd,
}

/// What the tokens of some spending cost at other rates. Rounded up once for each row; the total is the sum of the rows.
#[must_use]
pub fn what_if(spending: &Spending, rates: &Rates) -> WhatIf {
    let rows: Vec<MicroUsd> = spending.rows.iter().map(|row| rates.cost(&row.spent.usage)).collect();
    let total = rows.iter().fold(0_i64, |sum, row| sum.saturating_add(row.micros()));
    WhatIf { rows, total: MicroUsd::from_micros(total) }
}

impl Orchestrator {
    /// The models whose price is known: agreed ones, those of the team's providers, and those of the large providers that the
    /// team has not connected.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn priced_models(&self, scope: &Can<ReadBudgets>) -> Result<Vec<PricedModel>> {
        let (mut tx, now) = (self.db().team(scope).await?, self.clock().now());
        let agreed = sqlx::query!(
            "SELECT p.name, m.model, m.input, m.cache_read, m.cache_write, m.output
             FROM model_prices m JOIN model_providers p ON p.team_id = m.team_id AND p.id = m.provider_id
             WHERE m.team_id = $1 AND p.removed_at IS NULL ORDER BY lower(p.name), m.model",
            scope.team() as TeamId,
        )
        .fetch_all(&mut *tx)
        .await?;
        let providers = sqlx::query!(
            r#"SELECT name, base_url AS "base_url!" FROM model_providers
               WHERE team_id = $1 AND removed_at IS NULL AND base_url IS NOT NULL ORDER BY lower(name)"#,
            scope.team() as TeamId,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut models: Vec<PricedModel> = agreed
            .into_iter()
            .map(|row| PricedModel {
                key: format!("{}/{}", row.name, row.model),
                provider: row.name,
                name: row.model,
                rates: Rates {
                    input: row.input,
                    cache_read: row.cache_read,
                    cache_write: row.cache_write,
                    output: row.output,
                },
                source: "agreed by the team".to_owned(),
                connected: true,
            })
            .collect();
        let own = providers.iter().map(|row| (row.name.as_str(), row.base_url.as_str(), true));
        let others = PRESETS
            .iter()
            .filter(|preset| preset.needs_key && !preset.model.is_empty())
            .filter(|preset| !providers.iter().any(|row| row.base_url.starts_with(preset.base_url)))
            .map(|preset| (preset.name, preset.base_url, false));
        for (provider, base_url, connected) in own.chain(others) {
            for known in prices::known_models(base_url, now) {
                let key = format!("{provider}/{}", known.id);
                let Some(rates) = prices::rates(base_url, &known.id, now) else { continue };
                if !models.iter().any(|model| model.key == key) {
                    let (provider, source) = (provider.to_owned(), prices::SOURCE.to_owned());
                    models.push(PricedModel { key, provider, name: known.name, rates, source, connected });
                }
            }
        }
        Ok(models)
    }
}

#[cfg(test)]
mod tests {
    use types::chat::TokenUsage;

    use super::*;
    use crate::analytics::{SpendingRow, Spent};

    fn row(usage: TokenUsage) -> SpendingRow {
        let spent = Spent { calls: 1, usage, ..Spent::default() };
        SpendingRow { key: "k".into(), name: None, within: None, spent, tasks: 0 }
    }

    #[test]
    fn each_kind_of_token_has_its_own_rate() {
        let rates = Rates { input: 3_000_000, cache_read: 300_000, cache_write: 3_750_000, output: 15_000_000 };
        let all = TokenUsage {
            uncached: 1_000_000,
            cache_read: 1_000_000,
            cache_write: 1_000_000,
            output: 500_000,
            reasoning: 500_000,
        };
        let spending = Spending {
            rows: vec![row(all), row(TokenUsage { uncached: 1, ..TokenUsage::default() })],
            total: Spent::default(),
        };
        let if_so = what_if(&spending, &rates);
        assert_eq!(if_so.rows, [22_050_000, 3].map(MicroUsd::from_micros));
        assert_eq!(if_so.total, MicroUsd::from_micros(22_050_003), "the rows add up to the total");
    }
}
