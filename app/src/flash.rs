use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{AppendHeaders, IntoResponse, Response},
};
use http::{
    Method,
    header::{CONTENT_TYPE, SET_COOKIE},
};

use crate::{
    request::{Cookies, flash_cookie},
    state::App,
};

/// Takes back the word for the next page once a page has been shown, so that it is said once. What a script fetches
/// meanwhile, or a redirect on the way, leaves it where it is.
pub(crate) async fn said_once(State(app): State<App>, request: Request, next: Next) -> Response {
    let waiting = request.method() == Method::GET && Cookies::read(request.headers()).flash().is_some();
    let response = next.run(request).await;
    if !(waiting && is_page(&response)) {
        return response;
    }
    let cookie = flash_cookie(&app.settings, "").to_string();
    (AppendHeaders([(SET_COOKIE, cookie)]), response).into_response()
}

fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    response.status().is_success() && kind.is_some_and(|kind| kind.starts_with("text/html"))
}
