//! What the team's models cost, and how much they can read.

use std::collections::{HashMap, HashSet};

use gateway::prices::{self, Rates};
use time::OffsetDateTime;

use super::{AgreedPrice, ModelProvider, ProviderKind};
use crate::{Can, Orchestrator, Result, grants::ReadTeam};

/// A provider of the team with the models that are known of it.
#[derive(Clone, Debug)]
pub struct PricedProvider {
    pub name: String,
    /// Those with an agreed price first, then its default, then the others.
    pub models: Vec<ModelPrice>,
}

#[derive(Clone, Debug)]
pub struct ModelPrice {
    /// As the provider writes it.
    pub model: String,
    /// For prompts of ordinary length; `None`: nobody knows, and budgets count the team's rate for unknown prices.
    pub rates: Option<Rates>,
    /// Since when the price is the one that the team agreed on.
    pub agreed_at: Option<OffsetDateTime>,
    /// Tokens that it can read, where that is known.
    pub context: Option<u64>,
    /// Whether the provider's calls go to it where none is named.
    pub is_default: bool,
}

impl Orchestrator {
    /// The models of each provider with their prices.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn model_prices(&self, scope: &Can<ReadTeam>) -> Result<Vec<PricedProvider>> {
        let (providers, agreed) = (self.model_providers(scope).await?, self.agreed_prices(scope).await?);
        let now = self.clock().now();
        Ok(providers.iter().map(|provider| priced(provider, &agreed, now)).collect())
    }
}

fn priced(provider: &ModelProvider, agreed: &[AgreedPrice], now: OffsetDateTime) -> PricedProvider {
    let base_url = provider.base_url.as_deref().unwrap_or_default();
    let is_demo = provider.kind == ProviderKind::Demo;
    let agreed = || agreed.iter().filter(|price| price.provider == provider.id);
    let known = prices::known_models(base_url, now);
    let contexts: HashMap<&str, Option<u64>> = known.iter().map(|model| (model.id.as_str(), model.context)).collect();
    let price = |model: &str| {
        let own = agreed().find(|price| price.model == model);
        let public = || if is_demo { Some(FREE) } else { prices::rates(base_url, model, now) };
        ModelPrice {
            model: model.to_owned(),
            rates: own.map(|price| price.rates).or_else(public),
            agreed_at: own.map(|price| price.set_at),
            context: contexts.get(model).copied().unwrap_or_else(|| prices::context_window(base_url, model)),
            is_default: model == provider.model,
        }
    };
    let names = agreed().map(|price| price.model.as_str()).chain([provider.model.as_str()]);
    let names = names.chain(known.iter().map(|model| model.id.as_str()));
    let mut seen = HashSet::new();
    let models = names.filter(|name| seen.insert(*name)).map(price).collect();
    PricedProvider { name: provider.name.clone(), models }
}

/// Of the recording.
const FREE: Rates = Rates { input: 0, cache_read: 0, cache_write: 0, output: 0 };
