//! A change that does not fit any more is brought up to date, put together with what came before it, and merged.

use forge::{FileChange, Repository};
use orchestrator::{
    runs::{Decision, Gate, RunState, RunView},
    squads::Template,
    work::{Commands, NewTask},
};
use serde_json::{Value, json};
use types::TaskId;

use super::{
    after::somebody_writes,
    at_once::{call, create, finish, shell},
    scripted::{Scripted, when},
};

const BOTH: &str = "fees 2, weights 3\n";
const WORDS: &str = "Keep both rates.";

fn replace(new: &str) -> Value {
    let edit = json!({ "path": "rates.txt", "action": "replace", "old": "fees 1, weights 1\n", "new": new });
    call("patch", &json!({ "edits": [edit] }))
}

/// A coder who changes the same line for both tasks, and puts the two together once it is told of both.
fn same_line() -> Vec<Value> {
    let again = [shell("cat rates.txt; printf 'fees 2, weights 3\\n' > rates.txt"), finish("Both rates stand.")];
    vec![
        when("again", &["Role: coder\n", "Occasion: review comments\n"], &[WORDS, "- rates.txt: main has"], &again),
        when("fees", &["Role: coder\n"], &["# Fees\n"], &[replace("fees 2, weights 1\n"), finish("Fees.")]),
        when("weights", &["Role: coder\n"], &["# Weights\n"], &[replace("fees 1, weights 3\n"), finish("Weights.")]),
    ]
}

async fn another(site: &Scripted, title: &str) -> TaskId {
    let muster = &site.yard.world.muster;
    let can = site.yard.scope.can().expect("may");
    let task = muster.create_task(&can, site.project, &NewTask::titled(title)).await.expect("a task").id;
    muster.start_run(&site.yard.scope.can().expect("may"), task, None).await.expect("a run");
    task
}

async fn at_review(site: &Scripted, task: TaskId) -> RunView {
    let run = site.yard.until(task, |run| run.waits_for.is_some() || !run.state.alive()).await;
    assert_eq!(run.waits_for.as_ref().map(|waits| waits.gate), Some(Gate::Merge), "{run:#?}");
    run
}

async fn text(repository: &Repository, at: &str, path: &str) -> String {
    let bytes = repository.read(at, path, 1 << 20).await.unwrap_or_else(|error| panic!("{path} at {at}: {error}"));
    String::from_utf8(bytes).expect("text")
}

fn kinds(run: &RunView) -> Vec<&str> {
    run.steps.iter().map(|step| step.kind.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_tasks_that_change_a_line_the_second_is_sent_back_and_merges_on_top() {
    let files = [("rates.txt", "fees 1, weights 1\n")];
    let site = Scripted::new(Template::Solo, &files, Commands::default(), &same_line()).await;
    site.start().await;
    let engine = site.yard.work().await;
    let fees = site.until_gate(Gate::Merge).await;
    let second = another(&site, "Weights").await;
    let weights = at_review(&site, second).await;
    let before = weights.base.clone().expect("a base");

    assert_eq!(site.yard.approve(site.task, &fees).await.state, RunState::Completed);
    let origin = Repository::open(site.yard.data.path().join("origin.git")).expect("the origin");
    let first = origin.resolve("main").await.expect("a branch");
    site.decide(&weights, &Decision::Approve).await;
    let conflicted = site.yard.until(second, |run| !run.conflicts.is_empty() && run.waits_for.is_some()).await;
    assert_eq!(conflicted.conflicts, ["rates.txt"]);

    site.decide(&conflicted, &Decision::SendBack(WORDS.into())).await;
    let reworked = at_review(&site, second).await;
    let after = kinds(&reworked).split_off(kinds(&conflicted).len());
    assert_eq!(after, ["update", "rework", "verify", "deliver"], "{reworked:#?}");
    let update = &reworked.steps[kinds(&conflicted).len()];
    let told = format!(
        "Brought the change onto main at {}. Both changed rates.txt, so both versions stand there until the coder has put them together.",
        &first.to_string()[..9]
    );
    assert_eq!((update.state.as_str(), update.summary.as_str()), ("DONE", told.as_str()));
    assert!(reworked.conflicts.is_empty(), "{reworked:#?}");
    assert_ne!(reworked.base.as_deref(), Some(before.as_str()));
    assert_eq!(reworked.base, Some(first.to_string()), "it goes on from what was merged first");
    let can = site.yard.scope.can().expect("may");
    let changes = site.yard.world.muster.run_changes(&can, reworked.id).await.expect("changes");
    let shown: Vec<_> = changes.iter().map(|FileChange { additions, deletions, .. }| (additions, deletions)).collect();
    assert_eq!(shown, [(&1, &1)], "only its own line against the new main: {changes:#?}");
    assert_eq!(text(&origin, "muster/2-weights", "rates.txt").await, BOTH);

    let merged = site.yard.approve(second, &reworked).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    assert_eq!(text(&origin, "main", "rates.txt").await, BOTH);
    let log = origin.log("main", 2).await.expect("a log");
    let delivered = origin.resolve("muster/2-weights").await.expect("a branch");
    assert_eq!(log[0].parents, [first, delivered], "{log:#?}");
    assert_eq!(origin.log("muster/2-weights", 1).await.expect("a log")[0].parents, [first]);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_approves_a_conflict_goes_back_by_itself_and_markers_are_not_delivered() {
    let solve = "grep -q '^<<<<<<< ' rates.txt && printf 'ours and theirs\\n' > rates.txt";
    let script = [
        when(
            "fix",
            &["Role: coder\n", "Occasion: checks failed\n"],
            &["rates.txt:1: <<<<<<<"],
            &[shell(solve), finish("Both.")],
        ),
        when("leave", &["Role: coder\n", "Occasion: review comments\n"], &["- rates.txt: main has"], &[finish("Hm.")]),
        when(
            "write",
            &["Role: coder\n"],
            &[],
            &[call("ask", &json!({ "question": "Which rate?" })), create("rates.txt", "ours\n"), finish("Rates.")],
        ),
    ];
    let site = Scripted::new(Template::Solo, &[], Commands::default(), &script).await;
    let squad = site.squad().await;
    let mut rules = squad.rules;
    rules.gates.merge = false;
    site.yard.world.muster.set_rules(&site.yard.scope.can().expect("may"), squad.id, &rules).await.expect("rules");
    site.start().await;
    let engine = site.yard.work().await;
    let asking = site.until_gate(Gate::Question).await;
    let repository = site.yard.repository(site.project);
    somebody_writes(&repository, "rates.txt", "theirs\n").await;
    site.decide(&asking, &Decision::Answer("Ours".into())).await;
    let merged = site.stands().await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    assert_eq!(text(&repository, "main", "rates.txt").await, "ours and theirs\n");
    let after = kinds(&merged).split_off(kinds(&asking).len());
    let once_more = ["update", "rework", "verify", "fix", "verify", "deliver", "merge"];
    let expected: Vec<&str> = ["implement", "verify", "deliver", "merge"].into_iter().chain(once_more).collect();
    assert_eq!(after, expected, "{merged:#?}");
    let failed = merged.steps.iter().find(|step| step.kind == "verify" && step.state == "FAILED").expect("one");
    assert_eq!(failed.summary, "Conflict markers are left in rates.txt.");
    engine.shut_down().await;
}
