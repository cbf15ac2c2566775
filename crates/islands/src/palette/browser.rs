//! What the palette asks of the browser. Each failure is a value: the view says what it means to the reader.

use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Event, HtmlElement, HtmlFormElement, KeyboardEvent, RequestInit, Response};

use super::listing::{Found, encode};

/// Asks the server. None when it did not answer with a list.
pub(crate) async fn search(url: &str, query: &str) -> Option<Vec<Found>> {
    let headers = web_sys::Headers::new().ok()?;
    headers.set("accept", "application/json").ok()?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    let answer = window().fetch_with_str_and_init(&format!("{url}?q={}", encode(query)), &init);
    let response: Response = JsFuture::from(answer).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let text = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    serde_json::from_str(&text).ok()
}

/// Submits a form whose fields are the query of `href`.
pub(crate) fn post(href: &str) -> Result<(), JsValue> {
    let (action, query) = href.split_once('?').unwrap_or((href, ""));
    let form: HtmlFormElement = document().create_element("form")?.dyn_into()?;
    form.set_method("post");
    form.set_action(action);
    form.set_hidden(true);
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let field = document().create_element("input")?;
        field.set_attribute("type", "hidden")?;
        field.set_attribute("name", name)?;
        field.set_attribute("value", &decode(value)?)?;
        form.append_child(&field)?;
    }
    document().body().ok_or(JsValue::NULL)?.append_child(&form)?;
    form.submit()
}

fn decode(value: &str) -> Result<String, JsValue> {
    Ok(web_sys::js_sys::decode_uri_component(&value.replace('+', " "))?.into())
}

/// The nearest element around an event that fits a selector.
pub(crate) fn closest(event: &Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok()?
}

pub(crate) fn option_id(index: usize) -> String {
    format!("palette-option-{index}")
}

/// The number of the option that an event happened on.
pub(crate) fn option_of(event: &Event) -> Option<usize> {
    closest(event, "[role=option]")?.id().strip_prefix("palette-option-")?.parse().ok()
}

pub(crate) fn option(index: usize) -> Option<HtmlElement> {
    document().get_element_by_id(&option_id(index))?.dyn_into().ok()
}

pub(crate) fn show_option(index: usize) {
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Nearest);
    if let Some(option) = option(index) {
        option.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// Whether a key press asks for the palette: Ctrl K or ⌘ K anywhere, `/` outside fields unless single keys are off.
pub(crate) fn asks_to_open(event: &KeyboardEvent) -> bool {
    let key = event.key();
    let modified = event.ctrl_key() || event.meta_key();
    if modified {
        return key.eq_ignore_ascii_case("k") && !event.alt_key() && !event.shift_key();
    }
    key == "/" && !event.alt_key() && !event.is_composing() && !in_a_field(event) && single_keys_on()
}

fn in_a_field(event: &Event) -> bool {
    closest(event, "input, textarea, select, [contenteditable]").is_some()
}

fn single_keys_on() -> bool {
    let root = document().document_element();
    root.and_then(|root| root.get_attribute("data-keys")).is_none_or(|keys| keys != "off")
}
