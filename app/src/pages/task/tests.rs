use time::Duration;
use types::{BuiltinRole, MicroUsd};

use super::{
    entry::{Approval, Body, Entry, Outcome, Place, Question, Tool, ToolState, entry_fragment},
    overview::{Filter, Overview},
    *,
};
use crate::{components::who::Who, layout::shell::tests::shell};

/// QUA-1, in work.
pub(crate) fn task() -> Task {
    let now = shell(BuiltinRole::Owner).now;
    Task {
        id: "QUA-1".to_owned(),
        path: "/tasks/QUA-1".to_owned(),
        title: "Reject <transfers>".to_owned(),
        state: State::Running,
        squad: None,
        project: Named { name: "ledger-api".to_owned(), path: "/projects/1".to_owned() },
        branch: None,
        priority: 7,
        labels: vec!["limits".to_owned()],
        run: Some(Run {
            number: 2,
            started_at: now - Duration::seconds(1_427),
            ended_at: None,
            started_by: "Mira Okafor".to_owned(),
        }),
        cost: MicroUsd::from_micros(2_161_400),
        action: None,
        revert: None,
        can_stop: true,
        can_edit: true,
        files_changed: Some(5),
        artifacts: 0,
        errors: Errors::new(),
        stop_reason: String::new(),
        held_up: None,
        estimate: None,
    }
}

fn entry(body: Body) -> Entry {
    Entry { seq: 12, at: shell(BuiltinRole::Owner).now, who: Who::agent("coder-1", "C1"), body }
}

fn drawn(body: Body) -> String {
    let place = Place { base: "/quayside/tasks/QUA-1", now: shell(BuiltinRole::Owner).now };
    entry_fragment(&entry(body), place)
}

fn tool(state: ToolState, output: &str) -> Tool {
    Tool {
        name: "Run".to_owned(),
        target: "cargo test".to_owned(),
        state,
        took: Some(Duration::milliseconds(38_249)),
        output: output.to_owned(),
        full: None,
    }
}

#[test]
fn the_head_says_what_it_is_and_runs_on() {
    let html = overview::page(&shell(BuiltinRole::Owner), &task(), &Overview::default());
    assert!(html.contains("Reject &lt;transfers&gt;") && html.contains("$2.1614"), "{html}");
    assert!(html.contains(">23:47<") && html.contains("data-since"), "{html}");
    assert!(html.contains(r#"action="/quayside/tasks/QUA-1/stop""#) && html.contains(r#"name="reason""#), "{html}");
}

#[test]
fn each_state_has_one_primary_action() {
    let shell = shell(BuiltinRole::Owner);
    for (action, expected) in [
        (Action::Start { squads: Vec::new() }, r#"action="/quayside/tasks/QUA-1/start""#),
        (Action::Retry { from: None }, r#"action="/quayside/tasks/QUA-1/retry""#),
        (Action::Review, r#"href="/quayside/tasks/QUA-1/review""#),
        (Action::Answer { seq: 12 }, r##"href="/quayside/tasks/QUA-1#e-12""##),
    ] {
        let html = actions_fragment(&shell, &Task { action: Some(action), ..task() });
        assert!(html.contains(expected), "{html}");
        assert_eq!(html.matches(r#"data-kind="primary""#).count(), 1, "{html}");
    }
    assert!(!actions_fragment(&shell, &Task { can_stop: false, ..task() }).contains("Stop"));
    let retry = Some(Action::Retry { from: Some("trunk".to_owned()) });
    let html = actions_fragment(&shell, &Task { action: retry, ..task() });
    assert!(html.contains("Anew from trunk") && html.contains(r#"value="snapshot""#), "{html}");
}

#[test]
fn a_page_without_events_loads_no_script_for_them() {
    let shell = shell(BuiltinRole::Owner);
    let still = overview::page(&shell, &task(), &Overview::default());
    assert!(!still.contains("live.js") && !still.contains("data-live="), "{still}");
    let live = Some(Live { path: "/tasks/QUA-1/live".to_owned(), after: 41 });
    let live = overview::page(&shell, &task(), &Overview { live, ..Overview::default() });
    assert!(
        live.contains(r#"data-live="/quayside/tasks/QUA-1/live""#) && live.contains(r#"data-after="41""#),
        "{live}"
    );
    assert!(live.contains("live.js") && live.contains("<noscript>"), "{live}");
}

#[test]
fn only_failed_calls_are_open() {
    let done = drawn(Body::Command(tool(ToolState::Done("exit 0".to_owned()), "ok")));
    let failed = drawn(Body::Command(tool(ToolState::Failed("exit 100".to_owned()), "\u{1b}[31mFAIL\u{1b}[0m <x>")));
    assert!(!done.contains(" open") && failed.contains(" open"), "{done} {failed}");
    assert!(failed.contains(r#"<span data-ansi="red">FAIL</span> &lt;x&gt;"#) && failed.contains("38.2 s"), "{failed}");
}

#[test]
fn only_who_may_answer_gets_a_form() {
    let ask = |outcome| {
        Body::Approval(Approval {
            id: "a1".to_owned(),
            title: "asks to run a migration".to_owned(),
            command: Some("sqlx migrate run".to_owned()),
            facts: Vec::new(),
            expires_at: None,
            outcome,
        })
    };
    let yours = drawn(ask(Outcome::Yours));
    assert_eq!(yours.matches(r#"action="/quayside/tasks/QUA-1/approvals/a1""#).count(), 2, "{yours}");
    for other in [Outcome::Open, Outcome::Closed("Allowed by Mira".to_owned())] {
        assert!(!drawn(ask(other)).contains("<form"));
    }
}

#[test]
fn a_question_offers_its_answers_and_a_field() {
    let html = drawn(Body::Question(Question {
        id: "q1".to_owned(),
        text: "On which day?".to_owned(),
        options: vec!["Day made".to_owned()],
        outcome: Outcome::Yours,
    }));
    assert!(html.contains(r#"name="answer" value="Day made""#) && html.contains("<textarea"), "{html}");
}

#[test]
fn an_entry_is_one_element_with_its_number() {
    let html = drawn(Body::State { text: "approved the plan".to_owned() });
    assert!(html.starts_with("<li") && html.contains(r#"id="e-12""#) && html.contains(r##"href="#e-12""##), "{html}");
}

#[test]
fn a_filter_is_a_link_and_anything_else_shows_all() {
    assert_eq!(Filter::parse("tools"), Filter::Tools);
    assert_eq!(Filter::parse("<x>"), Filter::All);
    let data = Overview { filter: Filter::Edits, ..Overview::default() };
    let html = overview::page(&shell(BuiltinRole::Owner), &task(), &data);
    assert!(html.contains(r#"data-show="edits""#) && html.contains(r#"?show=tools""#), "{html}");
}

#[test]
fn the_button_that_takes_a_merge_back_comes_with_its_question() {
    let shell = shell(BuiltinRole::Owner);
    let html = revert_fragment(&shell, &task());
    assert!(html.starts_with(r#"<div id="task-revert">"#) && !html.contains("dialog"), "{html}");
    let revert = Some(Revert { commit: "a1b2c3d4e".to_owned(), into: "main".to_owned() });
    let merged = Task { revert, ..task() };
    assert!(actions_fragment(&shell, &merged).contains(r#"popovertarget="revert""#));
    let html = revert_fragment(&shell, &merged);
    assert!(html.starts_with(r#"<div id="task-revert">"#) && html.contains(r#"id="revert""#), "{html}");
}
