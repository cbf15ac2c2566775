use std::sync::Arc;

use gateway::{
    Provider,
    prices::{self, Priced, Rates},
};
use time::OffsetDateTime;
use types::{MicroUsd, ModelProviderId, chat::TokenUsage};

use crate::budgets::minute;

/// Where a model call goes.
#[derive(Clone, Debug)]
pub enum ModelRoute {
    /// To the recording, which each process serves for itself and which costs nothing.
    Demo {
        provider: ModelProviderId,
    },
    Server(Arc<CallableModel>),
}

/// Everything a call needs, and what it costs. It holds the key, and stays in memory for some minutes at most.
#[derive(Clone, Debug)]
pub struct CallableModel {
    pub id: ModelProviderId,
    /// The provider's name, for people.
    pub name: String,
    pub provider: Provider,
    /// The provider's name of the model.
    pub model: String,
    /// The price that the team agreed on for this model; it comes before the public one.
    pub agreed: Option<Agreed>,
}

/// A price that the team agreed on, and since when it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub rates: Rates,
    pub set_at: OffsetDateTime,
}

impl Agreed {
    /// Where the price is from, kept with every call. The time tells one agreement from a later one.
    fn source(&self) -> String {
        format!("agreed {} UTC", minute(self.set_at))
    }
}

impl CallableModel {
    /// What a call cost that was made at that time.
    #[must_use]
    pub fn cost(&self, usage: &TokenUsage, at: OffsetDateTime) -> Priced {
        if let Some(agreed) = &self.agreed {
            return self.known(agreed, agreed.rates.cost(usage));
        }
        prices::cost(self.provider.base_url(), &self.model, usage, at)
    }

    /// The most that a call can cost.
    #[must_use]
    pub fn worst_case(&self, input_tokens: u64, max_output: u64, at: OffsetDateTime) -> Priced {
        if let Some(agreed) = &self.agreed {
            return self.known(agreed, agreed.rates.worst_case(input_tokens, max_output));
        }
        prices::worst_case(self.provider.base_url(), &self.model, input_tokens, max_output, at)
    }

    fn known(&self, agreed: &Agreed, amount: MicroUsd) -> Priced {
        Priced::Known { amount, source: agreed.source(), model: self.model.clone() }
    }

    /// How many tokens the model can read, where that is known.
    #[must_use]
    pub fn context_window(&self) -> Option<u64> {
        prices::context_window(self.provider.base_url(), &self.model)
    }
}
