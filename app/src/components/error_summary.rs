use leptos::prelude::*;

use crate::{
    components::icon::{Icon, icon},
    forms::Errors,
};

/// What is wrong with a form, above it: each line links to the field it is about. Nothing without errors.
///
/// An error whose field is empty is about the whole form and is no link. The summary takes the focus when the page
/// opens, so that it is read first.
#[must_use]
pub fn error_summary(errors: &Errors) -> Option<AnyView> {
    if errors.is_empty() {
        return None;
    }
    let lines = errors.iter().map(|error| line(&error.field, error.message.clone())).collect_view();
    Some(
        view! {
            <div class="error-summary" role="alert" aria-labelledby="error-summary" tabindex="-1" autofocus=true>
                <h2 id="error-summary">{icon(Icon::CircleAlert)}"There is a problem"</h2>
                <ul class="error-summary__list">{lines}</ul>
            </div>
        }
        .into_any(),
    )
}

fn line(field: &str, message: String) -> AnyView {
    if field.is_empty() {
        view! { <li>{message}</li> }.into_any()
    } else {
        view! { <li><a href=format!("#{field}")>{message}</a></li> }.into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn each_error_links_to_its_field_and_text_is_escaped() {
        let mut errors = Errors::new();
        errors.add("email", "<b> is no address.");
        errors.add("", "Try again in 2 minutes.");
        let html = fragment(false, error_summary(&errors));
        assert!(html.contains(r##"<a href="#email">&lt;b&gt; is no address.</a>"##), "{html}");
        assert!(html.contains("<li>Try again in 2 minutes.</li>"), "{html}");
        assert!(html.contains(r#"role="alert""#) && html.contains("autofocus"), "{html}");
    }

    #[test]
    fn without_errors_there_is_no_alert() {
        assert!(error_summary(&Errors::new()).is_none());
    }
}
