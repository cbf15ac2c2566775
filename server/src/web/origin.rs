use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderMap, Method, StatusCode,
    header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, UPGRADE},
};
use url::{Host, Url};

use super::{bare, metrics};

/// Which origin may send forms.
#[derive(Clone, Debug)]
pub struct OriginRule {
    /// Our own origin, such as `https://muster.example.com`.
    pub public: String,
    /// Development: a loopback host may also send to itself, whatever its name or port.
    pub loopback: bool,
}

/// Refuses requests that change something and were not sent by one of our own pages.
pub(super) async fn check(State(rule): State<OriginRule>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // A key is in the request itself, where no other site's page could put it without knowing it.
    let exempt = path == super::CSP_REPORT_PATH || super::is_model_call(path);
    if exempt || rule.allows(request.method(), request.headers()) {
        return next.run(request).await;
    }
    metrics::refused("origin");
    bare(StatusCode::FORBIDDEN)
}

impl OriginRule {
    /// First what the browser says about the sender (`Sec-Fetch-Site`, Fetch Metadata), which a page cannot forge; from
    /// older browsers the `Origin`, compared with our own and never with the request's `Host`.
    fn allows(&self, method: &Method, headers: &HeaderMap) -> bool {
        if method.is_safe() && !headers.contains_key(UPGRADE) {
            return true;
        }
        let cookie = headers.contains_key(COOKIE);
        if headers.contains_key(AUTHORIZATION) && !cookie {
            return true;
        }
        match text(headers, "sec-fetch-site") {
            Some(site) => matches!(site, "same-origin" | "none"),
            None => match text(headers, ORIGIN.as_str()) {
                Some(origin) => origin == self.public || (self.loopback && loopback_to_itself(origin, headers)),
                None => !cookie && !headers.contains_key(ORIGIN),
            },
        }
    }
}

/// A header's text. One that is no text counts as a foreign value, not as absent.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("(no text)"))
}

fn loopback_to_itself(origin: &str, headers: &HeaderMap) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    loopback && text(headers, HOST.as_str()).is_some_and(|host| origin == format!("http://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(loopback: bool, method: &Method, pairs: &[(&'static str, &str)]) -> bool {
        let rule = OriginRule { public: "https://muster.example.com".into(), loopback };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().expect("header"));
        }
        rule.allows(method, &headers)
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        let cookie = ("cookie", "a=b");
        let ours = ("origin", "https://muster.example.com");
        let table: [(&[(&'static str, &str)], bool); 14] = [
            (&[("sec-fetch-site", "same-origin"), cookie], true),
            (&[("sec-fetch-site", "none"), cookie], true),
            (&[("sec-fetch-site", "same-site"), cookie], false),
            (&[("sec-fetch-site", "cross-site"), ours], false),
            (&[ours, cookie], true),
            (&[("origin", "https://evil.example"), cookie], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            // The host is the client's own word.
            (&[("origin", "https://evil.example"), ("host", "evil.example")], false),
            (&[cookie], false),
            (&[], true),
            (&[("authorization", "Bearer x")], true),
            (&[("authorization", "Bearer x"), ("sec-fetch-site", "cross-site"), cookie], false),
            (&[("origin", "http://127.0.0.1:7000"), ("host", "127.0.0.1:7000"), cookie], false),
        ];
        for (headers, expected) in table {
            assert_eq!(allowed(false, &Method::POST, headers), expected, "{headers:?}");
        }
        assert!(allowed(false, &Method::GET, &[("sec-fetch-site", "cross-site"), cookie]));
        assert!(!allowed(false, &Method::GET, &[("upgrade", "websocket"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn development_lets_loopback_speak_to_itself_alone() {
        let post =
            |origin, host| allowed(true, &Method::POST, &[("origin", origin), ("host", host), ("cookie", "a=b")]);
        assert!(post("http://localhost:7000", "localhost:7000"));
        assert!(post("http://127.0.0.1:7000", "127.0.0.1:7000"));
        assert!(post("http://[::1]:7000", "[::1]:7000"));
        assert!(!post("http://localhost:9999", "localhost:7000"));
        assert!(!post("http://evil.example", "evil.example"));
    }
}
