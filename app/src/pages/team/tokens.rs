use leptos::prelude::*;
use time::OffsetDateTime;
use types::{ApiTokenId, Permission};

use crate::{
    components::{
        banner::{Banner, Tone, banner},
        button::Button,
        dialog::{Confirm, confirm},
        empty::{Empty, empty},
        error_summary::error_summary,
        field::Field,
        secret::secret,
        section::{page_head, section},
        select::{Choice, select},
        table::{actions, cell, row, table},
        time::relative,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// The tokens of a person, or of everybody for those who manage the team.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    pub tokens: Vec<Token>,
    /// The one just made, shown this once.
    pub made: Option<Made>,
    /// Where clones come from, with a placeholder for the project: `https://muster.example/git/quayside/PROJECT.git`.
    pub address: String,
    pub form: NewToken,
    pub errors: Errors,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub id: ApiTokenId,
    pub name: String,
    /// Whoever holds it, where that is not whoever looks.
    pub holder: Option<String>,
    /// What it may do, in words.
    pub access: String,
    pub expires_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

#[derive(Clone, Debug)]
pub struct Made {
    pub name: String,
    pub secret: String,
}

/// What was typed into the form.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: String,
    /// `read`, `write` or `role`.
    pub access: String,
    /// Days until it expires.
    pub life: String,
}

impl Default for NewToken {
    fn default() -> Self {
        Self { name: String::new(), access: "read".to_owned(), life: "90".to_owned() }
    }
}

#[must_use]
pub fn page(shell: &Shell, data: &Tokens) -> String {
    let sub = "What git and other programs show instead of your password. A token works in this team alone and never does more than your role.";
    let main = view! {
        {page_head("Access tokens", sub, None)}
        {error_summary(&data.errors)}
        {data.made.as_ref().map(made)}
        {section("tokens", "Tokens", Some(data.tokens.len()), None, list(shell, &data.tokens))}
        {section("new-token", "A new token", None, None, form(shell, data))}
        {section("use", "With git", None, None, explained(&data.address))}
    };
    shell::page(shell, "Access tokens", !data.errors.is_empty(), main.into_any())
}

fn made(made: &Made) -> AnyView {
    let said = banner(&Banner {
        tone: Tone::Success,
        lead: format!("The token “{}” is made.", made.name),
        text: "Copy it now: it is not shown again, and we keep only its hash.".to_owned(),
        action: None,
    });
    view! {
        {said}
        {secret("the token", &made.secret)}
    }
    .into_any()
}

fn list(shell: &Shell, tokens: &[Token]) -> AnyView {
    if tokens.is_empty() {
        let text = "Make one below to clone and push with git.".to_owned();
        return empty(Empty { title: "No tokens yet".to_owned(), text, actions: Vec::new() });
    }
    let others = tokens.iter().any(|token| token.holder.is_some());
    let rows = tokens.iter().map(|token| {
        let used = token.last_used_at.map_or_else(|| "Never".into_any(), |at| relative(at, shell.now));
        let expires =
            if token.expires_at <= shell.now { "Expired".into_any() } else { relative(token.expires_at, shell.now) };
        let mut cells = vec![cell("May", token.access.clone().into_any())];
        if others {
            let holder = token.holder.clone().unwrap_or_else(|| "You".to_owned());
            cells.push(cell("Holder", holder.into_any()));
        }
        cells.extend([cell("Last used", used), cell("Expires", expires), actions(revoke(shell, token))]);
        row(token.name.clone().into_any(), cells)
    });
    let heads: &[&str] = if others {
        &["Name", "May", "Holder", "Last used", "Expires", "Action"]
    } else {
        &["Name", "May", "Last used", "Expires", "Action"]
    };
    table("Access tokens", heads, rows.collect())
}

fn revoke(shell: &Shell, token: &Token) -> AnyView {
    let id = format!("revoke-{}", token.id);
    let dialog = confirm(Confirm {
        id: &id,
        question: format!("Revoke “{}”?", token.name),
        consequence: "Programs that use it are refused from now on. This cannot be undone.".to_owned(),
        action: shell.link(&format!("/tokens/{}/revoke", token.id)),
        verb: "Revoke",
        keep: "Keep it".to_owned(),
    });
    view! { {Button::new("Revoke").small().danger().about(&token.name).opens(&id)} {dialog} }.into_any()
}

fn form(shell: &Shell, data: &Tokens) -> AnyView {
    let name = Field::new("name", "What it is for")
        .value(&data.form.name)
        .hint("For example: git on my laptop")
        .error(data.errors.of("name"))
        .max_length(80)
        .required()
        .view();
    let mut access = vec![Choice::new("read", "Clone and fetch")];
    if shell.may(Permission::WriteFiles) {
        access.push(Choice::new("write", "Clone, fetch and push"));
    }
    access.push(Choice::new("role", "Everything my role allows"));
    let life = [Choice::new("30", "30 days"), Choice::new("90", "90 days"), Choice::new("365", "A year")];
    view! {
        <form class="form" method="post" action=shell.link("/tokens")>
            {name}
            {select("access", "May", &access, &data.form.access, data.errors.of("access"))}
            {select("life", "Works for", &life, &data.form.life, data.errors.of("life"))}
            <div class="cluster">{Button::new("Make the token").busy("Making…").submit()}</div>
        </form>
    }
    .into_any()
}

fn explained(address: &str) -> AnyView {
    view! {
        <p>"Clone with the address below. Git asks for a user name and a password: enter any name, and the token as the password."</p>
        {secret("the command", &format!("git clone {address}"))}
        <p class="section__note">"PROJECT is the project's name in lower case with hyphens, or its id. Copies of repositories elsewhere can be cloned; push to where they come from."</p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn a_new_token_is_shown_and_can_be_copied() {
        let made = Made { name: "laptop".to_owned(), secret: "mst_secret".to_owned() };
        let html = page(&shell(BuiltinRole::Owner), &Tokens { made: Some(made), ..Tokens::default() });
        assert!(html.contains(">mst_secret</code>") && html.contains(r#"data-copy="mst_secret""#), "{html}");
    }

    #[test]
    fn readers_are_not_offered_to_push() {
        let offered = |role| page(&shell(role), &Tokens::default()).contains(r#"value="write""#);
        assert!(offered(BuiltinRole::Owner) && !offered(BuiltinRole::Reader));
    }

    #[test]
    fn what_was_typed_stays() {
        let mut errors = Errors::new();
        errors.add("name", "Say what the token is for.");
        let form = NewToken { life: "365".to_owned(), ..NewToken::default() };
        let html = page(&shell(BuiltinRole::Owner), &Tokens { form, errors, ..Tokens::default() });
        assert!(html.contains("Error: Access tokens") && html.contains(r#"value="365" selected"#), "{html}");
    }
}
