use leptos::prelude::*;

use crate::components::{
    button::Button,
    icon::{Icon, icon},
    text_area::typed,
};

/// Asks for a reason before a run is stopped. Posts `reason`.
pub(crate) struct Stop<'a> {
    /// What a button's `opens` names.
    pub(crate) dialog: String,
    /// The id of the field; one of its own where a page has several of these.
    pub(crate) field: String,
    pub(crate) task: &'a str,
    pub(crate) action: String,
    pub(crate) error: Option<&'a str>,
    pub(crate) typed: &'a str,
}

pub(crate) fn dialog(ask: Stop) -> AnyView {
    let title = format!("{}-title", ask.dialog);
    let labelled = title.clone();
    let error_id = format!("{}-error", ask.field);
    let (invalid, described) = (ask.error.map(|_| "true"), ask.error.map(|_| error_id.clone()));
    let error = ask.error.map(|text| {
        view! { <p class="field__error" id=error_id>{icon(Icon::CircleAlert)}<span>{text.to_owned()}</span></p> }
    });
    let keep = Button::new("Keep it running").opens(&ask.dialog);
    let labels = ask.field.clone();
    view! {
        <dialog class="dialog" popover="auto" id=ask.dialog aria-labelledby=labelled>
            <form class="dialog__body" method="post" action=ask.action>
                <h2 id=title>{format!("Stop the run of {}?", ask.task)}</h2>
                <p>"What is finished is kept on its branch. The agents stop at once; calls that are under way are paid."</p>
                <div class="field">
                    <label for=labels>"Reason"</label>
                    {error}
                    <textarea class="input" id=ask.field name="reason" required=true maxlength="500" aria-invalid=invalid aria-describedby=described>{typed(ask.typed)}</textarea>
                </div>
                <div class="cluster" data-end=true>{keep}{Button::new("Stop the run").grave().busy("Stopping…").submit()}</div>
            </form>
        </dialog>
    }
    .into_any()
}
