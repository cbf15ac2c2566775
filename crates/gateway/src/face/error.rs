//! Errors in the shape of each format, with the status that makes the vendors' own clients do the right thing.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::Format;
use crate::CallError;

/// What a client has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// No key, or none that works.
    Unauthorized,
    /// The key works, but not for this.
    Forbidden,
    /// A limit of money or tokens is met. Answered with 402 and never 429, which every client tries again.
    OverBudget,
    ModelNotFound,
    BadRequest,
    TooLarge,
    RateLimited,
    Overloaded,
    /// The provider answered with nonsense, or not at all.
    BadGateway,
    TimedOut,
    Internal,
}

/// An error for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub situation: Situation,
    pub message: String,
    /// When trying again may help.
    pub retry_after: Option<Duration>,
    /// The field of the request that it is about.
    pub field: Option<String>,
}

impl Fault {
    #[must_use]
    pub fn new(situation: Situation, message: impl Into<String>) -> Self {
        Self { situation, message: message.into(), retry_after: None, field: None }
    }

    #[must_use]
    pub const fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    #[must_use]
    pub fn about(mut self, field: Option<String>) -> Self {
        self.field = field;
        self
    }

    /// Status, headers and JSON body of the answer.
    #[must_use]
    pub fn answer(&self, format: Format) -> (StatusCode, HeaderMap, String) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // OpenAI's and Anthropic's clients obey this header before they look at the status.
        let should = if self.may_retry() { "true" } else { "false" };
        headers.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static(should));
        if let Some(wait) = self.retry_after.filter(|_| self.may_retry()) {
            // Whole seconds, rounded up: a client that comes a moment too early has come for nothing.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.max(1).into());
        }
        (self.status(), headers, self.body(format).to_string())
    }

    /// The event that ends a stream in which something went wrong.
    #[must_use]
    pub fn event(&self, format: Format) -> String {
        match format {
            Format::Anthropic => format!("event: error\ndata: {}\n\n", self.body(format)),
            Format::OpenAiResponses => {
                let event = json!({"type": "error", "code": self.code(), "message": self.message, "param": self.field,
                    "sequence_number": 0});
                format!("event: error\ndata: {event}\n\n")
            }
            _ => format!("data: {}\n\n", self.body(format)),
        }
    }

    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self.situation {
            Situation::Unauthorized => StatusCode::UNAUTHORIZED,
            Situation::Forbidden => StatusCode::FORBIDDEN,
            Situation::OverBudget => StatusCode::PAYMENT_REQUIRED,
            Situation::ModelNotFound => StatusCode::NOT_FOUND,
            Situation::BadRequest => StatusCode::BAD_REQUEST,
            Situation::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Situation::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Situation::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Situation::BadGateway => StatusCode::BAD_GATEWAY,
            Situation::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Situation::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn may_retry(&self) -> bool {
        match self.situation {
            Situation::RateLimited
            | Situation::Overloaded
            | Situation::BadGateway
            | Situation::TimedOut
            | Situation::Internal => true,
            Situation::Unauthorized
            | Situation::Forbidden
            | Situation::OverBudget
            | Situation::ModelNotFound
            | Situation::BadRequest
            | Situation::TooLarge => false,
        }
    }

    const fn code(&self) -> &'static str {
        match self.situation {
            Situation::Unauthorized => "invalid_api_key",
            Situation::Forbidden => "permission_denied",
            Situation::OverBudget => "insufficient_quota",
            Situation::ModelNotFound => "model_not_found",
            Situation::BadRequest => "invalid_value",
            Situation::TooLarge => "request_too_large",
            Situation::RateLimited => "rate_limit_exceeded",
            Situation::Overloaded => "overloaded",
            Situation::BadGateway => "bad_gateway",
            Situation::TimedOut => "timeout",
            Situation::Internal => "server_error",
        }
    }

    fn body(&self, format: Format) -> Value {
        match format {
            Format::Anthropic => {
                json!({"type": "error", "error": {"type": self.anthropic_type(), "message": self.message}})
            }
            Format::Gemini => {
                json!({"error": {"code": self.status().as_u16(), "message": self.message, "status": self.gemini_status()}})
            }
            _ => {
                let kind = match self.situation {
                    Situation::OverBudget => "insufficient_quota",
                    Situation::RateLimited => "rate_limit_error",
                    _ if self.may_retry() => "server_error",
                    _ => "invalid_request_error",
                };
                json!({"error": {"message": self.message, "type": kind, "param": self.field, "code": self.code()}})
            }
        }
    }

    /// Anthropic's API reference, "Errors".
    const fn anthropic_type(&self) -> &'static str {
        match self.situation {
            Situation::Unauthorized => "authentication_error",
            Situation::Forbidden => "permission_error",
            Situation::OverBudget => "billing_error",
            Situation::ModelNotFound => "not_found_error",
            Situation::BadRequest => "invalid_request_error",
            Situation::TooLarge => "request_too_large",
            Situation::RateLimited => "rate_limit_error",
            Situation::Overloaded => "overloaded_error",
            Situation::TimedOut => "timeout_error",
            Situation::BadGateway | Situation::Internal => "api_error",
        }
    }

    /// `google.rpc.Code`.
    const fn gemini_status(&self) -> &'static str {
        match self.situation {
            Situation::Unauthorized => "UNAUTHENTICATED",
            Situation::Forbidden => "PERMISSION_DENIED",
            Situation::OverBudget | Situation::RateLimited => "RESOURCE_EXHAUSTED",
            Situation::ModelNotFound => "NOT_FOUND",
            Situation::BadRequest | Situation::TooLarge => "INVALID_ARGUMENT",
            Situation::Overloaded | Situation::BadGateway => "UNAVAILABLE",
            Situation::TimedOut => "DEADLINE_EXCEEDED",
            Situation::Internal => "INTERNAL",
        }
    }
}

fn situation(error: &CallError) -> Situation {
    match error {
        CallError::CutShort { by: Some(by), .. } => situation(by),
        CallError::RateLimited { .. } => Situation::RateLimited,
        CallError::Overloaded { .. } => Situation::Overloaded,
        CallError::OutOfCredit { .. } => Situation::OverBudget,
        // The client's own key is fine: it is the team's key that the provider refuses.
        CallError::Unauthorized { .. } | CallError::Blocked { .. } => Situation::Forbidden,
        CallError::ModelNotFound { .. } => Situation::ModelNotFound,
        CallError::ContextTooLong { .. } | CallError::BadRequest { .. } => Situation::BadRequest,
        CallError::Timeout { .. } => Situation::TimedOut,
        CallError::Refused { .. }
        | CallError::Network { .. }
        | CallError::Malformed { .. }
        | CallError::CutShort { .. }
        | CallError::TooLarge { .. } => Situation::BadGateway,
    }
}

impl From<&CallError> for Fault {
    fn from(error: &CallError) -> Self {
        Self::new(situation(error), error.to_string()).after(error.retry_after())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_no_rate_that_clients_would_wait_for() {
        let fault = Fault::new(Situation::OverBudget, "The budget of project A is used up.")
            .after(Some(Duration::from_secs(60)));
        for (format, word) in [
            (Format::OpenAiChat, "insufficient_quota"),
            (Format::Anthropic, "billing_error"),
            (Format::Gemini, "RESOURCE_EXHAUSTED"),
        ] {
            let (status, headers, body) = fault.answer(format);
            assert_eq!(status, 402);
            assert_eq!(headers["x-should-retry"], "false");
            assert!(!headers.contains_key("retry-after"));
            assert!(body.contains(word) && body.contains("project A"), "{body}");
        }
    }

    #[test]
    fn waits_are_whole_seconds_rounded_up() {
        let wait = |millis| {
            let error =
                CallError::RateLimited { retry_after: Some(Duration::from_millis(millis)), message: "m".into() };
            Fault::from(&error).answer(Format::OpenAiChat).1["retry-after"].to_str().unwrap().to_owned()
        };
        assert_eq!([wait(0), wait(1_000), wait(1_001)], ["1", "1", "2"]);
    }

    #[test]
    fn a_stream_ends_with_an_error_of_its_format() {
        let fault = Fault::new(Situation::BadGateway, "gone");
        assert!(fault.event(Format::Anthropic).starts_with("event: error\ndata: {\"error\":{\"message\":\"gone\""));
        assert!(fault.event(Format::OpenAiResponses).contains("\"type\":\"error\""));
        assert!(fault.event(Format::OpenAiChat).starts_with("data: {\"error\""));
    }
}
