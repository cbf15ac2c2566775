use leptos::prelude::*;
use time::OffsetDateTime;

use crate::{
    components::time::absolute,
    layout::public::{Public, public_page},
};

/// A mail that a development server kept instead of sending it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub at: OffsetDateTime,
    /// The plain text.
    pub text: String,
    /// The addresses in the text, to press on.
    pub links: Vec<String>,
}

/// The mail of a development server, the newest first. Needs no session: codes of sign-up are in it.
#[must_use]
pub fn page(chrome: &Public, mails: &[Mail]) -> String {
    let list = if mails.is_empty() {
        view! { <p class="muted">"No mail yet. Sign up, reset a password or invite somebody, then load this page again."</p> }.into_any()
    } else {
        mails.iter().map(mail).collect_view().into_any()
    };
    let main = view! {
        <div class="wrap">
            <div class="page-intro">
                <h1>"Development mail"</h1>
                <p>"This server has no mail server set, so it keeps here what it would send. Anybody who can open this page can read it."</p>
            </div>
            <div class="outbox">{list}</div>
        </div>
    };
    public_page(chrome, "Development mail", "Mail kept by a development server.", main.into_any())
}

fn mail(mail: &Mail) -> AnyView {
    let links = mail.links.iter().map(|href| view! { <p><a href=href.clone()>{href.clone()}</a></p> }).collect_view();
    view! {
        <article class="outbox__mail">
            <h2>{mail.subject.clone()}</h2>
            <p class="muted">"To "{mail.to.clone()}", "{absolute(mail.at)}</p>
            <pre class="outbox__text">{mail.text.clone()}</pre>
            {links}
        </article>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn mail_is_shown_as_text_with_its_links() {
        let mail = Mail {
            to: "mira@quayside.example".to_owned(),
            subject: "Your code".to_owned(),
            at: datetime!(2026-11-19 14:32 UTC),
            text: "<b>418 207</b>".to_owned(),
            links: vec!["https://muster.example/verify".to_owned()],
        };
        let html = page(&Public::default(), &[mail]);
        assert!(
            html.contains("&lt;b&gt;418 207") && html.contains(r#"<a href="https://muster.example/verify">"#),
            "{html}"
        );
    }
}
