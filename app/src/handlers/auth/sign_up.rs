use axum::{
    Form,
    extract::{Query, State},
    response::{AppendHeaders, IntoResponse, Redirect},
};
use http::header::SET_COOKIE;
use orchestrator::{
    Error, Origin,
    accounts::{Checked, NewAccount, Opened, Pending, Purpose},
    teams::suggest_slug,
};
use serde::Deserialize;

use super::{
    AFTER_SIGN_IN,
    code::{code_errors, min_password, minutes, outbox, tries_left},
    code_sent, invited, signed_in,
};
use crate::{
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, form_errors, form_errors_at, html, redirect},
    pages::auth::{password, sign_up, verify},
    request::{Visitor, browser_cookie, flash_cookie, safe_path},
    state::App,
};

/// Before a code may be sent again.
const RESEND_AFTER_SECONDS: u32 = 0;

#[derive(Deserialize)]
pub(crate) struct NextQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct SignUpForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    next: String,
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

pub(crate) async fn begin_sign_up(visitor: Visitor, State(app): State<App>, Form(form): Form<SignUpForm>) -> Answer {
    let next = safe_path(&form.next);
    let invitation = invited(&app, next).await;
    match app.muster.begin_sign_up(&form.email, invitation.is_some(), next).await {
        Ok(token) => code_sent(&app, &token, "/sign-up/verify"),
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

pub(crate) async fn resend_code(visitor: Visitor, State(app): State<App>) -> Answer {
    let Some(pending) = app.muster.pending_verification(Purpose::SignUp, visitor.browser()).await? else {
        return redirect("/sign-up");
    };
    let invited = invited(&app, pending.next.as_deref()).await.is_some();
    let token = app.muster.begin_sign_up(&pending.email, invited, pending.next.as_deref()).await?;
    let cookie = browser_cookie(&app.settings, token.expose()).to_string();
    let flash = flash_cookie(&app.settings, "code_resent").to_string();
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
            min_password: min_password(),
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
async fn first_team(app: &App, opened: &Opened, name: &str, origin: &Origin) -> Result<String, Failure> {
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
