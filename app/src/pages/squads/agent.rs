use leptos::prelude::*;
use orchestrator::squads::{AgentSettings, AgentVersion};
use serde::Deserialize;
use types::{AgentId, AgentRole, Permission, SquadId};

use super::letters;
use crate::{
    components::{
        avatar,
        button::Button,
        error_summary::error_summary,
        field::Field,
        section::{page_head, section},
        select::{Choice, select},
        text_area::TextArea,
        time::relative,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// The settings of an agent, as they stand or as they were typed.
#[derive(Clone, Debug)]
pub struct AgentPage {
    pub squad: SquadId,
    pub id: AgentId,
    /// Name and role as they are.
    pub name: String,
    pub role: AgentRole,
    /// The version that is shown, and that a save builds on.
    pub version: i32,
    /// The agent types that can be chosen: id and name.
    pub types: Vec<Choice>,
    /// The providers that can be chosen besides the team's default: id and name.
    pub providers: Vec<Choice>,
    /// Names that models can be given as.
    pub models: Vec<String>,
    pub input: AgentInput,
    /// Newest first.
    pub versions: Vec<AgentVersion>,
    pub errors: Errors,
}

/// The form, as text.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AgentInput {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub role: String,
    #[serde(default)]
    pub agent_type: String,
    #[serde(default)]
    pub provider: String,
    #[serde(default)]
    pub model: String,
    /// One pattern per line.
    #[serde(default)]
    pub allowed_models: String,
    #[serde(default)]
    pub instructions: String,
    #[serde(default)]
    pub max_model_calls: String,
    #[serde(default)]
    pub max_tokens: String,
    #[serde(default)]
    pub max_cost: String,
    #[serde(default)]
    pub wall_minutes: String,
    #[serde(default)]
    pub version: String,
}

impl AgentInput {
    #[must_use]
    pub fn of(settings: &AgentSettings, version: i32) -> Self {
        Self {
            name: settings.name.clone(),
            role: settings.role.to_string(),
            agent_type: settings.agent_type.to_string(),
            provider: settings.provider.map(|provider| provider.to_string()).unwrap_or_default(),
            model: settings.model.clone().unwrap_or_default(),
            allowed_models: settings.allowed_models.join("\n"),
            instructions: settings.instructions.clone(),
            max_model_calls: settings.limits.max_model_calls.to_string(),
            max_tokens: settings.limits.max_tokens.to_string(),
            max_cost: dollars(settings.limits.max_cost),
            wall_minutes: settings.limits.wall_minutes.to_string(),
            version: version.to_string(),
        }
    }
}

/// Two decimals, or as many as the amount needs.
fn dollars(amount: types::MicroUsd) -> String {
    let text = amount.dollars(6);
    let short = text.trim_end_matches('0');
    let kept = short.len().max(text.len() - 4);
    text[..kept].to_owned()
}

#[must_use]
pub fn page(shell: &Shell, data: &AgentPage) -> String {
    let manages = shell.may(Permission::ManageSquads);
    let sub = format!(
        "{}, version {}. What you save holds for runs started afterwards; runs under way keep their version.",
        data.role.label(),
        data.version
    );
    let body = if manages { form(shell, data) } else { read_only(data) };
    let main = view! {
        {page_head(&data.name, &sub, None)}
        {error_summary(&data.errors)}
        <div class="cols">
            {section("settings", "Settings", None, None, body)}
            {section("versions", "Versions", Some(data.versions.len()), None, versions(shell, data))}
        </div>
    };
    shell::page(shell, &data.name, !data.errors.is_empty(), main.into_any())
}

fn form(shell: &Shell, data: &AgentPage) -> AnyView {
    let input = &data.input;
    let roles: Vec<Choice> = AgentRole::ALL.iter().map(|role| Choice::new(role.as_str(), role.label())).collect();
    let name = Field::new("name", "Name")
        .value(&input.name)
        .hint("Lower-case letters, digits and hyphens. Commits carry it.")
        .error(data.errors.of("name"))
        .max_length(40)
        .required();
    let instructions = TextArea {
        name: "instructions",
        label: "Instructions",
        value: input.instructions.clone(),
        hint: Some("Told to the model after what its role says."),
        error: data.errors.of("instructions").map(str::to_owned),
        rows: 8,
        max_length: Some(20_000),
    };
    let action = shell.link(&format!("/squads/{}/agents/{}", data.squad, data.id));
    view! {
        <form class="form" method="post" action=action>
            <input type="hidden" name="version" value=input.version.clone()/>
            {name.view()}
            {select("role", "Role", &roles, &input.role, data.errors.of("role"))}
            {select("agent_type", "Agent type", &data.types, &input.agent_type, data.errors.of("agent_type"))}
            {provider(data)}
            {model(data)}
            {allowed_models(&data.input.allowed_models, data.errors.of("allowed_models"))}
            {instructions.view()}
            {limits(data)}
            <div class="cluster">
                {Button::new("Save the agent").primary().busy("Saving…").submit()}
                {Button::new("Back to the squad").plain().link(shell.link(&format!("/squads/{}", data.squad)))}
            </div>
        </form>
    }
    .into_any()
}

fn provider(data: &AgentPage) -> AnyView {
    let first = Choice::new("", "Whichever the model's name leads to");
    let choices: Vec<Choice> = std::iter::once(first).chain(data.providers.iter().cloned()).collect();
    select("provider", "Model provider", &choices, &data.input.provider, data.errors.of("provider"))
}

fn model(data: &AgentPage) -> AnyView {
    Field::new("model", "Model")
        .value(&data.input.model)
        .options(&data.models)
        .hint(
            "A name of the team's own, provider/model, or the model's name at the provider above. Empty: the default.",
        )
        .error(data.errors.of("model"))
        .max_length(200)
        .autocomplete("off")
        .view()
}

/// The list of models that calls may go to, as projects and agents have it.
pub(in crate::pages) fn allowed_models(value: &str, error: Option<&str>) -> AnyView {
    TextArea {
        name: "allowed_models",
        label: "Allowed models",
        value: value.to_owned(),
        hint: Some("One per line: provider/model, provider/*, or a name of the team's own. Empty: all. Holds at once."),
        error: error.map(str::to_owned),
        rows: 3,
        max_length: Some(14_000),
    }
    .view()
}

fn limits(data: &AgentPage) -> AnyView {
    let input = &data.input;
    let number = |name: &'static str, label: &'static str, value: &str, least, most| {
        Field::new(name, label).number(least, most).value(value).error(data.errors.of(name)).required().view()
    };
    let cost = Field::new("max_cost", "US dollars in a run")
        .value(&input.max_cost)
        .error(data.errors.of("max_cost"))
        .max_length(20)
        .required()
        .view();
    view! {
        <fieldset class="field">
            <legend class="field__label">"Limits"</legend>
            <div class="squad__numbers">
                {number("max_model_calls", "Model calls in a turn", &input.max_model_calls, 1, 1000)}
                {number("wall_minutes", "Minutes in a turn", &input.wall_minutes, 1, 1440)}
                {number("max_tokens", "Tokens in a run", &input.max_tokens, 1000, 1_000_000_000)}
                {cost}
            </div>
            <p class="field__hint">"Tokens are those read afresh and written; what a provider reads again from its cache is not counted. At a limit the run waits, says which one was met, and goes on once you raise it."</p>
        </fieldset>
    }
    .into_any()
}

fn read_only(data: &AgentPage) -> AnyView {
    let input = &data.input;
    let or_default = |text: &str| if text.is_empty() { "Team default".to_owned() } else { text.to_owned() };
    let allowed = |lines: &str| if lines.is_empty() { "All".to_owned() } else { lines.replace('\n', ", ") };
    let kind = data.types.iter().find(|choice| choice.value == input.agent_type).map(|choice| choice.label.clone());
    view! {
        <dl class="facts">
            <dt>"Role"</dt><dd>{data.role.label()}</dd>
            <dt>"Type"</dt><dd>{kind}</dd>
            <dt>"Model"</dt><dd>{or_default(&input.model)}</dd>
            <dt>"Allowed models"</dt><dd>{allowed(&input.allowed_models)}</dd>
            <dt>"A turn"</dt><dd>{format!("{} model calls, {} min", input.max_model_calls, input.wall_minutes)}</dd>
            <dt>"A run"</dt><dd>{format!("{} tokens, ${}", input.max_tokens, input.max_cost)}</dd>
        </dl>
        <pre class="squad__text">{input.instructions.clone()}</pre>
    }
    .into_any()
}

fn versions(shell: &Shell, data: &AgentPage) -> AnyView {
    let rows = data.versions.iter().map(|version| {
        let settings = &version.settings;
        let model = settings.model.clone().unwrap_or_else(|| "team default".to_owned());
        view! {
            <li>
                {avatar::person(&version.saved_by)}
                <details>
                    <summary><b>{format!("v{} ", version.version)}</b>{version.saved_by.clone()}", "{relative(version.saved_at, shell.now)}</summary>
                    <p>{format!("{} {}, model {model}, {} a run", settings.role.label(), settings.name, settings.limits.max_cost)}</p>
                    <pre class="squad__text">{settings.instructions.clone()}</pre>
                </details>
                {avatar::agent(letters(settings.role, &settings.name))}
            </li>
        }
    });
    view! { <ol class="feed">{rows.collect_view()}</ol> }.into_any()
}

#[cfg(test)]
mod tests {
    use types::{AgentTypeId, BuiltinRole, MicroUsd};

    use super::*;
    use crate::layout::shell::tests::shell;

    fn data() -> AgentPage {
        let kind = AgentTypeId::new();
        let settings = AgentSettings::of_role(AgentRole::Coder, "coder-1".to_owned(), kind);
        let version = AgentVersion {
            version: 3,
            settings: settings.clone(),
            saved_by: "Mira".to_owned(),
            saved_at: shell(BuiltinRole::Owner).now,
        };
        AgentPage {
            squad: SquadId::new(),
            id: AgentId::new(),
            name: "coder-1".to_owned(),
            role: AgentRole::Coder,
            version: 3,
            types: vec![Choice::new(kind.to_string(), "Muster agent")],
            providers: Vec::new(),
            models: vec!["fast".to_owned(), "openai/gpt-5".to_owned()],
            input: AgentInput::of(&settings, 3),
            versions: vec![version],
            errors: Errors::new(),
        }
    }

    #[test]
    fn the_form_carries_the_version_it_was_made_on() {
        let html = page(&shell(BuiltinRole::Owner), &data());
        assert!(html.contains(r#"name="version" value="3""#), "{html}");
        assert!(html.contains(r#"name="max_cost" type="text" value="5.00""#), "{html}");
    }

    #[test]
    fn the_model_field_offers_names_and_the_list_keeps_what_was_typed() {
        let mut data = data();
        data.input.allowed_models = "fast\nelsewhere/*".to_owned();
        data.errors.add("allowed_models", "“elsewhere” is no provider of the team.");
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains(r#"<option value="openai/gpt-5">"#), "{html}");
        assert!(html.contains("elsewhere/*</textarea>") && html.contains(r#"id="allowed_models-error""#), "{html}");
    }

    #[test]
    fn readers_get_no_form() {
        let html = page(&shell(BuiltinRole::Reader), &data());
        assert!(!html.contains(r#"name="instructions""#) && html.contains("80 model calls"), "{html}");
    }

    #[test]
    fn amounts_show_the_decimals_they_need() {
        assert_eq!(dollars(MicroUsd::from_cents(500)), "5.00");
        assert_eq!(dollars(MicroUsd::from_micros(41_200)), "0.0412");
        assert_eq!(dollars(MicroUsd::ZERO), "0.00");
    }
}
