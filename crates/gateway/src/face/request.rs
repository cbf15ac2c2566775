use serde_json::Value;
use types::chat::ChatRequest;

use super::{Format, bound::Bound, fields::Fields, read};
use crate::client::model_path;

/// Why a request cannot be passed on. The message is for the person who wrote the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The field that it is about, as the client wrote it.
    pub field: Option<String>,
    pub message: String,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into() }
    }

    pub(super) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), message: message.into() }
    }
}

/// The most tokens of output that a request may ask for, of all its answers together.
const MOST_OUTPUT: u64 = u32::MAX as u64;
/// What may be put in as the limit of one answer where the client set none.
const MOST_UNSAID: u64 = u16::MAX as u64;

/// A request as it is sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Under the provider's base address.
    pub path: String,
    pub body: String,
}

/// A request of a client, read as far as its cost has to be known.
#[derive(Debug)]
pub struct Request {
    format: Format,
    model: String,
    stream: bool,
    /// Gemini streams as events or as a list.
    as_list: bool,
    fields: Fields,
    json: Value,
    bound: Bound,
    /// For one answer.
    max_output: Option<u64>,
    /// Answers that are asked for at once.
    choices: u64,
}

impl Request {
    /// Reads a request whose model and manner stand in its body.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for what is no request of the format.
    pub fn parse(format: Format, body: &[u8]) -> Result<Self, Refusal> {
        let fields = Fields::parse(body).map_err(|error| Refusal::new(format!("The body cannot be read: {error}.")))?;
        let model: Option<String> = fields.raw("model").and_then(|raw| serde_json::from_str(raw).ok());
        let model = model.ok_or_else(|| Refusal::field("model", "The field model must name a model."))?;
        let stream = match fields.raw("stream") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Refusal::field("stream", "The field stream must be true or false.")),
        };
        Self::new(format, model, stream, false, fields, body)
    }

    /// Reads a request of Gemini's format, whose model and manner stand in the address. `as_list`: a stream without
    /// `alt=sse`.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for what is no request of the format.
    pub fn parse_gemini(model: &str, stream: bool, as_list: bool, body: &[u8]) -> Result<Self, Refusal> {
        let fields = Fields::parse(body).map_err(|error| Refusal::new(format!("The body cannot be read: {error}.")))?;
        Self::new(Format::Gemini, model.to_owned(), stream, stream && as_list, fields, body)
    }

    /// The whole request as JSON.
    #[must_use]
    pub fn text(&self) -> String {
        self.json.to_string()
    }

    fn new(
        format: Format,
        model: String,
        stream: bool,
        as_list: bool,
        fields: Fields,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        let json: Value =
            serde_json::from_slice(body).map_err(|error| Refusal::new(format!("The body cannot be read: {error}.")))?;
        let bound = Bound::of(format, &json, body.len());
        let mut request = Self { format, model, stream, as_list, fields, json, bound, max_output: None, choices: 1 };
        request.read_output()?;
        Ok(request)
    }

    fn read_output(&mut self) -> Result<(), Refusal> {
        let inner;
        let (fields, names, choices): (&Fields, &[&str], &[&str]) = match self.format {
            Format::OpenAiChat => (&self.fields, &["max_completion_tokens", "max_tokens"], &["n"]),
            Format::OpenAiResponses => (&self.fields, &["max_output_tokens"], &[]),
            Format::Anthropic => (&self.fields, &["max_tokens"], &[]),
            Format::OpenAiEmbeddings => (&self.fields, &[], &[]),
            Format::Gemini => {
                inner = self.generation_config()?;
                (&inner, &["maxOutputTokens", "max_output_tokens"], &["candidateCount", "candidate_count"])
            }
        };
        let most = greatest(fields, names)?;
        let times = greatest(fields, choices)?;
        let all = most.map_or(MOST_UNSAID, |(_, most)| most).saturating_mul(times.map_or(1, |(_, times)| times));
        if let Some((name, _)) = most.or(times).filter(|_| all > MOST_OUTPUT) {
            let message = format!(
                "The field {name} is too large: a request may ask for {MOST_OUTPUT} tokens of output, all answers together."
            );
            return Err(Refusal::field(name, message));
        }
        (self.max_output, self.choices) = (most.map(|(_, most)| most), times.map_or(1, |(_, times)| times));
        Ok(())
    }

    /// The part of Gemini's requests that limits the output, under whichever of its two names.
    fn generation_config(&self) -> Result<Fields, Refusal> {
        let names = ["generationConfig", "generation_config"];
        if names.iter().all(|name| self.fields.has(name)) {
            return Err(Refusal::field(names[0], "The field generationConfig stands there twice, under two names."));
        }
        match names.iter().find_map(|name| self.fields.raw(name)) {
            None => Ok(Fields::empty()),
            Some(raw) => Fields::parse(raw.as_bytes()).map_err(|error| {
                Refusal::field(names[0], format!("The field generationConfig cannot be read: {error}."))
            }),
        }
    }

    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The model by the client's word.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    #[must_use]
    pub const fn streams(&self) -> bool {
        self.stream
    }

    /// Whether the stream is a JSON list instead of events.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        self.as_list
    }

    /// A bound of the input tokens, unless [`Request::window`] names a field.
    #[must_use]
    pub const fn input_bound(&self) -> u64 {
        self.bound.tokens
    }

    /// A field that brings in what is not in the request, so that only the model's window bounds the input.
    #[must_use]
    pub fn window(&self) -> Option<&str> {
        self.bound.window.as_deref()
    }

    /// A field that costs what no price of tokens covers.
    #[must_use]
    pub fn unpriced(&self) -> Option<&str> {
        self.bound.unpriced.as_deref()
    }

    /// The most tokens of output, of all answers together, at most [`u32::MAX`]. `unless_said` holds where the client set no
    /// limit; it is at most [`u16::MAX`].
    #[must_use]
    pub fn output_bound(&self, unless_said: u64) -> u64 {
        if self.format == Format::OpenAiEmbeddings {
            return 0;
        }
        self.max_output.unwrap_or(unless_said).saturating_mul(self.choices)
    }

    /// Whether a chunk of usage reaches the client only because it was asked for on its behalf.
    #[must_use]
    pub fn hides_usage(&self) -> bool {
        self.format == Format::OpenAiChat && self.stream && self.json["stream_options"]["include_usage"] != true
    }

    /// The request for a provider of the same format: another model, a limit of output where there is none, usage asked
    /// for. `newest`: the provider is OpenAI itself, which refuses the older name of the limit.
    #[must_use]
    pub fn outgoing(&self, model: &str, unless_said: u64, newest: bool) -> Outgoing {
        let quoted = Value::from(model).to_string();
        let limit = unless_said.to_string();
        let path = match self.format {
            Format::OpenAiChat => "chat/completions".to_owned(),
            Format::OpenAiResponses => "responses".to_owned(),
            Format::OpenAiEmbeddings => "embeddings".to_owned(),
            Format::Anthropic => "v1/messages".to_owned(),
            Format::Gemini => {
                let method = match (self.stream, self.as_list) {
                    (false, _) => "generateContent",
                    (true, false) => "streamGenerateContent?alt=sse",
                    (true, true) => "streamGenerateContent",
                };
                format!("v1beta/models/{}:{method}", model_path(model))
            }
        };
        let mut changes = Vec::new();
        if self.format != Format::Gemini {
            changes.push(("model", quoted));
        }
        if self.max_output.is_none() {
            match self.format {
                Format::OpenAiChat if newest => changes.push(("max_completion_tokens", limit)),
                Format::OpenAiChat | Format::Anthropic => changes.push(("max_tokens", limit)),
                Format::OpenAiResponses => changes.push(("max_output_tokens", limit)),
                Format::OpenAiEmbeddings => {}
                Format::Gemini => {
                    let name =
                        if self.fields.has("generation_config") { "generation_config" } else { "generationConfig" };
                    // It was read once already; what could not be read was refused then.
                    let config = self.generation_config().unwrap_or_else(|_| Fields::empty());
                    changes.push((name, config.with(&[("maxOutputTokens", limit)])));
                }
            }
        }
        if self.hides_usage() {
            let options = self.fields.raw("stream_options").and_then(|raw| Fields::parse(raw.as_bytes()).ok());
            let options = options.unwrap_or_else(Fields::empty);
            changes.push(("stream_options", options.with(&[("include_usage", "true".to_owned())])));
        }
        Outgoing { path, body: self.fields.with(&changes) }
    }

    /// The request that only counts tokens, for a provider of the same format; `None` where the format has none.
    #[must_use]
    pub fn counting(&self, model: &str) -> Option<Outgoing> {
        match self.format {
            Format::Anthropic => {
                let body = self.fields.with(&[("model", Value::from(model).to_string())]);
                Some(Outgoing { path: "v1/messages/count_tokens".to_owned(), body })
            }
            Format::Gemini => {
                let path = format!("v1beta/models/{}:countTokens", model_path(model));
                let mut changes = Vec::new();
                // A whole request may stand inside, with the model's name in it.
                if let Some(inner) = self.fields.raw("generateContentRequest") {
                    let inner = Fields::parse(inner.as_bytes()).unwrap_or_else(|_| Fields::empty());
                    let name = Value::from(format!("models/{model}")).to_string();
                    changes.push(("generateContentRequest", inner.with(&[("model", name)])));
                }
                Some(Outgoing { path, body: self.fields.with(&changes) })
            }
            _ => None,
        }
    }

    /// The request in the words of no provider.
    ///
    /// # Errors
    ///
    /// [`Refusal`] that names the first field which another format has no place for.
    pub fn to_chat(&self, model: &str, unless_said: u64) -> Result<ChatRequest, Refusal> {
        let most = self.max_output.unwrap_or(unless_said);
        let most = u32::try_from(most).map_err(|_| Refusal::new("The limit of output is too large."))?;
        let mut chat = read::chat(self.format, &self.json)?;
        model.clone_into(&mut chat.model);
        chat.max_output_tokens = most;
        Ok(chat)
    }
}

/// The field with the greatest number, of those that the client wrote.
fn greatest<'a>(fields: &Fields, names: &[&'a str]) -> Result<Option<(&'a str, u64)>, Refusal> {
    let mut greatest: Option<(&str, u64)> = None;
    for name in names {
        let said = whole_number(fields, name)?.map(|number| (*name, number));
        greatest = greatest.into_iter().chain(said).max_by_key(|(_, number)| *number);
    }
    Ok(greatest)
}

fn whole_number(fields: &Fields, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(raw) = fields.raw(name) else { return Ok(None) };
    match raw.parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(Refusal::field(name, format!("The field {name} must be a whole number above 0."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(body: &str) -> Result<Request, Refusal> {
        Request::parse(Format::OpenAiChat, body.as_bytes())
    }

    #[test]
    fn what_the_client_left_out_is_put_in_and_nothing_else_changes() {
        let request =
            chat(r#"{"model":"team/x","stream":true,"messages":[ {"role":"user","content":"é"} ],"top_k":1.0}"#)
                .unwrap();
        assert!(request.hides_usage());
        assert_eq!(
            request.outgoing("gpt-5", 900, true).body,
            r#"{"model":"gpt-5","stream":true,"messages":[ {"role":"user","content":"é"} ],"top_k":1.0,"max_completion_tokens":900,"stream_options":{"include_usage":true}}"#
        );
        let said = chat(r#"{"model":"m","max_tokens":5,"n":3,"stream":true,"stream_options":{"include_usage":true}}"#)
            .unwrap();
        assert!(!said.hides_usage());
        assert_eq!(said.output_bound(900), 15);
        assert_eq!(
            said.outgoing("b", 900, false).body,
            r#"{"model":"b","max_tokens":5,"n":3,"stream":true,"stream_options":{"include_usage":true}}"#
        );
    }

    #[test]
    fn gemini_is_limited_inside_its_settings() {
        let body = br#"{"contents":[],"generation_config":{"temperature":0.5}}"#;
        let request = Request::parse_gemini("m", true, false, body).unwrap();
        let out = request.outgoing("gemini-2.5-pro", 70, false);
        assert_eq!(out.path, "v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
        assert_eq!(out.body, r#"{"contents":[],"generation_config":{"temperature":0.5,"maxOutputTokens":70}}"#);
        let two = br#"{"generationConfig":{},"generation_config":{"maxOutputTokens":9}}"#;
        assert_eq!(
            Request::parse_gemini("m", false, false, two).unwrap_err().field.as_deref(),
            Some("generationConfig")
        );
        let twice = br#"{"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":9}}"#;
        assert!(Request::parse_gemini("m", false, false, twice).is_err());
        let counted =
            Request::parse_gemini("m", false, false, br#"{"generateContentRequest":{"model":"models/m"}}"#).unwrap();
        assert_eq!(counted.counting("x").unwrap().body, r#"{"generateContentRequest":{"model":"models/x"}}"#);
    }

    #[test]
    fn more_output_than_can_be_counted_is_refused_in_every_format() {
        let all = u64::from(u32::MAX);
        let endless = i64::MAX;
        let refused = |request: Result<Request, Refusal>| request.unwrap_err().field;
        let of = |format, body: String| Request::parse(format, body.as_bytes());
        for (format, name) in [
            (Format::OpenAiChat, "max_tokens"),
            (Format::OpenAiChat, "max_completion_tokens"),
            (Format::OpenAiResponses, "max_output_tokens"),
            (Format::Anthropic, "max_tokens"),
        ] {
            for most in [endless.unsigned_abs(), all + 1, u64::MAX] {
                let request = of(format, format!(r#"{{"model":"m","{name}":{most}}}"#));
                assert_eq!(refused(request).as_deref(), Some(name), "{format:?} {most}");
            }
            let request = of(format, format!(r#"{{"model":"m","{name}":{all}}}"#)).unwrap();
            assert_eq!(request.output_bound(8_192), all);
        }
        assert_eq!(refused(chat(r#"{"model":"m","max_tokens":65536,"n":65536}"#)).as_deref(), Some("max_tokens"));
        assert_eq!(refused(chat(r#"{"model":"m","n":9223372036854775807}"#)).as_deref(), Some("n"));
        for config in [format!(r#"{{"maxOutputTokens":{endless}}}"#), format!(r#"{{"candidateCount":{endless}}}"#)] {
            let body = format!(r#"{{"contents":[],"generationConfig":{config}}}"#);
            let field = refused(Request::parse_gemini("m", false, false, body.as_bytes())).unwrap();
            assert!(config.contains(&field), "{field}");
        }
    }

    #[test]
    fn limits_that_are_no_numbers_are_refused() {
        for value in ["0", "-1", "1.5", "\"9\"", "1e3", "true"] {
            let error = chat(&format!(r#"{{"model":"m","max_tokens":{value}}}"#)).unwrap_err();
            assert_eq!(error.field.as_deref(), Some("max_tokens"), "{value}");
        }
        assert!(
            chat(r#"{"model":"m","max_tokens":null}"#)
                .unwrap()
                .outgoing("m", 7, false)
                .body
                .contains("\"max_tokens\":7")
        );
        assert_eq!(chat(r#"{"messages":[]}"#).unwrap_err().field.as_deref(), Some("model"));
        assert!(chat("{").is_err() && chat("[]").is_err());
    }
}
