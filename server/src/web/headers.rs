use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

/// No inline script, no inline style, nothing from elsewhere. WebAssembly is allowed to compile, not `eval`.
const CSP: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
    report-uri /csp-report; report-to csp";

const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), usb=(), browsing-topics=()";

const ON_EVERY_ANSWER: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, CSP),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("reporting-endpoints"), "csp=\"/csp-report\""),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

#[derive(Clone, Copy, Debug)]
pub(super) struct Headers {
    https: bool,
}

impl Headers {
    pub(super) fn new(https: bool) -> Self {
        Self { https }
    }
}

/// What a browser needs to be told so that one mistake in a page does not become a hole.
pub(super) async fn add(State(headers): State<Headers>, request: Request, next: Next) -> Response {
    let with_cookie = request.headers().contains_key(COOKIE);
    let token_in_address = token_in_address(&request);
    let mut response = next.run(request).await;
    let is_html = is_html(response.headers());
    let map = response.headers_mut();
    for (name, value) in ON_EVERY_ANSWER {
        map.insert(name, HeaderValue::from_static(value));
    }
    let referrer = if token_in_address { "no-referrer" } else { "strict-origin-when-cross-origin" };
    map.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static(referrer));
    if headers.https {
        // One year, RFC 6797.
        map.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    if is_html && (with_cookie || token_in_address) {
        map.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

fn is_html(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.starts_with("text/html"))
}

/// Invitations carry their token in the query, and so does the address that sign-in returns to.
fn token_in_address(request: &Request) -> bool {
    request.uri().query().is_some_and(|query| query.contains("token"))
}
