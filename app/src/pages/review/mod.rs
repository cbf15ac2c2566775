//! The review of a run's changes, and its end: merged, sent back, or taken back.

mod verdict;

use leptos::prelude::*;
use time::OffsetDateTime;
use types::MicroUsd;

pub use verdict::{Decision, Merge};

use crate::{
    components::{
        button::Button,
        checks::{Check, checks},
        diff::{self, File, Mode},
        icon::{Icon, icon},
        money::fine_text,
        time::relative,
        who::Who,
    },
    layout::shell::Shell,
    pages::task::{
        self, Tab, Task,
        changes::Changes,
        overview::{Criterion, criteria},
    },
};

/// What a reviewer needs to decide.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// What the squad says it did; HTML that was already made safe.
    pub summary_html: String,
    pub changes: Changes,
    pub checks: Vec<Check>,
    pub acceptance: Vec<Criterion>,
    /// What agents and people said on the changes, in the order of time.
    pub remarks: Vec<Remark>,
    /// Where the branch goes: “main”.
    pub into: String,
    pub decision: Decision,
    /// The comment as it was typed, when the form failed.
    pub comment: String,
}

/// Said on the changes as a whole or on a line of them.
#[derive(Clone, Debug)]
pub struct Remark {
    pub who: Who,
    pub at: OffsetDateTime,
    /// The file and the line, if it is about one.
    pub place: Option<(String, Option<usize>)>,
    /// HTML that was already made safe.
    pub html: String,
    /// “approves”, “asks for a change”.
    pub verdict: Option<String>,
    pub cost: Option<MicroUsd>,
}

#[must_use]
pub fn page(shell: &Shell, task: &Task, data: &Review) -> String {
    let here = shell.link(&format!("{}/review", task.path));
    let lead = view! {
        {verdict::outcome(shell, data)}
        {summary(data)}
        {remarks(shell, data)}
    };
    let body = view! {
        {diff_page(&here, &data.changes, bar(data), lead.into_any())}
        {verdict::form(shell, task, data)}
    };
    task::framed(shell, task, Tab::Review, None, body.into_any())
}

fn summary(data: &Review) -> Option<AnyView> {
    let html = data.summary_html.clone();
    let said = (!html.is_empty()).then(|| {
        view! { <section aria-labelledby="summary"><div class="section__head"><h2 id="summary">"Summary"</h2></div><div class="prose" inner_html=html></div></section> }
    });
    let list = (!data.acceptance.is_empty()).then(|| {
        let met = data.acceptance.iter().filter(|one| one.met).count();
        view! {
            <section aria-labelledby="acceptance">
                <div class="section__head"><h2 id="acceptance">"Acceptance"</h2><span class="section__count">{format!("{met} of {}", data.acceptance.len())}</span></div>
                {criteria(&data.acceptance)}
            </section>
        }
    });
    (said.is_some() || list.is_some()).then(|| view! { <div class="review__lead">{said}{list}</div> }.into_any())
}

fn bar(data: &Review) -> AnyView {
    checks(&data.checks)
}

fn remarks(shell: &Shell, data: &Review) -> Option<AnyView> {
    if data.remarks.is_empty() {
        return None;
    }
    let notes = data.remarks.iter().map(|remark| note(shell, data, remark)).collect_view();
    Some(
        view! {
            <section aria-labelledby="remarks">
                <div class="section__head"><h2 id="remarks">"Remarks"</h2><span class="section__count">{data.remarks.len()}</span></div>
                <div class="thread">{notes}</div>
            </section>
        }
        .into_any(),
    )
}

fn note(shell: &Shell, data: &Review, remark: &Remark) -> AnyView {
    let place = remark.place.as_ref().map(|(path, line)| place(&data.changes, path, *line));
    let verdict = remark.verdict.clone().map(|word| view! { <span>{word}</span> });
    let cost = remark.cost.map(|cost| view! { <span class="money">{fine_text(cost)}</span> });
    view! {
        <article class="thread__note">
            {remark.who.avatar()}
            <p class="thread__by"><b>{remark.who.name().to_owned()}</b>{verdict}{place}{cost}{relative(remark.at, shell.now)}</p>
            <div class="thread__text prose" inner_html=remark.html.clone()></div>
        </article>
    }
    .into_any()
}

/// A link to the line, where the page shows it.
fn place(changes: &Changes, path: &str, line: Option<usize>) -> AnyView {
    let words = line.map_or_else(|| path.to_owned(), |line| format!("{path}:{line}"));
    let Some(index) = changes.files.iter().position(|file| file.path == path) else {
        return view! { <code>{words}</code> }.into_any();
    };
    let shown = line.filter(|line| {
        changes.files[index].hunks.iter().any(|hunk| (hunk.new_start..hunk.new_start + hunk.new_lines).contains(line))
    });
    let href = shown.map_or_else(|| format!("#f{index}"), |line| format!("#f{index}-R{line}"));
    view! { <a class="link" href=href><code>{words}</code></a> }.into_any()
}

/// The changes with their tree. `bar` stands above them beside the switch of views, `lead` between the two.
pub(crate) fn diff_page(here: &str, changes: &Changes, bar: AnyView, lead: AnyView) -> AnyView {
    let files =
        changes.files.iter().enumerate().map(|(index, file)| diff::file(file, &format!("f{index}"), changes.mode));
    view! {
        {strip(&changes.files)}
        <div class="review">
            {tree(&changes.files)}
            <div class="review__main">
                <div class="review__bar">{bar}{tools(here, changes)}</div>
                {lead}
                <h2 class="visually-hidden">"Changes"</h2>
                {files.collect_view()}
            </div>
        </div>
    }
    .into_any()
}

fn totals(files: &[File]) -> (usize, usize) {
    files.iter().fold((0, 0), |(plus, minus), file| (plus + file.additions, minus + file.deletions))
}

fn count(files: &[File]) -> String {
    format!("{} file{}", files.len(), if files.len() == 1 { "" } else { "s" })
}

fn strip(files: &[File]) -> AnyView {
    let (plus, minus) = totals(files);
    view! {
        <button class="strip" type="button" popovertarget="files">
            <span><b>{count(files)}</b>{diff::delta(plus, minus)}</span>
            <span>"Files"{icon(Icon::ChevronRight)}</span>
        </button>
    }
    .into_any()
}

fn tree(files: &[File]) -> AnyView {
    let (plus, minus) = totals(files);
    view! {
        <div class="review__tree side" id="files" popover="auto">
            <div class="side__head">
                <span class="small muted">"Changes"</span>
                <button class="button" data-kind="plain" data-icon=true type="button" popovertarget="files" popovertargetaction="hide" aria-label="Close">{icon(Icon::Cross)}</button>
            </div>
            <div class="section__head"><p class="review__count">{count(files)}</p>{diff::delta(plus, minus)}</div>
            {diff::tree(files)}
        </div>
    }
    .into_any()
}

fn tools(here: &str, changes: &Changes) -> AnyView {
    let view_link = |word: &'static str, mode: Mode, query: &str| {
        let current = (changes.mode == mode).then_some("true");
        view! { <a href=format!("{here}{query}") aria-current=current>{word}</a> }
    };
    let patch = changes.patch.clone().map(|href| Button::new("Patch").plain().small().icon(Icon::Download).link(href));
    view! {
        <div class="review__tools">
            <nav class="segmented" aria-label="View of the changes">
                {view_link("Unified", Mode::Unified, "?view=unified")}
                {view_link("Split", Mode::Split, "?view=split")}
            </nav>
            {patch}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests;
