use leptos::prelude::*;

use super::content::{Content, content};
use crate::{
    components::{
        button::Button,
        error_summary::error_summary,
        section::{page_head, section},
    },
    forms::Errors,
    layout::shell::{self, Shell},
    pages::teams,
};

/// Name and address of the team.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub host: String,
    pub name: String,
    pub slug: String,
    pub content: Content,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &Settings) -> String {
    let main = view! {
        {page_head("Settings", "A new address takes effect at once; links with the old one stop working.", None)}
        {error_summary(if data.errors.is_empty() { &data.content.errors } else { &data.errors })}
        <form class="form" method="post" action=shell.link("/settings")>
            {teams::fields(&data.host, &data.name, &data.slug, &data.errors)}
            <div class="cluster">{Button::new("Save").primary().busy("Saving…").submit()}</div>
        </form>
        {section("content", "Requests and answers of model calls", None, None, content(shell, &data.content))}
    };
    let wrong = !data.errors.is_empty() || !data.content.errors.is_empty();
    shell::page(shell, "Settings", wrong, main.into_any())
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn the_form_goes_to_the_team_it_was_opened_for() {
        let data = Settings { name: "Quayside".to_owned(), slug: "harbour".to_owned(), ..Settings::default() };
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains("Keep requests and answers") && !html.contains("Stop keeping"), "{html}");
        assert!(html.contains(r#"action="/quayside/settings""#) && html.contains(r#"value="harbour""#), "{html}");
    }
}
