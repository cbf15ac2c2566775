use leptos::prelude::*;

use crate::{
    components::{error_summary::error_summary, field::Field},
    forms::Errors,
    layout::{
        auth::{Auth, auth_page, counted, notice, outbox_note, submit},
        public::Public,
    },
};

#[derive(Clone, Debug, Default)]
pub struct Verify<'a> {
    pub email: &'a str,
    /// What was typed; only shown again with an error.
    pub code: &'a str,
    pub minutes_left: u32,
    /// Told once a try has failed.
    pub tries_left: Option<u32>,
    /// Until the mail may be sent again; zero means now.
    pub resend_in_seconds: u32,
    /// Whether this page answers “Send again”.
    pub resent: bool,
    /// Where to read mail, when no mail server is set up (development only).
    pub dev_outbox: Option<String>,
    pub errors: Errors,
}

#[must_use]
pub fn page(chrome: &Public, form: &Verify) -> String {
    let main = view! {
        {error_summary(&form.errors)}
        <h1>"Check your e-mail"</h1>
        {form.resent.then(|| notice(view! { "If the address can sign up, a new code is on its way. Older codes no longer work." }.into_any()))}
        <p class="muted">
            "If "<strong>{form.email.to_owned()}</strong>" can sign up, a six-digit code is on its way. It works for "
            {counted(form.minutes_left, "minute", "minutes")}", in this browser."
        </p>
        {form.dev_outbox.as_deref().map(outbox_note)}
        <form class="stack" method="post" action="/sign-up/verify" novalidate=true>
            {code_field(form.code, form.tries_left, &form.errors).view()}
            {submit("Verify")}
        </form>
        <form class="cluster cluster--apart" method="post" action="/sign-up/resend">
            <p class="field__hint">"Nothing there? Look in spam first."</p>
            {resend(form.resend_in_seconds)}
        </form>
    };
    let auth = Auth {
        title: "Check your e-mail".to_owned(),
        other_way: Some(view! { <a href="/sign-up">"Use another address"</a> }.into_any()),
        main: main.into_any(),
        aside: None,
    };
    auth_page(chrome, &form.errors, auth)
}

/// The input for a code from a mail; tries are only told once one has failed.
pub(super) fn code_field(code: &str, tries_left: Option<u32>, errors: &Errors) -> Field {
    let hint = match tries_left {
        Some(tries) => format!("Paste works, with or without a space. {} left.", counted(tries, "try", "tries")),
        None => "Paste works, with or without a space.".to_owned(),
    };
    Field::new("code", "Six-digit code")
        .code()
        .value(code)
        .hint(hint)
        .error(errors.of("code"))
        .required()
        .focused(errors.is_empty())
}

fn resend(seconds: u32) -> AnyView {
    if seconds == 0 {
        return view! { <button class="button" data-size="small" type="submit">"Send again"</button> }.into_any();
    }
    let word = format!("Send again in {}:{:02}", seconds / 60, seconds % 60);
    view! { <button class="button" data-size="small" type="submit" disabled=true>{word}</button> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Verify<'static> {
        Verify { email: "mira@quayside.example", minutes_left: 10, ..Verify::default() }
    }

    #[test]
    fn time_and_tries_are_told() {
        let html = page(&Public::default(), &Verify { minutes_left: 1, tries_left: Some(3), ..form() });
        assert!(html.contains("1 minute") && html.contains("3 tries left"), "{html}");
    }

    #[test]
    fn sending_again_waits_and_says_how_long() {
        let waiting = page(&Public::default(), &Verify { resend_in_seconds: 42, ..form() });
        assert!(waiting.contains("Send again in 0:42") && waiting.contains("disabled"), "{waiting}");
        let ready = page(&Public::default(), &form());
        assert!(!ready.contains("disabled"), "{ready}");
    }

    #[test]
    fn the_outbox_is_only_named_when_there_is_one() {
        let html = page(&Public::default(), &Verify { dev_outbox: Some("/outbox".to_owned()), ..form() });
        assert!(html.contains(r#"<a href="/outbox">/outbox</a>"#), "{html}");
        assert!(!page(&Public::default(), &form()).contains("outbox"));
    }
}
