use leptos::prelude::*;
use orchestrator::squads::{Agent, Holder, Member, Person, SquadDetail};
use types::AgentRole;

use super::{detail::Detail, detail::link, letters};
use crate::{
    components::{
        avatar,
        button::Button,
        dialog::{Confirm, confirm},
        icon::{Icon, icon},
        money::money,
        select::{Choice, select},
        table::{actions, cell, row, table as rows_of},
    },
    layout::shell::Shell,
};

/// The members, with their places in the hand-off order.
pub(super) fn table(shell: &Shell, squad: &SquadDetail, manages: bool) -> AnyView {
    if squad.members.is_empty() {
        return view! { <p class="lede">"Nobody is in this squad. Add an agent to let it work."</p> }.into_any();
    }
    let last = squad.members.len() - 1;
    let rows = squad.members.iter().enumerate().map(|(at, member)| {
        let mut cells = cells(member);
        if manages {
            cells.push(actions(buttons(shell, squad, member, (at > 0, at < last))));
        }
        row(who(shell, squad, member), cells)
    });
    let heads = ["Name", "Role", "Model", "Instructions", "A turn", "A run", "Actions"];
    let heads = if manages { &heads[..] } else { &heads[..6] };
    let dialogs = manages.then(|| squad.members.iter().map(|member| removal(shell, squad, member)).collect_view());
    view! { {rows_of("Members of the squad, in hand-off order", heads, rows.collect())}{dialogs} }.into_any()
}

fn name(member: &Member) -> &str {
    match &member.holder {
        Holder::Agent(agent) => &agent.settings.name,
        Holder::Person(person) => &person.name,
    }
}

fn who(shell: &Shell, squad: &SquadDetail, member: &Member) -> AnyView {
    match &member.holder {
        Holder::Agent(agent) => {
            let href = link(shell, squad, &format!("/agents/{}", agent.id));
            let letters = letters(agent.settings.role, &agent.settings.name);
            view! { <span class="table__name">{avatar::agent(letters)}<a class="link" href=href>{agent.settings.name.clone()}</a></span> }
                .into_any()
        }
        Holder::Person(person) => {
            view! { <span class="table__name">{avatar::person(&person.name)}{person.name.clone()}</span> }.into_any()
        }
    }
}

fn cells(member: &Member) -> Vec<AnyView> {
    match &member.holder {
        Holder::Agent(agent) => agent_cells(agent),
        Holder::Person(_) => vec![
            cell("Role", "Person".into_any()),
            cell("Model", "–".into_any()),
            cell("Instructions", "–".into_any()),
            cell("A turn", "–".into_any()),
            cell("A run", "–".into_any()),
        ],
    }
}

fn agent_cells(agent: &Agent) -> Vec<AnyView> {
    let settings = &agent.settings;
    let model = settings.model.clone().unwrap_or_else(|| "Team default".to_owned());
    let turn = format!("{} min, {} calls", settings.limits.wall_minutes, settings.limits.max_model_calls);
    let version = format!("v{}", agent.version);
    vec![
        cell("Role", settings.role.label().into_any()),
        cell("Model", view! { <span class="muted">{model}</span> }.into_any()),
        cell("Instructions", view! { <span class="id">{version}</span> }.into_any()),
        cell("A turn", view! { <span>{turn}</span> }.into_any()),
        cell("A run", money(settings.limits.max_cost)),
    ]
}

fn buttons(shell: &Shell, squad: &SquadDetail, member: &Member, (up, down): (bool, bool)) -> AnyView {
    let path = link(shell, squad, &format!("/members/{}/move", member.id));
    let arrow = |direction: &'static str, sign: Icon| {
        let label = format!("Move {} {direction}", name(member));
        view! {
            <form method="post" action=path.clone()>
                <input type="hidden" name="direction" value=direction/>
                <button class="button" type="submit" data-kind="plain" data-icon=true aria-label=label.clone() title=label.clone()>{icon(sign)}</button>
            </form>
        }
    };
    view! {
        <div class="buttons">
            {up.then(|| arrow("up", Icon::ArrowUp))}
            {down.then(|| arrow("down", Icon::ArrowDown))}
            {Button::new("Remove").small().danger().about(name(member)).opens(&format!("remove-{}", member.id))}
        </div>
    }
    .into_any()
}

fn removal(shell: &Shell, squad: &SquadDetail, member: &Member) -> AnyView {
    confirm(Confirm {
        id: &format!("remove-{}", member.id),
        question: format!("Remove {} from {}?", name(member), squad.settings.name),
        consequence: "Runs under way keep the squad they started with. New ones start without this member.".to_owned(),
        action: link(shell, squad, &format!("/members/{}/remove", member.id)),
        verb: "Remove",
        keep: format!("Keep {}", name(member)),
    })
}

/// The forms that add an agent or a person.
pub(super) fn add(shell: &Shell, data: &Detail) -> AnyView {
    let roles: Vec<Choice> = AgentRole::ALL.iter().map(|role| Choice::new(role.as_str(), role.label())).collect();
    let people = (!data.others.is_empty()).then(|| person_form(shell, data));
    view! {
        <div class="squad__add">
            <form class="tools" method="post" action=link(shell, &data.squad, "/agents")>
                {select("role", "Role of a new agent", &roles, "coder", data.errors.of("role"))}
                {Button::new("Add an agent").icon(Icon::Plus).busy("Adding…").submit()}
            </form>
            {people}
        </div>
    }
    .into_any()
}

fn person_form(shell: &Shell, data: &Detail) -> AnyView {
    let choice = |person: &Person| Choice::new(person.id.to_string(), person.name.clone());
    let people: Vec<Choice> = data.others.iter().map(choice).collect();
    view! {
        <form class="tools" method="post" action=link(shell, &data.squad, "/people")>
            {select("user", "A person of the team", &people, "", data.errors.of("user"))}
            {Button::new("Add a person").icon(Icon::Plus).busy("Adding…").submit()}
        </form>
    }
    .into_any()
}
