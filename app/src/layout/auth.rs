use leptos::prelude::*;

use super::{
    logo::logo,
    public::{Public, head},
    theme_form::theme_form,
};
use crate::{
    components::{
        field::Field,
        icon::{Icon, icon},
    },
    document::document,
    forms::Errors,
};

/// The parts of a narrow page with one thing to do.
pub(crate) struct Auth {
    pub(crate) title: String,
    /// Beside the logo: the other way, for somebody who came to the wrong page.
    pub(crate) other_way: Option<AnyView>,
    pub(crate) main: AnyView,
    /// What happens next, beside the form on wide screens.
    pub(crate) aside: Option<AnyView>,
}

/// Renders the page. With errors its title starts with “Error:”, which is the first thing a screen reader says.
pub(crate) fn auth_page(chrome: &Public, errors: &Errors, auth: Auth) -> String {
    let title = if errors.is_empty() { auth.title } else { format!("Error: {}", auth.title) };
    let class = if auth.aside.is_some() { "auth__main" } else { "auth__main auth__main--single" };
    let body = view! {
        <body>
            <a class="skip-link" href="#main">"Skip to content"</a>
            <div class="auth">
                <header class="auth__top">
                    {logo()}
                    {auth.other_way.map(|view| view! { <p class="muted">{view}</p> })}
                </header>
                <main id="main" class=class tabindex="-1">
                    <div class="auth__form">{auth.main}</div>
                    {auth.aside.map(|view| view! { <aside class="auth__aside" aria-labelledby="t-aside">{view}</aside> })}
                </main>
                <footer class="auth__foot">
                    <nav class="cluster" aria-label="Footer">
                        <a href="/security">"Security"</a>
                        <a href="/accessibility">"Accessibility"</a>
                        <a href="/status">"Status"</a>
                    </nav>
                    {theme_form(chrome.appearance, &chrome.path)}
                </footer>
            </div>
        </body>
    };
    document(&head(chrome, &title, None), body)
}

/// A word in passing above a form. Errors go into the summary instead.
pub(crate) fn notice(text: AnyView) -> AnyView {
    view! { <div class="notice" role="status">{icon(Icon::CircleCheck)}<p>{text}</p></div> }.into_any()
}

/// Where the mail is, when no mail server is set up. Only rendered in development.
pub(crate) fn outbox_note(url: &str) -> AnyView {
    let url = url.to_owned();
    view! {
        <div class="notice">
            {icon(Icon::Mail)}
            <p>"No mail server is set up: read the mail at "<a href=url>{url.clone()}</a>"."</p>
        </div>
    }
    .into_any()
}

/// The one button of a form.
pub(crate) fn submit(word: &'static str) -> AnyView {
    view! { <button class="button" data-kind="primary" data-size="large" data-wide=true type="submit">{word}</button> }
        .into_any()
}

/// The field of an address, focused unless an error waits to be read.
pub(crate) fn email_field(label: &'static str, value: &str, errors: &Errors) -> Field {
    Field::new("email", label)
        .email()
        .value(value)
        .error(errors.of("email"))
        .autocomplete("username")
        .max_length(254)
        .required()
        .large()
        .focused(errors.is_empty())
}

/// “1 minute”, “3 tries”: a count with its word.
pub(crate) fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
