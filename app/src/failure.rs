use axum::{
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use orchestrator::Error;
use types::{Situation, UserError};

use crate::{
    handlers::shell,
    pages,
    request::{Cookies, Place, RequestId, Visitor},
    state::App,
};

/// A handler that cannot answer with its page. Becomes an error page, or JSON for a client that asks for it.
#[derive(Debug)]
pub struct Failure(Box<Kind>);

#[derive(Debug)]
enum Kind {
    Told(Error),
    SignIn { back: Option<String>, ended: bool },
}

impl Failure {
    /// Sends somebody to sign in, and back afterwards where the request only read.
    #[must_use]
    pub fn sign_in(visitor: &Visitor, safe: bool) -> Self {
        let back = safe.then(|| visitor.path.clone());
        Self(Box::new(Kind::SignIn { back, ended: visitor.session.is_some() }))
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(Kind::Told(error.into())))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = match *self.0 {
            Kind::Told(error) => error,
            Kind::SignIn { back, ended } => {
                let reason = if ended { "ended" } else { "needed" };
                let to = match back {
                    Some(back) => format!("/sign-in?reason={reason}&next={}", encode(&back)),
                    None => format!("/sign-in?reason={reason}"),
                };
                return Redirect::to(&to).into_response();
            }
        };
        let told = error.for_user();
        let status = StatusCode::from_u16(told.situation.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Error::TooManyAttempts { retry_after } = &error {
            response.headers_mut().insert(RETRY_AFTER, retry_after.as_secs().max(1).into());
        }
        if let Error::Internal(cause) | Error::Unreachable(cause) = &error {
            response.extensions_mut().insert(Cause(chain(cause.as_ref())));
        }
        response.extensions_mut().insert(told);
        response
    }
}

/// What went wrong inside, for the log alone.
#[derive(Clone)]
struct Cause(String);

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Percent-encodes a value of a query (RFC 3986, 2.3: all but unreserved characters, and the slash, which is fine there).
#[must_use]
pub fn encode(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

/// Gives every failed answer its page: the situation, the way out, the request id. Logs an internal cause once.
pub async fn pages_for_failures(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let cookies = Cookies::read(request.headers());
    let path = request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.to_string());
    let wants_json = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("text/html"));

    let place = Place::default();
    request.extensions_mut().insert(place.clone());
    let response = next.run(request).await;
    let told = told(&response, request_id.as_deref().unwrap_or_default());
    let Some(mut told) = told else { return response };
    told.request_id = request_id;
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(http::header::CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    if wants_json {
        return (parts.status, parts.headers, axum::Json(told)).into_response();
    }
    if let Some(member) = place.member() {
        let shell = shell::failed(&app, member, pages::errors::title(told.situation));
        let page = pages::errors::member_page(&shell, &told, app.settings.development);
        return (parts.status, parts.headers, Html(page)).into_response();
    }
    let chrome = pages::errors::Chrome {
        appearance: cookies.appearance(),
        signed_in: name(&app, &cookies, &told).await,
        path,
        development: app.settings.development,
    };
    (parts.status, parts.headers, Html(pages::errors::page(&chrome, &told))).into_response()
}

/// Gives every failed answer that has no words yet a line of text, for programs. Logs an internal cause once.
pub(crate) async fn words_for_failures(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match told(&response, "") {
        Some(told) => {
            let (mut parts, _) = response.into_parts();
            parts.headers.remove(http::header::CONTENT_LENGTH);
            parts.headers.remove(CONTENT_TYPE);
            (parts.status, parts.headers, format!("{}\n", told.message)).into_response()
        }
        None => response,
    }
}

/// What is to be said of a failure that nobody put into words yet.
fn told(response: &Response, request_id: &str) -> Option<UserError> {
    if let Some(Cause(cause)) = response.extensions().get::<Cause>() {
        tracing::error!(request_id, cause, "a request failed inside");
    }
    response.extensions().get::<UserError>().cloned().or_else(|| plain(response))
}

/// Who is signed in, for the header of an error page. Not asked when the failure is ours: the database may be the cause.
async fn name(app: &App, cookies: &Cookies, told: &UserError) -> Option<String> {
    if matches!(told.situation, Situation::Internal | Situation::Unavailable) {
        return None;
    }
    let session = cookies.session(&app.settings)?;
    match app.muster.session(&session).await {
        Ok(who) => who.map(|who| who.user.name),
        Err(error) => {
            tracing::warn!(%error, "could not look up a session for an error page");
            None
        }
    }
}

/// Marks an answer for programs, whose failures are worded already and become no page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForPrograms;

/// Whether an answer is already a page of ours, as a form with its errors is. It is left as it is.
fn is_worded(response: &Response<Body>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html") || kind.starts_with("application/json"))
}

/// A failure that a layer or axum itself made, without words of ours: a bad form, an unknown path.
fn plain(response: &Response<Body>) -> Option<UserError> {
    let status = response.status();
    if response.extensions().get::<ForPrograms>().is_some() {
        return None;
    }
    if !(status.is_client_error() || status.is_server_error()) || is_worded(response) {
        return None;
    }
    let (situation, message, way_out) = match status {
        StatusCode::NOT_FOUND => return Some(Error::NotFound.for_user()),
        StatusCode::METHOD_NOT_ALLOWED => (
            Situation::NotFound,
            "This address does not take that kind of request.",
            "Go back and use the page's own buttons.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            (Situation::TooLarge, "What was sent is too large.", "Send less, then try again.")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            (Situation::TooManyRequests, "Too many requests came from your address.", "Wait a minute, then try again.")
        }
        StatusCode::FORBIDDEN => (
            Situation::Forbidden,
            "This request did not come from one of our pages.",
            "Open the page here and press its button again. Your browser must send the Origin or Sec-Fetch-Site header.",
        ),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => (
            Situation::Unavailable,
            "Muster could not answer in time.",
            "Try again in a few seconds; nothing was lost.",
        ),
        status if status.is_client_error() => {
            (Situation::Invalid, "What was sent could not be read.", "Go back, check the form, and send it again.")
        }
        _ => return Some(Error::Internal("an answer without words".into()).for_user()),
    };
    Some(UserError {
        situation,
        message: message.into(),
        way_out: Some(way_out.into()),
        fields: Vec::new(),
        request_id: None,
    })
}
