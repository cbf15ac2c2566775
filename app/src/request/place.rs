use std::sync::{Arc, OnceLock};

use orchestrator::{accounts::SignedIn, teams::Entered};

use super::Visitor;

/// Where a request got to before it failed: the extractor of a team's pages fills it, and the error page outside the
/// router reads it, so that a failure inside a team keeps the team's navigation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Arc<OnceLock<Member>>);

/// Somebody inside a team, whose permission for the page may be missing.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) who: SignedIn,
    pub(crate) visitor: Visitor,
    pub(crate) entered: Entered,
}

impl Place {
    pub(crate) fn found(&self, who: &SignedIn, visitor: &Visitor, entered: &Entered) {
        self.0.get_or_init(|| Member { who: who.clone(), visitor: visitor.clone(), entered: entered.clone() });
    }

    pub(crate) fn member(&self) -> Option<&Member> {
        self.0.get()
    }
}
