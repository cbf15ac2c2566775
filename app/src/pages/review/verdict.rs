use leptos::prelude::*;
use time::OffsetDateTime;

use super::Review;
use crate::{
    components::{
        button::Button,
        dialog::{Confirm, confirm},
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
    /// The branch does not fit any more. Posts to “/retry” so that the squad takes the branch up to date.
    Conflict {
        into: String,
        files: Vec<String>,
    },
    SentBack {
        by: String,
        at: OffsetDateTime,
    },
}

/// A merge that was made.
#[derive(Clone, Debug)]
pub struct Merge {
    pub by: String,
    pub at: OffsetDateTime,
    /// Short name of the commit.
    pub commit: String,
    pub into: String,
    /// Whether this person may take it back. Posts to “/revert”.
    pub can_revert: bool,
    /// The commit that took it back.
    pub reverted: Option<String>,
}

/// How the review ended, above the changes.
pub(super) fn outcome(shell: &Shell, task: &Task, data: &Review) -> Option<AnyView> {
    match &data.decision {
        Decision::None | Decision::Open { .. } => None,
        Decision::Merging { by } => {
            Some(notice("info", Icon::Running, &format!("{by} approved. The branch is being merged."), None))
        }
        Decision::Merged(merge) => Some(merged(shell, task, merge)),
        Decision::Conflict { into, files } => Some(conflict(shell, task, into, files)),
        Decision::SentBack { by, at } => {
            let when = view! { {by.clone()}" sent this back to the squad "{relative(*at, shell.now)}"." }.into_any();
            Some(notice("info", Icon::CornerDownRight, "", Some(when)))
        }
    }
}

fn notice(tone: &'static str, sign: Icon, text: &str, more: Option<AnyView>) -> AnyView {
    view! { <div class="notice" data-tone=tone>{icon(sign)}<p>{text.to_owned()}{more}</p></div> }.into_any()
}

fn merged(shell: &Shell, task: &Task, merge: &Merge) -> AnyView {
    let revert = (merge.can_revert && merge.reverted.is_none()).then(|| {
        let ask = Confirm {
            id: "revert",
            question: format!("Take {} back?", task.id),
            consequence: format!(
                "A new commit on {} undoes {}. Nothing is lost: the branch stays.",
                merge.into, merge.commit
            ),
            action: shell.link(&format!("{}/revert", task.path)),
            verb: "Revert the merge",
            keep: "Keep it merged".to_owned(),
        };
        view! { {Button::new("Revert…").small().icon(Icon::Undo2).opens("revert")}{confirm(ask)} }
    });
    let undone = merge.reverted.clone().map(|commit| view! { " Taken back by "<code>{commit}</code>"." });
    view! {
        <div class="notice" data-tone="success">
            {icon(Icon::GitMerge)}
            <p>"Merged into "<b>{merge.into.clone()}</b>" as "<code>{merge.commit.clone()}</code>" by "{merge.by.clone()}", "{relative(merge.at, shell.now)}"."{undone}</p>
            {revert}
        </div>
    }
    .into_any()
}

fn conflict(shell: &Shell, task: &Task, into: &str, files: &[String]) -> AnyView {
    let lines = files.iter().map(|file| view! { <li><code>{file.clone()}</code></li> });
    let action = shell.link(&format!("{}/retry", task.path));
    view! {
        <div class="notice" data-tone="warning" role="alert">
            {icon(Icon::TriangleAlert)}
            <div>
                <p><b>{format!("Not merged: {into} has changed in the same places.")}</b></p>
                <ul class="notice__list">{lines.collect_view()}</ul>
                <p>"Let the squad bring its branch up to date, then review again."</p>
            </div>
            <form method="post" action=action>{Button::new("Update the branch").small().busy("Starting…").submit()}</form>
        </div>
    }
    .into_any()
}

/// The bar in which a review ends.
pub(super) fn form(shell: &Shell, task: &Task, data: &Review) -> Option<AnyView> {
    let Decision::Open { yours } = data.decision else { return None };
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
