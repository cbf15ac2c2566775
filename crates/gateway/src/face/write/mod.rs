//! Answers in the words of no provider, written as each format writes them.

mod anthropic;
mod chat;
mod gemini;
mod responses;

use serde_json::Value;
use types::chat::{Answer, Delta, Part, TokenUsage};

use super::Format;

/// Writes one answer to a client, as a stream or whole.
///
/// Text and thoughts go on as they come. From the first call of a tool everything waits for the whole answer, because only
/// that has the call's id; a client can do nothing with half a call.
#[derive(Debug)]
pub struct Writer {
    head: Head,
    dialect: Dialect,
    called: bool,
}

/// What every piece of an answer repeats.
#[derive(Debug)]
struct Head {
    id: String,
    model: String,
    /// Unix time in seconds.
    created: i64,
}

#[derive(Debug)]
enum Dialect {
    Chat(chat::Stream),
    Responses(responses::Stream),
    Anthropic(anthropic::Stream),
    Gemini(gemini::Stream),
}

impl Writer {
    /// `id`: of the answer, free of meaning. `model`: as the client is told it. `created`: Unix time in seconds.
    #[must_use]
    pub fn new(format: Format, id: &str, model: &str, created: i64, with_usage: bool) -> Self {
        let dialect = match format {
            Format::OpenAiChat | Format::OpenAiEmbeddings => Dialect::Chat(chat::Stream::new(with_usage)),
            Format::OpenAiResponses => Dialect::Responses(responses::Stream::default()),
            Format::Anthropic => Dialect::Anthropic(anthropic::Stream::default()),
            Format::Gemini => Dialect::Gemini(gemini::Stream::default()),
        };
        Self { head: Head { id: id.to_owned(), model: model.to_owned(), created }, dialect, called: false }
    }

    /// The same, which writes a JSON list instead of events; see [`super::Request::is_list`].
    #[must_use]
    pub fn as_list(mut self) -> Self {
        if let Dialect::Gemini(stream) = &mut self.dialect {
            stream.as_list();
        }
        self
    }

    /// What a stream begins with.
    #[must_use]
    pub fn begin(&mut self) -> String {
        match &mut self.dialect {
            Dialect::Chat(_) => chat::begin(&self.head),
            Dialect::Responses(stream) => stream.begin(&self.head),
            Dialect::Anthropic(_) => anthropic::begin(&self.head),
            Dialect::Gemini(_) => String::new(),
        }
    }

    /// The events of the next piece; empty for what waits.
    #[must_use]
    pub fn push(&mut self, delta: &Delta) -> String {
        match delta {
            Delta::ToolCall { .. } | Delta::ToolArguments { .. } => self.called = true,
            Delta::Text { text } if !self.called => {
                return self.part(&Part::Text { text: text.clone() });
            }
            Delta::Thinking { text } if !self.called => {
                return self.part(&Part::Thinking { text: text.clone(), signature: None });
            }
            Delta::Text { .. } | Delta::Thinking { .. } => {}
        }
        String::new()
    }

    fn part(&mut self, part: &Part) -> String {
        match &mut self.dialect {
            Dialect::Chat(stream) => stream.part(&self.head, part),
            Dialect::Responses(stream) => stream.part(part),
            Dialect::Anthropic(stream) => stream.part(part),
            Dialect::Gemini(stream) => stream.part(&self.head, part),
        }
    }

    /// What waited, and the end of the stream.
    #[must_use]
    pub fn finish(mut self, answer: &Answer, usage: &TokenUsage) -> String {
        let mut text = String::new();
        let mut called = false;
        for part in &answer.message.parts {
            called |= matches!(part, Part::ToolCall(_));
            let written = match part {
                Part::Text { text } | Part::Thinking { text, .. } => !called && !text.is_empty(),
                Part::ToolCall(_) | Part::ToolResult(_) => false,
            };
            if !written {
                text.push_str(&self.part(part));
            } else if let Part::Thinking { signature: Some(signature), .. } = part {
                let signature = Some(signature.clone());
                text.push_str(&self.part(&Part::Thinking { text: String::new(), signature }));
            }
        }
        text.push_str(&match self.dialect {
            Dialect::Chat(stream) => stream.end(&self.head, answer, usage),
            Dialect::Responses(stream) => stream.end(&self.head, answer, usage),
            Dialect::Anthropic(stream) => stream.end(answer, usage),
            Dialect::Gemini(stream) => stream.end(&self.head, answer, usage),
        });
        text
    }

    /// The body of an answer that is not streamed.
    #[must_use]
    pub fn whole(self, answer: &Answer, usage: &TokenUsage) -> Value {
        match self.dialect {
            Dialect::Chat(_) => chat::whole(&self.head, answer, usage),
            Dialect::Responses(_) => responses::whole(&self.head, answer, usage),
            Dialect::Anthropic(_) => anthropic::whole(&self.head, answer, usage),
            Dialect::Gemini(_) => gemini::whole(&self.head, answer, usage),
        }
    }
}
