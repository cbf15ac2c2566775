use std::time::Duration;

use leptos::{ev, html, prelude::*, task::spawn_local};

use super::{
    browser,
    listing::{Asked, Found, listing},
};
use crate::command::{Command, Kind};

/// How long typing must rest before the server is asked.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// Shorter queries fit too much to be worth asking for.
const SERVER_SEARCH_FROM: usize = 2;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Search {
    #[default]
    Idle,
    Found(Vec<Found>),
    Unreachable,
}

#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(crate) dialog: NodeRef<html::Dialog>,
    pub(crate) input: NodeRef<html::Input>,
    pub(crate) open: RwSignal<bool>,
    pub(crate) query: RwSignal<String>,
    pub(crate) page: RwSignal<Option<String>>,
    pub(crate) active: RwSignal<usize>,
    pub(crate) search: RwSignal<Search>,
    pub(crate) rows: Memo<Vec<Command>>,
    search_url: StoredValue<String>,
}

impl State {
    pub(crate) fn new(commands: Vec<Command>, search_url: String, search_page: String) -> Self {
        let query = RwSignal::new(String::new());
        let page = RwSignal::new(None::<String>);
        let search = RwSignal::new(Search::Idle);
        let rows = Memo::new(move |_| {
            let search = search.get();
            let found = if let Search::Found(found) = &search { found.as_slice() } else { &[] };
            let (query, page) = (query.get(), page.get());
            listing(&Asked {
                commands: &commands,
                page: page.as_deref(),
                query: &query,
                found,
                search_page: &search_page,
            })
        });
        Self {
            dialog: NodeRef::new(),
            input: NodeRef::new(),
            open: RwSignal::new(false),
            query,
            page,
            active: RwSignal::new(0),
            search,
            rows,
            search_url: StoredValue::new(search_url),
        }
    }

    /// Opens on its keys and on any `[data-palette-open]`, which without this script is a link to the search page.
    pub(crate) fn listen(self) {
        window_event_listener(ev::keydown, move |event| {
            if browser::asks_to_open(&event) {
                event.prevent_default();
                self.toggle();
            }
        });
        window_event_listener(ev::click, move |event| {
            let plain = !(event.ctrl_key() || event.meta_key() || event.shift_key());
            if plain && browser::closest(&event, "[data-palette-open]").is_some() {
                event.prevent_default();
                self.show();
            }
        });
    }

    fn toggle(self) {
        if self.open.get_untracked() { self.close() } else { self.show() }
    }

    fn show(self) {
        let Some(dialog) = self.dialog.get_untracked() else { return };
        // The browser refuses only while the dialog is already open.
        if dialog.show_modal().is_ok() {
            self.open.set(true);
        }
    }

    pub(crate) fn close(self) {
        if let Some(dialog) = self.dialog.get_untracked() {
            dialog.close();
        }
    }

    /// The next opening starts from the first page.
    pub(crate) fn reset(self) {
        self.open.set(false);
        self.go_to(None);
    }

    fn go_to(self, page: Option<String>) {
        self.page.set(page);
        self.type_in(String::new());
    }

    pub(crate) fn type_in(self, query: String) {
        let ask = self.page.get_untracked().is_none() && query.trim().chars().count() >= SERVER_SEARCH_FROM;
        self.query.set(query.clone());
        self.active.set(0);
        if !ask {
            self.search.set(Search::Idle);
            return;
        }
        set_timeout(move || self.ask_server(query), DEBOUNCE);
    }

    /// Asks for `query`, unless the reader has typed on; an answer that comes too late is dropped for the same reason.
    fn ask_server(self, query: String) {
        let still_asked = move |query: &str| self.query.with_untracked(|now| now == query);
        if !still_asked(&query) {
            return;
        }
        spawn_local(async move {
            let found = browser::search(&self.search_url.get_value(), query.trim()).await;
            if still_asked(&query) {
                self.search.set(found.map_or(Search::Unreachable, Search::Found));
            }
        });
    }

    pub(crate) fn on_key(self, event: &web_sys::KeyboardEvent) {
        let last = self.rows.with_untracked(Vec::len).saturating_sub(1);
        let active = self.active.get_untracked();
        let page_open = self.page.with_untracked(Option::is_some);
        match event.key().as_str() {
            _ if event.is_composing() => return,
            "ArrowDown" => self.move_to(if active >= last { 0 } else { active + 1 }),
            "ArrowUp" => self.move_to(if active == 0 { last } else { active - 1 }),
            "Enter" => {
                if let Some(option) = browser::option(active) {
                    option.click();
                }
            }
            "Escape" if page_open => self.go_to(None),
            "Backspace" if page_open && self.query.with_untracked(String::is_empty) => self.go_to(None),
            _ => return,
        }
        event.prevent_default();
    }

    fn move_to(self, index: usize) {
        self.active.set(index);
        browser::show_option(index);
    }

    /// Links are followed by the browser itself, so that a click with a modifier opens a new tab as everywhere.
    pub(crate) fn on_click(self, event: &web_sys::MouseEvent) {
        let row = browser::option_of(event).and_then(|index| self.rows.with_untracked(|rows| rows.get(index).cloned()));
        match row {
            Some(row) if row.kind == Kind::Page => {
                self.go_to(Some(row.href));
                self.focus();
            }
            Some(row) if row.kind == Kind::Post && browser::post(&row.href).is_err() => {
                self.search.set(Search::Unreachable);
            }
            _ => {}
        }
    }

    fn focus(self) {
        // Focus that the browser refuses leaves the dialog usable by pointer; there is nothing to tell.
        if let Some(Err(error)) = self.input.get_untracked().map(|input| input.focus()) {
            leptos::logging::warn!("palette: {error:?}");
        }
    }
}
