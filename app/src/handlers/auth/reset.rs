use axum::{Form, extract::State};
use orchestrator::accounts::{Checked, Pending, Purpose};
use serde::Deserialize;

use super::{
    AFTER_SIGN_IN,
    code::{code_errors, min_password, minutes, outbox, tries_left},
    code_sent, signed_in,
};
use crate::{
    forms::Errors,
    handlers::{Answer, again, form_errors, html, redirect},
    pages::auth::reset,
    request::Visitor,
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct EmailForm {
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
pub(crate) struct ResetForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: String,
}

pub(crate) async fn new_reset(visitor: Visitor) -> Answer {
    html(reset::request_page(&visitor.public(), &reset::Request::default()))
}

pub(crate) async fn begin_reset(visitor: Visitor, State(app): State<App>, Form(form): Form<EmailForm>) -> Answer {
    match app.muster.begin_reset(&form.email).await {
        Ok(token) => code_sent(&app, &token, "/reset/verify"),
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
        min_password: min_password(),
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
