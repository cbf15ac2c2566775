//! Squads: the list, the forming of one, and the pages of one.

pub mod agent;
pub mod detail;
mod diagram;
pub mod edit;
mod members;
mod stages;

use leptos::prelude::*;
use orchestrator::squads::{Squad, Template};
use types::{AgentRole, Permission};

use crate::{
    components::{
        avatar,
        button::Button,
        empty::{Empty, empty},
        error_summary::error_summary,
        field::Field,
        icon::{Icon, icon},
        section::{page_head, section},
        table::{cell, row, table},
        time::relative,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// The letters of an agent: its role's, and the number at the end of its name.
pub(crate) fn letters(role: AgentRole, name: &str) -> String {
    let number = name.rsplit_once('-').map(|(_, number)| number).filter(|number| number.parse::<u8>().is_ok());
    let first = role.label().chars().take(1).collect::<String>();
    first + number.unwrap_or_default()
}

fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// The list of squads.
#[must_use]
pub fn page(shell: &Shell, squads: &[Squad], archived: &[Squad]) -> String {
    let manages = shell.may(Permission::ManageSquads);
    let actions = view! {
        {Button::new("Agent types").link(shell.link("/agent-types"))}
        {manages.then(|| form_button(shell, squads.is_empty()))}
    };
    let list = if squads.is_empty() { no_squads(shell, manages) } else { list(shell, "Squads", squads) };
    let archived = (!archived.is_empty())
        .then(|| section("archived", "Archived", Some(archived.len()), None, list_archived(shell, archived)));
    let main = view! {
        {page_head("Squads", "A squad takes a task from the plan to the merged change.", Some(actions.into_any()))}
        {list}
        {archived}
    };
    shell::page(shell, "Squads", false, main.into_any())
}

/// The one thing to do here, unless the empty list offers something nearer.
fn form_button(shell: &Shell, empty: bool) -> AnyView {
    let button = Button::new("Form a squad").icon(Icon::Plus);
    let button = if empty { button } else { button.primary() };
    button.link(shell.link("/squads/new"))
}

fn no_squads(shell: &Shell, manages: bool) -> AnyView {
    let actions = if manages {
        Template::ALL.iter().map(|template| template_button(shell, *template)).collect()
    } else {
        Vec::new()
    };
    empty(Empty {
        title: "No squad yet".to_owned(),
        text: "A squad is a few agents with roles. Start from one of these; everything can be changed later."
            .to_owned(),
        actions,
    })
}

fn template_button(shell: &Shell, template: Template) -> AnyView {
    let button = Button::new(template.name());
    let button = if template == Template::Full { button.primary() } else { button };
    view! {
        <form method="post" action=shell.link("/squads")>
            <input type="hidden" name="name" value=template.name()/>
            <input type="hidden" name="template" value=template.as_str()/>
            {button.busy("Forming…").submit()}
        </form>
    }
    .into_any()
}

fn list(shell: &Shell, caption: &str, squads: &[Squad]) -> AnyView {
    let rows = squads.iter().map(|squad| {
        let people = usize::try_from(squad.people).unwrap_or_default();
        let agents = view! { <span class="table__name"><span class="avatars">{role_avatars(squad)}</span>{count(squad.roles.len(), "agent", "agents")}</span> };
        let href = shell.link(&format!("/squads/{}", squad.id));
        let name = view! { <a class="link" href=href>{squad.name.clone()}</a> };
        let cells = vec![
            cell("Agents", agents.into_any()),
            cell("People", people.to_string().into_any()),
            cell("Runs at once", squad.max_concurrent_runs.to_string().into_any()),
            cell("Formed", relative(squad.created_at, shell.now)),
        ];
        row(name.into_any(), cells)
    });
    table(caption, &["Squad", "Agents", "People", "Runs at once", "Formed"], rows.collect())
}

fn role_avatars(squad: &Squad) -> AnyView {
    squad.roles.iter().map(|role| avatar::agent(letters(*role, ""))).collect_view().into_any()
}

fn list_archived(shell: &Shell, squads: &[Squad]) -> AnyView {
    let rows = squads.iter().map(|squad| {
        let href = shell.link(&format!("/squads/{}", squad.id));
        let when = squad.archived_at.map(|at| view! { "archived "{relative(at, shell.now)} });
        view! { <li><a class="link" href=href>{squad.name.clone()}</a><span class="muted small">{when}</span></li> }
    });
    view! { <ul class="rowlist">{rows.collect_view()}</ul> }.into_any()
}

/// What was typed into the form of a new squad.
#[derive(Clone, Debug, Default)]
pub struct NewSquad {
    pub name: String,
    /// A template's value; the first one when empty.
    pub template: String,
    pub errors: Errors,
}

/// The forming of a squad.
#[must_use]
pub fn new_page(shell: &Shell, data: &NewSquad) -> String {
    let name = Field::new("name", "Name")
        .value(&data.name)
        .hint("For example the part of the code it works on: Ledger core")
        .error(data.errors.of("name"))
        .max_length(80)
        .required()
        .view();
    let choices = Template::ALL.iter().enumerate().map(|(at, template)| {
        let chosen = if data.template.is_empty() { at == 0 } else { data.template == template.as_str() };
        let agents = template.roles().iter().map(|role| avatar::agent(letters(*role, ""))).collect_view();
        view! {
            <label class="check choice">
                <input type="radio" name="template" value=template.as_str() checked=chosen/>
                <span>{template.name()}<small>{template.purpose()}</small><span class="avatars">{agents}</span></span>
            </label>
        }
    });
    let choices = choices.collect_view();
    let error = data.errors.of("template").map(|text| {
        view! { <p class="field__error" id="template-error">{icon(Icon::CircleAlert)}<span>{text.to_owned()}</span></p> }
    });
    let described = error.is_some().then_some("template-error");
    let main = view! {
        {page_head("Form a squad", "A template is where it starts; agents, stages and limits can be changed afterwards.", None)}
        {error_summary(&data.errors)}
        <form class="pile" method="post" action=shell.link("/squads")>
            <div class="form">{name}</div>
            <fieldset class="field" id="template" tabindex="-1" aria-describedby=described>
                <legend class="field__label">"Start from"</legend>
                {error}
                <div class="choices">{choices}</div>
            </fieldset>
            <div class="cluster">
                {Button::new("Form the squad").primary().busy("Forming…").submit()}
                {Button::new("Cancel").plain().link(shell.link("/squads"))}
            </div>
        </form>
    };
    shell::page(shell, "Form a squad", !data.errors.is_empty(), main.into_any())
}

#[cfg(test)]
pub(crate) mod tests {
    use orchestrator::squads::{
        Agent, AgentSettings, Bounds, Gates, Holder, Member, Person, Rules, SquadDetail, SquadSettings, StageRoles,
    };
    use types::{AgentId, AgentTypeId, BuiltinRole, SquadId, SquadMemberId, Stage, UserId};

    use super::*;
    use crate::layout::shell::tests::shell;

    fn agent(squad: SquadId, role: AgentRole, name: &str) -> Member {
        let settings = AgentSettings::of_role(role, name.to_owned(), AgentTypeId::new());
        let updated_at = shell(BuiltinRole::Owner).now;
        let type_name = "Muster agent".to_owned();
        let agent = Agent { id: AgentId::new(), squad, version: 3, settings, type_name, updated_at };
        Member { id: SquadMemberId::new(), holder: Holder::Agent(agent) }
    }

    pub(crate) fn detail() -> SquadDetail {
        use AgentRole::{Coder, Lead, Reviewer};
        let id = SquadId::new();
        let person = Person { id: UserId::new(), name: "Mira Okafor".to_owned() };
        let stage = |stage: &Stage| match stage {
            Stage::Plan => vec![Lead],
            Stage::Implement => vec![Coder],
            Stage::Review => vec![Reviewer],
            Stage::Verify | Stage::Deliver => Vec::new(),
        };
        SquadDetail {
            id,
            template: Template::Pair,
            settings: SquadSettings { name: "Ledger <core>".to_owned(), ..SquadSettings::default() },
            rules: Rules {
                stages: Stage::ALL.iter().map(|at| StageRoles { stage: *at, roles: stage(at) }).collect(),
                gates: Gates { plan: false, merge: true },
                bounds: Bounds { max_iterations: 3, max_reworks: 2, max_concurrent_runs: 4 },
            },
            members: vec![
                agent(id, Lead, "lead"),
                agent(id, Coder, "coder-1"),
                agent(id, Coder, "coder-2"),
                Member { id: SquadMemberId::new(), holder: Holder::Person(person) },
            ],
            created_by: "Mira Okafor".to_owned(),
            created_at: shell(BuiltinRole::Owner).now,
            archived_at: None,
        }
    }

    #[test]
    fn letters_carry_the_number_of_the_name() {
        assert_eq!(letters(AgentRole::Coder, "coder-2"), "C2");
        assert_eq!(letters(AgentRole::Lead, "lead"), "L");
        assert_eq!(letters(AgentRole::Tester, "load-tester"), "T");
    }

    #[test]
    fn an_empty_list_offers_the_templates_to_those_who_may() {
        let owner = page(&shell(BuiltinRole::Owner), &[], &[]);
        assert_eq!(owner.matches(r#"name="template""#).count(), 3, "{owner}");
        let reader = page(&shell(BuiltinRole::Reader), &[], &[]);
        assert!(!reader.contains(r#"name="template""#) && !reader.contains("/squads/new"), "{reader}");
    }

    #[test]
    fn what_was_typed_and_chosen_stays() {
        let mut errors = Errors::new();
        errors.add("name", "The team has a squad called Core already.");
        let html = new_page(
            &shell(BuiltinRole::Owner),
            &NewSquad { name: "Core".to_owned(), template: "solo".to_owned(), errors },
        );
        assert!(html.contains(r#"value="Core""#) && html.matches(" checked").count() == 1, "{html}");
        assert!(html.contains(r#"value="solo" checked"#), "{html}");
    }
}
