use orchestrator::{
    runs::{Decision, Gate, RunState},
    squads::Template,
};

use super::yard::Yard;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_squad_brings_the_sample_to_a_merge() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (project, task) = yard.sample_task(Template::Full).await;
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

    // What it left can be read: the patch from the object store, the merge from the repository.
    let patch = merged.artifacts.iter().find(|file| file.kind == "patch").expect("a patch");
    let kept = muster.kept_file(&yard.scope.can().expect("may"), patch.id).await.expect("a file");
    let object = yard.store.get(&kept.object).await.expect("an object");
    let bytes = object.body.collect().await.expect("its bytes").into_bytes();
    assert!(String::from_utf8_lossy(&bytes).contains("+++ b/parcels/insurance.py"), "{} bytes", bytes.len());
    let folder =
        yard.data.path().join("repositories").join(yard.scope.team().to_string()).join(format!("{project}.git"));
    let log = forge::Repository::open(folder).expect("a repository").log("main", 10).await.expect("a log");
    assert_eq!(log.first().map(|commit| commit.parents.len()), Some(2), "a merge: {log:#?}");
    let change = log.iter().find(|commit| commit.author.name().starts_with("coder")).expect("the squad's commit");
    assert!(change.body.contains("Co-authored-by: Ada"), "{change:#?}");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_writes_is_heard_before_it_is_whole() {
    let yard = Yard::new().await;
    let (_, task) = yard.sample_task(Template::Solo).await;
    let muster = &yard.world.muster;
    let run = muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let mut typing = muster.watch_typing(run);
    let engine = yard.work().await;
    let heard = async {
        loop {
            typing.heard().await;
            if let Some(half) = typing.now().pop() {
                return half;
            }
        }
    };
    let half = tokio::time::timeout(std::time::Duration::from_secs(60), heard).await.expect("somebody writes");
    yard.until(task, |run| run.waits_for.is_some() || !run.state.alive()).await;
    let mut rows = yard.world.superuser().await;
    let whole: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM run_events WHERE run_id = $1 AND starts_with(body ->> 'text', $2))",
    )
    .bind(run.uuid())
    .bind(half.text.trim_start_matches('…'))
    .fetch_one(&mut rows)
    .await
    .expect("an answer");
    assert!(whole, "what was heard of {} is the beginning of an entry: {}", half.agent, half.text);
    engine.shut_down().await;
}
