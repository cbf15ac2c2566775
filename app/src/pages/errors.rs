use leptos::prelude::*;
use types::{Situation, UserError};

use crate::{
    appearance::Appearance,
    components::button::Button,
    layout::{
        public::{Public, public_page},
        shell::{self, Shell},
    },
};

/// What an error page knows of its visitor: the session may be what failed, so little is asked for.
#[derive(Clone, Debug, Default)]
pub struct Chrome {
    pub appearance: Appearance,
    /// The visitor's name, where a session could be read.
    pub signed_in: Option<String>,
    /// The address that failed; the theme form comes back here.
    pub path: String,
    /// Whether to point to what a development server has to help.
    pub development: bool,
}

/// The page for anybody.
#[must_use]
pub fn page(chrome: &Chrome, error: &UserError) -> String {
    let title = title(error.situation);
    let ways = if error.situation == Situation::SignedOut {
        view! { {Button::new("Sign in").primary().link("/sign-in")}{Button::new("Home").link("/")} }.into_any()
    } else {
        view! { {Button::new("Your teams").link("/teams")}{Button::new("Home").plain().link("/")} }.into_any()
    };
    let main = view! {
        <div class="wrap">
            <div class="page-intro">
                <p class="muted">{error.situation.status()}</p>
                <h1>{title}</h1>
                {body(error)}
                <p class="cluster">{ways}{status_link(error)}</p>
                {chrome.development.then(|| development(error))}
            </div>
        </div>
    };
    let public =
        Public { appearance: chrome.appearance, signed_in: chrome.signed_in.clone(), path: chrome.path.clone() };
    public_page(&public, title, "This page could not be shown.", main.into_any())
}

/// The page inside the shell, for a member who may know more: “forbidden” is only ever said of one's own team.
#[must_use]
pub fn member_page(shell: &Shell, error: &UserError, development: bool) -> String {
    let title = title(error.situation);
    let main = view! {
        <div class="empty">
            <p class="empty__code">{error.situation.status()}</p>
            <h1>{title}</h1>
            {body(error)}
            <div class="cluster">{Button::new("Dashboard").link(shell.link(""))}{status_link(error)}</div>
            {development.then(|| self::development(error))}
        </div>
    };
    shell::page(shell, title, false, main.into_any())
}

fn development(error: &UserError) -> Option<AnyView> {
    let internal = error.situation == Situation::Internal;
    internal.then(|| view! { <p class="muted">"This is a development server: its log names the cause beside the request id."</p> }.into_any())
}

/// One title for each situation. What is foreign and what never was read the same.
pub(crate) const fn title(situation: Situation) -> &'static str {
    match situation {
        Situation::SignedOut => "Sign in to go on",
        Situation::NotFound => "There is nothing at this address",
        Situation::Forbidden => "Your role does not allow this",
        Situation::Invalid => "This could not be accepted",
        Situation::Conflict => "Somebody was faster",
        Situation::TooManyRequests => "Too many requests",
        Situation::TooLarge => "This is too large",
        Situation::OverLimit => "A limit of the team is reached",
        Situation::Internal => "This page failed, and it was our fault",
        Situation::Unavailable => "A part that is needed does not answer",
    }
}

fn body(error: &UserError) -> AnyView {
    let fields = error.fields.iter().map(|field| view! { <li>{field.message.clone()}</li> }).collect_view();
    let fields = (!error.fields.is_empty()).then(|| view! { <ul>{fields}</ul> });
    let request = error.request_id.clone().map(|id| view! { <p class="muted">"Request "<code>{id}</code></p> });
    view! {
        <p>{error.message.clone()}</p>
        {error.way_out.clone().map(|text| view! { <p>{text}</p> })}
        {fields}
        {request}
    }
    .into_any()
}

fn status_link(error: &UserError) -> Option<AnyView> {
    let ours = matches!(error.situation, Situation::Internal | Situation::Unavailable);
    ours.then(|| Button::new("Status").plain().link("/status"))
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    const ALL: [Situation; 10] = [
        Situation::SignedOut,
        Situation::NotFound,
        Situation::Forbidden,
        Situation::Invalid,
        Situation::Conflict,
        Situation::TooManyRequests,
        Situation::TooLarge,
        Situation::OverLimit,
        Situation::Internal,
        Situation::Unavailable,
    ];

    fn error(situation: Situation) -> UserError {
        UserError {
            situation,
            message: "What happened <here>.".to_owned(),
            way_out: Some("What to do.".to_owned()),
            fields: Vec::new(),
            request_id: Some("req-42".to_owned()),
        }
    }

    #[test]
    fn every_situation_has_a_page_with_code_words_id_and_a_way_out() {
        for situation in ALL {
            let error = error(situation);
            for html in [member_page(&shell(BuiltinRole::Reader), &error, false), page(&Chrome::default(), &error)] {
                let code = situation.status().to_string();
                for part in [
                    &*code,
                    title(situation),
                    "What happened &lt;here&gt;.",
                    "What to do.",
                    "req-42",
                    "class=\"button\"",
                ] {
                    assert!(html.contains(part), "{situation:?} lacks {part}");
                }
            }
        }
    }

    #[test]
    fn only_a_development_server_speaks_of_its_log() {
        let development = Chrome { development: true, ..Chrome::default() };
        assert!(page(&development, &error(Situation::Internal)).contains("development server"));
        assert!(!page(&development, &error(Situation::NotFound)).contains("development server"));
        assert!(!page(&Chrome::default(), &error(Situation::Internal)).contains("development server"));
    }
}
