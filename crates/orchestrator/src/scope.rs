use std::{marker::PhantomData, net::IpAddr, ops::Deref};

use types::{Permission, PermissionSet, TeamId, UserId};
use uuid::Uuid;

use crate::{Error, Result};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    User(UserId),
    /// Muster itself: jobs and reconcilers.
    System,
}

/// Where a request came from; kept beside the audit log.
#[derive(Clone, Debug)]
pub struct Origin {
    pub request_id: Uuid,
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
}

impl Origin {
    /// The origin of work that no request asked for.
    #[must_use]
    pub fn internal() -> Self {
        Self { request_id: Uuid::now_v7(), ip: None, user_agent: None }
    }

    /// The part of the address that one client holds: all of an IPv4 address, the first 64 bits of an IPv6 one.
    #[must_use]
    pub fn network(&self) -> String {
        match self.ip.map(|ip| ip.to_canonical()) {
            None => "none".into(),
            Some(IpAddr::V4(ip)) => ip.to_string(),
            Some(IpAddr::V6(ip)) => {
                let [a, b, c, d, ..] = ip.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

/// The only key to a team's data: which team, who acts, what they may do there.
///
/// The fields are private and there is no public constructor: a scope comes from
/// [`Orchestrator::enter`](crate::Orchestrator::enter) (a signed-in member), from the audit's own system work,
/// or from a test.
#[derive(Clone, Debug)]
pub struct Scope {
    team: TeamId,
    actor: Actor,
    permissions: PermissionSet,
    origin: Origin,
}

impl Scope {
    pub(crate) fn new(team: TeamId, actor: Actor, permissions: PermissionSet, origin: Origin) -> Self {
        Self { team, actor, permissions, origin }
    }

    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn for_test(team: TeamId, actor: Actor, permissions: PermissionSet) -> Self {
        Self::new(team, actor, permissions, Origin::internal())
    }

    #[must_use]
    pub fn team(&self) -> TeamId {
        self.team
    }

    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// The acting person.
    ///
    /// # Errors
    /// [`Error::SignedOut`] where no person acts.
    pub fn user(&self) -> Result<UserId> {
        match self.actor {
            Actor::User(user) => Ok(user),
            Actor::System => Err(Error::SignedOut),
        }
    }

    #[must_use]
    pub fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Proves a permission.
    ///
    /// # Errors
    /// [`Error::Denied`] when the role does not grant it.
    pub fn can<G: Grant>(&self) -> Result<Can<G>> {
        if self.permissions.contains(G::PERMISSION) {
            Ok(Can { scope: self.clone(), grant: PhantomData })
        } else {
            Err(Error::Denied(G::PERMISSION))
        }
    }
}

/// A permission as a type. See [`grants`].
pub trait Grant: Send + Sync + 'static {
    const PERMISSION: Permission;
}

/// A scope whose holder has the permission `G`: a verb that takes it cannot be called unchecked.
#[derive(Debug)]
pub struct Can<G: Grant> {
    scope: Scope,
    grant: PhantomData<fn() -> G>,
}

impl<G: Grant> Clone for Can<G> {
    fn clone(&self) -> Self {
        Self { scope: self.scope.clone(), grant: PhantomData }
    }
}

impl<G: Grant> Deref for Can<G> {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

/// One type per permission that a verb asks for.
pub mod grants {
    use super::{Grant, Permission};

    macro_rules! grants {
        ($($name:ident)*) => {$(
            #[derive(Debug)]
            pub enum $name {}
            impl Grant for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )*};
    }

    grants! {
        ReadTeam ReadMembers ReadProjects ReadTasks ReadSquads ReadBudgets ReadAudit ReadFiles
        WriteFiles WriteTasks WriteProjects ExecuteRuns
        ManageBudgets ManageIntegrations ManageSquads ManageMembers ManageRoles ManageTeam
    }
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;

    #[test]
    fn a_permission_is_proven_or_denied() {
        let scope = Scope::for_test(TeamId::new(), Actor::System, BuiltinRole::Reader.permissions());
        assert!(scope.can::<grants::ReadMembers>().is_ok());
        assert!(matches!(scope.can::<grants::ManageMembers>(), Err(Error::Denied(Permission::ManageMembers))));
    }

    #[test]
    fn a_client_holds_a_64_bit_network() {
        let origin = |ip: &str| Origin { ip: ip.parse().ok(), ..Origin::internal() };
        assert_eq!(origin("2001:db8:1:2:3:4:5:6").network(), "2001:db8:1:2::/64");
        assert_eq!(origin("::ffff:192.0.2.7").network(), "192.0.2.7");
    }
}
