use leptos::prelude::*;
use time::OffsetDateTime;
use types::{InvitationId, Permission, UserId};

use crate::{
    components::{
        avatar::person_line,
        button::Button,
        dialog::{Confirm, confirm},
        error_summary::error_summary,
        field::Field,
        menu::{menu, menu_opens},
        role::role,
        section::{page_head, section},
        select::{Choice, row_select, select},
        status::State,
        table::{actions, cell, row, table},
        time::relative,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// Who is in the team, and who is invited.
#[derive(Clone, Debug, Default)]
pub struct Members {
    pub members: Vec<Member>,
    pub invitations: Vec<Invitation>,
    /// The roles that this person can give.
    pub roles: Vec<Choice>,
    pub invite: Invite,
    pub errors: Errors,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub id: UserId,
    pub name: String,
    pub email: String,
    /// The role's value in forms, and its name.
    pub role: Choice,
    pub joined_at: OffsetDateTime,
    pub is_you: bool,
    /// Whether role and membership stay as they are: the last owner, or a role above one's own.
    pub fixed: bool,
}

#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: InvitationId,
    pub email: String,
    pub role: String,
    pub invited_by: String,
    pub expires_at: OffsetDateTime,
}

/// What was typed into the form of invitations.
#[derive(Clone, Debug, Default)]
pub struct Invite {
    pub email: String,
    pub role: String,
}

#[must_use]
pub fn page(shell: &Shell, data: &Members) -> String {
    let manages = shell.may(Permission::ManageMembers);
    let sub = format!("{} in {}, {} invited.", people(data.members.len()), shell.team_name(), data.invitations.len());
    let members = view! { {member_table(shell, data, manages)}{manages.then(|| dialogs(shell, data))} };
    let main = view! {
        {page_head("Members", &sub, None)}
        {error_summary(&data.errors)}
        {manages.then(|| invite_form(shell, data))}
        {section("members", "In the team", Some(data.members.len()), None, members.into_any())}
        {section("invitations", "Pending invitations", Some(data.invitations.len()), None, invitations(shell, data, manages))}
    };
    shell::page(shell, "Members", !data.errors.is_empty(), main.into_any())
}

fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

fn invite_form(shell: &Shell, data: &Members) -> AnyView {
    let email = Field::new("email", "Invite by e-mail")
        .email()
        .value(&data.invite.email)
        .error(data.errors.of("email"))
        .max_length(254)
        .autocomplete("off")
        .required()
        .view();
    let role = select("role", "Role", &data.roles, &data.invite.role, data.errors.of("role"));
    view! {
        <form class="tools" method="post" action=shell.link("/invitations")>
            {email}{role}{Button::new("Invite").primary().busy("Inviting…").submit()}
        </form>
    }
    .into_any()
}

fn member_table(shell: &Shell, data: &Members, manages: bool) -> AnyView {
    let rows = data.members.iter().map(|member| {
        let mut cells =
            vec![cell("Role", role(&member.role.label)), cell("Joined", relative(member.joined_at, shell.now))];
        if manages {
            cells.push(actions(if member.fixed { ().into_any() } else { member_menu(member) }));
        }
        row(person_line(&member.name, member.is_you, &member.email), cells)
    });
    let heads: &[&str] = if manages { &["Member", "Role", "Joined", "Actions"] } else { &["Member", "Role", "Joined"] };
    table(&format!("{} in the team", people(data.members.len())), heads, rows.collect())
}

fn member_menu(member: &Member) -> AnyView {
    let leave = if member.is_you { "Leave the team" } else { "Remove from the team" };
    let items = vec![
        menu_opens("Change role", &format!("role-{}", member.id), false),
        menu_opens(leave, &format!("remove-{}", member.id), true),
    ];
    menu(&format!("Actions for {}", member.name), items)
}

fn dialogs(shell: &Shell, data: &Members) -> AnyView {
    let open = data.members.iter().filter(|member| !member.fixed);
    open.map(|member| view! { {role_dialog(shell, data, member)}{remove_dialog(shell, member)} })
        .collect_view()
        .into_any()
}

fn role_dialog(shell: &Shell, data: &Members, member: &Member) -> AnyView {
    let (id, title) = (format!("role-{}", member.id), format!("role-{}-title", member.id));
    let title_ref = title.clone();
    let list = row_select(
        format!("role-{}-list", member.id),
        "role",
        format!("Role of {}", member.name),
        &data.roles,
        &member.role.value,
    );
    let action = shell.link(&format!("/members/{}/role", member.id));
    view! {
        <dialog class="dialog" popover="auto" id=id.clone() aria-labelledby=title_ref>
            <form class="dialog__body" method="post" action=action>
                <h2 id=title>{format!("Role of {}", member.name)}</h2>
                <div>{list}</div>
                <p>"Holds from the next page they open."</p>
                <div class="cluster" data-end=true>
                    {Button::new("Cancel").opens(&id)}
                    {Button::new("Change role").primary().busy("Changing…").submit()}
                </div>
            </form>
        </dialog>
    }
    .into_any()
}

fn remove_dialog(shell: &Shell, member: &Member) -> AnyView {
    let team = shell.team_name();
    let (question, keep) = if member.is_you {
        (format!("Leave {team}?"), "Stay".to_owned())
    } else {
        (format!("Remove {} from {team}?", member.name), format!("Keep {}", member.name))
    };
    confirm(Confirm {
        id: &format!("remove-{}", member.id),
        question,
        consequence:
            "Access ends with the next page. What was made here stays with the team. Only an invitation leads back."
                .to_owned(),
        action: shell.link(&format!("/members/{}/remove", member.id)),
        verb: if member.is_you { "Leave" } else { "Remove" },
        keep,
    })
}

fn invitations(shell: &Shell, data: &Members, manages: bool) -> AnyView {
    if data.invitations.is_empty() {
        return view! { <p class="lede">"Nobody is invited just now."</p> }.into_any();
    }
    let rows = data.invitations.iter().map(|invitation| {
        let expired = invitation.expires_at <= shell.now;
        let state = if expired { State::Cancelled.worded("Expired") } else { State::Queued.worded("Waiting") };
        let mut cells = vec![
            cell("Role", role(&invitation.role)),
            cell("Invited by", invitation.invited_by.clone().into_any()),
            cell("Expires", relative(invitation.expires_at, shell.now)),
            cell("State", state),
        ];
        if manages {
            cells.push(actions(invitation_buttons(shell, invitation)));
        }
        row(invitation.email.clone().into_any(), cells)
    });
    let heads = ["Address", "Role", "Invited by", "Expires", "State", "Actions"];
    let heads = if manages { &heads[..] } else { &heads[..5] };
    view! {
        {table("Pending invitations", heads, rows.collect())}
        <p class="section__note">"Only the person with this address can accept. Sending again makes the older link worthless."</p>
    }
    .into_any()
}

fn invitation_buttons(shell: &Shell, invitation: &Invitation) -> AnyView {
    let post = |verb: &str| shell.link(&format!("/invitations/{}/{verb}", invitation.id));
    let about = format!("to {}", invitation.email);
    view! {
        <div class="buttons">
            <form method="post" action=post("resend")>{Button::new("Send again").small().about(&about).submit()}</form>
            <form method="post" action=post("revoke")>{Button::new("Revoke").small().danger().about(&about).submit()}</form>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    fn data() -> Members {
        let now = shell(BuiltinRole::Owner).now;
        let member = |name: &str, fixed| Member {
            id: UserId::new(),
            name: name.to_owned(),
            email: format!("{name}@quayside.example"),
            role: Choice::new("admin", "Admin"),
            joined_at: now,
            is_you: fixed,
            fixed,
        };
        let invitation = |expires_at| Invitation {
            id: InvitationId::new(),
            email: "felix@quayside.example".to_owned(),
            role: "Reader".to_owned(),
            invited_by: "Mira".to_owned(),
            expires_at,
        };
        Members {
            members: vec![member("mira", true), member("tove", false)],
            invitations: vec![invitation(now + Duration::days(2)), invitation(now - Duration::days(2))],
            roles: vec![Choice::new("reader", "Reader"), Choice::new("admin", "Admin")],
            ..Members::default()
        }
    }

    #[test]
    fn readers_see_people_and_nothing_to_press() {
        let html = page(&shell(BuiltinRole::Reader), &data());
        assert!(html.contains("tove@quayside.example"), "{html}");
        for action in ["/invitations\"", "/resend", "/remove", "/role\""] {
            assert!(!html.contains(action), "{action}");
        }
    }

    #[test]
    fn the_last_owner_cannot_be_removed_or_changed() {
        let data = data();
        let html = page(&shell(BuiltinRole::Owner), &data);
        let [mira, tove] = [data.members[0].id, data.members[1].id];
        assert!(html.contains(&format!("/quayside/members/{tove}/remove")), "{html}");
        assert!(!html.contains(&format!("/quayside/members/{mira}/")), "{html}");
    }

    #[test]
    fn an_invitation_past_its_time_says_so() {
        let html = page(&shell(BuiltinRole::Owner), &data());
        assert!(html.contains("Expired") && html.contains("Waiting") && html.contains("in 2 days"), "{html}");
    }
}
