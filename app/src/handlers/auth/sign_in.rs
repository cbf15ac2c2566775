use axum::{
    Form,
    extract::{Query, State},
    response::{AppendHeaders, IntoResponse, Redirect},
};
use http::{HeaderMap, header::SET_COOKIE};
use orchestrator::accounts::Credentials;
use serde::Deserialize;

use super::{AFTER_SIGN_IN, signed_in};
use crate::{
    handlers::{Answer, again, form_errors, html, redirect},
    pages::auth::sign_in,
    request::{Visitor, clear_session_cookie, safe_path},
    shelf::{Leaf, Look},
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct SignInQuery {
    #[serde(default)]
    next: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn new_sign_in(
    visitor: Visitor,
    headers: HeaderMap,
    Query(query): Query<SignInQuery>,
    State(app): State<App>,
) -> Answer {
    if let Some(look) = Look::of(Leaf::SignIn, &visitor) {
        return app.shelf().answer(look, &app.settings, &headers);
    }
    let next = safe_path(&query.next).unwrap_or_default();
    if visitor.who.is_some() {
        return redirect(if next.is_empty() { AFTER_SIGN_IN } else { next });
    }
    let reason = match query.reason.as_str() {
        "ended" => Some(sign_in::Reason::SessionEnded),
        "needed" => Some(sign_in::Reason::NeedsAccount),
        "out" => Some(sign_in::Reason::SignedOut),
        _ => None,
    };
    html(sign_in::page(&visitor.public(), &sign_in::SignIn { next, reason, ..sign_in::SignIn::default() }))
}

pub(crate) async fn sign_in(visitor: Visitor, State(app): State<App>, Form(form): Form<SignInForm>) -> Answer {
    let next = safe_path(&form.next).unwrap_or(AFTER_SIGN_IN);
    let credentials = Credentials { email: &form.email, password: &form.password };
    match app.muster.sign_in(credentials, &visitor.origin).await {
        Ok(opened) => {
            // The old session ends: a new sign-in never continues a session somebody else may know.
            if let Some(old) = &visitor.session {
                app.muster.sign_out(old).await?;
            }
            signed_in(&app, &opened, next)
        }
        Err(error) => {
            let errors = form_errors(error)?;
            let form = sign_in::SignIn {
                email: &form.email,
                next: safe_path(&form.next).unwrap_or_default(),
                reason: None,
                errors,
            };
            again(sign_in::page(&visitor.public(), &form))
        }
    }
}

pub(crate) async fn sign_out(visitor: Visitor, State(app): State<App>) -> Answer {
    if let Some(session) = &visitor.session {
        app.muster.sign_out(session).await?;
    }
    let cookie = clear_session_cookie(&app.settings).to_string();
    let headers = AppendHeaders([
        (SET_COOKIE, cookie),
        (http::HeaderName::from_static("clear-site-data"), "\"cache\"".to_owned()),
    ]);
    Ok((headers, Redirect::to("/sign-in?reason=out")).into_response())
}
