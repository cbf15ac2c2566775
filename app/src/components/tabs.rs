use leptos::prelude::*;

/// A tab is a link to a page.
#[derive(Clone, Debug)]
pub struct Tab {
    pub word: &'static str,
    pub href: String,
    pub count: Option<usize>,
    pub current: bool,
}

/// Links to the parts of one thing; the current one is marked.
#[must_use]
pub fn tabs(label: &'static str, tabs: Vec<Tab>) -> AnyView {
    let links = tabs.into_iter().map(|tab| {
        let current = tab.current.then_some("page");
        view! { <a href=tab.href aria-current=current>{tab.word}{tab.count.map(|count| view! { <span>{count}</span> })}</a> }
    });
    view! { <nav class="tabs" aria-label=label>{links.collect_view()}</nav> }.into_any()
}
