use leptos::prelude::*;
use orchestrator::squads::AgentTypeSettings;
use serde::Deserialize;
use types::{AgentKind, AgentTypeId};

use crate::{
    components::{
        button::Button,
        error_summary::error_summary,
        field::Field,
        section::page_head,
        select::{Choice, select},
        text_area::TextArea,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// A new agent type, or one that is edited.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// None for a new one.
    pub id: Option<AgentTypeId>,
    pub input: TypeInput,
    pub errors: Errors,
}

/// The form, as text.
#[derive(Clone, Debug, Deserialize)]
pub struct TypeInput {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub image: String,
    #[serde(default)]
    pub tag: String,
    #[serde(default)]
    pub command: String,
    #[serde(default)]
    pub cpu_millis: String,
    #[serde(default)]
    pub memory_mb: String,
    #[serde(default)]
    pub disk_mb: String,
    /// One `NAME=value` a line.
    #[serde(default)]
    pub environment: String,
    /// Separated by commas.
    #[serde(default)]
    pub capabilities: String,
    #[serde(default)]
    pub docs_url: String,
}

impl Default for TypeInput {
    fn default() -> Self {
        Self {
            name: String::new(),
            display_name: String::new(),
            description: String::new(),
            kind: AgentKind::Acp.to_string(),
            image: String::new(),
            tag: "latest".to_owned(),
            command: String::new(),
            cpu_millis: "2000".to_owned(),
            memory_mb: "2048".to_owned(),
            disk_mb: "10240".to_owned(),
            environment: String::new(),
            capabilities: String::new(),
            docs_url: String::new(),
        }
    }
}

impl From<&AgentTypeSettings> for TypeInput {
    fn from(settings: &AgentTypeSettings) -> Self {
        let lines: Vec<String> = settings.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self {
            name: settings.name.clone(),
            display_name: settings.display_name.clone(),
            description: settings.description.clone(),
            kind: settings.kind.to_string(),
            image: settings.image.clone().unwrap_or_default(),
            tag: settings.tag.clone().unwrap_or_default(),
            command: settings.command.clone(),
            cpu_millis: settings.cpu_millis.to_string(),
            memory_mb: settings.memory_mb.to_string(),
            disk_mb: settings.disk_mb.to_string(),
            environment: lines.join("\n"),
            capabilities: settings.capabilities.join(", "),
            docs_url: settings.docs_url.clone().unwrap_or_default(),
        }
    }
}

#[must_use]
pub fn page(shell: &Shell, data: &Form) -> String {
    let (title, word, path) = match data.id {
        None => ("Add an agent type".to_owned(), "Add the agent type", "/agent-types".to_owned()),
        Some(id) => (format!("Edit {}", data.input.display_name), "Save the agent type", format!("/agent-types/{id}")),
    };
    let main = view! {
        {page_head(&title, "For agents that come as a container image. It is kept with its settings, but cannot run yet: a run refuses agents of this type.", None)}
        {error_summary(&data.errors)}
        <form class="form" method="post" action=shell.link(&path)>
            {naming(data)}
            {running(data)}
            {resources(data)}
            {the_rest(data)}
            <div class="cluster">
                {Button::new(word).primary().busy("Saving…").submit()}
                {Button::new("Cancel").plain().link(shell.link("/agent-types"))}
            </div>
        </form>
    };
    shell::page(shell, &title, !data.errors.is_empty(), main.into_any())
}

fn text(data: &Form, name: &'static str, label: &'static str, value: &str, most: u32) -> Field {
    Field::new(name, label).value(value).error(data.errors.of(name)).max_length(most).autocomplete("off")
}

fn area(data: &Form, name: &'static str, label: &'static str, value: &str, hint: Option<&'static str>) -> AnyView {
    let error = data.errors.of(name).map(str::to_owned);
    TextArea { name, label, value: value.to_owned(), hint, error, rows: 3, max_length: None }.view()
}

fn naming(data: &Form) -> AnyView {
    let input = &data.input;
    view! {
        {text(data, "display_name", "Name for people", &input.display_name, 80).required().view()}
        {text(data, "name", "Name for files and commands", &input.name, 100).hint("Lower-case letters, digits and hyphens.").required().view()}
        {area(data, "description", "Description", &input.description, None)}
    }
    .into_any()
}

fn running(data: &Form) -> AnyView {
    let input = &data.input;
    let kinds = AgentKind::ALL.iter().filter(|kind| **kind != AgentKind::Builtin);
    let kinds: Vec<Choice> = kinds.map(|kind| Choice::new(kind.as_str(), kind.label())).collect();
    view! {
        {select("kind", "How it is spoken to", &kinds, &input.kind, data.errors.of("kind"))}
        {text(data, "image", "Container image", &input.image, 255).hint("Without the tag, for example example/agent.").required().view()}
        {text(data, "tag", "Tag", &input.tag, 128).view()}
        {text(data, "command", "Command", &input.command, 500).hint("What starts the agent. Empty: the image's own command.").view()}
    }
    .into_any()
}

fn resources(data: &Form) -> AnyView {
    let number = |name: &'static str, label: &'static str, value: &str, least, most| {
        Field::new(name, label).number(least, most).value(value).error(data.errors.of(name)).required().view()
    };
    let input = &data.input;
    view! {
        <fieldset class="field">
            <legend class="field__label">"May use"</legend>
            <div class="squad__numbers">
                {number("cpu_millis", "Thousandths of a CPU", &input.cpu_millis, 100, 64_000)}
                {number("memory_mb", "Memory, MiB", &input.memory_mb, 64, 262_144)}
                {number("disk_mb", "Disk, MiB", &input.disk_mb, 64, 1_048_576)}
            </div>
        </fieldset>
    }
    .into_any()
}

fn the_rest(data: &Form) -> AnyView {
    let input = &data.input;
    let hint = Some("One NAME=value a line. Everybody who may see squads can read them: put no secrets here.");
    let docs = text(data, "docs_url", "Address of its documentation", &input.docs_url, 500);
    let capabilities = text(data, "capabilities", "Capabilities", &input.capabilities, 1300);
    view! {
        {area(data, "environment", "Environment", &input.environment, hint)}
        {capabilities.hint("Separated by commas, for example code_review, documentation.").view()}
        {docs.view()}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::super::tests::own;
    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn an_edited_type_shows_what_it_is() {
        let own = own();
        let input = TypeInput::from(&own.settings);
        let html = page(&shell(BuiltinRole::Owner), &Form { id: Some(own.id), input, errors: Errors::new() });
        assert!(html.contains(&format!("action=\"/quayside/agent-types/{}\"", own.id)), "{html}");
        assert!(html.contains("MODE=acp</textarea>") && html.contains(r#"value="review, docs""#), "{html}");
        assert!(!html.contains(r#"value="builtin""#), "{html}");
    }
}
