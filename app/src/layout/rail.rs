use leptos::prelude::*;

use super::shell::{Section, Shell};
use crate::components::{
    avatar::person,
    icon::{Icon, icon},
    menu::menu_link,
    role::role_word,
};

/// What narrow screens keep in the bar; the rest is in the sheet.
const BAR: &[Section] = &[Section::Inbox, Section::Dashboard, Section::Projects, Section::Members];

/// The navigation at the side, or at the foot of narrow screens.
pub(super) fn rail(shell: &Shell) -> AnyView {
    let label = shell.team_name().to_owned();
    let search = shell.team.is_some().then(|| search(shell));
    let links = shell.sections().map(|section| {
        let bar = BAR.contains(&section);
        view! { <li data-bar=bar>{rail_link(shell, section)}</li> }
    });
    view! {
        <aside class="rail" aria-label=label>
            <div class="rail__head">{switcher(shell)}</div>
            {search}
            <nav class="rail__nav" aria-label="Main">
                <ul>
                    {links.collect_view()}
                    {shell.team.is_none().then(|| own_links(shell))}
                    <li data-bar=true data-more=true>
                        <button class="rail__link" type="button" popovertarget="more">{icon(Icon::Menu)}<span>"More"</span></button>
                    </li>
                </ul>
            </nav>
            <div class="rail__foot">
                <button class="rail__link" type="button" popovertarget="keys">
                    {icon(Icon::CircleHelp)}<span>"Help and shortcuts"</span><span class="rail__keys"><kbd>"?"</kbd></span>
                </button>
                {account(shell)}
            </div>
        </aside>
    }
    .into_any()
}

fn switcher(shell: &Shell) -> AnyView {
    view! {
        <details class="menu" data-menu=true>
            <summary class="switcher">
                <span class="switcher__mark" aria-hidden="true">{icon(Icon::Mark)}</span>
                <span class="truncate"><span class="visually-hidden">"Team: "</span>{shell.team_name().to_owned()}</span>
                {icon(Icon::ChevronsUpDown)}
            </summary>
            <div class="menu__list">{teams(shell)}</div>
        </details>
    }
    .into_any()
}

fn teams(shell: &Shell) -> AnyView {
    let links = shell.teams.iter().map(|team| {
        let current = shell.team.as_ref() == Some(team);
        menu_link(&team.name, format!("/{}", team.slug), None, current)
    });
    view! {
        <div class="menu__group">{links.collect_view()}</div>
        <div class="menu__group">
            {menu_link("All teams", "/teams", Some(Icon::Building2), false)}
            {menu_link("New team", "/teams/new", Some(Icon::Plus), false)}
        </div>
    }
    .into_any()
}

/// A link to the search page; the palette takes it over once it runs.
fn search(shell: &Shell) -> AnyView {
    view! {
        <a class="rail__search" href=shell.link("/search") data-palette-open=true aria-keyshortcuts="Control+K">
            {icon(Icon::Search)}<span>"Search or run"</span>
            <span class="rail__keys"><kbd>"Ctrl"</kbd><kbd>"K"</kbd></span>
        </a>
    }
    .into_any()
}

fn rail_link(shell: &Shell, section: Section) -> AnyView {
    let current = (section == shell.section).then_some("page");
    let waiting = (section == Section::Inbox).then(|| needs_count(shell));
    let near = (section == Section::Budgets && shell.budget_step > 0).then(|| {
        let words = if shell.budget_step >= 100 { " limit reached" } else { " near a limit" };
        view! { <span class="rail__count">{icon(Icon::TriangleAlert)}<span class="visually-hidden">{words}</span></span> }
    });
    view! {
        <a class="rail__link" href=shell.link(section.path()) aria-current=current data-key=section.keys()>
            {icon(section.icon())}<span>{section.name()}</span>{waiting}{near}
        </a>
    }
    .into_any()
}

/// How much waits for the person; pages that follow what happens draw it again.
pub(crate) fn needs_count(shell: &Shell) -> AnyView {
    let words = (shell.needs > 0).then(|| {
        view! { {shell.needs}<span class="visually-hidden">" need you"</span> }
    });
    let quiet = words.is_none();
    view! { <span class="rail__count" id="needs-count" hidden=quiet>{words}</span> }.into_any()
}

/// The navigation of somebody who is outside any team.
fn own_links(shell: &Shell) -> AnyView {
    let places = [
        ("/teams", "Your teams", Icon::Building2),
        ("/account", "Your account", Icon::Settings),
        ("/account/sessions", "Sessions", Icon::Lock),
    ];
    let here = shell.path.split('?').next().unwrap_or_default();
    let links = places.map(|(href, name, sign)| {
        let current = (href == here).then_some("page");
        view! { <li data-bar=true><a class="rail__link" href=href aria-current=current>{icon(sign)}<span>{name}</span></a></li> }
    });
    links.into_iter().collect_view().into_any()
}

fn account(shell: &Shell) -> AnyView {
    view! {
        <details class="menu" data-menu=true data-place="above">
            <summary class="rail__account">
                {person(&shell.user_name)}
                <span class="truncate"><span class="visually-hidden">"Account: "</span>{shell.user_name.clone()}</span>
                {icon(Icon::Ellipsis)}
            </summary>
            <div class="menu__list">
                <p class="menu__head">{who(shell)}</p>
                {account_links(shell)}
            </div>
        </details>
    }
    .into_any()
}

fn who(shell: &Shell) -> String {
    if shell.role.is_empty() {
        shell.user_email.clone()
    } else {
        format!("{}, {}", shell.user_email, role_word(&shell.role))
    }
}

fn account_links(shell: &Shell) -> AnyView {
    let outbox = shell.outbox.clone().map(|href| menu_link("Development mail", href, Some(Icon::Mail), false));
    view! {
        <div class="menu__group">
            {menu_link("Your account", "/account", Some(Icon::Settings), false)}
            {menu_link("Theme and contrast", "/account#look", Some(Icon::SlidersHorizontal), false)}
            {menu_link("Sessions", "/account/sessions", Some(Icon::Lock), false)}
            {outbox}
        </div>
        <form class="menu__group" method="post" action="/sign-out">
            <button class="menu__item" type="submit">{icon(Icon::Unplug)}<span>"Sign out"</span></button>
        </form>
    }
    .into_any()
}

/// What the bar of narrow screens has no room for.
pub(super) fn sheet(shell: &Shell) -> AnyView {
    let links = shell.sections().map(|section| {
        menu_link(section.name(), shell.link(section.path()), Some(section.icon()), section == shell.section)
    });
    let search = shell.team.is_some().then(|| menu_link("Search", shell.link("/search"), Some(Icon::Search), false));
    view! {
        <div class="sheet" id="more" popover="auto" role="dialog" aria-label="More">
            <nav aria-label="More">
                <div class="menu__group">{search}{links.collect_view()}</div>
                <p class="menu__head">"Teams"</p>
                {teams(shell)}
            </nav>
            <p class="menu__head">{who(shell)}</p>
            {account_links(shell)}
        </div>
    }
    .into_any()
}

/// The sheet of shortcuts.
pub(super) fn keys(shell: &Shell) -> AnyView {
    let places = shell.sections().filter_map(|section| {
        let keys = section.keys()?.to_uppercase();
        Some(view! { <div><dt>{section.name()}</dt><dd>{kbds(&keys)}</dd></div> })
    });
    view! {
        <dialog class="dialog" id="keys" popover="auto" data-keys-help=true aria-labelledby="keys-title">
            <div class="dialog__body">
                <h2 id="keys-title">"Help and shortcuts"</h2>
                <dl>
                    <div><dt>"Search, or run a command"</dt><dd>{kbds("Ctrl K")}</dd></div>
                    {places.collect_view()}
                    <div><dt>"This sheet"</dt><dd>{kbds("?")}</dd></div>
                </dl>
                <p><a class="link" href="/accessibility">"Accessibility"</a>", "<a class="link" href="/status">"status"</a>"."</p>
            </div>
        </dialog>
    }
    .into_any()
}

fn kbds(keys: &str) -> AnyView {
    keys.split(' ').map(|key| view! { <kbd>{key.to_owned()}</kbd> }).collect_view().into_any()
}
