use time::Duration;
use types::BuiltinRole;

use super::*;
use crate::{
    layout::shell::tests::shell,
    pages::task::{Revert, tests::task},
};

fn review(decision: Decision) -> Review {
    let line = diff::Line { kind: diff::Kind::Added, old_no: None, new_no: Some(83), text: "<b>check</b>".to_owned() };
    let hunk = diff::Hunk { new_start: 83, new_lines: 1, lines: vec![line], ..diff::Hunk::default() };
    let file = File { path: "src/post.rs".to_owned(), additions: 1, hunks: vec![hunk], ..File::default() };
    Review {
        changes: Changes { files: vec![file], ..Changes::default() },
        into: "main".to_owned(),
        decision,
        ..Review::default()
    }
}

fn html(data: &Review) -> String {
    page(&shell(BuiltinRole::Owner), &task(), data)
}

#[test]
fn one_form_carries_both_answers_and_the_comment() {
    let html = html(&review(Decision::Open { yours: true }));
    assert!(html.contains(r#"action="/quayside/tasks/QUA-1/review""#), "{html}");
    for part in [r#"value="approve""#, r#"value="changes""#, r#"name="comment""#, "Approve and merge into main"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.contains("&lt;b&gt;check") && !html.contains("<b>check"), "{html}");
}

#[test]
fn who_may_not_decide_gets_no_form() {
    let html = html(&review(Decision::Open { yours: false }));
    assert!(!html.contains("tasks/QUA-1/review\"") || !html.contains(r#"name="comment""#), "{html}");
    assert!(html.contains("somebody who may approve"), "{html}");
}

#[test]
fn a_conflict_names_the_files_and_still_waits() {
    let html = html(&review(Decision::Conflict { files: vec!["src/post.rs".to_owned()], yours: true }));
    assert!(html.contains("<li><code>src/post.rs</code></li>") && html.contains(r#"value="changes""#), "{html}");
}

#[test]
fn a_merge_can_be_taken_back_once() {
    let shell = shell(BuiltinRole::Owner);
    let merge = Merge {
        by: Some("Mira Okafor".to_owned()),
        at: shell.now - Duration::minutes(4),
        commit: "9c02b7d".to_owned(),
        into: "main".to_owned(),
        reverted: None,
    };
    let revert = Revert { commit: "9c02b7d".to_owned(), into: "main".to_owned() };
    let open = Task { revert: Some(revert), ..task() };
    let open = page(&shell, &open, &review(Decision::Merged(merge.clone())));
    assert!(open.contains(r#"action="/quayside/tasks/QUA-1/revert""#) && open.contains("by Mira Okafor"), "{open}");
    let reverted = Some(("11aa22b".to_owned(), "Jonas Lindqvist".to_owned()));
    let done = html(&review(Decision::Merged(Merge { reverted, ..merge })));
    assert!(!done.contains("/revert\"") && done.contains("Jonas Lindqvist as <code>11aa22b"), "{done}");
}

#[test]
fn a_remark_leads_to_its_line_only_where_the_page_shows_it() {
    let remark = |line| Remark {
        who: Who::agent("reviewer", "R"),
        at: shell(BuiltinRole::Owner).now,
        place: Some(("src/post.rs".to_owned(), Some(line))),
        html: "<p>Clamp it.</p>".to_owned(),
        verdict: None,
        cost: None,
    };
    let html = html(&Review { remarks: vec![remark(83), remark(7)], ..review(Decision::None) });
    assert!(
        html.contains(r##"href="#f0-R83""##) && html.contains(r##"href="#f0" class="link"><code>src/post.rs:7"##),
        "{html}"
    );
}
