//! From a request to a verb and back to a page. One file per noun, beside the views in `pages`.

pub(crate) mod account;
pub(crate) mod agent_types;
pub(crate) mod analytics;
pub(crate) mod auth;
pub(crate) mod budgets;
mod csv;
pub(crate) mod git;
pub(crate) mod llm;
pub(crate) mod onboarding;
pub(crate) mod public;
pub(crate) mod shell;
pub(crate) mod squads;
pub(crate) mod tasks;
pub(crate) mod team;
mod words;

use axum::{
    http::StatusCode,
    response::{AppendHeaders, Html, IntoResponse, Redirect, Response},
};
use http::header::SET_COOKIE;
use orchestrator::Error;

use crate::{failure::Failure, forms::Errors, request::flash_cookie, state::App};

type Answer = Result<Response, Failure>;

fn html(page: String) -> Answer {
    Ok(Html(page).into_response())
}

/// A form again, with what is wrong with it and what was typed.
fn again(page: String) -> Answer {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response())
}

fn redirect(to: &str) -> Answer {
    Ok(Redirect::to(to).into_response())
}

/// Back to a page, with a word about what was done.
fn done(app: &App, to: &str, word: &str) -> Answer {
    let cookie = flash_cookie(&app.settings, word).to_string();
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(to)).into_response())
}

/// Splits what a person can mend in the form from what needs a page of its own.
fn form_errors(error: Error) -> Result<Errors, Failure> {
    match error {
        Error::Invalid(fields) => Ok(fields.into()),
        other => Err(other.into()),
    }
}

/// Reads the key of a form that makes something; a form without a readable one is taken as it is.
fn key<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<uuid::Uuid>, D::Error> {
    let text: Option<String> = serde::Deserialize::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// As [`form_errors`], with a refusal of the rules shown at a field of the form.
fn form_errors_at(field: &'static str, error: Error) -> Result<Errors, Failure> {
    match error {
        Error::Refused(sentence) => {
            let mut errors = Errors::new();
            errors.add(field, sentence);
            Ok(errors)
        }
        other => form_errors(other),
    }
}
