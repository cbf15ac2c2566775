use leptos::prelude::*;
use time::OffsetDateTime;
use types::{GatewayKeyId, MicroUsd, ModelProviderId, Permission};

use super::use_with::use_with;
use crate::{
    components::{
        banner::{Banner, Tone, banner},
        button::Button,
        dialog::{Confirm, confirm},
        empty::{Empty, empty},
        error_summary::error_summary,
        field::Field,
        money::fine,
        secret::secret,
        section::{page_head, section},
        select::{Choice, select},
        table::{actions, cell, row, table},
        time::relative,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// How people's own programs call models, and what that costs.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    pub keys: Vec<Key>,
    /// The one just made, shown this once.
    pub made: Option<Made>,
    pub prices: Vec<Price>,
    pub names: Vec<Name>,
    /// Value and name of each project that a key may be for.
    pub projects: Vec<Choice>,
    /// Value and name of each provider that asks for money.
    pub providers: Vec<Choice>,
    /// The addresses that clients of the three vendors need, with the vendor's name.
    pub addresses: Vec<(&'static str, String)>,
    /// Where all of them begin.
    pub base: String,
    pub form: Typed,
    pub errors: Errors,
}

#[derive(Clone, Debug)]
pub struct Key {
    pub id: GatewayKeyId,
    pub name: String,
    pub hint: String,
    pub project: Option<String>,
    pub creator: String,
    pub expires_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

#[derive(Clone, Debug)]
pub struct Made {
    pub name: String,
    pub secret: String,
}

#[derive(Clone, Debug)]
pub struct Price {
    pub provider: ModelProviderId,
    pub provider_name: String,
    pub model: String,
    /// For a million tokens: fresh input, input from the cache, input into the cache, output.
    pub rates: [MicroUsd; 4],
}

#[derive(Clone, Debug)]
pub struct Name {
    pub name: String,
    /// `provider/model`, in the order in which they are tried.
    pub places: Vec<String>,
}

/// What was typed into one of the forms.
#[derive(Clone, Debug)]
pub struct Typed {
    pub name: String,
    pub project: String,
    /// Days until the key expires.
    pub life: String,
    pub provider: String,
    pub model: String,
    /// As in [`Price::rates`], in dollars.
    pub rates: [String; 4],
    pub alias: String,
    pub places: [String; 3],
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            name: String::new(),
            project: String::new(),
            life: "90".to_owned(),
            provider: String::new(),
            model: String::new(),
            rates: Default::default(),
            alias: String::new(),
            places: Default::default(),
        }
    }
}

#[must_use]
pub fn page(shell: &Shell, data: &Gateway) -> String {
    let manages = shell.may(Permission::ManageIntegrations);
    let sub = "Your own programs can call models on the team's account, with the vendors' own client libraries. Each call is held back from the budgets before it is made and booked after it.";
    let main = view! {
        {page_head("Model gateway", sub, None)}
        {error_summary(&data.errors)}
        {data.made.as_ref().map(made)}
        {section("gateway-keys", "Keys", Some(data.keys.len()), None, keys(shell, &data.keys, manages))}
        {manages.then(|| section("new-key", "A new key", None, None, key_form(shell, data)))}
        {section("use", "Addresses", None, None, addresses(data))}
        {section("use-with", "Use it with", None, None, use_with(&data.base))}
        {section("prices", "Agreed prices", Some(data.prices.len()), None, prices(shell, data, manages))}
        {section("names", "Names for models", Some(data.names.len()), None, names(shell, data, manages))}
    };
    shell::page(shell, "Model gateway", !data.errors.is_empty(), main.into_any())
}

fn made(made: &Made) -> AnyView {
    let said = banner(&Banner {
        tone: Tone::Success,
        lead: format!("The key “{}” is made.", made.name),
        text: "Copy it now: it is not shown again, and we keep only its hash.".to_owned(),
        action: None,
    });
    view! { {said}{secret("the key", &made.secret)} }.into_any()
}

fn keys(shell: &Shell, keys: &[Key], manages: bool) -> AnyView {
    if keys.is_empty() {
        let text = "A key lets a program call the team's models without knowing a provider's key.".to_owned();
        return empty(Empty { title: "No keys yet".to_owned(), text, actions: Vec::new() });
    }
    let rows = keys.iter().map(|key| {
        let used = key.last_used_at.map_or_else(|| "Never".into_any(), |at| relative(at, shell.now));
        let expires =
            if key.expires_at <= shell.now { "Expired".into_any() } else { relative(key.expires_at, shell.now) };
        let pays = key.project.clone().map_or_else(|| "The team".to_owned(), |project| format!("Project {project}"));
        let mut cells = vec![
            cell("Key", view! { <span class="mono">{key.hint.clone()}</span> }.into_any()),
            cell("Budget", pays.into_any()),
            cell("Made by", key.creator.clone().into_any()),
            cell("Last used", used),
            cell("Expires", expires),
        ];
        if manages {
            let id = format!("revoke-{}", key.id);
            cells.push(actions(Button::new("Revoke").small().danger().about(&key.name).opens(&id).into_any()));
        }
        row(key.name.clone().into_any(), cells)
    });
    let mut heads = vec!["Name", "Key", "Budget", "Made by", "Last used", "Expires"];
    if manages {
        heads.push("Action");
    }
    // Beside the table, whose cells lay out whatever stands in them.
    let dialogs = manages.then(|| keys.iter().map(|key| revoke(shell, key)).collect_view());
    view! { {table("Keys of the gateway", &heads, rows.collect())}{dialogs} }.into_any()
}

fn revoke(shell: &Shell, key: &Key) -> AnyView {
    confirm(Confirm {
        id: &format!("revoke-{}", key.id),
        question: format!("Revoke “{}”?", key.name),
        consequence: "Programs that use it are refused from now on. This cannot be undone.".to_owned(),
        action: shell.link(&format!("/settings/gateway/keys/{}/revoke", key.id)),
        verb: "Revoke",
        keep: "Keep it".to_owned(),
    })
}

fn key_form(shell: &Shell, data: &Gateway) -> AnyView {
    let (form, errors) = (&data.form, &data.errors);
    let name = Field::new("name", "What it is for")
        .value(&form.name)
        .hint("For example: nightly summaries")
        .error(errors.of("name"))
        .max_length(80)
        .required()
        .view();
    let mut projects = vec![Choice::new("", "The team's budget alone")];
    projects.extend(data.projects.iter().cloned());
    let life = [Choice::new("30", "30 days"), Choice::new("90", "90 days"), Choice::new("365", "A year")];
    view! {
        <form class="form" method="post" action=shell.link("/settings/gateway/keys")>
            {name}
            {select("project", "Counts against", &projects, &form.project, errors.of("project"))}
            {select("life", "Works for", &life, &form.life, errors.of("life"))}
            <div class="cluster">{Button::new("Make the key").primary().busy("Making…").submit()}</div>
        </form>
    }
    .into_any()
}

fn addresses(data: &Gateway) -> AnyView {
    let rows = data
        .addresses
        .iter()
        .map(|(vendor, address)| row((*vendor).into_any(), vec![cell("Base address", secret("the address", address))]));
    view! {
        {table("Where clients connect", &["Client of", "Base address"], rows.collect())}
        <p class="section__note">"Ask for a model as provider/model, by a name of the team's own, or for default. A request that one provider's format has and another's has not is refused by the name of its field."</p>
    }
    .into_any()
}

fn prices(shell: &Shell, data: &Gateway, manages: bool) -> AnyView {
    let list = (!data.prices.is_empty()).then(|| {
        let rows = data.prices.iter().map(|price| {
            let [input, read, write, output] = price.rates;
            let mut cells = vec![
                cell("Model", view! { <span class="mono">{price.model.clone()}</span> }.into_any()),
                cell("Input", fine(input)),
                cell("From the cache", fine(read)),
                cell("Into the cache", fine(write)),
                cell("Output", fine(output)),
            ];
            if manages {
                let action = shell.link(&format!("/settings/gateway/prices/{}/remove", price.provider));
                let button = Button::new("Remove").small().about(&price.model).submit();
                let form = view! {
                    <form method="post" action=action>
                        <input type="hidden" name="model" value=price.model.clone()/>
                        {button}
                    </form>
                };
                cells.push(actions(form.into_any()));
            }
            row(price.provider_name.clone().into_any(), cells)
        });
        let mut heads = vec!["Provider", "Model", "Input", "From the cache", "Into the cache", "Output"];
        if manages {
            heads.push("Action");
        }
        table("Prices for a million tokens, in US dollars", &heads, rows.collect())
    });
    view! {
        <p class="section__note">"What you agreed on with a provider comes before the public price. All are US dollars for a million tokens."</p>
        {list}
        {(manages && !data.providers.is_empty()).then(|| price_form(shell, data))}
    }
    .into_any()
}

fn price_form(shell: &Shell, data: &Gateway) -> AnyView {
    let (form, errors) = (&data.form, &data.errors);
    let [input, read, write, output] = &form.rates;
    let rate = |name: &'static str, label: &str, value: &str| {
        Field::new(name, label).value(value).hint("US dollars").error(errors.of(name)).max_length(20).required().view()
    };
    let model = Field::new("model", "Model").value(&form.model).error(errors.of("model")).max_length(200).required();
    view! {
        <form class="form" method="post" action=shell.link("/settings/gateway/prices")>
            {select("provider", "Provider", &data.providers, &form.provider, errors.of("provider"))}
            {model.hint("As the provider writes it.").view()}
            {rate("input", "Input", input)}
            {rate("cache_read", "Input from the cache", read)}
            {rate("cache_write", "Input into the cache", write)}
            {rate("output", "Output, with reasoning", output)}
            <div class="cluster">{Button::new("Save the price").busy("Saving…").submit()}</div>
        </form>
    }
    .into_any()
}

fn names(shell: &Shell, data: &Gateway, manages: bool) -> AnyView {
    let list = (!data.names.is_empty()).then(|| {
        let rows = data.names.iter().map(|name| {
            let mut cells = vec![cell("Leads to", name.places.join(", then ").into_any())];
            if manages {
                let button = Button::new("Remove").small().about(&name.name).submit();
                let form = view! {
                    <form method="post" action=shell.link("/settings/gateway/names")>
                        <input type="hidden" name="alias" value=name.name.clone()/>
                        {button}
                    </form>
                };
                cells.push(actions(form.into_any()));
            }
            row(name.name.clone().into_any(), cells)
        });
        let heads: &[&str] = if manages { &["Name", "Leads to", "Action"] } else { &["Name", "Leads to"] };
        table("Names of the team's own", heads, rows.collect())
    });
    view! {
        <p class="section__note">"A name leads to one model, or to the next when its provider does not answer."</p>
        {list}
        {manages.then(|| name_form(shell, data))}
    }
    .into_any()
}

fn name_form(shell: &Shell, data: &Gateway) -> AnyView {
    let (form, errors) = (&data.form, &data.errors);
    let [first, second, third] = &form.places;
    let place = |name: &'static str, label: &str, value: &str| {
        Field::new(name, label).value(value).error(errors.of(name)).max_length(260)
    };
    let alias = Field::new("alias", "Name").value(&form.alias).hint("For example: fast").error(errors.of("alias"));
    view! {
        <form class="form" method="post" action=shell.link("/settings/gateway/names")>
            {alias.max_length(60).required().view()}
            {place("first", "Model", first).hint("As provider/model, such as openai/gpt-5").required().view()}
            {place("second", "If that does not answer", second).view()}
            {place("third", "If that does not answer either", third).view()}
            <div class="cluster">{Button::new("Save the name").busy("Saving…").submit()}</div>
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

    fn data() -> Gateway {
        let at = datetime!(2026-12-19 14:00 UTC);
        Gateway {
            keys: vec![Key {
                id: GatewayKeyId::new(),
                name: "nightly".to_owned(),
                hint: "sk-muster-…x7Qa".to_owned(),
                project: Some("ledger".to_owned()),
                creator: "Mira".to_owned(),
                expires_at: at,
                last_used_at: None,
            }],
            providers: vec![Choice::new("p", "Own")],
            names: vec![Name { name: "fast".to_owned(), places: vec!["own/m".to_owned(), "demo/demo".to_owned()] }],
            ..Gateway::default()
        }
    }

    #[test]
    fn readers_see_what_is_there_and_no_form() {
        let html = page(&shell(BuiltinRole::Reader), &data());
        assert!(html.contains("sk-muster-…x7Qa") && html.contains("Project ledger"), "{html}");
        assert!(html.contains("own/m, then demo/demo") && !html.contains("/settings/gateway/"), "{html}");
    }

    #[test]
    fn a_new_key_is_shown_once_and_what_was_typed_stays() {
        let mut data = data();
        data.made = Some(Made { name: "nightly".to_owned(), secret: "sk-muster-secret".to_owned() });
        data.form.rates[3] = "12.x".to_owned();
        data.errors.add("output", "Enter a price.");
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains(r#"data-copy="sk-muster-secret""#) && html.contains(r#"value="12.x""#), "{html}");
    }
}
