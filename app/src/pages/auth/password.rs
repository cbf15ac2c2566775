use leptos::prelude::*;

use crate::{
    components::{error_summary::error_summary, field::Field},
    forms::Errors,
    layout::{
        auth::{Auth, auth_page, submit},
        public::Public,
    },
};

/// The last step of sign-up: who one is, a password, and a team unless an invitation names one.
#[derive(Clone, Debug, Default)]
pub struct Account<'a> {
    /// The address whose code was right.
    pub email: &'a str,
    pub name: &'a str,
    pub team: &'a str,
    /// The team that is joined instead of a new one.
    pub invited_to: Option<&'a str>,
    /// In characters.
    pub min_password: u32,
    pub errors: Errors,
}

#[must_use]
pub fn page(chrome: &Public, form: &Account) -> String {
    let team = form.invited_to.is_none().then(|| {
        Field::new("team", "Team")
            .value(form.team)
            .hint("Your company or group. You can change it later.")
            .error(form.errors.of("team"))
            .autocomplete("organization")
            .max_length(80)
            .required()
            .large()
            .view()
    });
    let name = Field::new("name", "Your name")
        .value(form.name)
        .error(form.errors.of("name"))
        .autocomplete("name")
        .max_length(80)
        .required()
        .large()
        .focused(form.errors.is_empty());
    let main = view! {
        {error_summary(&form.errors)}
        <h1>"Set up your account"</h1>
        <p class="muted">"For "<strong>{form.email.to_owned()}</strong>", which is confirmed."{joins(form.invited_to)}</p>
        <form class="stack" method="post" action="/sign-up/account" novalidate=true>
            {account_name(form.email)}
            {name.view()}
            {new_password(form.min_password, &form.errors).view()}
            {team}
            {submit(if form.invited_to.is_some() { "Create account and join" } else { "Create account and team" })}
        </form>
    };
    let auth = Auth { title: "Set up your account".to_owned(), other_way: None, main: main.into_any(), aside: None };
    auth_page(chrome, &form.errors, auth)
}

fn joins(team: Option<&str>) -> Option<String> {
    team.map(|team| format!(" You will be a member of {team}."))
}

/// Tells a password manager whose password is being chosen. The server does not read it.
pub(super) fn account_name(email: &str) -> AnyView {
    view! { <input type="text" value=email.to_owned() autocomplete="username" aria-label="E-mail" readonly=true hidden=true/> }
        .into_any()
}

pub(super) fn new_password(min: u32, errors: &Errors) -> Field {
    Field::new("password", "Password")
        .password()
        .hint(format!("At least {min} characters. A few words make a good one; no symbols are asked for."))
        .error(errors.of("password"))
        .autocomplete("new-password")
        .max_length(256)
        .required()
        .large()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invited_person_is_asked_for_no_team() {
        let form = Account { email: "a@b.example", min_password: 12, ..Account::default() };
        let own = page(&Public::default(), &form);
        assert!(own.contains(r#"name="team""#) && own.contains("At least 12 characters"), "{own}");
        let invited = page(&Public::default(), &Account { invited_to: Some("Quayside"), ..form });
        assert!(!invited.contains(r#"name="team""#) && invited.contains("member of Quayside"), "{invited}");
    }
}
