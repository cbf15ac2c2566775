use axum::extract::FromRequestParts;
use http::{header::USER_AGENT, request::Parts};
use orchestrator::{Origin, accounts::SignedIn, teams::Arrived};
use uuid::Uuid;

use super::{ClientAddr, Cookies, RequestId};
use crate::{appearance::Appearance, failure::Failure, layout::public::Public, state::App};

/// Whoever sent the request, signed in or not.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub who: Option<SignedIn>,
    /// The same person with their teams, as they were when the request came.
    pub arrived: Option<Arrived>,
    pub appearance: Appearance,
    /// Path and query of the page.
    pub path: String,
    pub origin: Origin,
    /// The session cookie's value, to end that session.
    pub session: Option<String>,
    /// The token of a sign-up or reset that this browser began.
    pub browser: Option<String>,
    pub flash: Option<String>,
}

impl Visitor {
    /// What a page without a team needs.
    #[must_use]
    pub fn public(&self) -> Public {
        Public {
            appearance: self.appearance,
            signed_in: self.who.as_ref().map(|who| who.user.name.clone()),
            path: self.path.clone(),
        }
    }

    /// The browser's token, or a text that is no token at all.
    #[must_use]
    pub fn browser(&self) -> &str {
        self.browser.as_deref().unwrap_or_default()
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let cookies = Cookies::read(&parts.headers);
        let session = cookies.session(&app.settings);
        let arrived = match &session {
            Some(token) => app.muster.arrive(token).await?,
            None => None,
        };
        let visitor = Self {
            who: arrived.as_ref().map(|arrived| arrived.who().clone()),
            arrived,
            appearance: cookies.appearance(),
            path: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            origin: origin(parts),
            session,
            browser: cookies.browser(&app.settings),
            flash: cookies.flash(),
        };
        parts.extensions.insert(visitor.clone());
        Ok(visitor)
    }
}

fn origin(parts: &Parts) -> Origin {
    Origin {
        request_id: parts.extensions.get::<RequestId>().map_or_else(Uuid::now_v7, |id| id.0),
        ip: parts.extensions.get::<ClientAddr>().map(|addr| addr.0),
        user_agent: parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned),
    }
}
