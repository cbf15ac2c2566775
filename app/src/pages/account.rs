use leptos::prelude::*;
use time::OffsetDateTime;
use types::SessionId;

use super::teams::{Membership, list};
use crate::{
    components::{
        button::Button,
        dialog::{Confirm, confirm},
        error_summary::error_summary,
        field::Field,
        section::{page_head, section},
        status::State,
        table::{actions, cell, row, table},
        time::relative,
    },
    forms::Errors,
    layout::{
        shell::{self, Shell},
        theme_form::theme_form,
    },
};

/// What a person can change about themselves.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub name: String,
    pub email: String,
    /// The least number of characters of a password.
    pub min_password: u32,
    pub teams: Vec<Membership>,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &Account) -> String {
    let teams = if data.teams.is_empty() {
        view! { <p class="lede">"You are in no team. "<a class="link" href="/teams/new">"Make one"</a>"."</p> }
            .into_any()
    } else {
        list(&data.teams)
    };
    let main = view! {
        {page_head("Your account", &data.email, None)}
        {tabs("/account")}
        {error_summary(&data.errors)}
        {section("profile", "Profile", None, None, profile(data))}
        {section("look", "Look", None, None, theme_form(shell.appearance, "/account"))}
        {section("secret", "Password", None, None, password(data))}
        {section("teams", "Teams", Some(data.teams.len()), None, teams)}
    };
    shell::page(shell, "Your account", !data.errors.is_empty(), main.into_any())
}

fn tabs(here: &'static str) -> AnyView {
    let tabs = [("/account", "Account"), ("/account/sessions", "Sessions")];
    let links =
        tabs.map(|(href, word)| view! { <a href=href aria-current=(href == here).then_some("page")>{word}</a> });
    view! { <nav class="tabs" aria-label="Account">{links.into_iter().collect_view()}</nav> }.into_any()
}

fn profile(data: &Account) -> AnyView {
    let name = Field::new("name", "Name")
        .value(&data.name)
        .hint("Your teams see it beside what you do.")
        .error(data.errors.of("name"))
        .autocomplete("name")
        .max_length(80)
        .required()
        .view();
    view! {
        <form class="form" method="post" action="/account">
            {name}
            <div class="cluster">{Button::new("Save").busy("Saving…").submit()}</div>
        </form>
    }
    .into_any()
}

fn password(data: &Account) -> AnyView {
    let current = Field::new("current", "Password now")
        .password()
        .error(data.errors.of("current"))
        .autocomplete("current-password")
        .required()
        .view();
    let new = Field::new("new", "New password")
        .password()
        .hint(format!("At least {} characters. All your other sessions end.", data.min_password))
        .error(data.errors.of("new"))
        .autocomplete("new-password")
        .required()
        .view();
    view! {
        <form class="form" method="post" action="/account/password">
            <input class="visually-hidden" type="text" name="username" autocomplete="username" value=data.email.clone() readonly=true tabindex="-1" aria-hidden="true"/>
            {current}
            {new}
            <div class="cluster">{Button::new("Change password").busy("Changing…").submit()}</div>
        </form>
    }
    .into_any()
}

/// A browser in which the person is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    /// “Firefox on Linux”.
    pub device: String,
    /// The address it was last used from, when it is known.
    pub address: Option<String>,
    pub signed_in_at: OffsetDateTime,
    pub last_seen_at: OffsetDateTime,
    pub is_this: bool,
}

/// Where the person is signed in, the newest use first.
#[must_use]
pub fn sessions_page(shell: &Shell, sessions: &[Session]) -> String {
    let others = sessions.iter().filter(|session| !session.is_this).count();
    let end_all = (others > 0).then(|| Button::new("End all others").danger().opens("end-others"));
    let rows = sessions.iter().map(|session| {
        let cells = vec![
            cell("Address", session.address.clone().unwrap_or_else(|| "Unknown".to_owned()).into_any()),
            cell("Signed in", relative(session.signed_in_at, shell.now)),
            cell("Last used", relative(session.last_seen_at, shell.now)),
            actions(end(session)),
        ];
        row(session.device.clone().into_any(), cells)
    });
    let list = table("Sessions", &["Browser", "Address", "Signed in", "Last used", "Action"], rows.collect());
    let main = view! {
        {page_head("Sessions", "Where you are signed in. End what you do not know, then change your password.", end_all)}
        {tabs("/account/sessions")}
        {list}
        {(others > 0).then(|| end_dialog(others))}
    };
    shell::page(shell, "Sessions", false, main.into_any())
}

fn end(session: &Session) -> AnyView {
    if session.is_this {
        return State::Done.worded("This one");
    }
    let action = format!("/account/sessions/{}/revoke", session.id);
    view! { <form method="post" action=action>{Button::new("End").small().danger().about(&session.device).submit()}</form> }.into_any()
}

fn end_dialog(others: usize) -> AnyView {
    confirm(Confirm {
        id: "end-others",
        question: if others == 1 {
            "End the other session?".to_owned()
        } else {
            format!("End {others} other sessions?")
        },
        consequence: "Whoever uses them has to sign in again. What was typed but not sent there is lost.".to_owned(),
        action: "/account/sessions/revoke-others".to_owned(),
        verb: "End them",
        keep: "Keep them".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    fn session(is_this: bool) -> Session {
        let now = shell(BuiltinRole::Owner).now;
        Session {
            id: SessionId::new(),
            device: "Firefox on Linux".to_owned(),
            address: None,
            signed_in_at: now,
            last_seen_at: now,
            is_this,
        }
    }

    #[test]
    fn the_session_of_this_page_cannot_be_ended_here() {
        let shell = shell(BuiltinRole::Owner);
        let (this, other) = (session(true), session(false));
        let html = sessions_page(&shell, &[this.clone(), other.clone()]);
        assert!(html.contains(&format!("/account/sessions/{}/revoke", other.id)), "{html}");
        assert!(!html.contains(&this.id.to_string()), "{html}");
        assert!(!sessions_page(&shell, &[this]).contains("revoke-others"));
    }

    #[test]
    fn a_wrong_password_is_told_at_its_field_and_not_kept() {
        let mut errors = Errors::new();
        errors.add("current", "This is not your password.");
        let html = page(&shell(BuiltinRole::Owner), &Account { errors, ..Account::default() });
        assert!(html.contains(r#"id="current-error""#) && html.contains("Error: Your account"), "{html}");
    }
}
