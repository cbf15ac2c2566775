//! Pages inside a team.

mod at_work;
mod audit;
mod dashboard;
mod members;
mod roles;
mod search;
mod settings;
mod tokens;

pub(crate) use audit::audit;
pub(crate) use dashboard::dashboard;
pub(crate) use members::{change_role, invite, leave, members, remove_member, resend_invitation, revoke_invitation};
pub(crate) use roles::{create_role, delete_role, roles};
pub(crate) use search::search;
pub(crate) use settings::{rename_team, settings};
pub(crate) use tokens::{create_token, revoke_token, tokens};
