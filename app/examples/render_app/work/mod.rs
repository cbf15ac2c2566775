//! A task of sample data: what its squad did, its changes, its review, and the dashboard around it.

mod changes;
mod stream;

use app::components::diff::Mode;
use app::{
    components::{breadcrumb::Crumb, checks::Check, select::Choice, status::State, who::Who},
    forms::Errors,
    layout::shell::{Section, Shell},
    pages::{
        dashboard::{self, Finished, Need, NeedKind, Running},
        review::{self, Decision, Merge, Remark, Review},
        task::{
            self, Action, Live, Named, Run, Task,
            artifacts::{Artifact, Artifacts},
            changes::Changes,
            history::Event,
            overview::{Criterion, Filter, Overview},
        },
    },
};
use time::{Duration, OffsetDateTime};
use types::MicroUsd;

use crate::NOW;

pub(crate) fn usd(micros: i64) -> MicroUsd {
    MicroUsd::from_micros(micros)
}

pub(crate) fn ago(seconds: i64) -> OffsetDateTime {
    NOW - Duration::seconds(seconds)
}

pub(crate) fn coder() -> Who {
    Who::agent("coder-1", "C1")
}

pub(crate) fn pages(shell: &Shell) -> Vec<(&'static str, String)> {
    let crumbs = vec![Crumb::new("ledger-api", "#main"), Crumb::new("QUA-142", "#main")];
    let shell = Shell { section: Section::Other, crumbs, ..shell.clone() };
    let running = task_running();
    let review_task =
        Task { state: State::InReview, action: None, can_stop: false, run: run_done(), ..running.clone() };
    let revert = task::Revert { commit: "9c02b7d".to_owned(), into: "main".to_owned() };
    let done = Task { state: State::Done, action: Some(Action::Reopen), revert: Some(revert), ..review_task.clone() };
    let new = Task {
        state: State::Todo,
        squad: None,
        branch: None,
        run: None,
        cost: usd(0),
        action: Some(Action::Start { squads: vec![Choice::new("1", "Ledger core"), Choice::new("2", "Solo coder")] }),
        can_stop: false,
        files_changed: None,
        artifacts: 0,
        ..running.clone()
    };
    let failed = Task {
        state: State::Failed,
        action: Some(Action::Retry { from: Some("main".to_owned()) }),
        can_stop: false,
        run: run_done(),
        ..running.clone()
    };
    let split = Changes { mode: Mode::Split, ..changes::changes() };
    vec![
        ("task", task::overview::page(&shell, &running, &overview())),
        ("task-new", task::overview::page(&shell, &new, &first_look())),
        (
            "task-failed",
            task::overview::page(&shell, &failed, &Overview { filter: Filter::Tools, live: None, ..overview() }),
        ),
        ("task-changes", task::changes::page(&shell, &review_task, &changes::changes())),
        ("task-no-changes", task::changes::page(&shell, &running, &Changes::default())),
        ("task-artifacts", task::artifacts::page(&shell, &review_task, &artifacts())),
        ("task-history", task::history::page(&shell, &review_task, &history())),
        ("review", review::page(&shell, &review_task, &review(split, Decision::Open { yours: true }))),
        ("review-merged", review::page(&shell, &done, &review(changes::changes(), merged()))),
        ("review-conflict", review::page(&shell, &review_task, &review(changes::changes(), conflict()))),
    ]
}

fn task_running() -> Task {
    Task {
        id: "QUA-142".to_owned(),
        path: "/tasks/QUA-142".to_owned(),
        title: "Reject transfers over the daily limit".to_owned(),
        state: State::NeedsYou,
        squad: Some(Named { name: "Ledger core".to_owned(), path: "/squads/1".to_owned() }),
        project: Named { name: "ledger-api".to_owned(), path: "/projects/1".to_owned() },
        branch: Some("muster/qua-142-daily-limit".to_owned()),
        priority: 8,
        labels: vec!["limits".to_owned(), "api".to_owned()],
        run: Some(Run { number: 2, started_at: ago(1_427), ended_at: None, started_by: "Mira Okafor".to_owned() }),
        cost: usd(2_161_400),
        action: Some(Action::Answer { seq: 1_311 }),
        revert: None,
        can_stop: true,
        can_edit: true,
        files_changed: Some(5),
        artifacts: 3,
        errors: Errors::new(),
        stop_reason: String::new(),
        held_up: None,
        estimate: None,
    }
}

fn run_done() -> Option<Run> {
    Some(Run { number: 2, started_at: ago(2_472), ended_at: Some(NOW), started_by: "Mira Okafor".to_owned() })
}

fn criteria() -> Vec<Criterion> {
    let one = |text: &str, met| Criterion { text: text.to_owned(), met };
    vec![
        one("A transfer over the limit is answered with 422", true),
        one("Two parallel transfers cannot both pass", true),
        one("Days follow the time zone of the account", true),
        one("The answer says how much is left", false),
    ]
}

fn overview() -> Overview {
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Overview {
        description_html: "<p>Transfers are booked although the account has reached its limit for the day. Refuse them with <code>422</code> and say how much is left.</p>".to_owned(),
        acceptance: criteria(),
        plan: stream::plan(),
        steps: stream::steps(),
        entries: stream::entries(),
        earlier: Some("?before=1301".to_owned()),
        filter: Filter::All,
        live: Some(Live { path: "/tasks/QUA-142/live".to_owned(), after: 1_312 }),
        cap: Some(usd(6_000_000)),
        details: vec![
            fact("Base", "main @ 4f1c9e2"),
            fact("Sandbox", "bubblewrap, no network"),
            fact("Limits", "45 min, 3 attempts a step"),
        ],
    }
}

fn first_look() -> Overview {
    Overview {
        plan: Vec::new(),
        steps: Vec::new(),
        entries: Vec::new(),
        earlier: None,
        live: None,
        details: Vec::new(),
        cap: None,
        ..overview()
    }
}

fn checks() -> Vec<Check> {
    let check = |name: &str, state, note: &str, seconds| Check {
        name: name.to_owned(),
        state,
        note: note.to_owned(),
        took: Some(Duration::seconds(seconds)),
        log: Some("/quayside/tasks/QUA-142/artifacts".to_owned()),
    };
    vec![
        check("Tests", State::Done, "48 of 48", 41),
        check("Build", State::Done, "0 warnings", 22),
        check("Lint", State::Failed, "2 findings", 7),
    ]
}

fn review(changes: Changes, decision: Decision) -> Review {
    Review {
        summary_html: "<p>Refuses a transfer over the daily limit of its account with <code>422</code>. The limit is checked in the transaction that posts the entries, and the day is that of the account's time zone.</p>".to_owned(),
        changes,
        checks: checks(),
        acceptance: criteria(),
        remarks: vec![
            Remark {
                who: Who::agent("reviewer", "R"),
                at: ago(900),
                place: Some(("src/transfers/post.rs".to_owned(), Some(83))),
                html: "<p>What happens when <code>daily_limit</code> is lowered during the day and <code>used</code> is already above it? The answer should say 0 left, not a negative amount.</p>".to_owned(),
                verdict: Some("asks for a change".to_owned()),
                cost: Some(usd(41_200)),
            },
            Remark {
                who: coder(),
                at: ago(700),
                place: None,
                html: "<p><code>check</code> now clamps the amount left at 0, and <code>limit::lowered_below_used</code> covers it.</p>".to_owned(),
                verdict: Some("answered".to_owned()),
                cost: Some(usd(61_200)),
            },
        ],
        into: "main".to_owned(),
        decision,
        comment: String::new(),
    }
}

fn merged() -> Decision {
    Decision::Merged(Merge {
        by: Some("Mira Okafor".to_owned()),
        at: ago(240),
        commit: "9c02b7d".to_owned(),
        into: "main".to_owned(),
        reverted: None,
    })
}

fn conflict() -> Decision {
    let files = vec!["src/transfers/post.rs".to_owned(), "src/error.rs".to_owned()];
    Decision::Conflict { files, yours: true }
}

fn artifacts() -> Artifacts {
    let file = |name: &str, kind: &str, bytes, seconds| Artifact {
        name: name.to_owned(),
        kind: kind.to_owned(),
        bytes,
        at: ago(seconds),
        href: format!("/quayside/artifacts/{name}"),
    };
    Artifacts {
        checks: checks(),
        files: vec![
            file("verify-2.log", "Log", 48_213, 800),
            file("junit.xml", "Test report", 9_120, 800),
            file("qua-142.patch", "Patch", 12_004, 300),
        ],
    }
}

fn history() -> Vec<Event> {
    let event = |who: Who, what: &str, seconds| Event { who, what: what.to_owned(), at: ago(seconds) };
    let mira = || Who::person("Mira Okafor");
    vec![
        event(Who::Muster, "moved it from In progress to In review", 60),
        event(mira(), "started a run with Ledger core", 2_472),
        event(Who::person("Jonas Lindqvist"), "set the priority from 5 to 8", 9_000),
        event(mira(), "wrote the task", 90_000),
    ]
}

/// The dashboard of a team at work.
pub(crate) fn dashboard(base: dashboard::Dashboard) -> dashboard::Dashboard {
    dashboard::Dashboard {
        checklist: None,
        needs: needs(),
        running: vec![
            running(
                142,
                "Reject transfers over the daily limit",
                State::NeedsYou,
                ("coder-1", "C1", "Fix 2 of 3"),
                1_427,
                (2_161_400, 600),
            ),
            running(
                139,
                "Idempotency keys on POST /transfers",
                State::Running,
                ("reviewer", "R", "Review"),
                2_465,
                (4_112_700, 500),
            ),
            running(
                150,
                "Show pending transfers in the account view",
                State::Running,
                ("architect", "A", "Plan"),
                138,
                (139_100, 800),
            ),
        ],
        finished: vec![
            finished(141, "Reject negative amounts in batch import", (64, 12), 1_100, 1_208_400, 2_460),
            finished(136, "Cache the currency table per process", (41, 58), 587, 663_100, 7_800),
        ],
        live: true,
        ..base
    }
}

fn needs() -> Vec<Need> {
    let need = |task: &str, title: &str, why: &str, seconds, kind| Need {
        task: task.to_owned(),
        path: format!("/tasks/{task}"),
        title: title.to_owned(),
        why: why.to_owned(),
        since: ago(seconds),
        kind,
    };
    let approval = NeedKind::Approval {
        id: "a1".to_owned(),
        command: Some("sqlx migrate run".to_owned()),
        expires_at: Some(NOW + Duration::seconds(828)),
    };
    let question =
        NeedKind::Question { id: "q1".to_owned(), options: vec!["Day made".to_owned(), "Day reversed".to_owned()] };
    vec![
        need("QUA-142", "Run a migration on the shared test database", "coder-1 asks", 72, approval),
        need(
            "QUA-145",
            "Does a reversed transfer count on the day it was made, or on the day it was reversed?",
            "lead asks, the task waits",
            400,
            question,
        ),
        need(
            "QUA-137",
            "Round half to even when fees are posted",
            "4 files, 14 of 14 checks passed",
            7_800,
            NeedKind::Review,
        ),
        need(
            "QUA-133",
            "Nightly balance reconciliation failed 3 of 3 times",
            "tester ran out of memory at 2 GiB",
            9_000,
            NeedKind::Failed { may_retry: true },
        ),
    ]
}

fn running(
    number: u32,
    title: &str,
    state: State,
    (who, letters, step): (&str, &str, &str),
    seconds: i64,
    (cost, cap): (i64, i32),
) -> Running {
    Running {
        task: format!("QUA-{number}"),
        path: format!("/tasks/QUA-{number}"),
        title: title.to_owned(),
        squad: "Ledger core".to_owned(),
        state,
        who: Some(Who::agent(who, letters)),
        step: step.to_owned(),
        started_at: ago(seconds),
        cost: usd(cost),
        cap: Some(MicroUsd::from_cents(cap)),
        can_stop: true,
    }
}

fn finished(
    number: u32,
    title: &str,
    (additions, deletions): (usize, usize),
    took: i64,
    cost: i64,
    seconds: i64,
) -> Finished {
    Finished {
        task: format!("QUA-{number}"),
        path: format!("/tasks/QUA-{number}"),
        title: title.to_owned(),
        state: State::Done,
        result: "Merged".to_owned(),
        additions,
        deletions,
        took: Duration::seconds(took),
        cost: usd(cost),
        at: ago(seconds),
    }
}
