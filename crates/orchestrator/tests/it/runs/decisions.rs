//! What people decide at a gate reaches those whom it is about.

use orchestrator::{
    runs::{Decision, Gate, RunState, RunView},
    squads::Template,
    work::Commands,
};
use serde_json::{Value, json};

use super::{
    after::somebody_writes,
    at_once::{call, create, finish},
    scripted::{Scripted, when},
};

const OF_THE_PLAN: &str = "One file is enough.";
const OF_THE_CHANGE: &str = "Say euros, not dollars.";

fn plan(title: &str) -> Value {
    let step = json!({ "title": title, "detail": "Write it.", "role": "coder" });
    call("finish", &json!({ "summary": "A plan.", "steps": [step] }))
}

fn design(summary: &str) -> Value {
    call("finish", &json!({ "summary": summary, "notes": "" }))
}

fn approval(summary: &str) -> Value {
    call("finish", &json!({ "verdict": "approve", "summary": summary }))
}

fn kinds(run: &RunView) -> Vec<&str> {
    run.steps.iter().map(|step| step.kind.as_str()).collect()
}

fn titles(run: &RunView) -> Vec<&str> {
    run.outline.iter().map(|item| item.title.as_str()).collect()
}

/// A squad whose agents answer otherwise once they have been told a person's words.
fn listening() -> Vec<Value> {
    let (coder, again) = ("Role: coder\n", "Occasion: review comments\n");
    let edit = json!({ "path": "fees.txt", "action": "replace", "old": "dollars\n", "new": "euros\n" });
    vec![
        when("overheard", &[coder], &[OF_THE_PLAN], &[create("overheard.txt", "yes\n"), finish("Overheard.")]),
        when("plan again", &["Role: lead\n", again], &[OF_THE_PLAN], &[plan("One file")]),
        when("plan", &["Role: lead\n"], &[], &[plan("Two files")]),
        when("design again", &["Role: architect\n", again], &[OF_THE_PLAN], &[design("Smaller.")]),
        when("design", &["Role: architect\n"], &[], &[design("As planned.")]),
        when(
            "rework",
            &[coder, again],
            &[OF_THE_CHANGE],
            &[call("patch", &json!({ "edits": [edit] })), finish("Euros.")],
        ),
        when("write", &[coder], &[], &[create("fees.txt", "dollars\n"), finish("Dollars.")]),
        when("test", &["Role: tester\n"], &[], &[finish("Nothing to add.")]),
        when("review again", &["Role: reviewer\n", again], &[OF_THE_CHANGE], &[approval("Euros it is.")]),
        when("review", &["Role: reviewer\n"], &[], &[approval("Good.")]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn words_at_the_plan_reach_who_plans_and_words_at_the_change_who_works_on_it() {
    let site = Scripted::new(Template::Full, &[], Commands::default(), &listening()).await;
    let squad = site.squad().await;
    let mut rules = squad.rules;
    rules.gates.plan = true;
    site.yard.world.muster.set_rules(&site.yard.scope.can().expect("may"), squad.id, &rules).await.expect("rules");
    site.start().await;
    let engine = site.yard.work().await;

    let waiting = async || site.yard.world.muster.signals(&site.yard.scope, 200).await.expect("signals").waiting;
    let planned = site.until_gate(Gate::Plan).await;
    assert_eq!((titles(&planned), waiting().await), (vec!["Two files"], 1));
    site.decide(&planned, &Decision::SendBack(OF_THE_PLAN.into())).await;
    let planned = site.until_gate(Gate::Plan).await;
    assert_eq!(
        (titles(&planned), kinds(&planned)),
        (vec!["One file"], vec!["prepare", "plan", "design", "plan", "design"])
    );
    assert_eq!(planned.steps[4].summary, "Smaller.");

    site.decide(&planned, &Decision::Approve).await;
    let written = site.until_gate(Gate::Merge).await;
    assert_eq!(site.delivered("fees.txt").await, "dollars\n");
    site.decide(&written, &Decision::SendBack(OF_THE_CHANGE.into())).await;
    let reworked = site.until_gate(Gate::Merge).await;
    let after = kinds(&reworked).split_off(kinds(&written).len());
    assert_eq!(after, ["rework", "verify", "review", "deliver"], "{reworked:#?}");
    assert_eq!(site.delivered("fees.txt").await, "euros\n");
    assert_eq!(site.delivered("overheard.txt").await, "", "coders hear nothing of a plan that was");
    let review = reworked.steps.iter().rfind(|step| step.kind == "review").expect("a review");
    assert_eq!(review.summary, "Euros it is.");

    let merged = site.yard.approve(site.task, &reworked).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    assert_eq!(waiting().await, 0);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_comes_after_somebody_elses_change_waits_again_and_names_the_files() {
    let written = [create("fees.txt", "ours\n"), finish("Fees.")];
    let script = [when("write", &["Role: coder\n"], &[], &written)];
    let site = Scripted::new(Template::Solo, &[], Commands::default(), &script).await;
    site.start().await;
    let engine = site.yard.work().await;

    let first = site.until_gate(Gate::Merge).await;
    assert!(first.conflicts.is_empty(), "{first:#?}");
    let repository = site.yard.repository(site.project);
    somebody_writes(&repository, "fees.txt", "theirs\n").await;
    site.decide(&first, &Decision::Approve).await;
    let again = site.until_gate(Gate::Merge).await;
    assert_eq!((again.conflicts.as_slice(), again.merge.as_ref()), (&["fees.txt".to_owned()][..], None));
    let merge = again.steps.last().expect("a step");
    assert_eq!(
        (merge.kind.as_str(), merge.state.as_str(), merge.summary.as_str()),
        ("merge", "FAILED", "Conflicts in fees.txt.")
    );
    let stands = repository.read("main", "fees.txt", 1 << 20).await.expect("a file");
    assert_eq!(String::from_utf8_lossy(&stands), "theirs\n");
    engine.shut_down().await;
}
