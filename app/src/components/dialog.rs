use leptos::prelude::*;

use crate::components::button::Button;

/// Asks before something that cannot be undone. A popover, so that it opens without script.
#[derive(Debug)]
pub struct Confirm<'a> {
    /// What a button's `opens` names.
    pub id: &'a str,
    /// The question, with the thing's name: “Remove Tove Voss from Quayside?”
    pub question: String,
    /// What happens then.
    pub consequence: String,
    /// Where the form posts to.
    pub action: String,
    /// The verb of the question, again.
    pub verb: &'static str,
    /// What the other button says: “Keep Tove Voss”.
    pub keep: String,
}

#[must_use]
pub fn confirm(ask: Confirm) -> AnyView {
    let (title, text) = (format!("{}-title", ask.id), format!("{}-text", ask.id));
    let (title_ref, text_ref) = (title.clone(), text.clone());
    let keep = Button::new(ask.keep).opens(ask.id);
    view! {
        <dialog class="dialog" popover="auto" id=ask.id.to_owned() aria-labelledby=title_ref aria-describedby=text_ref>
            <form class="dialog__body" method="post" action=ask.action>
                <h2 id=title>{ask.question}</h2>
                <p id=text>{ask.consequence}</p>
                <div class="cluster" data-end=true>{keep}{Button::new(ask.verb).grave().submit()}</div>
            </form>
        </dialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn the_question_names_the_dialog_and_the_way_back_posts_nothing() {
        let html = fragment(
            false,
            confirm(Confirm {
                id: "remove-1",
                question: "Remove <Tove>?".to_owned(),
                consequence: "Her work stays.".to_owned(),
                action: "/quayside/members/1/remove".to_owned(),
                verb: "Remove",
                keep: "Keep".to_owned(),
            }),
        );
        assert!(
            html.contains(r#"aria-labelledby="remove-1-title""#)
                && html.contains(r#"id="remove-1-title">Remove &lt;Tove&gt;?"#),
            "{html}"
        );
        assert!(html.contains(r#"type="button" popovertarget="remove-1""#), "{html}");
    }
}
