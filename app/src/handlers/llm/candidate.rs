use std::{sync::Arc, time::Duration};

use gateway::{
    Kind, Provider,
    face::{Fault, Format, Request, Situation},
};
use orchestrator::{
    budgets::{NewCall, Spender, Used},
    models::{CallableModel, ModelRoute},
};
use time::OffsetDateTime;
use types::{MicroUsd, ModelProviderId, chat::TokenUsage};
use uuid::Uuid;

use super::told::Told;

/// Tokens of output where the client sets no limit: enough for most answers, and little to hold back from a budget.
pub(super) const OUTPUT_UNLESS_SAID: u64 = 8_192;
/// How the ledger names the price of the demo model.
const DEMO: &str = "demo model";

/// One place where a call may go.
#[derive(Debug)]
pub(super) enum Candidate {
    Demo { id: ModelProviderId, provider: Box<Provider> },
    Server(Arc<CallableModel>),
}

/// What a call can take at most, in tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Candidate {
    pub(super) fn of(route: &ModelRoute, demo: Option<&Provider>, format: Format) -> Result<Self, Told> {
        match route {
            ModelRoute::Server(model) => Ok(Self::Server(Arc::clone(model))),
            ModelRoute::Demo { provider: id } => {
                let missing = || Fault::new(Situation::ModelNotFound, "This Muster runs without the demo model.");
                let demo = demo.ok_or_else(missing)?;
                // It speaks all formats; the vendors' differ in what stands before their paths.
                let base = match format.kind() {
                    Kind::OpenAiChat => demo.base_url(),
                    Kind::Anthropic | Kind::Gemini => demo.base_url().trim_end_matches("/v1"),
                };
                let provider = Provider::new(format.kind(), base, None)
                    .map_err(|error| Told::Failed(orchestrator::Error::Internal(error.into())))?;
                Ok(Self::Demo { id: *id, provider: Box::new(provider.internal()) })
            }
        }
    }

    pub(super) fn id(&self) -> ModelProviderId {
        match self {
            Self::Demo { id, .. } => *id,
            Self::Server(model) => model.id,
        }
    }

    pub(super) fn provider(&self) -> &Provider {
        match self {
            Self::Demo { provider, .. } => provider,
            Self::Server(model) => &model.provider,
        }
    }

    pub(super) fn model(&self) -> &str {
        match self {
            Self::Demo { .. } => "demo",
            Self::Server(model) => &model.model,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Demo { .. } => orchestrator::DEMO_PROVIDER,
            Self::Server(model) => &model.name,
        }
    }

    /// Whether it takes requests of this format as they are.
    pub(super) fn is_native(&self, format: Format) -> bool {
        matches!(self, Self::Demo { .. }) || format.is_native_to(self.provider())
    }

    /// What the call can take at most; refused where that cannot be known.
    pub(super) fn bounds(&self, request: &Request) -> Result<Bounds, Fault> {
        let output = request.output_bound(OUTPUT_UNLESS_SAID);
        let Self::Server(model) = self else { return Ok(Bounds { input: request.input_bound(), output }) };
        // OpenRouter's suffix for a search of the web, which costs beside the tokens.
        let searches = model.model.ends_with(":online").then_some("the suffix :online");
        if let Some(field) = request.unpriced().or(searches) {
            let message = format!(
                "Muster cannot bound what {field} costs, so no budget could hold it back. Leave it out, or call the \
                 provider itself."
            );
            return Err(Fault::new(Situation::BadRequest, message).about(Some(field.to_owned())));
        }
        let Some(field) = request.window() else { return Ok(Bounds { input: request.input_bound(), output }) };
        let window = model.context_window().ok_or_else(|| {
            let message = format!(
                "What {field} brings in is not in the request, and the size of this model's window is not known, so no \
                 budget could hold the cost back. Send the content itself."
            );
            Fault::new(Situation::BadRequest, message).about(Some(field.to_owned()))
        })?;
        Ok(Bounds { input: window.max(request.input_bound()), output })
    }

    pub(super) fn new_call(&self, spender: Spender, bounds: Bounds, now: OffsetDateTime) -> NewCall {
        let worst = match self {
            Self::Demo { .. } => Some(MicroUsd::ZERO),
            Self::Server(model) => model.worst_case(bounds.input, bounds.output, now).amount(),
        };
        NewCall {
            spender,
            key: format!("gateway {}", Uuid::now_v7()),
            provider: self.name().to_owned(),
            model: self.model().to_owned(),
            worst,
            tokens: i64::try_from(bounds.input.saturating_add(bounds.output)).unwrap_or(i64::MAX),
        }
    }

    pub(super) fn used(&self, spent: &Spent, now: OffsetDateTime) -> Used {
        let (cost, source) = match self {
            Self::Demo { .. } => (Some(MicroUsd::ZERO), DEMO.to_owned()),
            Self::Server(model) => model.cost(&spent.usage, now).booked(),
        };
        let model = if spent.model.is_empty() { self.model().to_owned() } else { spent.model.clone() };
        Used {
            usage: spent.usage,
            estimated: spent.estimated,
            cost,
            source,
            model,
            failed: spent.failed,
            duration: spent.took,
            step: None,
        }
    }
}

/// What a call came to.
#[derive(Clone, Debug)]
pub(super) struct Spent {
    pub(super) usage: TokenUsage,
    pub(super) estimated: bool,
    pub(super) failed: bool,
    /// By the provider's word; empty if it gave none.
    pub(super) model: String,
    pub(super) took: Duration,
    /// What was answered, where the team keeps it.
    pub(super) words: Option<String>,
}
