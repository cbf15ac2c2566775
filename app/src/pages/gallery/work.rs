//! What pages about tasks, runs and changes are made of.

use leptos::prelude::*;
use time::{Duration, OffsetDateTime};
use types::TaskState;

use super::Part;
use crate::{
    components::{
        ansi,
        checks::{Check, checks},
        clock,
        copy::copy,
        diff::{self, Hunk, Kind, Line, Mode},
        icon::Icon,
        label::label,
        live,
        markdown::markdown,
        priority::priority,
        secret::secret,
        snippet::snippet,
        status::State,
        task_state::{column_icon, task_state},
        who::Who,
    },
    layout::shell::Shell,
};

const MARKDOWN: &str = "Fees are rounded **half up**, see `parcels/insurance.py`.\n\n\
                        - whole cents\n- no floats\n\n> 185.00 costs 2.03.\n\n[The rules](https://example.com/rules)";

const OUTPUT: &str = "\u{1b}[1m$ cargo test\u{1b}[0m\n\u{1b}[32mok\u{1b}[0m    14 passed\n\
                      \u{1b}[31mFAILED\u{1b}[0m weight::rounds_up\n\u{1b}[2mfinished in 0.41 s\u{1b}[0m";

pub(super) fn parts(shell: &Shell) -> Vec<Part> {
    vec![
        Part::new("Tasks", &["task_state", "priority", "label"], tasks()),
        Part::new("Who", &["who"], who()),
        Part::new("Checks", &["checks"], checks(&sample_checks())),
        Part::new("Clocks", &["clock"], clocks(shell.now)),
        Part::new("Live", &["live"], live::indicator(shell.now, shell.path.clone())),
        Part::new("To take along", &["copy", "secret", "snippet"], taken_along()),
        Part::new("Markdown", &["markdown"], markdown(MARKDOWN)),
        Part::new("Output", &["ansi"], ansi::log("Output of cargo test", OUTPUT)),
        Part::new("Changes", &["diff"], changes()),
    ]
}

fn tasks() -> AnyView {
    let states = TaskState::ALL
        .iter()
        .map(|state| view! { <span class="cluster">{column_icon(*state)}{task_state(*state)}</span> });
    let levels = [1, 5, 9].map(priority);
    let labels = ["api", "bug", "docs", "fees", "limits"].map(label);
    view! {
        <div class="cluster">{states.collect_view()}</div>
        <div class="cluster">{levels.into_iter().collect_view()}</div>
        <div class="cluster">{labels.into_iter().collect_view()}</div>
    }
    .into_any()
}

fn who() -> AnyView {
    let all = [Who::agent("coder-1", "C1"), Who::person("Mira Okafor"), Who::Muster];
    let lines = all.map(|who| view! { <span class="cluster">{who.avatar()}{who.name().to_owned()}</span> });
    view! { <div class="cluster">{lines.into_iter().collect_view()}</div> }.into_any()
}

fn sample_checks() -> Vec<Check> {
    let check = |name: &str, state, note: &str| Check {
        name: name.to_owned(),
        state,
        note: note.to_owned(),
        took: Some(Duration::milliseconds(4_200)),
        log: Some("#main".to_owned()),
    };
    vec![
        check("Tests", State::Failed, "47 of 48"),
        check("Build", State::Done, "passed"),
        Check { took: None, log: None, ..check("Lint", State::Queued, "waits") },
    ]
}

fn clocks(now: OffsetDateTime) -> AnyView {
    view! {
        <div class="cluster">
            <span>"Took "{clock::span(Duration::seconds(1_427))}</span>
            <span>"Since "{clock::since(now - Duration::seconds(61), now)}</span>
            <span>"Left "{clock::until(now + Duration::minutes(4), now)}</span>
            <span>"At "{clock::of_day(now)}</span>
        </div>
    }
    .into_any()
}

fn taken_along() -> AnyView {
    view! {
        <div class="cluster">{copy("Copy id", "QUA-1", None)}{copy("Copy branch name", "muster/qua-1", Some(Icon::GitBranch))}</div>
        {secret("the token", "muster_0000000000000000000000000000")}
        {snippet("the commands", "export MUSTER_KEY=sk-muster-…\ncodex --profile muster")}
    }
    .into_any()
}

fn changes() -> AnyView {
    let file = changed_file();
    view! {
        {diff::tree(std::slice::from_ref(&file))}
        {diff::file(&file, "f0", Mode::Unified)}
        {diff::mini(&file.path, &file.hunks)}
    }
    .into_any()
}

fn changed_file() -> diff::File {
    let line = |kind, old_no, new_no, text: &str| Line { kind, old_no, new_no, text: text.to_owned() };
    let lines = vec![
        line(Kind::Context, Some(11), Some(11), "def fee(value):"),
        line(Kind::Removed, Some(12), None, "    return round(value * 0.015)"),
        line(Kind::Added, None, Some(12), "    return (value * 15 + 500) // 1000"),
    ];
    let section = "class Insurance".to_owned();
    let hunk = Hunk { old_start: 11, old_lines: 2, new_start: 11, new_lines: 2, section, lines };
    diff::File {
        path: "parcels/insurance.py".to_owned(),
        additions: 1,
        deletions: 1,
        hunks: vec![hunk],
        by: Some("coder-1".to_owned()),
        ..diff::File::default()
    }
}
