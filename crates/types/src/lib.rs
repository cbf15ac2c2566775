//! Words every layer shares, the browser's islands included.
//!
//! Serde only, so that it builds for wasm; nothing here reads a clock, a file or a socket.

mod ids;
mod money;
mod permission;
mod role;
mod user_error;

pub use ids::{AuditEntryId, InvitationId, ProjectId, RoleId, SessionId, SquadId, TaskId, TeamId, UserId};
pub use money::MicroUsd;
pub use permission::{Permission, PermissionSet};
pub use role::BuiltinRole;
pub use user_error::{FieldError, Situation, UserError};
