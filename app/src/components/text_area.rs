use leptos::prelude::*;

use crate::components::{
    escape::push_escaped,
    icon::{Icon, icon},
};

/// A labelled field of several lines, with its hint and its error beside it. The name is also the id.
#[derive(Clone, Debug, Default)]
pub struct TextArea {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    pub hint: Option<&'static str>,
    pub error: Option<String>,
    pub rows: u32,
    /// In UTF-16 units, as browsers count.
    pub max_length: Option<u32>,
}

impl TextArea {
    #[must_use]
    pub fn view(self) -> AnyView {
        let (error_id, hint_id) = (format!("{}-error", self.name), format!("{}-hint", self.name));
        let described = [self.error.is_some().then_some(&*error_id), self.hint.is_some().then_some(&*hint_id)];
        let described = described.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let described = (!described.is_empty()).then_some(described);
        let invalid = self.error.is_some().then_some("true");
        let error = self.error.map(|text| {
            view! { <p class="field__error" id=error_id>{icon(Icon::CircleAlert)}<span>{text}</span></p> }
        });
        let hint = self.hint.map(|text| view! { <p class="field__hint" id=hint_id>{text}</p> });
        view! {
            <div class="field">
                <label class="field__label" for=self.name>{self.label}</label>
                {error}
                <textarea
                    class="input"
                    id=self.name
                    name=self.name
                    rows=self.rows.max(2).to_string()
                    maxlength=self.max_length.map(|units| units.to_string())
                    aria-invalid=invalid
                    aria-describedby=described
                >{typed(&self.value)}</textarea>
                {hint}
            </div>
        }
        .into_any()
    }
}

/// Text as the content of a `<textarea>`. Leptos writes that content as it is, so it is escaped here; and a parser
/// drops its first line break, so a text that begins with one gets another.
#[must_use]
pub(crate) fn typed(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 1);
    if text.starts_with('\n') {
        html.push('\n');
    }
    push_escaped(&mut html, text);
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn what_was_typed_comes_back_as_text() {
        let area = TextArea {
            name: "instructions",
            label: "Instructions",
            value: "\n</textarea><b>".to_owned(),
            error: Some("Too long.".to_owned()),
            ..TextArea::default()
        };
        let html = fragment(false, area.view());
        assert!(html.contains("\n\n&lt;/textarea&gt;&lt;b&gt;</textarea>"), "{html}");
        assert!(html.contains(r#"aria-describedby="instructions-error""#), "{html}");
    }
}
