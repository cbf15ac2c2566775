//! What calls cost, in millionths of a US dollar, rounded up once per call.
//!
//! Public prices come from the `genai-prices` database that is compiled in. They hold for the providers it knows by
//! address; what another server asks for the same model is not known, and unknown is not free.

use std::time::SystemTime;

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};
use serde::{Deserialize, Serialize};
use types::{MicroUsd, chat::TokenUsage};

/// The database and its version, kept with every priced call.
pub const SOURCE: &str = "genai-prices 0.2.1";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Priced {
    Known {
        amount: MicroUsd,
        /// Where the price is from.
        source: String,
        /// The model whose price it is, by that source's name.
        model: String,
    },
    Unknown,
}

impl Priced {
    #[must_use]
    pub const fn amount(&self) -> Option<MicroUsd> {
        match self {
            Self::Known { amount, .. } => Some(*amount),
            Self::Unknown => None,
        }
    }

    /// The amount and where its price is from, as a ledger keeps them.
    #[must_use]
    pub fn booked(self) -> (Option<MicroUsd>, String) {
        match self {
            Self::Known { amount, source, .. } => (Some(amount), source),
            Self::Unknown => (None, "unknown".to_owned()),
        }
    }
}

/// Prices that a customer agreed on, in millionths of a dollar for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    pub input: i64,
    pub cache_read: i64,
    pub cache_write: i64,
    /// Reasoning is billed as output.
    pub output: i64,
}

impl Rates {
    #[must_use]
    pub fn cost(&self, usage: &TokenUsage) -> MicroUsd {
        let product = |rate: i64, tokens: u64| i128::from(rate) * i128::from(tokens);
        let sum = product(self.input, usage.uncached)
            + product(self.cache_read, usage.cache_read)
            + product(self.cache_write, usage.cache_write)
            + product(self.output, usage.output.saturating_add(usage.reasoning));
        let micros = (sum + 999_999).div_euclid(1_000_000);
        MicroUsd::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// The most that a call can cost.
    #[must_use]
    pub fn worst_case(&self, input_tokens: u64, max_output: u64) -> MicroUsd {
        let input = self.input.max(self.cache_write).max(self.cache_read);
        let dearest = Self { input, ..*self };
        dearest.cost(&TokenUsage { uncached: input_tokens, output: max_output, ..TokenUsage::default() })
    }
}

/// What a call cost by public prices at that time.
#[must_use]
pub fn cost(base_url: &str, model: &str, usage: &TokenUsage, at: impl Into<SystemTime>) -> Priced {
    #[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^53")]
    let counts = Usage::from([
        // This database counts as OpenAI does: input with the cached part, output with reasoning.
        (UsageKey::INPUT_TOKENS, usage.input() as f64),
        (UsageKey::CACHE_READ_TOKENS, usage.cache_read as f64),
        (UsageKey::CACHE_WRITE_TOKENS, usage.cache_write as f64),
        (UsageKey::OUTPUT_TOKENS, usage.output.saturating_add(usage.reasoning) as f64),
    ]);
    let calculator = Calculator::bundled();
    // Without this, a model's name alone would pick some provider's price for a server that is nobody's.
    let Ok(Some(provider)) = calculator.find_provider(None, Some(base_url)) else { return Priced::Unknown };
    let request = PriceRequest::new(model, &counts).with_provider_id(provider.id()).with_timestamp(at);
    match calculator.calculate(&request) {
        Ok(price) if price.warnings.is_empty() => match rounded_up(price.total_price) {
            Some(amount) => Priced::Known { amount, source: SOURCE.to_owned(), model: price.model_id },
            None => Priced::Unknown,
        },
        Ok(price) => {
            tracing::warn!(model, warnings = ?price.warnings, "a price is not complete and counts as unknown");
            Priced::Unknown
        }
        Err(_) => Priced::Unknown,
    }
}

/// The most that a call can cost: all input written to the cache, or none of it, whichever is dearer.
#[must_use]
pub fn worst_case(
    base_url: &str,
    model: &str,
    input_tokens: u64,
    max_output: u64,
    at: impl Into<SystemTime>,
) -> Priced {
    let at = at.into();
    let output = TokenUsage { output: max_output, ..TokenUsage::default() };
    let fresh = cost(base_url, model, &TokenUsage { uncached: input_tokens, ..output }, at);
    let written = cost(base_url, model, &TokenUsage { cache_write: input_tokens, ..output }, at);
    if written.amount() > fresh.amount() { written } else { fresh }
}

/// A model's public price, for prompts of ordinary length: some models ask more for very long ones. Where the database names no
/// price of the cache, that of input stands for it.
#[must_use]
pub fn rates(base_url: &str, model: &str, at: impl Into<SystemTime>) -> Option<Rates> {
    /// Below where the first higher price of a long prompt begins.
    const PROBE: u64 = 100_000;
    let at = at.into();
    let of = |usage| Some(cost(base_url, model, &usage, at).amount()?.micros() * 10);
    let input = of(TokenUsage { uncached: PROBE, ..TokenUsage::default() })?;
    let output = of(TokenUsage { output: PROBE, ..TokenUsage::default() })?;
    let cache_read = of(TokenUsage { cache_read: PROBE, ..TokenUsage::default() }).unwrap_or(input);
    let cache_write = of(TokenUsage { cache_write: PROBE, ..TokenUsage::default() }).unwrap_or(input);
    Some(Rates { input, cache_read, cache_write, output })
}

/// Dollars to millionths. Sums of binary fractions miss whole numbers by a hair, which must not add a millionth.
fn rounded_up(dollars: f64) -> Option<MicroUsd> {
    let micros = dollars * 1_000_000.0;
    let whole = micros.round();
    let micros = if (micros - whole).abs() <= 1e-6_f64.max(whole.abs() * 1e-12) { whole } else { micros.ceil() };
    // Up to 2^53, where every whole number still has its own value.
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    (0.0..=9_007_199_254_740_992.0).contains(&micros).then(|| MicroUsd::from_micros(micros as i64))
}

/// A model that the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownModel {
    pub id: String,
    pub name: String,
    /// Tokens that it can read, where the database says.
    pub context: Option<u64>,
    /// For a million tokens of fresh input, and of output.
    pub input: MicroUsd,
    pub output: MicroUsd,
}

/// The priced models of the provider at `base_url`; none for a server that the database does not know.
#[must_use]
pub fn known_models(base_url: &str, at: impl Into<SystemTime>) -> Vec<KnownModel> {
    let at = at.into();
    let Ok(Some(provider)) = Calculator::bundled().find_provider(None, Some(base_url)) else { return Vec::new() };
    let models = provider.models().filter_map(|model| {
        let million = |usage| cost(base_url, model.id(), &usage, at).amount();
        let input = million(TokenUsage { uncached: 1_000_000, ..TokenUsage::default() })?;
        let output = million(TokenUsage { output: 1_000_000, ..TokenUsage::default() })?;
        Some(KnownModel {
            id: model.id().to_owned(),
            name: model.name().unwrap_or(model.id()).to_owned(),
            context: model.context_window(),
            input,
            output,
        })
    });
    models.collect()
}

/// How many tokens a model can read, where the database knows it.
#[must_use]
pub fn context_window(base_url: &str, model: &str) -> Option<u64> {
    let provider = Calculator::bundled().find_provider(None, Some(base_url)).ok().flatten()?;
    // The price is asked first because only it maps a dated or regional name to the entry.
    let usage = TokenUsage { uncached: 1, ..TokenUsage::default() };
    let Priced::Known { model, .. } = cost(base_url, model, &usage, SystemTime::UNIX_EPOCH + DATA_DATE) else {
        return None;
    };
    provider.models().find(|known| known.id() == model)?.context_window()
}

/// Some time at which the database's prices hold; names do not depend on it. 2026-11-01.
const DATA_DATE: std::time::Duration = std::time::Duration::from_secs(1_793_491_200);

#[cfg(test)]
mod tests {
    use super::*;

    const ANTHROPIC: &str = "https://api.anthropic.com";
    const OPENAI: &str = "https://api.openai.com/v1";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + DATA_DATE
    }

    #[test]
    fn cached_and_written_tokens_have_prices_of_their_own() {
        // Per million: 2 fresh, 0.2 from the cache, 2.5 into the cache, 10 out.
        let usage = TokenUsage { uncached: 1_000, cache_read: 10_000, cache_write: 2_000, output: 300, reasoning: 200 };
        let priced = cost(ANTHROPIC, "claude-sonnet-5", &usage, now());
        assert_eq!(priced.amount(), Some(MicroUsd::from_micros(2_000 + 2_000 + 5_000 + 5_000)));
        assert!(
            matches!(priced, Priced::Known { source, model, .. } if source == SOURCE && model == "claude-sonnet-5")
        );
    }

    #[test]
    fn rates_price_as_the_database_does() {
        let rates = rates(ANTHROPIC, "claude-sonnet-5", now()).unwrap();
        assert_eq!(rates, Rates { input: 2_000_000, cache_read: 200_000, cache_write: 2_500_000, output: 10_000_000 });
        let usage = TokenUsage { uncached: 1_000, cache_read: 10_000, cache_write: 2_000, output: 300, reasoning: 200 };
        assert_eq!(Some(rates.cost(&usage)), cost(ANTHROPIC, "claude-sonnet-5", &usage, now()).amount());
        assert_eq!(super::rates("http://127.0.0.1:11434/v1", "gpt-5", now()), None);
    }

    #[test]
    fn a_fraction_of_a_millionth_is_rounded_up() {
        let usage = TokenUsage { cache_read: 1, ..TokenUsage::default() };
        assert_eq!(cost(ANTHROPIC, "claude-sonnet-5", &usage, now()).amount(), Some(MicroUsd::from_micros(1)));
        assert_eq!(rounded_up(0.1 + 0.2), Some(MicroUsd::from_micros(300_000)));
        assert_eq!(rounded_up(0.000_000_2), Some(MicroUsd::from_micros(1)));
        assert_eq!(rounded_up(f64::NAN), None);
        assert_eq!(rounded_up(0.0), Some(MicroUsd::ZERO));
    }

    #[test]
    fn unknown_models_and_servers_are_unknown_and_not_free() {
        let usage = TokenUsage { uncached: 1, ..TokenUsage::default() };
        assert_eq!(cost(OPENAI, "no-such-model", &usage, now()), Priced::Unknown);
        assert_eq!(cost("http://127.0.0.1:11434/v1", "gpt-5", &usage, now()), Priced::Unknown);
        assert!(known_models("http://127.0.0.1:11434/v1", now()).is_empty());
    }

    #[test]
    fn no_split_of_the_input_costs_more_than_the_worst_case() {
        for (url, model) in [(ANTHROPIC, "claude-sonnet-5"), (OPENAI, "gpt-5")] {
            let most = worst_case(url, model, 1_000, 500, now()).amount().unwrap();
            for read in [0, 300, 1_000] {
                for write in [0, 200, 1_000 - read] {
                    let write = write.min(1_000 - read);
                    let usage = TokenUsage {
                        uncached: 1_000 - read - write,
                        cache_read: read,
                        cache_write: write,
                        output: 100,
                        reasoning: 400,
                    };
                    assert!(cost(url, model, &usage, now()).amount().unwrap() <= most, "{model} {usage:?}");
                }
            }
        }
    }

    #[test]
    fn agreed_rates_are_exact() {
        let rates = Rates { input: 2_000_000, cache_read: 200_000, cache_write: 2_500_000, output: 10_000_000 };
        let usage = TokenUsage { uncached: 1_000, cache_read: 10_000, cache_write: 2_000, output: 300, reasoning: 200 };
        assert_eq!(rates.cost(&usage), MicroUsd::from_micros(14_000));
        assert_eq!(rates.cost(&TokenUsage { cache_read: 1, ..TokenUsage::default() }), MicroUsd::from_micros(1));
        assert_eq!(rates.worst_case(1_000, 100), MicroUsd::from_micros(2_500 + 1_000));
        let endless = TokenUsage { uncached: u64::MAX, output: u64::MAX, ..TokenUsage::default() };
        assert_eq!(rates.cost(&endless), MicroUsd::from_micros(i64::MAX));
    }

    #[test]
    fn the_catalogue_has_prices_and_sizes() {
        let models = known_models(ANTHROPIC, now());
        let sonnet = models.iter().find(|model| model.id == "claude-sonnet-5").unwrap();
        assert_eq!((sonnet.input, sonnet.output), (MicroUsd::from_cents(200), MicroUsd::from_cents(1_000)));
        assert_eq!(sonnet.context, Some(1_000_000));
        assert_eq!(context_window(ANTHROPIC, "claude-sonnet-5-20260101"), Some(1_000_000));
    }
}
