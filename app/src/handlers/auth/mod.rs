//! Getting in: sign-up, sign-in, reset and invitations.

mod code;
mod invitation;
mod reset;
mod sign_in;
mod sign_up;

use axum::response::{AppendHeaders, IntoResponse, Redirect};
use http::header::SET_COOKIE;
use identity::Token;
use orchestrator::{accounts::Opened, teams::InvitationView};

use super::Answer;
use crate::{
    request::{browser_cookie, clear_browser_cookie, session_cookie},
    state::App,
};

pub(crate) use invitation::{accept_invitation, invitation};
pub(crate) use reset::{begin_reset, new_reset, reset_page, reset_password};
pub(crate) use sign_in::{new_sign_in, sign_in, sign_out};
pub(crate) use sign_up::{
    begin_sign_up, create_account, new_account, new_sign_up, resend_code, verify_code, verify_page,
};

const AFTER_SIGN_IN: &str = "/home";

/// The invitation that a path leads to, if it still holds.
async fn invited(app: &App, next: Option<&str>) -> Option<InvitationView> {
    let token = next?.strip_prefix("/invitation?token=")?;
    app.muster.view_invitation(token).await.ok()
}

/// Binds what was begun to this browser, and leads to the page that takes the code.
fn code_sent(app: &App, token: &Token, to: &str) -> Answer {
    let cookie = browser_cookie(&app.settings, token.expose()).to_string();
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(to)).into_response())
}

fn signed_in(app: &App, opened: &Opened, to: &str) -> Answer {
    let lifetime = app.muster.settings().session_absolute;
    let session = session_cookie(&app.settings, opened.token.expose(), lifetime).to_string();
    let browser = clear_browser_cookie(&app.settings).to_string();
    Ok((AppendHeaders([(SET_COOKIE, session), (SET_COOKIE, browser)]), Redirect::to(to)).into_response())
}
