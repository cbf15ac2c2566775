use leptos::prelude::*;

/// One step of the way to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crumb {
    pub name: String,
    pub href: String,
}

impl Crumb {
    #[must_use]
    pub fn new(name: impl Into<String>, href: impl Into<String>) -> Self {
        Self { name: name.into(), href: href.into() }
    }
}

/// The way to a page, the page itself last.
#[must_use]
pub fn breadcrumb(crumbs: &[Crumb]) -> AnyView {
    let last = crumbs.len().saturating_sub(1);
    let steps = crumbs.iter().enumerate().map(|(at, crumb)| {
        let current = (at == last).then_some("page");
        view! { <li><a href=crumb.href.clone() aria-current=current>{crumb.name.clone()}</a></li> }
    });
    view! { <nav class="crumbs" aria-label="Breadcrumb"><ol>{steps.collect_view()}</ol></nav> }.into_any()
}
