use std::fmt;

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::Secret;

/// The wire format that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `POST {base}/chat/completions`: OpenAI and everything that imitates it.
    OpenAiChat,
    /// `POST {base}/v1/messages`.
    Anthropic,
    /// `POST {base}/v1beta/models/{model}:streamGenerateContent`.
    Gemini,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::OpenAiChat, Self::Anthropic, Self::Gemini];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "open_ai_chat",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Why an address cannot be a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("it is not an address like https://api.example.com/v1")]
    NotAUrl,
    #[error("it must begin with https:// or http://")]
    Scheme,
    #[error("it must not contain a user name or password")]
    Credentials,
    #[error("it must not contain ? or #")]
    Query,
}

/// Where calls go and with which key.
#[derive(Clone)]
pub struct Provider {
    pub kind: Kind,
    base_url: Url,
    pub key: Option<Secret>,
    /// Sent with every request.
    pub headers: HeaderMap,
    internal: bool,
}

impl Provider {
    /// A provider at `base_url`, which for OpenAI's format includes the version: `https://api.openai.com/v1`.
    ///
    /// # Errors
    ///
    /// When `base_url` is no plain http or https address. Whether calls may go there is decided at each call.
    pub fn new(kind: Kind, base_url: &str, key: Option<Secret>) -> Result<Self, UrlError> {
        let mut base_url = Url::parse(base_url.trim()).map_err(|_| UrlError::NotAUrl)?;
        if !matches!(base_url.scheme(), "https" | "http") {
            return Err(UrlError::Scheme);
        }
        if base_url.host().is_none() {
            return Err(UrlError::NotAUrl);
        }
        if !base_url.username().is_empty() || base_url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if base_url.query().is_some() || base_url.fragment().is_some() {
            return Err(UrlError::Query);
        }
        let path = base_url.path().trim_end_matches('/').to_owned();
        base_url.set_path(&path);
        Ok(Self { kind, base_url, key, headers: HeaderMap::new(), internal: false })
    }

    /// Marks an address that the installation itself chose, such as the demo model's; the guard lets it pass.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    /// `text` without the provider's key, for whatever is kept or shown.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.redact(text))
    }

    #[must_use]
    pub fn base_url(&self) -> &str {
        self.base_url.as_str().trim_end_matches('/')
    }

    pub(crate) const fn is_internal(&self) -> bool {
        self.internal
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.base_url
    }

    /// OpenAI itself, which no longer takes parameters that its imitators still need.
    #[must_use]
    pub fn is_openai_itself(&self) -> bool {
        matches!(self.base_url.host(), Some(Host::Domain(host))
            if host == "api.openai.com" || host.ends_with(".openai.azure.com"))
    }

    /// The address of `path` under the base; the path is ours and starts without a slash.
    pub(crate) fn endpoint(&self, path: &str) -> String {
        let base = self.base_url();
        // Both vendors' own clients add the version themselves; people paste it either way.
        let base = match self.kind {
            Kind::OpenAiChat => base,
            Kind::Anthropic => base.strip_suffix("/v1").unwrap_or(base),
            Kind::Gemini => base.strip_suffix("/v1beta").unwrap_or(base),
        };
        format!("{base}/{path}")
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may carry credentials too.
        let names: Vec<_> = self.headers.keys().map(http::HeaderName::as_str).collect();
        f.debug_struct("Provider")
            .field("kind", &self.kind)
            .field("base_url", &self.base_url())
            .field("key", &self.key)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_with_and_without_version_and_slash() {
        let at = |kind, url| Provider::new(kind, url, None).unwrap();
        assert_eq!(
            at(Kind::OpenAiChat, "https://api.openai.com/v1/").endpoint("models"),
            "https://api.openai.com/v1/models"
        );
        assert_eq!(at(Kind::Anthropic, "https://api.anthropic.com").endpoint("v1/x"), "https://api.anthropic.com/v1/x");
        assert_eq!(
            at(Kind::Anthropic, "https://api.anthropic.com/v1").endpoint("v1/x"),
            "https://api.anthropic.com/v1/x"
        );
    }

    #[test]
    fn addresses_with_credentials_or_other_schemes_are_refused() {
        let refused = |url| Provider::new(Kind::OpenAiChat, url, None).unwrap_err();
        assert_eq!(refused("ftp://example.com"), UrlError::Scheme);
        assert_eq!(refused("https://me:pw@example.com"), UrlError::Credentials);
        assert_eq!(refused("https://example.com/?x=1"), UrlError::Query);
        assert_eq!(refused("example"), UrlError::NotAUrl);
    }

    #[test]
    fn debug_shows_no_key_and_no_header_value() {
        let mut provider = Provider::new(Kind::Anthropic, "https://a.example", Some(Secret::new("sk-1"))).unwrap();
        provider.headers.insert("x-tenant", http::HeaderValue::from_static("hidden-value"));
        let shown = format!("{provider:?}");
        assert!(!shown.contains("sk-1") && !shown.contains("hidden-value"), "{shown}");
    }
}
