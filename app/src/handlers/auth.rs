use axum::{
    Form,
    extract::{Query, State},
    response::{AppendHeaders, IntoResponse, Redirect},
};
use http::header::SET_COOKIE;
use identity::MIN_PASSWORD_CHARS;
use orchestrator::{
    Error, Origin,
    accounts::{Checked, Credentials, NewAccount, Opened, Pending, Purpose},
    teams::{InvitationView, suggest_slug},
};
use serde::Deserialize;

use super::{Answer, again, form_errors, form_errors_at, html, redirect};
use crate::{
    failure::encode,
    forms::Errors,
    pages::auth::{invitation, password, reset, sign_in, sign_up, verify},
    request::{
        SignedInVisitor, Visitor, browser_cookie, clear_browser_cookie, clear_session_cookie, safe_path, session_cookie,
    },
    state::App,
};

const AFTER_SIGN_IN: &str = "/home";
/// Before a code may be sent again.
const RESEND_AFTER_SECONDS: u32 = 0;

#[derive(Deserialize)]
pub(crate) struct NextQuery {
    #[serde(default)]
    next: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
pub(crate) struct EmailForm {
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
pub(crate) struct CodeForm {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
pub(crate) struct AccountForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    team: String,
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

#[derive(Deserialize)]
pub(crate) struct ResetForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: String,
}

#[derive(Deserialize)]
pub(crate) struct TokenQuery {
    #[serde(default)]
    token: String,
}

/// The invitation that a path leads to, if it still holds.
async fn invited(app: &App, next: Option<&str>) -> Option<InvitationView> {
    let token = next?.strip_prefix("/invitation?token=")?;
    app.muster.view_invitation(token).await.ok()
}

fn minutes(pending: &Pending) -> u32 {
    u32::try_from(pending.minutes_left).unwrap_or(0)
}

fn outbox(app: &App) -> Option<String> {
    app.settings.outbox.as_ref().map(|_| "/outbox".to_owned())
}

pub(crate) async fn new_sign_up(visitor: Visitor, State(app): State<App>, Query(query): Query<NextQuery>) -> Answer {
    if visitor.who.is_some() {
        return redirect(AFTER_SIGN_IN);
    }
    let invitation = invited(&app, safe_path(&query.next)).await;
    html(sign_up::page(
        &visitor.public(),
        &sign_up::SignUp {
            email: invitation.as_ref().map_or("", |view| view.email.as_str()),
            invited_to: invitation.as_ref().map(|view| view.team.name.as_str()),
            next: &query.next,
            errors: Errors::new(),
        },
    ))
}

#[derive(Deserialize)]
pub(crate) struct SignUpForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn begin_sign_up(visitor: Visitor, State(app): State<App>, Form(form): Form<SignUpForm>) -> Answer {
    let next = safe_path(&form.next);
    let invitation = invited(&app, next).await;
    match app.muster.begin_sign_up(&form.email, invitation.is_some(), next).await {
        Ok(token) => {
            let cookie = browser_cookie(&app.settings, token.expose()).to_string();
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/sign-up/verify")).into_response())
        }
        Err(error) => {
            let errors = form_errors(error)?;
            let invited_to = invitation.as_ref().map(|view| view.team.name.as_str());
            again(sign_up::page(
                &visitor.public(),
                &sign_up::SignUp { email: &form.email, invited_to, next: &form.next, errors },
            ))
        }
    }
}

pub(crate) async fn verify_page(visitor: Visitor, State(app): State<App>) -> Answer {
    let Some(pending) = app.muster.pending_verification(Purpose::SignUp, visitor.browser()).await? else {
        return redirect("/sign-up");
    };
    if pending.verified {
        return redirect("/sign-up/account");
    }
    html(verify::page(
        &visitor.public(),
        &verify::Verify {
            email: &pending.email,
            minutes_left: minutes(&pending),
            resend_in_seconds: RESEND_AFTER_SECONDS,
            resent: visitor.flash.as_deref() == Some("code_resent"),
            dev_outbox: outbox(&app),
            ..verify::Verify::default()
        },
    ))
}

pub(crate) async fn verify_code(visitor: Visitor, State(app): State<App>, Form(form): Form<CodeForm>) -> Answer {
    let checked = app.muster.check_code(Purpose::SignUp, visitor.browser(), &form.code).await?;
    if checked == Checked::Right {
        return redirect("/sign-up/account");
    }
    let Some(pending) = app.muster.pending_verification(Purpose::SignUp, visitor.browser()).await? else {
        return redirect("/sign-up");
    };
    again(verify::page(
        &visitor.public(),
        &verify::Verify {
            email: &pending.email,
            code: &form.code,
            minutes_left: minutes(&pending),
            tries_left: tries_left(&checked),
            resend_in_seconds: RESEND_AFTER_SECONDS,
            dev_outbox: outbox(&app),
            errors: code_errors(&checked),
            ..verify::Verify::default()
        },
    ))
}

fn tries_left(checked: &Checked) -> Option<u32> {
    match checked {
        Checked::Wrong { tries_left } => u32::try_from(*tries_left).ok(),
        Checked::Over => Some(0),
        Checked::Right => None,
    }
}

fn code_errors(checked: &Checked) -> Errors {
    let mut errors = Errors::new();
    match checked {
        Checked::Wrong { .. } => errors.add("code", "This is not the code we sent last."),
        Checked::Over => errors.add("code", "This code is too old or was tried too often. Ask for a new one."),
        Checked::Right => {}
    }
    errors
}

pub(crate) async fn resend_code(visitor: Visitor, State(app): State<App>) -> Answer {
    let Some(pending) = app.muster.pending_verification(Purpose::SignUp, visitor.browser()).await? else {
        return redirect("/sign-up");
    };
    let invited = invited(&app, pending.next.as_deref()).await.is_some();
    let token = app.muster.begin_sign_up(&pending.email, invited, pending.next.as_deref()).await?;
    let cookie = browser_cookie(&app.settings, token.expose()).to_string();
    let flash = crate::request::flash_cookie(&app.settings, "code_resent").to_string();
    Ok((AppendHeaders([(SET_COOKIE, cookie), (SET_COOKIE, flash)]), Redirect::to("/sign-up/verify")).into_response())
}

async fn account_view(app: &App, visitor: &Visitor, pending: &Pending, form: &AccountForm, errors: Errors) -> String {
    let invitation = invited(app, pending.next.as_deref()).await;
    password::page(
        &visitor.public(),
        &password::Account {
            email: &pending.email,
            name: &form.name,
            team: &form.team,
            invited_to: invitation.as_ref().map(|view| view.team.name.as_str()),
            min_password: u32::try_from(MIN_PASSWORD_CHARS).unwrap_or(8),
            errors,
        },
    )
}

pub(crate) async fn new_account(visitor: Visitor, State(app): State<App>) -> Answer {
    match app.muster.pending_verification(Purpose::SignUp, visitor.browser()).await? {
        Some(pending) if pending.verified => {
            let blank = AccountForm { name: String::new(), password: String::new(), team: String::new() };
            html(account_view(&app, &visitor, &pending, &blank, Errors::new()).await)
        }
        Some(_) => redirect("/sign-up/verify"),
        None => redirect("/sign-up"),
    }
}

/// Makes the account, opens its session, and takes the person to their team: the one they were invited to, or
/// a new one of their own.
pub(crate) async fn create_account(visitor: Visitor, State(app): State<App>, Form(form): Form<AccountForm>) -> Answer {
    let Some(pending) = app.muster.pending_verification(Purpose::SignUp, visitor.browser()).await? else {
        return redirect("/sign-up");
    };
    let invited = invited(&app, pending.next.as_deref()).await.is_some();
    if !invited && form.team.trim().is_empty() {
        let mut errors = Errors::new();
        errors.add("team", "Enter a name for your team.");
        return again(account_view(&app, &visitor, &pending, &form, errors).await);
    }
    let account = NewAccount { name: &form.name, password: &form.password };
    match app.muster.sign_up(visitor.browser(), account, &visitor.origin).await {
        Ok((opened, next)) => {
            let to = match next {
                Some(next) => next,
                None => first_team(&app, &opened, &form.team, &visitor.origin).await?,
            };
            signed_in(&app, &opened, &to)
        }
        Err(error) => {
            let errors = form_errors_at("name", error)?;
            again(account_view(&app, &visitor, &pending, &form, errors).await)
        }
    }
}

/// Makes the first team under the nearest free address. Where none of a few is free, the person chooses one.
async fn first_team(
    app: &App,
    opened: &Opened,
    name: &str,
    origin: &Origin,
) -> Result<String, crate::failure::Failure> {
    let who = app.muster.session(opened.token.expose()).await?.ok_or(Error::SignedOut)?;
    let name: String = name.trim().chars().take(80).collect();
    let wanted = suggest_slug(&name);
    let wanted = if wanted.len() < 2 { "team".to_owned() } else { wanted };
    for attempt in 1..=5 {
        let slug = if attempt == 1 { wanted.clone() } else { format!("{wanted}-{}", short_suffix()) };
        match app.muster.create_team(&who, &name, &slug, origin).await {
            Ok(team) => return Ok(format!("/{}/onboarding", team.slug)),
            Err(Error::Invalid(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok("/teams/new".to_owned())
}

/// Three characters of a fresh id's random end.
fn short_suffix() -> String {
    let id = uuid::Uuid::now_v7().simple().to_string();
    id.chars().skip(29).collect()
}

fn signed_in(app: &App, opened: &Opened, to: &str) -> Answer {
    let lifetime = app.muster.settings().session_absolute;
    let session = session_cookie(&app.settings, opened.token.expose(), lifetime).to_string();
    let browser = clear_browser_cookie(&app.settings).to_string();
    Ok((AppendHeaders([(SET_COOKIE, session), (SET_COOKIE, browser)]), Redirect::to(to)).into_response())
}

pub(crate) async fn new_sign_in(visitor: Visitor, Query(query): Query<NextQuery>) -> Answer {
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

pub(crate) async fn new_reset(visitor: Visitor) -> Answer {
    html(reset::request_page(&visitor.public(), &reset::Request::default()))
}

pub(crate) async fn begin_reset(visitor: Visitor, State(app): State<App>, Form(form): Form<EmailForm>) -> Answer {
    match app.muster.begin_reset(&form.email).await {
        Ok(token) => {
            let cookie = browser_cookie(&app.settings, token.expose()).to_string();
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/reset/verify")).into_response())
        }
        Err(error) => {
            let errors = form_errors(error)?;
            again(reset::request_page(&visitor.public(), &reset::Request { email: &form.email, errors }))
        }
    }
}

fn confirm<'a>(
    app: &App,
    pending: &'a Pending,
    code: &'a str,
    checked: Option<&Checked>,
    errors: Errors,
) -> reset::Confirm<'a> {
    reset::Confirm {
        email: &pending.email,
        code,
        minutes_left: minutes(pending),
        tries_left: checked.and_then(tries_left),
        min_password: u32::try_from(MIN_PASSWORD_CHARS).unwrap_or(8),
        dev_outbox: outbox(app),
        errors,
    }
}

pub(crate) async fn reset_page(visitor: Visitor, State(app): State<App>) -> Answer {
    let Some(pending) = app.muster.pending_verification(Purpose::Reset, visitor.browser()).await? else {
        return redirect("/reset");
    };
    html(reset::confirm_page(&visitor.public(), &confirm(&app, &pending, "", None, Errors::new())))
}

pub(crate) async fn reset_password(visitor: Visitor, State(app): State<App>, Form(form): Form<ResetForm>) -> Answer {
    let checked = app.muster.check_code(Purpose::Reset, visitor.browser(), &form.code).await?;
    let Some(pending) = app.muster.pending_verification(Purpose::Reset, visitor.browser()).await? else {
        return redirect("/reset");
    };
    if checked != Checked::Right {
        let view = confirm(&app, &pending, &form.code, Some(&checked), code_errors(&checked));
        return again(reset::confirm_page(&visitor.public(), &view));
    }
    match app.muster.reset_password(visitor.browser(), &form.password, &visitor.origin).await {
        Ok(opened) => signed_in(&app, &opened, AFTER_SIGN_IN),
        Err(error) => {
            let view = confirm(&app, &pending, &form.code, None, form_errors(error)?);
            again(reset::confirm_page(&visitor.public(), &view))
        }
    }
}

/// Shows what a link offers. Nothing happens on opening it: mail scanners open links.
pub(crate) async fn invitation(visitor: Visitor, State(app): State<App>, Query(query): Query<TokenQuery>) -> Answer {
    let view = match app.muster.view_invitation(&query.token).await {
        Ok(view) => view,
        Err(Error::NotFound) => {
            let page = invitation::page(&visitor.public(), &invitation::Invitation::Gone);
            return Ok((http::StatusCode::NOT_FOUND, axum::response::Html(page)).into_response());
        }
        Err(other) => return Err(other.into()),
    };
    let offer =
        invitation::Offer { team: &view.team.name, invited_by: &view.invited_by, role: &view.role, email: &view.email };
    let state = match &visitor.who {
        None => invitation::Invitation::SignedOut { offer, token: &query.token },
        Some(who) if who.user.email.eq_ignore_ascii_case(&view.email) => {
            invitation::Invitation::Ready { offer, token: &query.token }
        }
        Some(who) => invitation::Invitation::OtherAccount { offer, signed_in_as: &who.user.email },
    };
    html(invitation::page(&visitor.public(), &state))
}

pub(crate) async fn accept_invitation(
    signed_in: SignedInVisitor,
    State(app): State<App>,
    Form(form): Form<TokenQuery>,
) -> Answer {
    let SignedInVisitor { who, visitor } = signed_in;
    match app.muster.accept_invitation(&who, &form.token, &visitor.origin).await {
        Ok(team) => redirect(&format!("/{}", team.slug)),
        // The page says why: gone, or somebody else's.
        Err(Error::NotFound | Error::Refused(_)) => redirect(&format!("/invitation?token={}", encode(&form.token))),
        Err(other) => Err(other.into()),
    }
}
