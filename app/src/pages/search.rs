use leptos::prelude::*;

use crate::{
    components::{
        button::Button,
        empty::{Empty, empty},
        field::Field,
        section::page_head,
    },
    layout::shell::{self, Shell},
};

/// What a search found. The palette gets the same as JSON.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Hit {
    pub label: String,
    pub href: String,
    /// What kind of thing it is: “Member”.
    pub group: String,
}

#[must_use]
pub fn page(shell: &Shell, query: &str, hits: &[Hit]) -> String {
    let query = query.trim();
    let results = if query.is_empty() {
        view! { <p class="lede">"Find members, projects and tasks of this team by a part of their name."</p> }
            .into_any()
    } else if hits.is_empty() {
        empty(Empty {
            title: format!("Nothing is called “{query}”"),
            text: "Only names, addresses and titles of this team are searched. Try a shorter part of the word."
                .to_owned(),
            actions: Vec::new(),
        })
    } else {
        found(hits)
    };
    let main = view! {
        {page_head("Search", "", None)}
        <search>
            <form class="tools" method="get" action=shell.link("/search")>
                {Field::new("q", "Name, address or title").value(query).max_length(200).focused(query.is_empty()).view()}
                {Button::new("Search").submit()}
            </form>
        </search>
        {results}
    };
    shell::page(shell, "Search", false, main.into_any())
}

fn found(hits: &[Hit]) -> AnyView {
    let rows = hits.iter().map(|hit| {
        view! { <li><a class="link" href=hit.href.clone()>{hit.label.clone()}</a><span class="muted small">{hit.group.clone()}</span></li> }
    });
    view! { <ul class="rowlist">{rows.collect_view()}</ul> }.into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn a_search_without_result_repeats_the_words_safely() {
        let html = page(&shell(BuiltinRole::Reader), " <b>x ", &[]);
        assert!(html.contains("Nothing is called “&lt;b&gt;x”") && html.contains("value=\"&lt;b&gt;x\""), "{html}");
    }

    #[test]
    fn an_empty_search_claims_nothing() {
        let html = page(&shell(BuiltinRole::Reader), "", &[]);
        assert!(!html.contains("Nothing is called") && html.contains(r#"action="/quayside/search""#), "{html}");
    }
}
