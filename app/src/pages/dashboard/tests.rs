use types::BuiltinRole;

use super::*;
use crate::document::fragment;
use crate::layout::shell::tests::shell;

#[test]
fn the_checklist_counts_what_is_done_and_leads_to_what_is_not() {
    let steps = Checklist { project: true, ..Checklist::default() };
    let html = page(&shell(BuiltinRole::Owner), &Dashboard { checklist: Some(steps), ..Dashboard::default() });
    assert!(html.contains("2 of 5 done"), "{html}");
    assert_eq!(html.matches(r#"data-kind="primary""#).count(), 1, "{html}");
    assert!(!html.contains(">Add a project</a></li>"), "{html}");
    assert!(html.contains(r#"href="/quayside/members""#), "{html}");
}

#[test]
fn readers_are_not_asked_to_do_what_they_may_not() {
    let html = page(&shell(BuiltinRole::Reader), &Dashboard::default());
    assert!(html.contains("No tasks yet") && !html.contains("Write a task"), "{html}");
}

#[test]
fn the_word_for_one_is_singular() {
    let task = Task {
        path: "/tasks/1".to_owned(),
        number: "QUA-1".to_owned(),
        title: "Fees round half to even".to_owned(),
        project: "ledger".to_owned(),
        state: State::Todo,
        created_at: shell(BuiltinRole::Owner).now,
    };
    let html = page(&shell(BuiltinRole::Owner), &Dashboard { tasks: vec![task], ..Dashboard::default() });
    assert!(html.contains("0 projects, 1 task<") && html.contains("QUA-1") && html.contains("To do"), "{html}");
}

fn busy() -> Dashboard {
    let now = shell(BuiltinRole::Owner).now;
    let need = |kind| Need {
        task: "QUA-1".to_owned(),
        path: "/tasks/QUA-1".to_owned(),
        title: "Run a <migration>".to_owned(),
        why: "coder-1 asks".to_owned(),
        since: now - time::Duration::minutes(2),
        kind,
    };
    let running = Running {
        task: "QUA-2".to_owned(),
        path: "/tasks/QUA-2".to_owned(),
        title: "Round fees".to_owned(),
        squad: "Ledger core".to_owned(),
        state: State::Running,
        who: None,
        step: "Plan".to_owned(),
        started_at: now - time::Duration::seconds(138),
        cost: types::MicroUsd::from_micros(139_100),
        cap: Some(types::MicroUsd::from_cents(800)),
        can_stop: true,
    };
    Dashboard {
        needs: vec![
            need(NeedKind::Approval { id: "a1".to_owned(), command: None, expires_at: None }),
            need(NeedKind::Question { id: "q1".to_owned(), options: vec!["Yes".to_owned(), "No".to_owned()] }),
            need(NeedKind::Failed { may_retry: true }),
        ],
        running: vec![running],
        ..Dashboard::default()
    }
}

#[test]
fn what_waits_can_be_answered_in_place() {
    let html = fragment(false, needs_section(&shell(BuiltinRole::Owner), &busy()));
    for action in ["approvals/a1", "questions/q1", "retry"] {
        assert!(html.contains(&format!(r#"action="/quayside/tasks/QUA-1/{action}""#)), "{action} {html}");
    }
    assert!(html.contains(r#"name="answer" value="Yes""#) && html.contains("Run a &lt;migration&gt;"), "{html}");
}

#[test]
fn what_runs_can_be_stopped_with_a_reason() {
    let html = fragment(false, running_section(&shell(BuiltinRole::Owner), &busy()));
    assert!(
        html.contains(r#"action="/quayside/tasks/QUA-2/stop""#) && html.contains(r#"popovertarget="stop-QUA-2""#),
        "{html}"
    );
    assert!(html.contains("$0.1391") && html.contains("of $8.00") && html.contains(">2:18<"), "{html}");
    let html = page(&shell(BuiltinRole::Owner), &busy());
    assert!(html.contains("3 things wait for you · 1 task runs"), "{html}");
}

#[test]
fn a_new_team_has_one_primary_action_the_sample() {
    let data = Dashboard { sample: true, checklist: Some(Checklist::default()), ..Dashboard::default() };
    let html = page(&shell(BuiltinRole::Owner), &data);
    assert!(html.contains(r#"action="/quayside/sample""#) && html.contains("replays a recording"), "{html}");
    assert_eq!(html.matches(r#"data-kind="primary""#).count(), 1, "{html}");
    assert!(!html.contains("Running now"), "{html}");
}
