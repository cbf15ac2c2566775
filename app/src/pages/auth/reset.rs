use leptos::prelude::*;

use super::{
    password::{account_name, new_password},
    verify::code_field,
};
use crate::{
    components::error_summary::error_summary,
    forms::Errors,
    layout::{
        auth::{Auth, auth_page, counted, email_field, outbox_note, submit},
        public::Public,
    },
};

#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    pub email: &'a str,
    pub errors: Errors,
}

/// Asks for the address that a code is sent to.
#[must_use]
pub fn request_page(chrome: &Public, form: &Request) -> String {
    let email = email_field("E-mail", form.email, &form.errors);
    let main = view! {
        {error_summary(&form.errors)}
        <h1>"Reset your password"</h1>
        <p class="muted">"We send a six-digit code to this address if it has an account. The next page is the same either way."</p>
        <form class="stack" method="post" action="/reset" novalidate=true>
            {email.view()}
            {submit("Send a code")}
        </form>
    };
    let auth = Auth {
        title: "Reset your password".to_owned(),
        other_way: Some(view! { <a href="/sign-in">"Back to sign in"</a> }.into_any()),
        main: main.into_any(),
        aside: None,
    };
    auth_page(chrome, &form.errors, auth)
}

#[derive(Clone, Debug, Default)]
pub struct Confirm<'a> {
    pub email: &'a str,
    /// What was typed; only shown again with an error.
    pub code: &'a str,
    pub minutes_left: u32,
    /// Told once a try has failed.
    pub tries_left: Option<u32>,
    /// In characters.
    pub min_password: u32,
    /// Where to read mail, when no mail server is set up (development only).
    pub dev_outbox: Option<String>,
    pub errors: Errors,
}

/// Takes the code and the new password together.
#[must_use]
pub fn confirm_page(chrome: &Public, form: &Confirm) -> String {
    let main = view! {
        {error_summary(&form.errors)}
        <h1>"Choose a new password"</h1>
        <p class="muted">
            "If "<strong>{form.email.to_owned()}</strong>" has an account, a six-digit code is on its way. It works for "
            {counted(form.minutes_left, "minute", "minutes")}", in this browser. Your other sessions end when the password changes."
        </p>
        {form.dev_outbox.as_deref().map(outbox_note)}
        <form class="stack" method="post" action="/reset/verify" novalidate=true>
            {account_name(form.email)}
            {code_field(form.code, form.tries_left, &form.errors).view()}
            {new_password(form.min_password, &form.errors).view()}
            {submit("Change password")}
        </form>
    };
    let auth = Auth {
        title: "Choose a new password".to_owned(),
        other_way: Some(view! { <a href="/reset">"Use another address"</a> }.into_any()),
        main: main.into_any(),
        aside: None,
    };
    auth_page(chrome, &form.errors, auth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_errors_stand_at_their_fields_and_in_the_summary() {
        let mut errors = Errors::new();
        errors.add("code", "That code is not the one we sent.");
        errors.add("password", "This password is on a list of common ones.");
        let form = Confirm {
            email: "a@b.example",
            code: "418 207",
            minutes_left: 9,
            min_password: 12,
            errors,
            ..Confirm::default()
        };
        let html = confirm_page(&Public::default(), &form);
        assert_eq!(html.matches("That code is not the one we sent.").count(), 2, "{html}");
        assert_eq!(html.matches("This password is on a list of common ones.").count(), 2, "{html}");
        assert!(html.contains(r#"value="418 207""#) && html.contains("<title>Error: "), "{html}");
    }

    #[test]
    fn asking_promises_nothing_about_the_address() {
        let html = request_page(&Public::default(), &Request { email: "a@b.example", ..Request::default() });
        assert!(html.contains("if it has an account") && html.contains("the same either way"), "{html}");
    }
}
