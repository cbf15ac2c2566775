//! Pages inside a team.

mod at_work;
mod audit;
mod board;
mod dashboard;
mod gateway;
mod inbox;
mod live;
mod members;
mod models;
mod project_settings;
mod projects;
mod roles;
mod search;
mod settings;
mod tasks;
mod tokens;

use orchestrator::{Can, Error, Grant};

use crate::request::Inside;

pub(crate) use audit::audit;
pub(crate) use board::{board, board_live, create_task, list_live, task_list};
pub(crate) use dashboard::{dashboard, dashboard_live};
pub(crate) use gateway::{agree_price, create_gateway_key, forget_price, gateway, name_models, revoke_gateway_key};
pub(crate) use inbox::{inbox, inbox_live};
pub(crate) use members::{change_role, invite, leave, members, remove_member, resend_invitation, revoke_invitation};
pub(crate) use models::{add_provider, choose_default, models, remove_provider, replace_key, test_provider};
pub(crate) use project_settings::{
    archive_project, keep_credential, project_settings, remove_credential, restore_project, update_project,
};
pub(crate) use projects::{create_project, new_project, projects, upload_project};
pub(crate) use roles::{create_role, delete_role, roles};
pub(crate) use search::search;
pub(crate) use settings::{keep_content, rename_team, settings, stop_content};
pub(crate) use tasks::{delete_task, edit_task, edit_task_page, move_task, new_task, undelete_task};
pub(crate) use tokens::{create_token, revoke_token, tokens};

/// A second permission, without which the page cannot be drawn.
fn require<G: Grant, H: Grant>(member: &Inside<G>) -> Result<Can<H>, Error> {
    member.also::<H>().ok_or(Error::Denied(H::PERMISSION))
}
