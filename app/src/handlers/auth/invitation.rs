use axum::{
    Form,
    extract::{Query, State},
    response::{Html, IntoResponse},
};
use http::StatusCode;
use orchestrator::Error;
use serde::Deserialize;

use crate::{
    failure::encode,
    handlers::{Answer, html, redirect},
    pages::auth::invitation,
    request::{SignedInVisitor, Visitor},
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct TokenQuery {
    #[serde(default)]
    token: String,
}

/// Shows what a link offers. Nothing happens on opening it: mail scanners open links.
pub(crate) async fn invitation(visitor: Visitor, State(app): State<App>, Query(query): Query<TokenQuery>) -> Answer {
    let view = match app.muster.view_invitation(&query.token).await {
        Ok(view) => view,
        Err(Error::NotFound) => {
            let page = invitation::page(&visitor.public(), &invitation::Invitation::Gone);
            return Ok((StatusCode::NOT_FOUND, Html(page)).into_response());
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
