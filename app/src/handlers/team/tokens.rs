use axum::{
    Form,
    extract::{Path, State},
};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use orchestrator::{
    Error,
    grants::ReadTeam,
    teams::{self, ApiToken},
};
use serde::Deserialize;
use time::Duration;
use types::{ApiTokenId, Permission, PermissionSet};

use crate::{
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, html, shell},
    layout::shell::Section,
    pages::team::tokens::{Made, NewToken, Token, Tokens, page},
    request::Inside,
    state::App,
};

const READ: PermissionSet = PermissionSet::of(&[Permission::ReadFiles]);
const WRITE: PermissionSet = PermissionSet::of(&[Permission::ReadFiles, Permission::WriteFiles]);

fn listed(token: ApiToken) -> Token {
    let access = match token.scopes {
        READ => "Clone and fetch",
        WRITE => "Clone, fetch and push",
        _ => "Everything the role allows",
    };
    Token {
        id: token.id,
        name: token.name,
        holder: (!token.own).then_some(token.holder),
        access: access.to_owned(),
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    }
}

async fn draw(
    app: &App,
    member: &Inside<ReadTeam>,
    (form, errors): (NewToken, Errors),
    made: Option<Made>,
) -> Result<String, Failure> {
    let tokens = app.muster.tokens(member).await?.into_iter().map(listed).collect();
    let shell = shell::inside(app, member, Section::Tokens, "Access tokens").await?;
    let address = format!("{}/git/{}/PROJECT.git", app.muster.settings().public_url, member.team.slug);
    Ok(page(&shell, &Tokens { tokens, made, address, form, errors }))
}

pub(crate) async fn tokens(member: Inside<ReadTeam>, State(app): State<App>) -> Answer {
    html(draw(&app, &member, (NewToken::default(), Errors::new()), None).await?)
}

#[derive(Deserialize)]
pub(crate) struct TokenForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    access: String,
    #[serde(default)]
    life: String,
}

/// Answers with the page itself and not with a way to it: the secret is in this answer and nowhere else.
pub(crate) async fn create_token(
    member: Inside<ReadTeam>,
    State(app): State<App>,
    Form(form): Form<TokenForm>,
) -> Answer {
    let scopes = match form.access.as_str() {
        "read" => READ,
        "write" => WRITE,
        "role" => member.scope().permissions(),
        _ => PermissionSet::NONE,
    };
    let life = Duration::days(form.life.parse::<u16>().unwrap_or(0).into());
    let new = teams::NewToken { name: &form.name, scopes, life };
    match app.muster.create_token(&member, &new).await {
        Ok((_, secret)) => {
            let made = Made { name: form.name.trim().to_owned(), secret };
            let mut answer = html(draw(&app, &member, (NewToken::default(), Errors::new()), Some(made)).await?)?;
            answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(answer)
        }
        Err(error) => {
            let errors = form_errors(error)?;
            let typed = NewToken { name: form.name, access: form.access, life: form.life };
            again(draw(&app, &member, (typed, errors), None).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct TokenPath {
    token: String,
}

pub(crate) async fn revoke_token(
    member: Inside<ReadTeam>,
    State(app): State<App>,
    Path(path): Path<TokenPath>,
) -> Answer {
    let token: ApiTokenId = path.token.parse().map_err(|_| Error::NotFound)?;
    app.muster.revoke_token(&member, token).await?;
    done(&app, &member.link("/tokens"), "token_revoked")
}
