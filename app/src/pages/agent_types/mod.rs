//! Agent types: what agents run as and what they may use.

pub mod form;

use leptos::prelude::*;
use orchestrator::squads::AgentType;
use types::{AgentKind, Permission};

use crate::{
    components::{
        button::Button,
        icon::Icon,
        section::page_head,
        status::State,
        table::{actions, cell, row, table},
    },
    layout::shell::{self, Shell},
};

#[must_use]
pub fn page(shell: &Shell, types: &[AgentType]) -> String {
    let manages = shell.may(Permission::ManageSquads);
    let add = manages
        .then(|| Button::new("Add an agent type").primary().icon(Icon::Plus).link(shell.link("/agent-types/new")));
    let rows = types.iter().map(|agent_type| {
        let mut cells = cells(agent_type);
        if manages {
            cells.push(actions(buttons(shell, agent_type)));
        }
        row(name(agent_type), cells)
    });
    let heads = ["Type", "Speaks", "Image", "May use", "State", "Actions"];
    let heads = if manages { &heads[..] } else { &heads[..5] };
    let main = view! {
        {page_head("Agent types", "What an agent runs as and what it may use. Only the built-in type can run yet: a run refuses agents of the others.", add)}
        {table("Agent types of the team", heads, rows.collect())}
    };
    shell::page(shell, "Agent types", false, main.into_any())
}

fn name(agent_type: &AgentType) -> AnyView {
    let settings = &agent_type.settings;
    let docs = settings.docs_url.clone().map(|href| {
        view! { <a class="link" href=href rel="noopener noreferrer">"Its documentation"</a> }
    });
    view! {
        <span class="pile" data-gap="small">
            <span>{settings.display_name.clone()}" "<span class="id">{settings.name.clone()}</span></span>
            <span class="muted small">{settings.description.clone()}" "{docs}</span>
        </span>
    }
    .into_any()
}

fn cells(agent_type: &AgentType) -> Vec<AnyView> {
    let settings = &agent_type.settings;
    let image = match (&settings.image, &settings.tag) {
        (Some(image), Some(tag)) => format!("{image}:{tag}"),
        _ => "The project's sandbox".to_owned(),
    };
    let state = if agent_type.enabled { State::Done.worded("On") } else { State::Cancelled.worded("Off") };
    vec![
        cell("Speaks", settings.kind.label().into_any()),
        cell("Image", view! { <span class="id" data-wrap=true>{image}</span> }.into_any()),
        cell("May use", resources(settings.cpu_millis, settings.memory_mb, settings.disk_mb).into_any()),
        cell("State", state),
    ]
}

/// “2 CPUs, 2 GiB, 10 GiB disk”.
fn resources(cpu_millis: i32, memory_mb: i32, disk_mb: i32) -> String {
    let cpu = if cpu_millis % 1000 == 0 {
        format!("{}", cpu_millis / 1000)
    } else {
        format!("{}", f64::from(cpu_millis) / 1000.0)
    };
    let size = |mb: i32| if mb % 1024 == 0 { format!("{} GiB", mb / 1024) } else { format!("{mb} MiB") };
    let unit = if cpu == "1" { "CPU" } else { "CPUs" };
    format!("{cpu} {unit}, {}, {} disk", size(memory_mb), size(disk_mb))
}

fn buttons(shell: &Shell, agent_type: &AgentType) -> AnyView {
    if agent_type.settings.kind == AgentKind::Builtin {
        return view! { <span class="muted small">"Stays as it is"</span> }.into_any();
    }
    let about = &agent_type.settings.display_name;
    let path = shell.link(&format!("/agent-types/{}", agent_type.id));
    let (word, to) = if agent_type.enabled { ("Switch off", "off") } else { ("Switch on", "on") };
    view! {
        <div class="buttons">
            {Button::new("Edit").small().about(about).link(path.clone())}
            <form method="post" action=format!("{path}/switch")>
                <input type="hidden" name="to" value=to/>
                {Button::new(word).small().about(about).submit()}
            </form>
        </div>
    }
    .into_any()
}

#[cfg(test)]
pub(crate) mod tests {
    use orchestrator::squads::AgentTypeSettings;
    use types::{AgentTypeId, BuiltinRole};

    use super::*;
    use crate::layout::shell::tests::shell;

    pub(crate) fn own() -> AgentType {
        let settings = AgentTypeSettings {
            name: "example".into(),
            display_name: "Example agent".into(),
            description: "Speaks the protocol.".into(),
            kind: AgentKind::Acp,
            image: Some("example/agent".into()),
            tag: Some("1.2".into()),
            command: "agent --acp".into(),
            cpu_millis: 1500,
            memory_mb: 1536,
            disk_mb: 10_240,
            environment: [("MODE".to_owned(), "acp".to_owned())].into(),
            capabilities: vec!["review".into(), "docs".into()],
            docs_url: None,
        };
        AgentType { id: AgentTypeId::new(), settings, enabled: true }
    }

    #[test]
    fn the_built_in_type_cannot_be_pressed() {
        let mut built_in = own();
        built_in.settings.kind = AgentKind::Builtin;
        let html = page(&shell(BuiltinRole::Owner), &[built_in, own()]);
        assert_eq!(html.matches("/switch").count(), 1, "{html}");
        assert!(html.contains("1.5 CPUs, 1536 MiB, 10 GiB disk") && html.contains("example/agent:1.2"), "{html}");
        let html = page(&shell(BuiltinRole::Reader), &[own()]);
        assert!(!html.contains("/switch") && !html.contains("/agent-types/new"), "{html}");
    }
}
