use leptos::prelude::*;
use orchestrator::models::PricedProvider;
use time::OffsetDateTime;
use types::{ModelProviderId, Permission};

use super::catalogue;
use crate::{
    components::{
        button::Button,
        dialog::{Confirm, confirm},
        error_summary::error_summary,
        field::Field,
        menu::{menu, menu_opens},
        section::{page_head, section},
        select::{Choice, select},
        status::State,
        table::{actions, cell, row, table},
        time::relative,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// The team's model providers, and the form for one more.
#[derive(Clone, Debug, Default)]
pub struct Models {
    pub providers: Vec<Provider>,
    /// Their models with prices.
    pub prices: Vec<PricedProvider>,
    /// Value and name of each kind that can be added.
    pub presets: Vec<Choice>,
    pub form: NewProvider,
    pub errors: Errors,
}

#[derive(Clone, Debug)]
pub struct Provider {
    pub id: ModelProviderId,
    pub name: String,
    /// Where it is; what it does, for the demo model.
    pub place: String,
    pub model: String,
    /// What may be seen of the key, and since when it is there.
    pub key: Option<(String, OffsetDateTime)>,
    pub is_default: bool,
    pub is_demo: bool,
    pub tested: Option<Tested>,
    pub agents: i64,
}

#[derive(Clone, Debug)]
pub struct Tested {
    pub at: OffsetDateTime,
    pub problem: Option<String>,
}

/// What was typed, or what the chosen kind begins with. A key is never written back.
#[derive(Clone, Debug, Default)]
pub struct NewProvider {
    pub preset: String,
    pub name: String,
    pub base_url: String,
    pub model: String,
    pub format: String,
    /// The formats, where the person must say which.
    pub formats: Vec<Choice>,
    pub needs_key: bool,
}

#[must_use]
pub fn page(shell: &Shell, data: &Models) -> String {
    let manages = shell.may(Permission::ManageIntegrations);
    let sub = "Keys are sealed when you save them and never shown again. Only Muster's server uses them: no sandbox, no agent sees one.";
    let list = view! { {providers(shell, data, manages)}{manages.then(|| dialogs(shell, data))} };
    let main = view! {
        {page_head("Models and keys", sub, None)}
        {error_summary(&data.errors)}
        {section("providers", "Providers", Some(data.providers.len()), None, list.into_any())}
        {section("models", "Models", None, None, catalogue::catalogue(&data.prices))}
        <p class="section__note">
            <a href=shell.link("/settings/gateway")>"Keys for your own programs, agreed prices, names for models"</a>
        </p>
        {manages.then(|| section("add", "Add a provider", None, None, add(shell, data)))}
    };
    shell::page(shell, "Models and keys", !data.errors.is_empty(), main.into_any())
}

fn providers(shell: &Shell, data: &Models, manages: bool) -> AnyView {
    let rows = data.providers.iter().map(|provider| {
        let mut cells = vec![
            cell("Model", view! { <span class="mono">{provider.model.clone()}</span> }.into_any()),
            cell("Key", key(shell, provider)),
            cell("Trial call", trial(shell, provider)),
        ];
        if manages {
            cells.push(actions(buttons(shell, provider)));
        }
        row(head(provider), cells)
    });
    let heads: &[&str] = if manages {
        &["Provider", "Model", "Key", "Trial call", "Actions"]
    } else {
        &["Provider", "Model", "Key", "Trial call"]
    };
    table("Model providers of the team", heads, rows.collect())
}

fn head(provider: &Provider) -> AnyView {
    let default = provider.is_default.then(|| view! { <span class="sub">"Used by agents that name no other"</span> });
    view! { {provider.name.clone()}<span class="sub">{provider.place.clone()}</span>{default} }.into_any()
}

fn key(shell: &Shell, provider: &Provider) -> AnyView {
    match &provider.key {
        Some((hint, at)) => {
            view! { <span class="mono">{hint.clone()}</span><span class="sub">{relative(*at, shell.now)}</span> }
                .into_any()
        }
        None => view! { <span class="muted">"None needed"</span> }.into_any(),
    }
}

fn trial(shell: &Shell, provider: &Provider) -> AnyView {
    if provider.is_demo {
        return view! { <span class="muted">"Always there"</span> }.into_any();
    }
    match &provider.tested {
        None => State::Todo.worded("Not tried yet"),
        Some(Tested { at, problem: None }) => {
            view! { {State::Done.worded("Works")}<span class="sub">{relative(*at, shell.now)}</span> }.into_any()
        }
        Some(Tested { at, problem: Some(problem) }) => view! {
            {State::Failed.worded("Does not work")}<span class="sub">{relative(*at, shell.now)}</span>
            <span class="sub">{problem.clone()}</span>
        }
        .into_any(),
    }
}

fn post(shell: &Shell, provider: &Provider, verb: &str, button: AnyView) -> AnyView {
    let action = shell.link(&format!("/settings/models/{}/{verb}", provider.id));
    view! { <form method="post" action=action>{button}</form> }.into_any()
}

fn buttons(shell: &Shell, provider: &Provider) -> AnyView {
    let test = (!provider.is_demo).then(|| {
        post(shell, provider, "test", Button::new("Test").small().busy("Calling…").about(&provider.name).submit())
    });
    let default = (!provider.is_default).then(|| {
        let button = Button::new("Make default").small().busy("Saving…").about(&provider.name).submit();
        post(shell, provider, "default", button)
    });
    let more = (!provider.is_demo).then(|| {
        let items = vec![
            menu_opens("Replace the key", &format!("key-{}", provider.id), false),
            menu_opens("Remove", &format!("remove-{}", provider.id), true),
        ];
        menu(&format!("More for {}", provider.name), items)
    });
    view! { <div class="cluster">{test}{default}{more}</div> }.into_any()
}

fn dialogs(shell: &Shell, data: &Models) -> AnyView {
    let own = data.providers.iter().filter(|provider| !provider.is_demo);
    own.map(|provider| view! { {key_dialog(shell, provider)}{remove_dialog(shell, provider)} })
        .collect_view()
        .into_any()
}

fn key_dialog(shell: &Shell, provider: &Provider) -> AnyView {
    let (id, title) = (format!("key-{}", provider.id), format!("key-{}-title", provider.id));
    let (title_ref, input) = (title.clone(), format!("key-{}-input", provider.id));
    let input_ref = input.clone();
    let action = shell.link(&format!("/settings/models/{}/key", provider.id));
    view! {
        <dialog class="dialog" popover="auto" id=id.clone() aria-labelledby=title_ref>
            <form class="dialog__body" method="post" action=action>
                <h2 id=title>{format!("New key for {}", provider.name)}</h2>
                <div class="field">
                    <label class="field__label" for=input_ref>"Key"</label>
                    <input class="input" id=input name="key" type="password" autocomplete="new-password" maxlength="500" required=true/>
                </div>
                <label class="check">
                    <input type="checkbox" name="anyway" value="yes"/>
                    <span>"Replace it also where it cannot be tried, because the provider does not answer"</span>
                </label>
                <p>"The new key is tried with a small call first; one that the provider refuses leaves the old one in place. Calls that run keep the old key, and every later one uses the new key. Revoke the old one at the provider afterwards."</p>
                <div class="cluster" data-end=true>
                    {Button::new("Cancel").opens(&id)}
                    {Button::new("Replace the key").primary().busy("Replacing…").submit()}
                </div>
            </form>
        </dialog>
    }
    .into_any()
}

fn remove_dialog(shell: &Shell, provider: &Provider) -> AnyView {
    let default = if provider.is_default { " The demo model becomes the default again." } else { "" };
    confirm(Confirm {
        id: &format!("remove-{}", provider.id),
        question: format!("Remove {}?", provider.name),
        consequence: format!(
            "Its key is destroyed here; it stays valid at the provider until you revoke it there.{default}"
        ),
        action: shell.link(&format!("/settings/models/{}/remove", provider.id)),
        verb: "Remove",
        keep: format!("Keep {}", provider.name),
    })
}

fn add(shell: &Shell, data: &Models) -> AnyView {
    let kinds = data.presets.iter().map(|preset| {
        let href = shell.link(&format!("/settings/models?preset={}#add", preset.value));
        let current = (preset.value == data.form.preset).then_some("page");
        view! { <a href=href aria-current=current>{preset.label.clone()}</a> }
    });
    view! {
        <div class="pile" data-gap="large">
            <nav class="tabs" aria-label="Kind of provider">{kinds.collect_view()}</nav>
            {form(shell, data)}
        </div>
    }
    .into_any()
}

fn form(shell: &Shell, data: &Models) -> AnyView {
    let (form, errors) = (&data.form, &data.errors);
    let name = Field::new("name", "Name").value(&form.name).error(errors.of("name")).max_length(80).required().view();
    let address = Field::new("base_url", "Address of the API")
        .value(&form.base_url)
        .hint("Where the provider's own documentation says, with the version at the end where it has one.")
        .error(errors.of("base_url"))
        .max_length(500)
        .required()
        .view();
    let format = (!form.formats.is_empty())
        .then(|| select("format", "Speaks like", &form.formats, &form.format, errors.of("format")));
    let model = Field::new("model", "Model")
        .value(&form.model)
        .hint("Agents use it unless they name another one of this provider.")
        .error(errors.of("model"))
        .max_length(200)
        .required()
        .view();
    let label = if form.needs_key { "Key" } else { "Key, where the server wants one" };
    let key = Field::new("key", label).password().autocomplete("new-password").error(errors.of("key")).max_length(500);
    let key = if form.needs_key { key.required() } else { key }.view();
    view! {
        <form class="form" method="post" action=shell.link("/settings/models")>
            <input type="hidden" name="preset" value=form.preset.clone()/>
            {name}{address}{format}{model}{key}
            <p class="section__note">"Saving makes one small call to see whether address, key and model work together."</p>
            <div class="cluster">{Button::new("Save and try").primary().busy("Calling…").submit()}</div>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    fn provider(name: &str, is_demo: bool) -> Provider {
        let at = datetime!(2026-11-19 14:00 UTC);
        Provider {
            id: ModelProviderId::new(),
            name: name.to_owned(),
            place: "https://api.anthropic.com".to_owned(),
            model: "claude-sonnet-5".to_owned(),
            key: (!is_demo).then(|| ("sk-…x7Qa".to_owned(), at)),
            is_default: !is_demo,
            is_demo,
            tested: (!is_demo).then(|| Tested { at, problem: Some("The provider refuses the key.".to_owned()) }),
            agents: 0,
        }
    }

    fn data() -> Models {
        Models {
            providers: vec![provider("Anthropic", false), provider("Demo model: replays a recording", true)],
            prices: Vec::new(),
            presets: vec![Choice::new("anthropic", "Anthropic")],
            form: NewProvider { preset: "anthropic".to_owned(), needs_key: true, ..NewProvider::default() },
            errors: Errors::new(),
        }
    }

    #[test]
    fn readers_see_states_but_no_forms() {
        let html = page(&shell(BuiltinRole::Reader), &data());
        assert!(html.contains("sk-…x7Qa") && html.contains("The provider refuses the key."), "{html}");
        assert!(!html.contains("/settings/models/") && !html.contains(r#"name="key""#), "{html}");
    }

    #[test]
    fn the_demo_model_can_be_chosen_but_not_tried_or_removed() {
        let data = data();
        let html = page(&shell(BuiltinRole::Owner), &data);
        let demo = format!("/settings/models/{}/", data.providers[1].id);
        assert!(html.contains(&format!("{demo}default")), "{html}");
        assert!(!html.contains(&format!("{demo}test")) && !html.contains(&format!("{demo}remove")), "{html}");
    }

    #[test]
    fn a_wrong_form_keeps_everything_but_the_key() {
        let mut data = data();
        data.form.base_url = "http://10.0.0.1".to_owned();
        data.errors.add("base_url", "Muster does not call this address.");
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains(r#"value="http://10.0.0.1""#) && html.contains("Error: Models and keys"), "{html}");
    }
}
