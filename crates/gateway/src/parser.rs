use types::chat::{Answer, Delta, TokenUsage};

use crate::{CallError, Kind, anthropic, gemini, openai};

/// The stream parser of any format: bytes in, pieces of the answer out, the whole answer at the end.
#[derive(Debug)]
pub enum StreamParser {
    OpenAiChat(openai::StreamParser),
    Anthropic(anthropic::StreamParser),
    Gemini(gemini::StreamParser),
}

impl StreamParser {
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::OpenAiChat => Self::OpenAiChat(openai::StreamParser::default()),
            Kind::Anthropic => Self::Anthropic(anthropic::StreamParser::default()),
            Kind::Gemini => Self::Gemini(gemini::StreamParser::default()),
        }
    }

    /// Reads the next bytes, cut anywhere.
    ///
    /// # Errors
    ///
    /// When they do not follow the protocol, or carry the provider's own error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Delta>, CallError> {
        match self {
            Self::OpenAiChat(parser) => parser.push(bytes),
            Self::Anthropic(parser) => parser.push(bytes),
            Self::Gemini(parser) => parser.push(bytes),
        }
    }

    /// The tokens reported so far.
    #[must_use]
    pub fn usage(&self) -> Option<TokenUsage> {
        match self {
            Self::OpenAiChat(parser) => parser.usage(),
            Self::Anthropic(parser) => parser.usage(),
            Self::Gemini(parser) => parser.usage(),
        }
    }

    /// The whole answer, after the last byte.
    ///
    /// # Errors
    ///
    /// [`CallError::CutShort`] when the provider had not said that it was done.
    pub fn finish(self) -> Result<Answer, CallError> {
        match self {
            Self::OpenAiChat(parser) => parser.finish(),
            Self::Anthropic(parser) => parser.finish(),
            Self::Gemini(parser) => parser.finish(),
        }
    }
}
