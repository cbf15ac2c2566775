use leptos::prelude::*;

/// A part of a page under its own heading. `id` names the heading.
#[must_use]
pub fn section(
    id: &'static str,
    title: &'static str,
    count: Option<usize>,
    more: Option<AnyView>,
    body: AnyView,
) -> AnyView {
    let count = count.map(|count| view! { <span class="section__count">{count}</span> });
    view! {
        <section aria-labelledby=id>
            <div class="section__head"><h2 id=id>{title}</h2>{count}{more}</div>
            {body}
        </section>
    }
    .into_any()
}

/// The head of a page.
#[must_use]
pub fn page_head(title: &str, sub: &str, actions: Option<AnyView>) -> AnyView {
    let sub = (!sub.is_empty()).then(|| view! { <p class="pagehead__sub">{sub.to_owned()}</p> }.into_any());
    head(title, sub, actions)
}

/// The head of a page whose line under the title is drawn again as things change: [`head_line`].
#[must_use]
pub fn live_head(title: &str, line: &str, actions: Option<AnyView>) -> AnyView {
    head(title, Some(head_line(line)), actions)
}

/// The line under the title of a page, with the id [`HEAD_LINE`].
#[must_use]
pub fn head_line(line: &str) -> AnyView {
    view! { <p class="pagehead__sub" id=HEAD_LINE>{line.to_owned()}</p> }.into_any()
}

pub const HEAD_LINE: &str = "head-line";

fn head(title: &str, sub: Option<AnyView>, actions: Option<AnyView>) -> AnyView {
    let actions = actions.map(|actions| view! { <div class="pagehead__actions">{actions}</div> });
    view! { <div class="pagehead"><div><h1>{title.to_owned()}</h1>{sub}</div>{actions}</div> }.into_any()
}
