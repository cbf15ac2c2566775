use axum::{
    Form,
    extract::{Query, State},
    response::{AppendHeaders, IntoResponse, Redirect},
};
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::{HeaderMap, header::SET_COOKIE};
use notify::Kept;
use orchestrator::Error;
use serde::Deserialize;
use time::{Duration, format_description::well_known::Rfc3339};

use super::{Answer, html};
use crate::{
    appearance::{Appearance, Contrast, Theme},
    failure::Failure,
    layout::public::Public,
    pages::{accessibility, gallery, home, outbox, pricing, security, status},
    request::{Cookies, Visitor, safe_path},
    shelf::{Leaf, Look},
    state::App,
};

pub(crate) async fn home(visitor: Visitor, headers: HeaderMap, State(app): State<App>) -> Answer {
    match Look::of(Leaf::Home, &visitor) {
        Some(look) => app.shelf().answer(look, &app.settings, &headers),
        None => html(home::page(&visitor.public())),
    }
}

#[derive(Deserialize)]
pub(crate) struct PeriodQuery {
    period: Option<String>,
}

pub(crate) async fn pricing(
    visitor: Visitor,
    headers: HeaderMap,
    Query(query): Query<PeriodQuery>,
    State(app): State<App>,
) -> Answer {
    match Look::of(Leaf::Pricing, &visitor) {
        Some(look) => app.shelf().answer(look, &app.settings, &headers),
        None => html(pricing::page(&visitor.public(), pricing::Period::from_query(query.period.as_deref()))),
    }
}

pub(crate) async fn security(visitor: Visitor, headers: HeaderMap, State(app): State<App>) -> Answer {
    if let Some(look) = Look::of(Leaf::Security, &visitor) {
        return app.shelf().answer(look, &app.settings, &headers);
    }
    html(security::page(&visitor.public(), app.settings.contact.as_deref()))
}

pub(crate) async fn accessibility(visitor: Visitor, headers: HeaderMap, State(app): State<App>) -> Answer {
    if let Some(look) = Look::of(Leaf::Accessibility, &visitor) {
        return app.shelf().answer(look, &app.settings, &headers);
    }
    html(accessibility::page(&visitor.public(), app.settings.contact.as_deref()))
}

/// How the parts answer right now. A part that does not answer is what the page is for, so the page itself needs
/// nothing but the process: not even the session is looked up.
pub(crate) async fn status(headers: HeaderMap, State(app): State<App>) -> Answer {
    let public =
        Public { appearance: Cookies::read(&headers).appearance(), signed_in: None, path: "/status".to_owned() };
    let database = match app.muster.db().ping().await {
        Ok(()) => ("Database".to_owned(), status::State::Works, "It answers.".to_owned()),
        Err(error) => {
            tracing::warn!(%error, "the status page found the database away");
            ("Database".to_owned(), status::State::Down, "It does not answer just now.".to_owned())
        }
    };
    let website = ("Website".to_owned(), status::State::Works, "It answered you.".to_owned());
    let checked_at = app.muster.clock().now().format(&Rfc3339).map_err(|error| Error::Internal(error.into()))?;
    let data =
        status::Status { components: vec![website, database], checked_at, version: app.settings.version.to_owned() };
    html(status::page(&public, &data))
}

#[derive(Deserialize)]
pub(crate) struct AppearanceForm {
    theme: Option<String>,
    contrast: Option<String>,
    next: Option<String>,
}

/// Keeps how pages look. What the form does not name stays.
pub(crate) async fn set_appearance(
    headers: HeaderMap,
    State(app): State<App>,
    Form(chosen): Form<AppearanceForm>,
) -> Answer {
    let before = Cookies::read(&headers).appearance();
    let appearance = Appearance {
        theme: chosen.theme.as_deref().and_then(Theme::parse).unwrap_or(before.theme),
        contrast: chosen.contrast.as_deref().and_then(Contrast::parse).unwrap_or(before.contrast),
    };
    let cookie = Cookie::build((Appearance::COOKIE, appearance.to_string()))
        .path("/")
        .secure(app.settings.secure_cookies)
        .same_site(SameSite::Lax)
        .max_age(Duration::days(365))
        .build();
    let next = chosen.next.as_deref().and_then(safe_path).unwrap_or("/");
    Ok((AppendHeaders([(SET_COOKIE, cookie.to_string())]), Redirect::to(next)).into_response())
}

/// Mail that was not sent, because no mail server is set up. It holds codes that sign people in, so it is there for
/// this machine alone, and not at all where mail is really sent.
pub(crate) async fn outbox(visitor: Visitor, State(app): State<App>) -> Answer {
    let local = visitor.origin.ip.is_some_and(|ip| ip.to_canonical().is_loopback());
    let Some(outbox) = app.settings.outbox.as_ref().filter(|_| local) else {
        return Err(Failure::from(Error::NotFound));
    };
    let kept = outbox.list().await.map_err(|error| Error::Internal(error.into()))?;
    let mails: Vec<outbox::Mail> = kept.into_iter().map(mail).collect();
    html(outbox::page(&visitor.public(), &mails))
}

fn mail(kept: Kept) -> outbox::Mail {
    let links =
        kept.message.text.split_whitespace().filter(|word| word.starts_with("http")).map(str::to_owned).collect();
    outbox::Mail {
        to: kept.message.to.clone(),
        subject: kept.message.subject.clone(),
        at: kept.at().into(),
        text: kept.message.text,
        links,
    }
}

/// Every component in its states, for whoever builds pages. Development only.
pub(crate) async fn gallery(visitor: Visitor, State(app): State<App>) -> Answer {
    if !app.settings.development {
        return Err(Failure::from(Error::NotFound));
    }
    html(gallery::page(visitor.appearance))
}
