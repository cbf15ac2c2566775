//! Model providers of a team, their keys, and what a call goes through.

mod aliases;
mod allowed;
mod callable;
mod catalogue;
mod catalogue_prices;
mod check;
mod content;
mod failover;
mod in_use;
mod keys;
mod memory;
mod presets;
mod prices;
mod providers;
mod redaction;
mod replace;
mod routes;
mod settings;

/// The format a server speaks.
pub use gateway::Kind as WireFormat;
/// Prices of one model, in millionths of a dollar for a million tokens.
pub use gateway::prices::Rates;
use time::OffsetDateTime;
use types::ModelProviderId;

pub(crate) use allowed::checked as checked_models;
pub use allowed::{NotAllowed, RestrictedBy};
pub use callable::{Agreed, CallableModel, ModelRoute};
pub use catalogue::{Alias, Target};
pub use catalogue_prices::{ModelPrice, PricedProvider};
pub use content::{CallContent, Capture, MOST_DAYS, Words};
pub use failover::{Breaker, goes_elsewhere, wait_after};
pub(crate) use keys::without_keys;
pub use keys::{Caller, GatewayKey, NewGatewayKey};
pub(crate) use memory::Memory;
pub use presets::{PRESETS, Preset};
pub use prices::AgreedPrice;
pub(crate) use providers::insert_demo;
pub use routes::Routes;
pub use settings::ProviderSettings;

/// The demo's own name of its only model.
pub(crate) const DEMO_MODEL: &str = "demo";

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// The recording that comes with Muster.
    Demo,
    /// A server that speaks this format.
    Server(WireFormat),
}

impl ProviderKind {
    fn parse(text: &str) -> Option<Self> {
        if text == "demo" { Some(Self::Demo) } else { WireFormat::parse(text).map(Self::Server) }
    }
}

/// A provider as people see it: its key is a hint.
#[derive(Clone, Debug)]
pub struct ModelProvider {
    pub id: ModelProviderId,
    pub name: String,
    pub kind: ProviderKind,
    pub base_url: Option<String>,
    /// `sk-…x7Qa`; `None` without a key.
    pub key_hint: Option<String>,
    pub key_set_at: Option<OffsetDateTime>,
    /// Used where an agent names none.
    pub model: String,
    /// Used where an agent names no provider.
    pub is_default: bool,
    pub tested: Option<Tested>,
    /// Agents that name this provider.
    pub agents: i64,
}

/// A trial call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    pub at: OffsetDateTime,
    pub model: String,
    /// What was wrong, with the way out; `None` when it answered.
    pub problem: Option<String>,
}
