//! Squads, agents and agent types with sample data.

use app::{
    components::{breadcrumb::Crumb, select::Choice},
    forms::Errors,
    layout::shell::Shell,
    pages,
};
use orchestrator::squads;
use time::Duration;
use types::{AgentId, AgentKind, AgentRole, AgentTypeId, SquadId, SquadMemberId, Stage, UserId};

use crate::NOW;

pub(crate) fn pages(shell: &Shell) -> Vec<(&'static str, String)> {
    let at = |page: &str| Shell { crumbs: vec![Crumb::new("Squads", "#"), Crumb::new(page, "#main")], ..shell.clone() };
    let squad = sample_squad();
    let listed = squads::Squad {
        id: squad.id,
        name: squad.settings.name.clone(),
        description: String::new(),
        template: squad.template,
        roles: squad.template.roles().to_vec(),
        people: 1,
        max_concurrent_runs: 3,
        created_at: squad.created_at,
        archived_at: None,
    };
    let detail = pages::squads::detail::Detail {
        squad: squad.clone(),
        others: squad.people().cloned().collect(),
        errors: Errors::new(),
    };
    let resting = squads::SquadDetail { archived_at: Some(NOW), ..squad.clone() };
    let archived = pages::squads::detail::Detail { squad: resting, ..detail.clone() };
    let edit = pages::squads::edit::Edit::from(&squad);
    let mut errors = Errors::new();
    errors.add("implement", "Choose who implements.");
    let wrong = pages::squads::edit::Edit { errors, ..edit.clone() };
    let agent_type = squads::AgentType { id: AgentTypeId::new(), settings: sample_type(), enabled: true };
    vec![
        ("squads", pages::squads::page(&at("Squads"), std::slice::from_ref(&listed), &[])),
        ("squads-none", pages::squads::page(&at("Squads"), &[], &[])),
        ("squad-new", pages::squads::new_page(&at("Form a squad"), &pages::squads::NewSquad::default())),
        ("squad", pages::squads::detail::page(&at("Ledger core"), &detail)),
        ("squad-archived", pages::squads::detail::page(&at("Ledger core"), &archived)),
        ("squad-edit", pages::squads::edit::page(&at("Edit"), &edit)),
        ("squad-edit-error", pages::squads::edit::page(&at("Edit"), &wrong)),
        ("agent", pages::squads::agent::page(&at("coder-1"), &sample_agent(&squad))),
        ("agent-types", pages::agent_types::page(&at("Agent types"), &[agent_type])),
        ("agent-type-new", pages::agent_types::form::page(&at("New"), &pages::agent_types::form::Form::default())),
    ]
}

fn sample_squad() -> squads::SquadDetail {
    let (id, template) = (SquadId::new(), squads::Template::Full);
    let agent = |(at, role): (usize, &AgentRole)| {
        let name = if *role == AgentRole::Coder { format!("coder-{}", at - 1) } else { role.to_string() };
        let settings = squads::AgentSettings::of_role(*role, name, AgentTypeId::new());
        let type_name = "Muster agent".to_owned();
        let agent = squads::Agent { id: AgentId::new(), squad: id, version: 4, settings, type_name, updated_at: NOW };
        squads::Member { id: SquadMemberId::new(), holder: squads::Holder::Agent(agent) }
    };
    let person = squads::Person { id: UserId::new(), name: "Mira Okafor".to_owned() };
    let mut members: Vec<squads::Member> = template.roles().iter().enumerate().map(agent).collect();
    members.push(squads::Member { id: SquadMemberId::new(), holder: squads::Holder::Person(person) });
    let stage = |(stage, roles): (&Stage, &[AgentRole])| squads::StageRoles { stage: *stage, roles: roles.to_vec() };
    let who: [&[AgentRole]; 5] = [
        &[AgentRole::Lead, AgentRole::Architect],
        &[AgentRole::Coder],
        &[AgentRole::Tester],
        &[AgentRole::Reviewer],
        &[AgentRole::Lead],
    ];
    squads::SquadDetail {
        id,
        template,
        settings: squads::SquadSettings {
            name: "Ledger core".to_owned(),
            description: "Works on the ledger's API.".to_owned(),
            instructions: "Amounts are whole cents. Never change a migration that was released.".to_owned(),
        },
        rules: squads::Rules {
            stages: Stage::ALL.iter().zip(who).map(stage).collect(),
            gates: squads::Gates { plan: true, merge: true },
            bounds: squads::Bounds { max_iterations: 3, max_reworks: 2, max_concurrent_runs: 3 },
        },
        members,
        created_by: "Mira Okafor".to_owned(),
        created_at: NOW - Duration::days(60),
        archived_at: None,
    }
}

fn sample_agent(squad: &squads::SquadDetail) -> pages::squads::agent::AgentPage {
    let kind = AgentTypeId::new();
    let settings = squads::AgentSettings::of_role(AgentRole::Coder, "coder-1".to_owned(), kind);
    let version = |number, days| squads::AgentVersion {
        version: number,
        settings: settings.clone(),
        saved_by: "Mira Okafor".to_owned(),
        saved_at: NOW - Duration::days(days),
    };
    pages::squads::agent::AgentPage {
        squad: squad.id,
        id: AgentId::new(),
        name: "coder-1".to_owned(),
        role: AgentRole::Coder,
        version: 4,
        types: vec![Choice::new(kind.to_string(), "Muster agent")],
        providers: vec![Choice::new("a", "Anthropic"), Choice::new("b", "OpenAI")],
        models: vec!["fast".to_owned(), "anthropic/claude-opus-4-5".to_owned()],
        input: pages::squads::agent::AgentInput::of(&settings, 4),
        versions: vec![version(4, 1), version(3, 9)],
        errors: Errors::new(),
    }
}

fn sample_type() -> squads::AgentTypeSettings {
    squads::AgentTypeSettings {
        name: "example".to_owned(),
        display_name: "Example agent".to_owned(),
        description: "For work on documents.".to_owned(),
        kind: AgentKind::Acp,
        image: Some("registry.example/team/agent".to_owned()),
        tag: Some("1.2".to_owned()),
        command: String::new(),
        cpu_millis: 1500,
        memory_mb: 1536,
        disk_mb: 10_240,
        environment: [("MODE".to_owned(), "acp".to_owned())].into(),
        capabilities: vec!["documentation".to_owned()],
        docs_url: Some("https://example.com/agent".to_owned()),
    }
}
