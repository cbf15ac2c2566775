//! From an answer that is no success to a situation.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::{CallError, Secret, json};

const LONGEST_MESSAGE: usize = 500;

/// What a provider says about itself going wrong, in any of the formats.
#[derive(Debug, Default)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    /// Its machine-readable words, joined: `invalid_request_error context_length_exceeded`.
    pub(crate) code: String,
    /// How long to wait, where the words themselves tell it.
    pub(crate) retry_after: Option<Duration>,
}

impl Complaint {
    pub(crate) fn from_body(body: &[u8], key: Option<&Secret>) -> Self {
        let text = String::from_utf8_lossy(body);
        let mut complaint = serde_json::from_str(&text).map_or_else(
            |_| Self { message: text.trim().to_owned(), ..Self::default() },
            |json: Value| Self::from_json(&json),
        );
        if let Some(key) = key {
            complaint.message = key.redact(&complaint.message);
        }
        complaint.message = json::readable(&complaint.message).chars().take(LONGEST_MESSAGE).collect();
        complaint
    }

    /// Reads `{"error": {"message", "type", "code", "status"}}`, that in a list (Gemini), or `{"error": "text"}` (Ollama).
    pub(crate) fn from_json(json: &Value) -> Self {
        let json = json.get(0).unwrap_or(json);
        let error = json.get("error").unwrap_or(json);
        if let Some(text) = error.as_str() {
            return Self { message: text.to_owned(), ..Self::default() };
        }
        let message = error["message"].as_str().or_else(|| error["detail"].as_str()).unwrap_or_default().to_owned();
        let codes = ["type", "code", "status"].iter().filter_map(|name| match &error[name] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let code = codes.collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        Self { message, code, retry_after: retry_delay(&error["details"]) }
    }

    fn says(&self, words: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        words.iter().any(|word| self.code.contains(word) || message.contains(word))
    }

    fn is_about_length(&self) -> bool {
        self.says(&[
            "context_length_exceeded",
            "maximum context length",
            "prompt is too long",
            "input is too long",
            "exceeds the context window",
            "exceed_context_size",
            "input token count",
        ])
    }

    /// The situation that `status` and the words describe.
    pub(crate) fn into_error(self, status: u16, retry_after: Option<Duration>) -> CallError {
        let too_long = self.is_about_length();
        let no_credit = self.says(&["insufficient_quota", "credit balance is too low", "billing_error"]);
        let unknown_model = self.says(&["model_not_found", "model"]);
        let overloaded = self.says(&["overloaded"]);
        let message = self.message;
        match status {
            400 | 413 | 422 | 500 if too_long => CallError::ContextTooLong { message },
            400 | 402 | 403 | 429 if no_credit || status == 402 => CallError::OutOfCredit { message },
            400 | 422 => CallError::BadRequest { message },
            401 | 403 => CallError::Unauthorized { message },
            404 if unknown_model => CallError::ModelNotFound { message },
            413 => CallError::ContextTooLong { message },
            429 => CallError::RateLimited { retry_after, message },
            503 | 529 => CallError::Overloaded { retry_after, message },
            500.. if overloaded => CallError::Overloaded { retry_after, message },
            _ => CallError::Refused { status, message },
        }
    }

    /// The situation of an error that arrives in the middle of a stream, where there is no status any more.
    pub(crate) fn in_stream(self) -> CallError {
        let status = match self.code.as_str() {
            code if code.contains("overloaded") || code.contains("unavailable") => 529,
            code if code.contains("rate_limit") || code.contains("resource_exhausted") || code.contains("429") => 429,
            code if code.contains("authentication") || code.contains("permission") => 401,
            code if code.contains("invalid_request") || code.contains("invalid_argument") => 400,
            _ if self.is_about_length() => 400,
            _ => 500,
        };
        let retry_after = self.retry_after;
        self.into_error(status, retry_after)
    }
}

/// The situation of an HTTP answer that is no success.
pub(crate) fn from_answer(status: StatusCode, headers: &HeaderMap, body: &[u8], key: Option<&Secret>) -> CallError {
    let mut complaint = Complaint::from_body(body, key);
    if status.is_redirection() {
        "the address redirects elsewhere, which is not followed".clone_into(&mut complaint.message);
    }
    if complaint.message.is_empty() {
        status.canonical_reason().unwrap_or("no reason given").clone_into(&mut complaint.message);
    }
    let wait = retry_after(headers).or(complaint.retry_after);
    complaint.into_error(status.as_u16(), wait)
}

/// How long Google asks to wait, in a detail of the error instead of a header: `google.rpc.RetryInfo` in
/// `google/rpc/error_details.proto`. A duration is written as seconds with an `s` behind them, `34.074s` (`google/protobuf/duration.proto`,
/// "JSON Mapping").
fn retry_delay(details: &Value) -> Option<Duration> {
    let info = details
        .as_array()?
        .iter()
        .find(|detail| detail["@type"].as_str().is_some_and(|name| name.ends_with("/google.rpc.RetryInfo")))?;
    let seconds = info["retryDelay"].as_str()?.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// How long the provider asks to wait (RFC 9110 section 10.2.3, and the finer header of OpenAI). A date is compared with
/// the answer's own date, so that this machine's clock does not matter.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds =
        text(header::HeaderName::from_static("retry-after-ms")).and_then(|text| text.parse::<f64>().ok());
    if let Some(milliseconds) = milliseconds {
        return Duration::try_from_secs_f64(milliseconds / 1_000.0).ok();
    }
    let asked = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let from = httpdate::parse_http_date(text(header::DATE)?).ok()?;
    Some(until.duration_since(from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> CallError {
        from_answer(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), None)
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn bodies_of_every_format_become_situations() {
        let openai = r#"{"error":{"message":"This model's maximum context length is 8192 tokens","type":"invalid_request_error","code":"context_length_exceeded"}}"#;
        assert!(matches!(error(400, openai), CallError::ContextTooLong { .. }));
        let anthropic = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#;
        assert!(matches!(error(400, anthropic), CallError::ContextTooLong { .. }));
        let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        assert!(matches!(error(529, overloaded), CallError::Overloaded { .. }));
        let gemini = r#"[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]"#;
        assert_eq!(error(400, gemini), CallError::BadRequest { message: "API key not valid".into() });
        assert!(matches!(error(404, r#"{"error":"model 'x' not found"}"#), CallError::ModelNotFound { .. }));
        assert!(matches!(error(404, "<html>nothing here</html>"), CallError::Refused { status: 404, .. }));
        let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        assert!(matches!(error(429, quota), CallError::OutOfCredit { .. }));
        assert!(matches!(error(302, ""), CallError::Refused { status: 302, .. }));
    }

    #[test]
    fn waits_are_read_in_all_three_spellings() {
        assert_eq!(retry_after(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after(&headers(&[("retry-after-ms", "250"), ("retry-after", "1")])),
            Some(Duration::from_millis(250))
        );
        let date = [("date", "Sat, 21 Nov 2026 07:00:00 GMT"), ("retry-after", "Sat, 21 Nov 2026 07:01:30 GMT")];
        assert_eq!(retry_after(&headers(&date)), Some(Duration::from_secs(90)));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
        assert_eq!(retry_after(&headers(&[("retry-after", "-1")])), None);
    }

    #[test]
    fn googles_wait_is_read_from_the_details_where_no_header_tells_it() {
        let body = |delay: &str| {
            format!(
                r#"[{{"error":{{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[
                    {{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]}},
                    {{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{delay}"}}]}}}}]"#
            )
        };
        let wait = |delay: &str| error(429, &body(delay)).retry_after();
        assert_eq!(wait("34s"), Some(Duration::from_secs(34)));
        assert_eq!(wait("34.5s"), Some(Duration::from_millis(34_500)));
        assert_eq!([wait("34"), wait("-1s"), wait("soon"), wait("s")], [None; 4]);
        let named = headers(&[("retry-after", "7")]);
        let limited = from_answer(StatusCode::TOO_MANY_REQUESTS, &named, body("34s").as_bytes(), None);
        assert_eq!(limited.retry_after(), Some(Duration::from_secs(7)));
        let overloaded = Complaint::from_body(body("2s").as_bytes(), None).in_stream();
        assert_eq!(overloaded.retry_after(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn messages_are_short_and_without_the_key() {
        let key = Secret::new("sk-12345");
        let body = format!("{{\"error\":{{\"message\":\"bad key sk-12345 {}\"}}}}", "x".repeat(2_000));
        let CallError::Unauthorized { message } =
            from_answer(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body.as_bytes(), Some(&key))
        else {
            panic!("not about the key")
        };
        assert!(message.starts_with("bad key [key]") && message.len() == LONGEST_MESSAGE, "{message}");
    }
}
