use leptos::prelude::*;

use crate::{
    components::{error_summary::error_summary, field::Field},
    forms::Errors,
    layout::{
        auth::{Auth, auth_page, email_field, notice, submit},
        public::Public,
    },
};

#[derive(Clone, Debug, Default)]
pub struct SignIn<'a> {
    pub email: &'a str,
    /// The path to go to afterwards; checked by the handler to be one of this site.
    pub next: &'a str,
    pub reason: Option<Reason>,
    pub errors: Errors,
}

/// Why somebody who did not ask for it sees this page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    SessionEnded,
    SignedOut,
    PasswordChanged,
    NeedsAccount,
}

impl Reason {
    const fn words(self) -> &'static str {
        match self {
            Self::SessionEnded => "Your session ended. Sign in to go on where you were.",
            Self::SignedOut => "You are signed out of this browser.",
            Self::PasswordChanged => "Your password is changed, and every other session of yours has ended.",
            Self::NeedsAccount => "Sign in to see that page.",
        }
    }
}

#[must_use]
pub fn page(chrome: &Public, form: &SignIn) -> String {
    let email = email_field("E-mail", form.email, &form.errors);
    let password = Field::new("password", "Password")
        .password()
        .error(form.errors.of("password"))
        .autocomplete("current-password")
        .max_length(256)
        .required()
        .large();
    let main = view! {
        {error_summary(&form.errors)}
        <h1>"Sign in"</h1>
        {form.reason.filter(|_| form.errors.is_empty()).map(|reason| notice(reason.words().into_any()))}
        <form class="stack" method="post" action="/sign-in" novalidate=true>
            <input type="hidden" name="next" value=form.next.to_owned()/>
            {email.view()}
            {password.view()}
            {submit("Sign in")}
        </form>
        <p class="field__hint">"Cannot get in? "<a href="/reset">"Reset your password"</a></p>
    };
    let auth = Auth {
        title: "Sign in".to_owned(),
        other_way: Some(view! { "New here? "<a href="/sign-up">"Start free"</a> }.into_any()),
        main: main.into_any(),
        aside: None,
    };
    auth_page(chrome, &form.errors, auth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_travels_in_the_form_and_is_escaped() {
        let form = SignIn { next: "/quayside/tasks?q=\"><b>", reason: Some(Reason::SessionEnded), ..SignIn::default() };
        let html = page(&Public::default(), &form);
        assert!(html.contains(r#"name="next" value="/quayside/tasks?q=&quot;"#) && !html.contains("<b>"), "{html}");
        assert!(html.contains("Your session ended"), "{html}");
    }

    #[test]
    fn a_failure_about_no_field_stands_in_the_summary_alone() {
        let mut errors = Errors::new();
        errors.add("", "That address and password do not fit together.");
        let html = page(&Public::default(), &SignIn { email: "mira@quayside.example", errors, ..SignIn::default() });
        assert!(html.contains("<li>That address and password do not fit together.</li>"), "{html}");
        assert!(!html.contains("aria-invalid") && html.contains(r#"value="mira@quayside.example""#), "{html}");
    }
}
