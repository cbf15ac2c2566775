use leptos::prelude::*;
use time::OffsetDateTime;

use super::Review;
use crate::{
    components::{
        icon::{Icon, icon},
        text_area::typed,
        time::relative,
    },
    layout::shell::Shell,
    pages::task::Task,
};

/// Where the review stands.
#[derive(Clone, Debug, Default)]
pub enum Decision {
    /// The run has not got so far.
    #[default]
    None,
    /// Waits; `yours` if this person may decide. Posts `decision` (`approve` or `changes`) and `comment` to “/review”.
    Open {
        yours: bool,
    },
    /// Approved, and being merged.
    Merging {
        by: String,
    },
    Merged(Merge),
    /// The branch does not fit any more. Waits again, as when it is open.
    Conflict {
        files: Vec<String>,
        yours: bool,
    },
    SentBack {
        by: String,
        at: OffsetDateTime,
    },
}

/// A merge that was made.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Who approved it; none where nobody needs to.
    pub by: Option<String>,
    pub at: OffsetDateTime,
    /// Short name of the commit.
    pub commit: String,
    pub into: String,
    /// The commit that took it back, and who did.
    pub reverted: Option<(String, String)>,
}

/// How the review ended, above the changes.
pub(super) fn outcome(shell: &Shell, data: &Review) -> Option<AnyView> {
    match &data.decision {
        Decision::None | Decision::Open { .. } => None,
        Decision::Merging { by } => {
            Some(notice("info", Icon::Running, &format!("{by} approved. The branch is being merged."), None))
        }
        Decision::Merged(merge) => Some(merged(shell, merge)),
        Decision::Conflict { files, .. } => Some(conflict(&data.into, files)),
        Decision::SentBack { by, at } => {
            let when = view! { {by.clone()}" sent this back to the squad "{relative(*at, shell.now)}"." }.into_any();
            Some(notice("info", Icon::CornerDownRight, "", Some(when)))
        }
    }
}

fn notice(tone: &'static str, sign: Icon, text: &str, more: Option<AnyView>) -> AnyView {
    view! { <div class="notice" data-tone=tone>{icon(sign)}<p>{text.to_owned()}{more}</p></div> }.into_any()
}

fn merged(shell: &Shell, merge: &Merge) -> AnyView {
    let by = merge.by.as_ref().map(|by| format!(" by {by}"));
    let undone = merge.reverted.clone().map(|(commit, by)| {
        view! { {format!(" Taken back by {by} as ")}<code>{commit}</code>"." }
    });
    let (tone, sign) = if merge.reverted.is_some() { ("info", Icon::Undo2) } else { ("success", Icon::GitMerge) };
    view! {
        <div class="notice" data-tone=tone>
            {icon(sign)}
            <p>"Merged into "<b>{merge.into.clone()}</b>" as "<code>{merge.commit.clone()}</code>{by}", "{relative(merge.at, shell.now)}"."{undone}</p>
        </div>
    }
    .into_any()
}

fn conflict(into: &str, files: &[String]) -> AnyView {
    let lines = files.iter().map(|file| view! { <li><code>{file.clone()}</code></li> });
    view! {
        <div class="notice" data-tone="warning" role="alert">
            {icon(Icon::TriangleAlert)}
            <div>
                <p><b>{format!("Not merged: {into} has changed in the same places.")}</b></p>
                <ul class="notice__list">{lines.collect_view()}</ul>
                <p>{format!("Send the change back, and the squad puts it together with {into} as it is now. Or approve again once {into} fits.")}</p>
            </div>
        </div>
    }
    .into_any()
}

/// The bar in which a review ends.
pub(super) fn form(shell: &Shell, task: &Task, data: &Review) -> Option<AnyView> {
    let (Decision::Open { yours } | Decision::Conflict { yours, .. }) = data.decision else { return None };
    if !yours {
        return Some(view! { <p class="verdict">"Waits for somebody who may approve it."</p> }.into_any());
    }
    let action = shell.link(&format!("{}/review", task.path));
    let error = task.errors.of("comment").map(str::to_owned);
    let (invalid, described) = (error.is_some().then_some("true"), error.is_some().then_some("comment-error"));
    let error = error.map(
        |text| view! { <p class="field__error" id="comment-error">{icon(Icon::CircleAlert)}<span>{text}</span></p> },
    );
    let sign = || icon(Icon::CornerDownRight);
    let approve = format!("Approve and merge into {}", data.into);
    Some(
        view! {
            <form class="verdict" method="post" action=action aria-label="Verdict">
                <div class="verdict__comment">
                    <label class="visually-hidden" for="comment">"Comment, which the squad reads"</label>
                    {error}
                    <textarea class="input" id="comment" name="comment" rows="1" maxlength="8000" placeholder="Comment, which the squad reads" aria-invalid=invalid aria-describedby=described>{typed(&data.comment)}</textarea>
                </div>
                <div class="verdict__actions">
                    <button class="button" data-size="md" type="submit" name="decision" value="changes">{sign()}"Send back"</button>
                    <button class="button" data-kind="primary" data-size="md" type="submit" name="decision" value="approve">{icon(Icon::GitMerge)}{approve}</button>
                </div>
            </form>
        }
        .into_any(),
    )
}
