//! One line of the live stream. Everything that happens in a run is one of these, in the order of its number.

mod ask;
mod work;

use leptos::prelude::*;
use time::{Duration, OffsetDateTime};
use types::MicroUsd;

use super::plan::{self, PlanStep};
use crate::{
    components::{
        clock,
        diff::Hunk,
        icon::{Icon, icon},
        money::fine,
        who::Who,
    },
    document::fragment,
};

#[derive(Clone, Debug)]
pub struct Entry {
    /// The number of its event; its place on the page is “#e-12”.
    pub seq: i64,
    pub at: OffsetDateTime,
    pub who: Who,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub enum Body {
    /// Somebody said something. The text is HTML that was already made safe.
    Message {
        html: String,
        model: Option<String>,
        cost: Option<MicroUsd>,
    },
    /// What a model told of its thinking; folded.
    Thought {
        text: String,
    },
    Plan {
        version: u32,
        steps: Vec<PlanStep>,
    },
    /// A tool that read or searched.
    Tool(Tool),
    /// A command in the sandbox; its output may hold colours of a terminal.
    Command(Tool),
    /// A changed file with the lines that changed.
    Edit(Edit),
    Approval(Approval),
    Question(Question),
    Error {
        title: String,
        text: String,
        more: Option<(String, String)>,
    },
    /// The run or the task went on to something else: “approved the plan after 1:48”.
    State {
        text: String,
    },
    /// What a step cost, with its tokens in words.
    Cost {
        what: String,
        amount: MicroUsd,
        note: String,
    },
    /// Events are missing or were loaded late, and how many.
    Gap {
        text: String,
    },
}

/// A call of a tool. Only failures are open.
#[derive(Clone, Debug)]
pub struct Tool {
    /// “Read”, “Search”, “Run”.
    pub name: String,
    /// What it was called on: a path, a pattern, a command line.
    pub target: String,
    pub state: ToolState,
    pub took: Option<Duration>,
    pub output: String,
    /// Where the whole output is, when only a part is shown.
    pub full: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolState {
    Running,
    /// With its result in a few words: “6 files”.
    Done(String),
    /// “exit 100”.
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct Edit {
    pub path: String,
    pub additions: usize,
    pub deletions: usize,
    pub hunks: Vec<Hunk>,
    /// Where the whole change is, below the task: “/changes#f2”.
    pub more: Option<String>,
}

/// An agent asks to be allowed something. Posts `decision` (`allow` or `deny`) and `reason` to “/approvals/{id}”.
#[derive(Clone, Debug)]
pub struct Approval {
    pub id: String,
    /// What it asks: “asks to run a migration on a shared database”.
    pub title: String,
    pub command: Option<String>,
    /// Facts by name: why, effect, who may approve.
    pub facts: Vec<(String, String)>,
    pub expires_at: Option<OffsetDateTime>,
    pub outcome: Outcome,
}

/// An agent asks something. Posts `answer` to “/questions/{id}”.
#[derive(Clone, Debug)]
pub struct Question {
    pub id: String,
    pub text: String,
    pub options: Vec<String>,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Open, and this person may answer.
    Yours,
    /// Open, for somebody else.
    Open,
    /// What was answered, by whom: “Allowed by Mira”.
    Closed(String),
}

/// What an entry is drawn for.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The task's address, team included: “/quayside/tasks/QUA-1”. Forms post below it.
    pub base: &'a str,
    pub now: OffsetDateTime,
}

/// One entry alone, for the event stream; its own id is the target, “e-12”.
#[must_use]
pub fn entry_fragment(entry: &Entry, place: Place) -> String {
    fragment(false, view(entry, place))
}

impl Entry {
    /// Whether this is a failure, for “First error”.
    #[must_use]
    pub fn failed(&self) -> bool {
        match &self.body {
            Body::Error { .. } => true,
            Body::Tool(tool) | Body::Command(tool) => matches!(tool.state, ToolState::Failed(_)),
            _ => false,
        }
    }

    /// Its kind, and the filter that shows it.
    const fn kind(&self) -> (&'static str, &'static str) {
        match &self.body {
            Body::Message { .. } => ("message", "messages"),
            Body::Thought { .. } => ("thought", "messages"),
            Body::Plan { .. } => ("plan", "messages"),
            Body::Tool(_) => ("tool", "tools"),
            Body::Command(_) => ("command", "tools"),
            Body::Edit(_) => ("edit", "edits"),
            Body::Approval(_) => ("approval", "asks"),
            Body::Question(_) => ("question", "asks"),
            Body::Error { .. } => ("failed", "tools"),
            Body::State { .. } => ("state", "other"),
            Body::Cost { .. } => ("cost", "other"),
            Body::Gap { .. } => ("gap", "other"),
        }
    }

    /// Who spoke or planned stands beside the line; for what was done, its icon.
    fn mark(&self) -> AnyView {
        match &self.body {
            Body::Message { .. } | Body::Plan { .. } | Body::State { .. } => self.who.avatar(),
            Body::Thought { .. } => icon(Icon::Ellipsis),
            Body::Tool(tool) if tool.name == "Search" => icon(Icon::Search),
            Body::Tool(_) => icon(Icon::FileText),
            Body::Command(_) => icon(Icon::SquareTerminal),
            Body::Edit(_) => icon(Icon::FilePen),
            Body::Approval(_) => icon(Icon::Hand),
            Body::Question(_) => icon(Icon::MessageQuestion),
            Body::Error { .. } => icon(Icon::CircleX),
            Body::Cost { .. } => icon(Icon::Coins),
            Body::Gap { .. } => icon(Icon::Unplug),
        }
    }
}

pub(super) fn view(entry: &Entry, place: Place) -> AnyView {
    let (kind, group) = entry.kind();
    let id = format!("e-{}", entry.seq);
    let here = format!("#{id}");
    view! {
        <li class="entry" data-type=kind data-group=group id=id>
            <span class="entry__time"><a href=here>{clock::of_day(entry.at)}</a></span>
            <span class="entry__mark">{entry.mark()}</span>
            <div class="entry__body">{body(entry, place)}</div>
        </li>
    }
    .into_any()
}

fn body(entry: &Entry, place: Place) -> AnyView {
    let who = entry.who.name();
    match &entry.body {
        Body::Message { html, model, cost } => message(who, html, model.as_deref(), *cost),
        Body::Thought { text } => thought(who, text),
        Body::Plan { version, steps } => planned(who, *version, steps),
        Body::Tool(tool) => work::tool(entry.seq, tool, false),
        Body::Command(tool) => work::tool(entry.seq, tool, true),
        Body::Edit(edit) => work::edit(who, edit, place),
        Body::Approval(approval) => ask::approval(entry.seq, who, approval, place),
        Body::Question(question) => ask::question(entry.seq, who, question, place),
        Body::Error { title, text, more } => error(title, text, more.as_ref()),
        Body::State { text } => view! { <b class="entry__who">{who.to_owned()}</b>" "{text.clone()} }.into_any(),
        Body::Cost { what, amount, note } => {
            let note = (!note.is_empty()).then(|| format!(" · {note}"));
            view! { {what.clone()}": "{fine(*amount)}{note} }.into_any()
        }
        Body::Gap { text } => view! { <span>{text.clone()}</span> }.into_any(),
    }
}

fn message(who: &str, html: &str, model: Option<&str>, cost: Option<MicroUsd>) -> AnyView {
    let model = model.map(|model| view! { <span data-wide=true>{model.to_owned()}</span> });
    view! {
        <div class="entry__head">
            <h3 class="entry__who">{who.to_owned()}</h3>
            <span class="entry__meta">{model}{cost.map(fine)}</span>
        </div>
        <div class="entry__text prose" inner_html=html.to_owned()></div>
    }
    .into_any()
}

fn thought(who: &str, text: &str) -> AnyView {
    view! {
        <details class="tool">
            <summary>{icon(Icon::ChevronRight)}<span class="tool__name">"Thought"</span><span class="tool__arg">{first_line(text)}</span><span class="tool__meta">{who.to_owned()}</span></summary>
            <p class="entry__text entry__thought">{text.to_owned()}</p>
        </details>
    }
    .into_any()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(160).collect()
}

fn planned(who: &str, version: u32, steps: &[PlanStep]) -> AnyView {
    view! {
        <div class="entry__head">
            <h3 class="entry__who">{who.to_owned()}</h3>
            <span class="entry__what">{format!("plan, version {version}")}</span>
            <span class="entry__meta">{plan::progress(steps)}</span>
        </div>
        {plan::list(steps)}
    }
    .into_any()
}

fn error(title: &str, text: &str, more: Option<&(String, String)>) -> AnyView {
    let more = more.map(
        |(word, href)| view! { <span class="entry__meta"><a class="link" href=href.clone()>{word.clone()}</a></span> },
    );
    view! {
        <div class="entry__head"><h3 class="entry__who" data-wraps=true>{title.to_owned()}</h3>{more}</div>
        <p class="entry__text muted">{text.to_owned()}</p>
    }
    .into_any()
}
