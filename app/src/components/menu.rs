use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// The menu of a row: three dots that open a list. Works without script.
#[must_use]
pub fn menu(label: &str, items: Vec<AnyView>) -> AnyView {
    view! {
        <details class="menu" data-kind="icon" data-menu=true>
            <summary aria-label=label.to_owned()>{icon(Icon::Ellipsis)}</summary>
            <div class="menu__list">{items}</div>
        </details>
    }
    .into_any()
}

#[must_use]
pub fn menu_link(word: &str, href: impl Into<String>, sign: Option<Icon>, current: bool) -> AnyView {
    let href = href.into();
    view! {
        <a class="menu__item" href=href aria-current=current.then_some("true")>
            {sign.map(icon)}<span>{word.to_owned()}</span>{current.then(|| icon(Icon::Check))}
        </a>
    }
    .into_any()
}

/// Opens the confirm dialog with this id.
#[must_use]
pub fn menu_opens(word: &'static str, dialog: &str, danger: bool) -> AnyView {
    view! {
        <button class="menu__item" type="button" popovertarget=dialog.to_owned() data-tone=danger.then_some("danger")>{word}</button>
    }
    .into_any()
}
