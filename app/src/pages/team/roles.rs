use leptos::prelude::*;
use types::{Permission, PermissionSet, RoleId};

use crate::{
    components::{
        button::Button,
        dialog::{Confirm, confirm},
        error_summary::error_summary,
        field::Field,
        icon::{Icon, icon},
        menu::{menu, menu_opens},
        role::role_word,
        section::{page_head, section},
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// What each role may do.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// The built-in ones first, from the least to the most.
    pub roles: Vec<Role>,
    pub form: NewRole,
    pub errors: Errors,
}

#[derive(Clone, Debug)]
pub struct Role {
    /// None for a built-in role, which cannot be deleted.
    pub id: Option<RoleId>,
    pub name: String,
    pub purpose: String,
    pub members: usize,
    pub permissions: PermissionSet,
}

/// What was typed into the form of custom roles.
#[derive(Clone, Debug, Default)]
pub struct NewRole {
    pub name: String,
    pub permissions: PermissionSet,
}

#[must_use]
pub fn page(shell: &Shell, data: &Roles) -> String {
    let manages = shell.may(Permission::ManageRoles);
    let custom = data.roles.iter().filter(|role| role.id.is_some()).count();
    let sub = format!("{} built in, {custom} of your own. A person has one role in a team.", data.roles.len() - custom);
    let main = view! {
        {page_head("Roles", &sub, None)}
        {error_summary(&data.errors)}
        {section("roles", "Roles", Some(data.roles.len()), None, list(&data.roles, manages))}
        {section("matrix", "What each role may do", None, None, matrix(&data.roles))}
        {manages.then(|| section("new-role", "A role of your own", None, None, form(shell, data)))}
        {manages.then(|| delete_dialogs(shell, &data.roles))}
    };
    shell::page(shell, "Roles", !data.errors.is_empty(), main.into_any())
}

fn list(roles: &[Role], manages: bool) -> AnyView {
    let rows = roles.iter().map(|role| {
        let kind = if role.id.is_some() { "Your own" } else { "Built in" };
        let members = if role.members == 1 { "1 person".to_owned() } else { format!("{} people", role.members) };
        let delete = role.id.filter(|_| manages).map(|id| delete_menu(id, &role.name));
        view! {
            <li>
                <span><b>{role_word(&role.name)}</b><span class="muted">{role.purpose.clone()}</span></span>
                <div class="cluster"><span class="muted small">{format!("{kind}, {members}")}</span>{delete}</div>
            </li>
        }
    });
    view! { <ul class="rowlist">{rows.collect_view()}</ul> }.into_any()
}

fn delete_menu(role: RoleId, name: &str) -> AnyView {
    menu(&format!("Actions for {name}"), vec![menu_opens("Delete the role", &format!("delete-{role}"), true)])
}

fn delete_dialogs(shell: &Shell, roles: &[Role]) -> AnyView {
    let dialogs = roles.iter().filter_map(|role| {
        let id = role.id?;
        Some(confirm(Confirm {
            id: &format!("delete-{id}"),
            question: format!("Delete the role {}?", role.name),
            consequence: "It can no longer be given. This is refused while somebody holds it or is invited to it."
                .to_owned(),
            action: shell.link(&format!("/roles/{id}/delete")),
            verb: "Delete",
            keep: format!("Keep {}", role.name),
        }))
    });
    dialogs.collect_view().into_any()
}

fn matrix(roles: &[Role]) -> AnyView {
    let heads = roles.iter().map(|role| view! { <th scope="col">{role_word(&role.name)}</th> }).collect_view();
    let rows = Permission::ALL.iter().map(|permission| {
        let cells = roles.iter().map(|role| granted(role.permissions.contains(*permission)));
        view! { <tr><th scope="row">{words(*permission)}</th>{cells.collect_view()}</tr> }
    });
    let rows = rows.collect_view();
    view! {
        <div class="matrix" tabindex="0" role="group" aria-labelledby="matrix">
            <table class="table">
                <caption class="visually-hidden">"Permissions by role"</caption>
                <thead><tr><th scope="col">"Permission"</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn granted(yes: bool) -> AnyView {
    let (value, sign, word) = if yes { ("yes", Icon::Check, "Yes") } else { ("no", Icon::Dot, "No") };
    view! { <td data-granted=value>{icon(sign)}<span class="visually-hidden">{word}</span></td> }.into_any()
}

fn form(shell: &Shell, data: &Roles) -> AnyView {
    let name = Field::new("name", "Name")
        .value(&data.form.name)
        .hint("For example: Release manager")
        .error(data.errors.of("name"))
        .max_length(40)
        .required()
        .view();
    // Nobody gives away what they do not have.
    let grants = shell.permissions.iter().filter(|permission| *permission != Permission::OwnTeam).map(|permission| {
        let checked = data.form.permissions.contains(permission);
        view! {
            <label class="check">
                <input type="checkbox" name="permissions" value=permission.as_str() checked=checked/>
                <span>{words(permission)}</span>
            </label>
        }
    });
    let grants = grants.collect_view();
    let error = data.errors.of("permissions").map(|text| {
        view! { <p class="field__error" id="permissions-error">{icon(Icon::CircleAlert)}<span>{text.to_owned()}</span></p> }
    });
    let described = error.is_some().then_some("permissions-error");
    view! {
        <form class="pile" method="post" action=shell.link("/roles")>
            <div class="form">{name}</div>
            <fieldset class="field" id="permissions" tabindex="-1" aria-describedby=described>
                <legend class="field__label">"May"</legend>
                {error}
                <div class="grants">{grants}</div>
            </fieldset>
            <p class="section__note">"You can grant only what you may do yourself."</p>
            <div class="cluster">{Button::new("Add the role").busy("Adding…").submit()}</div>
        </form>
    }
    .into_any()
}

/// A permission in plain words.
#[must_use]
pub const fn words(permission: Permission) -> &'static str {
    match permission {
        Permission::ReadTeam => "See the team",
        Permission::ReadMembers => "See members and roles",
        Permission::ReadProjects => "See projects",
        Permission::ReadFiles => "Read files",
        Permission::ReadTasks => "Read tasks",
        Permission::ReadSquads => "See squads",
        Permission::ReadBudgets => "See budgets",
        Permission::ReadAudit => "Read the audit log",
        Permission::WriteFiles => "Write files",
        Permission::WriteTasks => "Write own tasks",
        Permission::WriteAnyTask => "Write any task",
        Permission::WriteProjects => "Add and change projects",
        Permission::ManageSprint => "Plan sprints",
        Permission::ExecuteRuns => "Start and stop runs",
        Permission::ExecuteTools => "Use tools",
        Permission::ManageSquads => "Change squads",
        Permission::ManageMembers => "Invite and remove members",
        Permission::ManageRoles => "Change roles",
        Permission::ManageBudgets => "Change budgets",
        Permission::ManageIntegrations => "Connect integrations",
        Permission::ManageTeam => "Change the team's settings",
        Permission::ManageBilling => "Change plan and payment",
        Permission::OwnTeam => "Transfer and delete the team",
    }
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    fn data() -> Roles {
        let role = |role: &BuiltinRole| Role {
            name: role.to_string(),
            purpose: role.purpose().to_owned(),
            id: None,
            members: 1,
            permissions: role.permissions(),
        };
        Roles { roles: BuiltinRole::ALL.iter().map(role).collect(), ..Roles::default() }
    }

    #[test]
    fn the_matrix_shows_what_the_roles_grant() {
        let html = page(&shell(BuiltinRole::Reader), &data());
        let granted: usize = BuiltinRole::ALL.iter().map(|role| role.permissions().iter().count()).sum();
        assert_eq!(html.matches(r#"data-granted="yes""#).count(), granted);
        assert!(!html.contains(r#"action="/quayside/roles""#), "readers cannot add roles");
    }

    #[test]
    fn only_a_role_of_the_teams_own_can_be_deleted_and_only_by_who_may() {
        let mut data = data();
        let id = RoleId::new();
        let permissions = PermissionSet::of(&[Permission::ReadTeam]);
        let purpose = "Made by this team".to_owned();
        data.roles.push(Role { id: Some(id), name: "Guest".to_owned(), purpose, members: 0, permissions });
        let (owner, reader) = (page(&shell(BuiltinRole::Owner), &data), page(&shell(BuiltinRole::Reader), &data));
        assert!(owner.contains(&format!(r#"action="/quayside/roles/{id}/delete""#)), "{owner}");
        assert_eq!(owner.matches("/delete\"").count(), 1, "{owner}");
        assert!(!reader.contains("/delete\""), "{reader}");
    }

    #[test]
    fn nobody_is_offered_to_grant_what_they_lack() {
        let html = page(&shell(BuiltinRole::Admin), &data());
        assert!(html.contains(r#"value="manage:members""#), "{html}");
        assert!(!html.contains(r#"value="manage:billing""#) && !html.contains(r#"value="own:team""#), "{html}");
    }

    #[test]
    fn what_was_ticked_stays_ticked() {
        let mut errors = Errors::new();
        errors.add("name", "Give the role a name.");
        let form = NewRole { name: String::new(), permissions: PermissionSet::of(&[Permission::ReadFiles]) };
        let html = page(&shell(BuiltinRole::Owner), &Roles { form, errors, ..data() });
        assert_eq!(html.matches(" checked").count(), 1, "{html}");
        assert!(html.contains("Error: Roles"), "{html}");
    }
}
