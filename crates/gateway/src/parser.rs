use types::chat::{Answer, Delta, TokenUsage};

use crate::{CallError, Kind, anthropic, assembly::Assembly, estimate, gemini, openai};

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
        let pushed = match self {
            Self::OpenAiChat(parser) => parser.push(bytes),
            Self::Anthropic(parser) => parser.push(bytes),
            Self::Gemini(parser) => parser.push(bytes),
        };
        pushed.map_err(|error| if self.assembly().has_begun() { error.amid_the_answer() } else { error })
    }

    const fn assembly(&self) -> &Assembly {
        match self {
            Self::OpenAiChat(parser) => parser.assembly(),
            Self::Anthropic(parser) => parser.assembly(),
            Self::Gemini(parser) => parser.assembly(),
        }
    }

    /// What an answer that ends here took, where tokens were reported. `most`: the tokens of output that were asked for.
    pub(crate) fn partial(&self, most: u64) -> Option<TokenUsage> {
        self.usage().map(|usage| estimate::raised(usage, self.assembly().written().min(most)))
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
