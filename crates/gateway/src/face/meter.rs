use types::chat::{Stop, TokenUsage};

use super::{Format, tally::Tally, values::Values};
use crate::{CallError, estimate, json, sse};

/// Reads an answer beside its way to the client and tells at the end what it cost in tokens.
///
/// It keeps no text of the answer, only the piece that is not yet whole. What does not follow the protocol is told at the
/// end; the bytes pass all the same, since the client may understand them.
#[derive(Debug)]
pub struct Meter {
    format: Format,
    reader: Reader,
    tally: Tally,
    received: u64,
}

#[derive(Debug)]
enum Reader {
    Events(sse::Parser),
    Values(Values),
    /// After bytes that could not be read.
    Lost,
}

/// What a [`Meter`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// As the provider reported it, however far that went.
    pub usage: Option<TokenUsage>,
    pub stop: Option<Stop>,
    /// By the provider's word; empty if it gave none.
    pub model: String,
    /// Whether the provider said that it was done.
    pub ended: bool,
    /// Bytes that the model wrote.
    pub written: u64,
    /// What the stream itself told of going wrong, or what in it is not of the format.
    pub error: Option<CallError>,
}

impl Meter {
    /// `content_type`: of the answer. Whatever is not a stream of events is read as JSON.
    #[must_use]
    pub fn new(format: Format, content_type: &str) -> Self {
        let events = content_type.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
        let reader = if events { Reader::Events(sse::Parser::default()) } else { Reader::Values(Values::default()) };
        Self { format, reader, tally: Tally::default(), received: 0 }
    }

    /// Reads the next bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        match &mut self.reader {
            Reader::Events(events) => match events.push(bytes) {
                Ok(events) => events.iter().for_each(|event| self.event(&event.data)),
                Err(error) => self.lose(error.to_string()),
            },
            Reader::Values(values) => match values.push(bytes) {
                Ok(values) => values.iter().for_each(|value| self.piece(value)),
                Err(_) => self.lose("a value is too long to be read"),
            },
            // What cannot be read still was written.
            Reader::Lost => self.tally.written += bytes.len() as u64,
        }
    }

    fn event(&mut self, data: &str) {
        match data.trim() {
            "" => {}
            "[DONE]" => self.tally.ended = true,
            text => self.piece(text.as_bytes()),
        }
    }

    fn piece(&mut self, text: &[u8]) {
        match json::parse(text) {
            Ok(json) => self.tally.read(self.format, &json),
            Err(error) => {
                self.tally.written += text.len() as u64;
                self.fail(format!("a piece is no JSON: {error}"));
            }
        }
    }

    fn lose(&mut self, message: impl Into<String>) {
        self.reader = Reader::Lost;
        self.fail(message);
    }

    fn fail(&mut self, message: impl Into<String>) {
        self.tally.error.get_or_insert_with(|| CallError::malformed(message));
    }

    /// Bytes that have passed.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// What was found, after the last byte.
    #[must_use]
    pub fn finish(mut self) -> Metered {
        if matches!(&self.reader, Reader::Values(values) if values.is_open()) {
            self.tally.error.get_or_insert(CallError::CutShort { partial: self.tally.usage, by: None });
        }
        let Tally { usage, stop, model, ended, written, error } = self.tally;
        Metered { usage, stop, model, ended, written, error }
    }
}

impl Metered {
    /// What to settle, and whether a part of it is estimated.
    ///
    /// An answer that ended with a report counts as reported. Without a report the input counts with its bound and the
    /// output with a token for each byte, which is more than it can be, but never more than was reserved.
    #[must_use]
    pub fn settled(&self, input_bound: u64, output_bound: u64) -> (TokenUsage, bool) {
        match self.usage {
            Some(usage) if self.ended => (usage, false),
            Some(usage) => (estimate::raised(usage, self.written.min(output_bound)), true),
            None => {
                let output = self.written.min(output_bound);
                (TokenUsage { uncached: input_bound, output, ..TokenUsage::default() }, true)
            }
        }
    }
}
