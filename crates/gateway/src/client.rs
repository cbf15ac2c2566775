use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::Value;
use types::chat::{Answer, ChatRequest, Delta, Message};

use crate::{
    CallError, Kind, Provider, SsrfPolicy, StreamParser, Timeouts, anthropic, gemini, http::Reply, http::Wire, json,
    openai, refusal,
};

/// The most bytes of one answer, its protocol included.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;
const LONGEST_LIST: usize = 16 * 1024 * 1024;
pub(crate) const LONGEST_REFUSAL: usize = 64 * 1024;

/// A model that a provider offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    pub id: String,
    /// The same as the id where the provider gives none.
    pub name: String,
}

/// Calls providers. Cheap to clone; connections are kept and shared.
#[derive(Clone, Debug)]
pub struct Client {
    wire: Wire,
    longest_answer: usize,
}

impl Client {
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(policy: SsrfPolicy, timeouts: Timeouts) -> Result<Self, rustls::Error> {
        Ok(Self { wire: Wire::new(policy, timeouts)?, longest_answer: LONGEST_ANSWER })
    }

    /// Bounds the bytes of one answer.
    #[must_use]
    pub const fn with_longest_answer(mut self, bytes: usize) -> Self {
        self.longest_answer = bytes;
        self
    }

    pub(crate) const fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(crate) const fn longest_answer(&self) -> usize {
        self.longest_answer
    }

    /// Asks for an answer and hands its pieces to `sink` as they arrive. Dropping the future ends the call.
    ///
    /// # Errors
    ///
    /// [`CallError`] says what happened, whether trying again may help, and what may have been billed. Nothing is
    /// tried again here.
    pub async fn stream(
        &self,
        provider: &Provider,
        request: &ChatRequest,
        sink: impl FnMut(Delta) + Send,
    ) -> Result<Answer, CallError> {
        self.stream_until(provider, request, sink, std::future::pending()).await
    }

    /// As [`Client::stream`], but ends as [`CallError::CutShort`] when `stop` comes before the answer's end.
    ///
    /// # Errors
    ///
    /// As [`Client::stream`].
    pub async fn stream_until(
        &self,
        provider: &Provider,
        request: &ChatRequest,
        mut sink: impl FnMut(Delta) + Send,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Answer, CallError> {
        let (path, body) = match provider.kind {
            Kind::OpenAiChat => ("chat/completions".to_owned(), openai::body(request, provider.is_openai_itself())),
            Kind::Anthropic => ("v1/messages".to_owned(), anthropic::body(request)),
            Kind::Gemini => {
                let path = format!("v1beta/models/{}:streamGenerateContent?alt=sse", model_path(&request.model));
                (path, gemini::body(request))
            }
        };
        tokio::pin!(stop);
        let reply = tokio::select! {
            biased;
            reply = self.send(provider, Method::POST, &path, Some(&body)) => reply?,
            () = &mut stop => return Err(CallError::cut_short()),
        };
        let most = u64::from(request.max_output_tokens);
        let mut answer = self.read((provider.kind, most), reply, &mut sink, stop).await?;
        if answer.model.is_empty() {
            answer.model.clone_from(&request.model);
        }
        Ok(answer)
    }

    async fn read(
        &self,
        (kind, most): (Kind, u64),
        mut reply: Reply,
        sink: &mut (impl FnMut(Delta) + Send),
        mut stop: impl Future<Output = ()> + Send + Unpin,
    ) -> Result<Answer, CallError> {
        let content_type = reply.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if kind == Kind::OpenAiChat && content_type.is_some_and(|text| text.starts_with("application/json")) {
            return tokio::select! {
                biased;
                whole = reply.whole(self.longest_answer) => whole_completion(&whole?, sink),
                () = &mut stop => Err(CallError::cut_short()),
            };
        }
        let mut parser = StreamParser::new(kind);
        let mut read = 0_usize;
        loop {
            let piece = tokio::select! {
                biased;
                piece = reply.next() => piece,
                () = &mut stop => Err(CallError::cut_short()),
            };
            let piece = piece.map_err(|error| error.with_partial(parser.partial(most)))?;
            let Some(piece) = piece else {
                let partial = parser.partial(most);
                return parser.finish().map_err(|error| error.with_partial(partial));
            };
            read += piece.len();
            if read > self.longest_answer {
                return Err(CallError::TooLarge { limit: self.longest_answer, partial: parser.partial(most) });
            }
            let deltas = parser.push(&piece).map_err(|error| error.with_partial(parser.partial(most)))?;
            deltas.into_iter().for_each(&mut *sink);
        }
    }

    /// Whether calls may go to this address, as far as it can be told before a name is resolved.
    ///
    /// # Errors
    ///
    /// [`CallError::Blocked`] when they may not.
    pub fn permits(&self, provider: &Provider) -> Result<(), CallError> {
        self.wire.permits(provider)
    }

    /// The models that the provider offers to this key.
    ///
    /// # Errors
    ///
    /// As [`Client::stream`].
    pub async fn models(&self, provider: &Provider) -> Result<Vec<ListedModel>, CallError> {
        let path = match provider.kind {
            Kind::OpenAiChat => "models",
            Kind::Anthropic => "v1/models?limit=1000",
            Kind::Gemini => "v1beta/models?pageSize=1000",
        };
        let reply = self.send(provider, Method::GET, path, None).await?;
        let body = reply.whole(LONGEST_LIST).await?;
        let json = json::parse(&body)
            .map_err(|error| CallError::malformed(format!("the list of models is no JSON: {error}")))?;
        let list = json["data"].as_array().or_else(|| json["models"].as_array());
        let list = list.ok_or_else(|| CallError::malformed("the answer holds no list of models"))?;
        Ok(list.iter().filter_map(listed).collect())
    }

    async fn send(&self, to: &Provider, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, CallError> {
        let body = body.map(|body| Bytes::from(body.to_string()));
        let request = build(to, method, path, body)?;
        let reply = self.wire.send(to, request).await?;
        if reply.status().is_success() {
            return Ok(reply);
        }
        let (status, headers) = (reply.status(), reply.headers().clone());
        let body = reply.beginning(LONGEST_REFUSAL).await;
        Err(refusal::from_answer(status, &headers, &body, to.key.as_ref()))
    }
}

/// A request as small as can be, to prove that address, key and model work together.
#[must_use]
pub fn trial(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.to_owned(),
        system: String::new(),
        messages: vec![Message::user("Answer with the one word: ready")],
        tools: Vec::new(),
        // Reasoning models refuse or waste smaller limits.
        max_output_tokens: 64,
        temperature: None,
    }
}

fn whole_completion(body: &[u8], sink: &mut impl FnMut(Delta)) -> Result<Answer, CallError> {
    let json = json::parse(body).map_err(|error| CallError::malformed(format!("the answer is no JSON: {error}")))?;
    let mut parser = openai::StreamParser::default();
    let mut deltas = Vec::new();
    parser.read(&json, &mut deltas)?;
    deltas.into_iter().for_each(sink);
    parser.finish()
}

fn listed(json: &Value) -> Option<ListedModel> {
    let id = json["id"].as_str().or_else(|| json["name"].as_str())?;
    let id = id.strip_prefix("models/").unwrap_or(id);
    let name = json["display_name"].as_str().or_else(|| json["displayName"].as_str()).unwrap_or(id);
    Some(ListedModel { id: id.to_owned(), name: name.to_owned() })
}

/// A model's name as a part of a path; a name with a slash or a question mark must not lead elsewhere.
pub(crate) fn model_path(model: &str) -> String {
    url::form_urlencoded::byte_serialize(model.as_bytes()).collect::<String>().replace('+', "%20")
}

pub(crate) fn build(
    to: &Provider,
    method: Method,
    path: &str,
    body: Option<Bytes>,
) -> Result<Request<Full<Bytes>>, CallError> {
    let has_body = body.is_some();
    let unusable =
        |error: http::Error| CallError::BadRequest { message: format!("the request cannot be made: {error}") };
    let mut request = Request::builder()
        .method(method)
        .uri(to.endpoint(path))
        .body(Full::new(body.unwrap_or_default()))
        .map_err(unusable)?;
    let headers = request.headers_mut();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("muster/", env!("CARGO_PKG_VERSION"))));
    if has_body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if to.kind == Kind::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    authorise(to, headers)?;
    headers.extend(to.headers.clone());
    Ok(request)
}

fn authorise(to: &Provider, headers: &mut HeaderMap) -> Result<(), CallError> {
    let Some(key) = &to.key else { return Ok(()) };
    let (name, text) = match to.kind {
        Kind::OpenAiChat => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
        Kind::Anthropic => (HeaderName::from_static("x-api-key"), key.expose().to_owned()),
        Kind::Gemini => (HeaderName::from_static("x-goog-api-key"), key.expose().to_owned()),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| CallError::Unauthorized { message: "the key contains characters that no key has".to_owned() })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_cannot_lead_elsewhere() {
        assert_eq!(model_path("gemini-2.5-flash"), "gemini-2.5-flash");
        assert_eq!(model_path("../x?y=1"), "..%2Fx%3Fy%3D1");
    }

    #[test]
    fn keys_are_sent_the_way_each_format_wants() {
        let header = |kind, name: &str| {
            let provider = Provider::new(kind, "https://a.example/v1", Some(crate::Secret::new("k"))).unwrap();
            let request = build(&provider, Method::GET, "models", None).unwrap();
            let value = request.headers().get(name).cloned().unwrap();
            assert!(value.is_sensitive());
            value.to_str().unwrap().to_owned()
        };
        assert_eq!(header(Kind::OpenAiChat, "authorization"), "Bearer k");
        assert_eq!(header(Kind::Anthropic, "x-api-key"), "k");
        assert_eq!(header(Kind::Gemini, "x-goog-api-key"), "k");
    }
}
