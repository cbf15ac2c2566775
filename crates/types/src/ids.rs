use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares one id type per noun, so that a task's id cannot be passed where a team's is meant.
///
/// Inside is a version 7 UUID (RFC 9562): unique without a round trip, and ordered by creation.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, ordered after the ids made before it on this machine.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "two defaults would not be equal")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// A team: the tenant. Everything a team owns carries its id.
    TeamId;
    /// A person. Global; memberships join people to teams.
    UserId;
    SessionId;
    RoleId;
    InvitationId;
    ProjectId;
    SquadId;
    TaskId;
    AuditEntryId;
    /// A kind of agent: what it runs as and what it may use.
    AgentTypeId;
    /// A member of a squad that is a program.
    AgentId;
    /// A place in a squad's hand-off order, held by an agent or a person.
    SquadMemberId;
    /// One try of a squad at a task.
    RunId;
    /// One piece of a run: a plan, an agent's turn, a check.
    StepId;
    ApprovalId;
    ReviewCommentId;
    ArtifactId;
    /// A place that answers model calls, with the team's key for it.
    ModelProviderId;
    /// One metered model call.
    UsageId;
    /// A limit on what model calls may cost, for a team or a part of it.
    BudgetId;
    /// The worst case of one model call, held back before it is made.
    ReservationId;
    LedgerEntryId;
    BudgetAlertId;
    BudgetRequestId;
    /// A stop of all spending, of a team or a part of it.
    PauseId;
    SecretId;
    ApiTokenId;
    /// A key for model calls through the gateway.
    GatewayKeyId;
}
