use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{CallError, Client, Provider, client, face::Outgoing, http::Reply, refusal};

/// What a client may say to a provider beside the body. Whom it pays and what it claims to be stays with us.
const SENT: [HeaderName; 4] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("anthropic-beta"),
];

/// What a provider may say to a client. Its names for the account behind the key stay with us.
fn is_told(name: &HeaderName) -> bool {
    const TOLD: [&str; 6] =
        ["content-type", "retry-after", "retry-after-ms", "request-id", "x-request-id", "openai-processing-ms"];
    let name = name.as_str();
    TOLD.contains(&name) || name.starts_with("x-ratelimit-") || name.starts_with("anthropic-ratelimit-")
}

/// An answer that is passed on as it comes.
pub struct Forwarded {
    pub status: StatusCode,
    /// Those that a client may see.
    pub headers: HeaderMap,
    reply: Reply,
    left: usize,
    limit: usize,
}

impl std::fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarded").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Forwarded {
    /// The next bytes as they arrive; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`CallError`] when they stop coming, or when there are more than an answer may have.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let piece = self.reply.next().await?;
        let length = piece.as_ref().map_or(0, Bytes::len);
        self.left = self.left.checked_sub(length).ok_or(CallError::TooLarge { limit: self.limit, partial: None })?;
        Ok(piece)
    }

    #[must_use]
    pub fn content_type(&self) -> &str {
        self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A provider's refusal.
#[derive(Debug)]
pub struct Refused {
    pub error: CallError,
    /// The refusal in the provider's own words, where it gave one: status, headers for the client, and a body without
    /// the key.
    pub answer: Option<(StatusCode, HeaderMap, Bytes)>,
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        Self { error, answer: None }
    }
}

impl From<CallError> for Box<Refused> {
    fn from(error: CallError) -> Self {
        Self::new(error.into())
    }
}

impl Client {
    /// Sends a request of the provider's own format and returns its answer unread. Nothing is tried again here.
    ///
    /// # Errors
    ///
    /// [`Refused`] when there is no answer or it is no success.
    pub async fn forward(
        &self,
        provider: &Provider,
        outgoing: &Outgoing,
        headers: &HeaderMap,
    ) -> Result<Forwarded, Box<Refused>> {
        let refused = |error: CallError| Box::new(Refused::from(error));
        let body = Bytes::from(outgoing.body.clone());
        let mut request = client::build(provider, Method::POST, &outgoing.path, Some(body)).map_err(refused)?;
        for name in SENT {
            if let Some(value) = headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        // A compressed answer could not be metered.
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let reply = self.wire().send(provider, request).await.map_err(refused)?;
        let status = reply.status();
        let told: HeaderMap = reply
            .headers()
            .iter()
            .filter(|(name, _)| is_told(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if status.is_success() {
            let limit = self.longest_answer();
            return Ok(Forwarded { status, headers: told, reply, left: limit, limit });
        }
        let all = reply.headers().clone();
        let body = reply.beginning(client::LONGEST_REFUSAL).await;
        let error = refusal::from_answer(status, &all, &body, provider.key.as_ref());
        let text = String::from_utf8_lossy(&body);
        let text = provider.key.as_ref().map_or_else(|| text.to_string(), |key| key.redact(&text));
        Err(Box::new(Refused { error, answer: Some((status, told, text.into())) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_account_stay_here() {
        let told = |name: &'static str| is_told(&HeaderName::from_static(name));
        assert!(told("content-type") && told("x-ratelimit-remaining-requests") && told("retry-after"));
        for name in ["openai-organization", "anthropic-organization-id", "set-cookie", "content-length", "connection"] {
            assert!(!told(name), "{name}");
        }
    }
}
