use leptos::prelude::*;

/// Where a list goes on. A direction without an address has no more rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// “Rows 205 to 211 of 1,204”.
    pub shown: String,
    pub newer: Option<String>,
    pub older: Option<String>,
}

#[must_use]
pub fn pagination(pages: &Pages) -> AnyView {
    view! {
        <nav class="pagination" aria-label="Pages">
            <p>{pages.shown.clone()}</p>
            <div class="buttons">{step("Newer", pages.newer.clone())}{step("Older", pages.older.clone())}</div>
        </nav>
    }
    .into_any()
}

fn step(word: &'static str, href: Option<String>) -> Option<AnyView> {
    href.map(|href| view! { <a class="button" href=href>{word}</a> }.into_any())
}
