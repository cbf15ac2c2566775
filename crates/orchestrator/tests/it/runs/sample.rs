use orchestrator::{
    runs::{Decision, Gate, RunState},
    squads::Template,
};

use super::yard::Yard;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_squad_brings_the_sample_to_a_merge() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Full).await;
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let engine = yard.work().await;

    let waiting = yard.until(task, |run| run.state != RunState::Running && run.state != RunState::Queued).await;
    let gate = waiting.waits_for.as_ref().unwrap_or_else(|| panic!("it waits: {waiting:#?}"));
    assert_eq!(gate.gate, Gate::Merge);
    assert!(waiting.checks.iter().all(|check| check.passed), "{:?}", waiting.checks);
    let kinds: Vec<&str> = waiting.steps.iter().map(|step| step.kind.as_str()).collect();
    let expected = [
        "prepare",
        "plan",
        "design",
        "implement",
        "verify",
        "fix",
        "verify",
        "test",
        "verify",
        "review",
        "rework",
        "verify",
        "review",
        "deliver",
    ];
    assert_eq!(kinds, expected);

    muster.decide(&yard.scope.can().expect("may"), gate.approval, &Decision::Approve).await.expect("approved");
    let merged = yard.until(task, |run| !run.state.alive()).await;
    assert_eq!(merged.state, RunState::Completed, "{merged:#?}");
    assert!(merged.merge.is_some());
    engine.shut_down().await;
}
