use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// One thing to choose: what is sent, and what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

impl Choice {
    #[must_use]
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// A labelled list to choose one from. `chosen` is the value that is already chosen; the first one otherwise.
#[must_use]
pub fn select(
    name: &'static str,
    label: &'static str,
    choices: &[Choice],
    chosen: &str,
    error: Option<&str>,
) -> AnyView {
    let error_id = format!("{name}-error");
    let described = error.is_some().then(|| error_id.clone());
    let invalid = error.is_some().then_some("true");
    let error = error.map(|text| {
        view! { <p class="field__error" id=error_id>{icon(Icon::CircleAlert)}<span>{text.to_owned()}</span></p> }
    });
    view! {
        <div class="field">
            <label class="field__label" for=name>{label}</label>
            {error}
            <select class="input" id=name name=name aria-invalid=invalid aria-describedby=described>{options(choices, chosen)}</select>
        </div>
    }
    .into_any()
}

/// A list in a row, whose label is read but not seen.
#[must_use]
pub fn row_select(id: String, name: &'static str, label: String, choices: &[Choice], chosen: &str) -> AnyView {
    view! {
        <label class="visually-hidden" for=id.clone()>{label}</label>
        <select class="input" data-size="sm" id=id name=name>{options(choices, chosen)}</select>
    }
    .into_any()
}

fn options(choices: &[Choice], chosen: &str) -> AnyView {
    choices
        .iter()
        .map(|choice| {
            view! { <option value=choice.value.clone() selected=choice.value == chosen>{choice.label.clone()}</option> }
        })
        .collect_view()
        .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn what_was_chosen_stays_chosen() {
        let choices = [Choice::new("reader", "Reader"), Choice::new("admin", "Admin")];
        let html = fragment(false, select("role", "Role", &choices, "admin", Some("Not yours to give.")));
        assert!(html.contains(r#"<option value="admin" selected"#) && html.matches("selected").count() == 1, "{html}");
        assert!(html.contains(r#"aria-describedby="role-error""#), "{html}");
    }
}
