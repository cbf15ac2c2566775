use leptos::prelude::*;
use time::OffsetDateTime;

use crate::{
    components::{
        button::Button,
        clock,
        icon::{Icon, icon},
        time::relative,
    },
    layout::shell::Shell,
};

/// One thing that waits for this person, with what can be done about it at once.
#[derive(Clone, Debug)]
pub struct Need {
    /// The short id of its task: “QUA-1”.
    pub task: String,
    /// The task's page below the team.
    pub path: String,
    pub title: String,
    /// Who asks and what hangs on it: “coder-1 asks · the task waits”.
    pub why: String,
    pub since: OffsetDateTime,
    pub kind: NeedKind,
}

#[derive(Clone, Debug)]
pub enum NeedKind {
    /// Posts `decision` to the task's “/approvals/{id}”.
    Approval {
        id: String,
        command: Option<String>,
        expires_at: Option<OffsetDateTime>,
    },
    /// Posts `answer` to the task's “/questions/{id}”.
    Question {
        id: String,
        options: Vec<String>,
    },
    Review,
    /// A budget, a pause or a provider's limit: it goes on by itself when that is over.
    HeldUp,
    /// Posts to the task's “/retry”.
    Failed {
        may_retry: bool,
    },
}

/// More options than this are answered on the task's page.
const INLINE_OPTIONS: usize = 2;

/// How much waits, in words.
pub(in crate::pages) fn waiting(count: usize) -> String {
    match count {
        0 => "Nothing waits for you".to_owned(),
        1 => "1 thing waits for you".to_owned(),
        more => format!("{more} things wait for you"),
    }
}

pub(in crate::pages) fn list(shell: &Shell, needs: &[Need]) -> AnyView {
    if needs.is_empty() {
        return view! { <p class="lede">"Nothing waits for you. Approvals, questions, reviews and failed runs come here."</p> }
            .into_any();
    }
    let lines = needs.iter().map(|need| one(shell, need)).collect_view();
    view! { <div class="box needs" data-flush=true>{lines}</div> }.into_any()
}

fn one(shell: &Shell, need: &Need) -> AnyView {
    let here = shell.link(&need.path);
    let (kind, sign, href) = match &need.kind {
        NeedKind::Approval { .. } => ("approval", Icon::Hand, here.clone()),
        NeedKind::Question { .. } => ("question", Icon::MessageQuestion, here.clone()),
        NeedKind::Review => ("review", Icon::Eye, format!("{here}/review")),
        NeedKind::HeldUp => ("approval", Icon::OctagonMinus, here.clone()),
        NeedKind::Failed { .. } => ("failed", Icon::CircleX, here.clone()),
    };
    view! {
        <article class="need" data-kind=kind>
            {icon(sign)}
            <h3 class="need__title"><a href=href>{need.title.clone()}</a></h3>
            <p class="need__why"><span class="id">{need.task.clone()}</span>" · "{need.why.clone()}{more(shell, need)}" · "{relative(need.since, shell.now)}</p>
            <div class="need__actions">{actions(shell, need, &here)}</div>
        </article>
    }
    .into_any()
}

fn more(shell: &Shell, need: &Need) -> Option<AnyView> {
    let NeedKind::Approval { command, expires_at, .. } = &need.kind else { return None };
    let command = command.clone().map(|command| view! { " · "<code>{command}</code> });
    let left = expires_at.map(|end| view! { " · denied by itself in "{clock::until(end, shell.now)} });
    Some(view! { {command}{left} }.into_any())
}

fn actions(shell: &Shell, need: &Need, here: &str) -> AnyView {
    // Where the form comes back to.
    let next = shell.path.clone();
    let open = |word: &'static str| Button::new(word).small().about(&need.task).link(here.to_owned());
    match &need.kind {
        NeedKind::Approval { id, .. } => view! {
            <form method="post" action=format!("{here}/approvals/{id}")>
                <input type="hidden" name="next" value=next/>
                <input type="hidden" name="decision" value="allow"/>
                {Button::new("Allow once").small().busy("Allowing…").about(&need.task).submit()}
            </form>
            {open("Deny…")}
        }
        .into_any(),
        NeedKind::Question { id, options } => {
            let inline = options.iter().take(INLINE_OPTIONS).map(|option| {
                view! { <button class="button" type="submit" name="answer" value=option.clone()>{option.clone()}</button> }
            });
            let form = (options.len() <= INLINE_OPTIONS && !options.is_empty()).then(|| {
                view! {
                    <form class="need__options" method="post" action=format!("{here}/questions/{id}")>
                        <input type="hidden" name="next" value=next/>
                        {inline.collect_view()}
                    </form>
                }
            });
            view! { {form}{open("Answer…")} }.into_any()
        }
        NeedKind::Review => Button::new("Review changes").small().about(&need.task).link(format!("{here}/review")),
        NeedKind::HeldUp => open("Open"),
        NeedKind::Failed { may_retry } => {
            let retry = may_retry.then(|| {
                view! {
                    <form method="post" action=format!("{here}/retry")>
                        <input type="hidden" name="next" value=next/>
                        {Button::new("Retry").small().busy("Starting…").about(&need.task).submit()}
                    </form>
                }
            });
            view! { {retry}{open("Open")} }.into_any()
        }
    }
}
