//! Words every layer shares, the browser's islands included.
//!
//! Serde only, so that it builds for wasm; nothing here reads a clock, a file or a socket.

pub mod chat;
mod ids;
mod money;
mod permission;
mod role;
pub mod tool;
mod user_error;
mod work;

pub use ids::{
    AgentId, AgentTypeId, ApiTokenId, ApprovalId, ArtifactId, AuditEntryId, BudgetAlertId, BudgetId, BudgetRequestId,
    GatewayKeyId, InvitationId, LedgerEntryId, ModelProviderId, PauseId, ProjectId, ReservationId, ReviewCommentId,
    RoleId, RunId, SecretId, SessionId, SquadId, SquadMemberId, StepId, TaskId, TeamId, UsageId, UserId,
};
pub use money::MicroUsd;
pub use permission::{Permission, PermissionSet};
pub use role::BuiltinRole;
pub use user_error::{FieldError, Situation, UserError};
pub use work::{AgentKind, AgentRole, Stage, TaskState};
