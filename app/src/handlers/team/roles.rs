use axum::extract::{Path, State};
use axum_extra::extract::Form;
use orchestrator::{
    Error, Grant,
    grants::{ManageRoles, ReadMembers},
    teams::Role,
};
use serde::Deserialize;
use types::{BuiltinRole, Permission, PermissionSet, RoleId};

use crate::{
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, html, shell, words::capital},
    layout::shell::Section,
    pages::team::roles::{self as view, NewRole, Roles},
    request::Inside,
    state::App,
};

async fn draw<G: Grant>(app: &App, member: &Inside<G>, form: NewRole, errors: Errors) -> Result<String, Failure> {
    let Some(reader) = member.also::<ReadMembers>() else {
        return Err(Error::Denied(Permission::ReadMembers).into());
    };
    let members = app.muster.members(&reader).await?;
    let holders = |role: BuiltinRole| members.iter().filter(|person| person.role == Role::Builtin(role)).count();
    let builtin = BuiltinRole::ALL.iter().map(|role| view::Role {
        name: capital(role.as_str()),
        purpose: role.purpose().to_owned(),
        id: None,
        members: holders(*role),
        permissions: role.permissions(),
    });
    let custom = app.muster.custom_roles(&reader).await?;
    let custom = custom.into_iter().map(|role| view::Role {
        members: members
            .iter()
            .filter(|person| matches!(&person.role, Role::Custom { id, .. } if *id == role.id))
            .count(),
        id: Some(role.id),
        name: role.name,
        purpose: "Made by this team".to_owned(),
        permissions: role.permissions,
    });
    let data = Roles { roles: builtin.chain(custom).collect(), form, errors };
    let shell = shell::inside(app, member, Section::Roles, "Roles").await?;
    Ok(view::page(&shell, &data))
}

pub(crate) async fn roles(member: Inside<ReadMembers>, State(app): State<App>) -> Answer {
    html(draw(&app, &member, NewRole::default(), Errors::new()).await?)
}

#[derive(Deserialize)]
pub(crate) struct RoleForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    permissions: Vec<String>,
}

pub(crate) async fn create_role(
    member: Inside<ManageRoles>,
    State(app): State<App>,
    Form(form): Form<RoleForm>,
) -> Answer {
    let permissions: PermissionSet = form.permissions.iter().filter_map(|text| Permission::parse(text)).collect();
    match app.muster.create_role(&member, &form.name, permissions).await {
        Ok(_) => done(&app, &member.link("/roles"), "role_created"),
        Err(error) => {
            let errors = form_errors(error)?;
            again(draw(&app, &member, NewRole { name: form.name, permissions }, errors).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct RolePath {
    role: String,
}

pub(crate) async fn delete_role(
    member: Inside<ManageRoles>,
    State(app): State<App>,
    Path(path): Path<RolePath>,
) -> Answer {
    let role: RoleId = path.role.parse().map_err(|_| Error::NotFound)?;
    app.muster.delete_role(&member, role).await?;
    done(&app, &member.link("/roles"), "role_deleted")
}
