use std::ops::Deref;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use orchestrator::{
    Can, Error, Grant, Scope,
    accounts::SignedIn,
    teams::{Entered, Joined, Role, Team},
};

use super::{Place, Visitor};
use crate::{failure::Failure, state::App};

/// Somebody who is signed in. Others are sent to sign in and come back.
#[derive(Clone, Debug)]
pub struct SignedInVisitor {
    pub who: SignedIn,
    pub visitor: Visitor,
}

impl FromRequestParts<App> for SignedInVisitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        match visitor.who.clone() {
            Some(who) => Ok(Self { who, visitor }),
            None => Err(Failure::sign_in(&visitor, parts.method.is_safe())),
        }
    }
}

/// A member inside the team that the first path segment names, with the permission `G` proven.
///
/// A handler that takes it cannot run for somebody else: a foreign team is not found, a missing permission is
/// refused and written to the team's log.
#[derive(Clone)]
pub struct Inside<G: Grant> {
    can: Can<G>,
    pub who: SignedIn,
    pub visitor: Visitor,
    pub team: Team,
    pub role: Role,
    /// All teams of the person, by name.
    pub joined: Vec<Joined>,
}

impl<G: Grant> Deref for Inside<G> {
    type Target = Can<G>;

    fn deref(&self) -> &Can<G> {
        &self.can
    }
}

impl<G: Grant> Inside<G> {
    /// A further permission, for a part of a page that only some may see.
    #[must_use]
    pub fn also<H: Grant>(&self) -> Option<Can<H>> {
        self.can.can::<H>().ok()
    }

    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.can
    }

    /// An address inside the team.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        format!("/{}{path}", self.team.slug)
    }
}

impl<G: Grant> Inside<G> {
    /// Looks again whether the person is signed in and may still do this: for what outlives a request.
    ///
    /// # Errors
    /// [`Error::SignedOut`], [`Error::NotFound`] for who has left the team, [`Error::Denied`].
    pub(crate) async fn renew(&mut self, app: &App) -> Result<(), Error> {
        if !app.muster.session_lives(self.who.session).await? {
            return Err(Error::SignedOut);
        }
        let entered = app.muster.enter(&self.who, &self.team.slug, self.visitor.origin.clone()).await?;
        self.can = entered.scope.can()?;
        (self.team, self.role, self.joined) = (entered.team, entered.role, entered.joined);
        Ok(())
    }
}

impl<G: Grant> FromRequestParts<App> for Inside<G> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Error::NotFound)?;
        let slug =
            params.iter().find(|(name, _)| *name == "team").map(|(_, slug)| slug.to_owned()).ok_or(Error::NotFound)?;
        let SignedInVisitor { who, visitor } = SignedInVisitor::from_request_parts(parts, app).await?;
        let arrived = visitor.arrived.as_ref().ok_or(Error::SignedOut)?;
        let entered = app.muster.enter_arrived(arrived, &slug, visitor.origin.clone()).await?;
        if let Some(place) = parts.extensions.get::<Place>() {
            place.found(&who, &visitor, &entered);
        }
        let Entered { scope, team, role, joined } = entered;
        match scope.can::<G>() {
            Ok(can) => Ok(Self { can, who, visitor, team, role, joined }),
            Err(denied) => {
                let asked_for = format!("{} {}", parts.method, parts.uri.path());
                app.muster.record_refusal(&scope, G::PERMISSION, &asked_for).await?;
                Err(denied.into())
            }
        }
    }
}
