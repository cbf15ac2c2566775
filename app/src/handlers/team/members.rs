use axum::{
    Form,
    extract::{Path, State},
};
use orchestrator::{
    Error, Grant,
    grants::{ManageMembers, ReadMembers, ReadTeam},
    teams::{Invitation, Member, Role},
};
use serde::Deserialize;
use types::{BuiltinRole, InvitationId, PermissionSet, UserId};

use crate::{
    components::select::Choice,
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors_at, html, shell, words::capital},
    layout::shell::Section,
    pages::team::members::{self as view, Members},
    request::Inside,
    state::App,
};

fn choice(role: &Role) -> Choice {
    Choice::new(role.value(), capital(role.name()))
}

/// The roles this person may give: those that hold nothing they do not have themselves.
async fn givable<G: Grant>(app: &App, member: &Inside<G>) -> Result<Vec<Choice>, Failure> {
    let own = member.scope().permissions();
    let builtin =
        BuiltinRole::ALL.iter().map(|role| Role::Builtin(*role)).filter(|role| own.covers(role.permissions()));
    let mut roles: Vec<Choice> = builtin.map(|role| choice(&role)).collect();
    if let Some(can) = member.also::<ReadMembers>() {
        let custom = app.muster.custom_roles(&can).await?;
        roles.extend(
            custom
                .iter()
                .filter(|role| own.covers(role.permissions))
                .map(|role| Choice::new(role.id.to_string(), &role.name)),
        );
    }
    Ok(roles)
}

async fn draw<G: Grant>(
    app: &App,
    member: &Inside<G>,
    invite: view::Invite,
    errors: Errors,
) -> Result<String, Failure> {
    let Some(reader) = member.also::<ReadMembers>() else {
        return Err(Error::Denied(types::Permission::ReadMembers).into());
    };
    let members = app.muster.members(&reader).await?;
    let invitations = app.muster.invitations(&reader).await?;
    let owners = members.iter().filter(|person| person.role.is_owner()).count();
    let own = member.scope().permissions();
    let shell = shell::inside(app, member, Section::Members, "Members").await?;
    let data = Members {
        members: members.iter().map(|person| member_row(person, owners, own, member.who.user.id)).collect(),
        invitations: invitations.into_iter().map(invitation_row).collect(),
        roles: givable(app, member).await?,
        invite,
        errors,
    };
    Ok(view::page(&shell, &data))
}

fn member_row(person: &Member, owners: usize, own: PermissionSet, you: UserId) -> view::Member {
    view::Member {
        id: person.user,
        name: person.name.clone(),
        email: person.email.clone(),
        role: choice(&person.role),
        joined_at: person.joined_at,
        is_you: person.user == you,
        fixed: (person.role.is_owner() && owners == 1) || !own.covers(person.role.permissions()),
    }
}

fn invitation_row(invitation: Invitation) -> view::Invitation {
    view::Invitation {
        id: invitation.id,
        email: invitation.email,
        role: capital(invitation.role.name()),
        invited_by: invitation.invited_by,
        expires_at: invitation.expires_at,
    }
}

pub(crate) async fn members(member: Inside<ReadMembers>, State(app): State<App>) -> Answer {
    html(draw(&app, &member, view::Invite::default(), Errors::new()).await?)
}

#[derive(Deserialize)]
pub(crate) struct InviteForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
}

pub(crate) async fn invite(
    member: Inside<ManageMembers>,
    State(app): State<App>,
    Form(form): Form<InviteForm>,
) -> Answer {
    match app.muster.invite(&member, &form.email, &form.role).await {
        Ok(_) => done(&app, &member.link("/members"), "invited"),
        Err(error) => {
            let errors = form_errors_at("email", error)?;
            let invite = view::Invite { email: form.email, role: form.role };
            again(draw(&app, &member, invite, errors).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct InvitationPath {
    invitation: String,
}

fn invitation_id(path: &InvitationPath) -> Result<InvitationId, Error> {
    path.invitation.parse().map_err(|_| Error::NotFound)
}

pub(crate) async fn resend_invitation(
    member: Inside<ManageMembers>,
    State(app): State<App>,
    Path(path): Path<InvitationPath>,
) -> Answer {
    app.muster.resend_invitation(&member, invitation_id(&path)?).await?;
    done(&app, &member.link("/members"), "invited_again")
}

pub(crate) async fn revoke_invitation(
    member: Inside<ManageMembers>,
    State(app): State<App>,
    Path(path): Path<InvitationPath>,
) -> Answer {
    app.muster.revoke_invitation(&member, invitation_id(&path)?).await?;
    done(&app, &member.link("/members"), "invitation_revoked")
}

#[derive(Deserialize)]
pub(crate) struct UserPath {
    user: String,
}

fn user_id(path: &UserPath) -> Result<UserId, Error> {
    path.user.parse().map_err(|_| Error::NotFound)
}

#[derive(Deserialize)]
pub(crate) struct RoleForm {
    #[serde(default)]
    role: String,
}

pub(crate) async fn change_role(
    member: Inside<ManageMembers>,
    State(app): State<App>,
    Path(path): Path<UserPath>,
    Form(form): Form<RoleForm>,
) -> Answer {
    match app.muster.change_role(&member, user_id(&path)?, &form.role).await {
        Ok(()) => done(&app, &member.link("/members"), "role_changed"),
        Err(error) => {
            let errors = form_errors_at("role", error)?;
            again(draw(&app, &member, view::Invite::default(), errors).await?)
        }
    }
}

pub(crate) async fn remove_member(
    member: Inside<ManageMembers>,
    State(app): State<App>,
    Path(path): Path<UserPath>,
) -> Answer {
    app.muster.remove_member(&member, user_id(&path)?).await?;
    done(&app, &member.link("/members"), "member_removed")
}

pub(crate) async fn leave(member: Inside<ReadTeam>, State(app): State<App>) -> Answer {
    app.muster.leave_team(&member).await?;
    done(&app, "/teams", "left")
}
