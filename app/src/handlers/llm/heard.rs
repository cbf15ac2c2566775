use gateway::{StreamParser, face::Format};

/// Bytes of an answer that are looked at; what is kept in the end is much less.
const MOST: usize = 4 << 20;

/// The bytes of an answer, for a team that keeps what was answered.
pub(super) struct Heard {
    format: Format,
    events: bool,
    bytes: Vec<u8>,
}

impl Heard {
    pub(super) const fn new(format: Format, events: bool) -> Self {
        Self { format, events, bytes: Vec::new() }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let room = MOST - self.bytes.len();
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// The answer as one piece of JSON where it came in many; as it came where it cannot be read.
    pub(super) fn text(self) -> String {
        let whole = match (self.events, self.format) {
            (false, _) => None,
            (true, Format::OpenAiResponses) => completed(&self.bytes),
            (true, format) => message(format, &self.bytes),
        };
        whole.unwrap_or_else(|| String::from_utf8_lossy(&self.bytes).into_owned())
    }
}

fn message(format: Format, bytes: &[u8]) -> Option<String> {
    let mut parser = StreamParser::new(format.kind());
    parser.push(bytes).ok()?;
    serde_json::to_string(&parser.finish().ok()?.message).ok()
}

/// The last event of OpenAI's responses repeats the whole answer.
fn completed(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let events = text.lines().rev().filter_map(|line| line.strip_prefix("data:"));
    let mut events = events.filter_map(|event| serde_json::from_str::<serde_json::Value>(event).ok());
    let last = events.find(|event| event["type"] == "response.completed")?;
    Some(last["response"]["output"].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(format: Format, events: bool, pieces: &[&str]) -> String {
        let mut heard = Heard::new(format, events);
        pieces.iter().for_each(|piece| heard.push(piece.as_bytes()));
        heard.text()
    }

    #[test]
    fn a_stream_is_put_together_and_anything_else_kept_as_it_came() {
        let chunks = [
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Rea\"}}]}\n\nda",
            "ta: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ding.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ];
        let whole = text(Format::OpenAiChat, true, &chunks);
        assert!(whole.contains("Reading."), "{whole}");
        assert_eq!(text(Format::OpenAiChat, true, &["data: {broken"]), "data: {broken");
        assert_eq!(text(Format::Anthropic, false, &["{\"a\":", "1}"]), "{\"a\":1}");
        let done =
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":[1]}}\n\n";
        assert_eq!(text(Format::OpenAiResponses, true, &["data: {}\n\n", done]), "[1]");
    }

    #[test]
    fn no_more_is_held_than_is_looked_at() {
        let mut heard = Heard::new(Format::OpenAiEmbeddings, false);
        let piece = vec![b'a'; MOST / 3 + 1];
        (0..4).for_each(|_| heard.push(&piece));
        assert_eq!(heard.text().len(), MOST);
    }
}
