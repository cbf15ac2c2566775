use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// A labelled input, with its hint and its error beside it. The name is also the id, which the summary links to.
#[derive(Clone, Debug)]
pub struct Field {
    name: &'static str,
    label: String,
    kind: &'static str,
    value: String,
    hint: Option<String>,
    error: Option<String>,
    autocomplete: Option<&'static str>,
    max_length: Option<u32>,
    options: Vec<String>,
    range: Option<(i64, i64)>,
    required: bool,
    large: bool,
    code: bool,
    focused: bool,
}

impl Field {
    #[must_use]
    pub fn new(name: &'static str, label: impl Into<String>) -> Self {
        Self {
            name,
            label: label.into(),
            kind: "text",
            value: String::new(),
            hint: None,
            error: None,
            autocomplete: None,
            max_length: None,
            options: Vec::new(),
            range: None,
            required: false,
            large: false,
            code: false,
            focused: false,
        }
    }

    #[must_use]
    pub fn email(mut self) -> Self {
        self.kind = "email";
        self
    }

    /// The value of a password is never written back into a page, so there is none to set.
    #[must_use]
    pub fn password(mut self) -> Self {
        self.kind = "password";
        self
    }

    /// A whole number. Browsers help to type it; the server checks it.
    #[must_use]
    pub fn number(mut self, least: i64, most: i64) -> Self {
        self.kind = "number";
        self.range = Some((least, most));
        self
    }

    /// Six digits: wide letters, the keyboard of numbers.
    #[must_use]
    pub fn code(mut self) -> Self {
        self.code = true;
        self.autocomplete("one-time-code").max_length(7)
    }

    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        value.clone_into(&mut self.value);
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn error(mut self, error: Option<&str>) -> Self {
        self.error = error.map(str::to_owned);
        self
    }

    /// The purpose for password managers (HTML, section 4.10.18.7.1).
    #[must_use]
    pub fn autocomplete(mut self, purpose: &'static str) -> Self {
        self.autocomplete = Some(purpose);
        self
    }

    /// In UTF-16 units, as browsers count.
    #[must_use]
    pub fn max_length(mut self, units: u32) -> Self {
        self.max_length = Some(units);
        self
    }

    /// Proposed while somebody types; anything else can be typed too.
    #[must_use]
    pub fn options(mut self, options: &[String]) -> Self {
        self.options = options.to_vec();
        self
    }

    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    #[must_use]
    pub fn large(mut self) -> Self {
        self.large = true;
        self
    }

    /// Takes the focus when the page opens. Only for a page with one thing to do, and not beside an error summary.
    #[must_use]
    pub fn focused(mut self, focused: bool) -> Self {
        self.focused = focused;
        self
    }

    #[must_use]
    pub fn view(self) -> AnyView {
        let (error_id, hint_id) = (format!("{}-error", self.name), format!("{}-hint", self.name));
        let described = [self.error.is_some().then_some(&*error_id), self.hint.is_some().then_some(&*hint_id)];
        let described = described.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let input = self.input((!described.is_empty()).then_some(described));
        let error = self.error.map(|text| {
            view! { <p class="field__error" id=error_id>{icon(Icon::CircleAlert)}<span>{text}</span></p> }
        });
        let hint = self.hint.map(|text| view! { <p class="field__hint" id=hint_id>{text}</p> });
        let options = (!self.options.is_empty()).then(|| {
            let options = self.options.iter().map(|option| view! { <option value=option.clone()></option> });
            view! { <datalist id=format!("{}-options", self.name)>{options.collect_view()}</datalist> }
        });
        view! {
            <div class="field">
                <label class="field__label" for=self.name>{self.label}</label>
                {error}
                {input}
                {options}
                {hint}
            </div>
        }
        .into_any()
    }

    fn input(&self, described_by: Option<String>) -> AnyView {
        // A password is typed again after an error; anything else comes back as it was sent.
        let value = (self.kind != "password" && !self.value.is_empty()).then(|| self.value.clone());
        view! {
            <input
                class="input"
                id=self.name
                name=self.name
                r#type=self.kind
                value=value
                autocomplete=self.autocomplete
                min=self.range.map(|(least, _)| least.to_string())
                max=self.range.map(|(_, most)| most.to_string())
                maxlength=self.max_length.map(|units| units.to_string())
                list=(!self.options.is_empty()).then(|| format!("{}-options", self.name))
                inputmode=self.code.then_some("numeric")
                required=self.required
                autofocus=self.focused
                data-code=self.code
                data-size=self.large.then_some("large")
                aria-invalid=self.error.is_some().then_some("true")
                aria-describedby=described_by
            />
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    fn html(field: Field) -> String {
        fragment(false, field.view())
    }

    #[test]
    fn an_error_is_tied_to_its_input_which_keeps_what_was_typed() {
        let field = Field::new("email", "E-mail").email().value("a\"b").hint("Work.").error(Some("Not an address."));
        let html = html(field);
        assert!(html.contains(r#"aria-describedby="email-error email-hint""#), "{html}");
        assert!(html.contains(r#"aria-invalid="true""#) && html.contains(r#"id="email-error""#), "{html}");
        assert!(html.contains("value=\"a&quot;b\""), "{html}");
        assert!(html.contains(r#"<label for="email""#), "{html}");
    }

    #[test]
    fn a_sound_field_carries_no_marks_of_error() {
        let html = html(Field::new("name", "Name").value("Mira"));
        assert!(!html.contains("aria-invalid") && !html.contains("aria-describedby"), "{html}");
        assert!(!html.contains("required") && !html.contains("autofocus"), "{html}");
    }

    #[test]
    fn proposals_stand_beside_their_input() {
        let html = html(Field::new("model", "Model").options(&["fast".to_owned()]));
        assert!(
            html.contains(r#"list="model-options""#) && html.contains(r#"<datalist id="model-options">"#),
            "{html}"
        );
        assert!(html.contains(r#"<option value="fast">"#), "{html}");
    }

    #[test]
    fn a_password_never_comes_back() {
        let html = html(Field::new("password", "Password").password().value("horse staple").required());
        assert!(!html.contains("horse"), "{html}");
        assert!(html.contains("required"), "{html}");
    }
}
