//! The other side of the wire formats: what a server needs that speaks them to clients and passes their calls on.
//!
//! A [`Request`] is read only as far as its cost has to be known, and is sent on as it was written but for the fields that
//! must change. A [`Meter`] stands beside the bytes of the answer and holds none of them back. Where the back end speaks
//! another format, [`Request::to_chat`] and [`Writer`] translate, or name what cannot be translated.

mod bound;
mod error;
mod fields;
mod filter;
mod listing;
mod meter;
mod read;
mod request;
mod tally;
#[cfg(test)]
mod tests;
mod values;
mod write;

use crate::{Kind, Provider};

pub use error::{Fault, Situation};
pub use filter::UsageFilter;
pub use listing::{model, models};
pub use meter::{Meter, Metered};
pub use request::{Outgoing, Refusal, Request};
#[cfg(test)]
pub(crate) use tally::responses_usage;
pub use write::Writer;

/// A wire format that clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    OpenAiChat,
    OpenAiResponses,
    OpenAiEmbeddings,
    Anthropic,
    Gemini,
}

impl Format {
    pub const ALL: [Self; 5] =
        [Self::OpenAiChat, Self::OpenAiResponses, Self::OpenAiEmbeddings, Self::Anthropic, Self::Gemini];

    /// Whether `provider` takes requests of this format as they are. Imitators of OpenAI's responses differ too much to be
    /// trusted with them, and take chat completions instead.
    #[must_use]
    pub fn is_native_to(self, provider: &Provider) -> bool {
        match self {
            Self::OpenAiChat | Self::OpenAiEmbeddings => provider.kind == Kind::OpenAiChat,
            Self::OpenAiResponses => provider.kind == Kind::OpenAiChat && provider.is_openai_itself(),
            Self::Anthropic => provider.kind == Kind::Anthropic,
            Self::Gemini => provider.kind == Kind::Gemini,
        }
    }

    /// The kind of provider whose headers and paths requests of this format need.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::OpenAiEmbeddings => Kind::OpenAiChat,
            Self::Anthropic => Kind::Anthropic,
            Self::Gemini => Kind::Gemini,
        }
    }
}
