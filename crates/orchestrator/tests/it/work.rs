use orchestrator::{
    Error,
    squads::Template,
    testing::World,
    work::{NewTask, Source, Step},
};

#[tokio::test]
async fn the_first_steps_are_read_off_what_is_there() {
    let world = World::new().await;
    let muster = &world.muster;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    let progress = async || muster.onboarding(&scope.can().expect("owner")).await.expect("progress");
    assert_eq!(progress().await.next(), Some(Step::Project));
    let project =
        muster.create_project(&scope.can().expect("owner"), "Sample", &Source::Sample).await.expect("a project");
    muster.skip_step(&scope.can().expect("owner"), Step::Squad).await.expect("skipped");
    muster.skip_step(&scope.can().expect("owner"), Step::Squad).await.expect("skipping twice changes nothing");
    assert_eq!(progress().await.next(), Some(Step::Task));
    muster
        .create_task(&scope.can().expect("owner"), project, &NewTask::titled("Round half to even"))
        .await
        .expect("a task");
    muster.form_squad(&scope.can().expect("owner"), "Full squad", Template::Full).await.expect("a squad");
    let done = progress().await;
    assert_eq!(done.next(), None);
    assert!(!done.finished(), "nobody is invited yet");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_made_at_once_get_numbers_of_their_own() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    let project =
        world.muster.create_project(&scope.can().expect("owner"), "ledger", &Source::Sample).await.expect("a project");
    let makers: Vec<_> = (0..6)
        .map(|task| {
            let (muster, scope) = (world.muster.clone(), scope.clone());
            tokio::spawn(async move {
                muster
                    .create_task(&scope.can().expect("owner"), project, &NewTask::titled(&format!("task {task}")))
                    .await
            })
        })
        .collect();
    for maker in makers {
        maker.await.expect("a maker").expect("a task");
    }
    let mut numbers: Vec<i32> =
        world.muster.tasks(&scope.can().expect("owner")).await.expect("tasks").iter().map(|task| task.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    world.end().await;
}

#[tokio::test]
async fn names_are_unique_in_a_team_and_taken_ones_are_said() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    let can = scope.can().expect("owner");
    world.muster.create_project(&can, "ledger", &Source::Sample).await.expect("a project");
    assert!(matches!(world.muster.create_project(&can, "Ledger", &Source::Sample).await, Err(Error::Invalid(_))));
    world.end().await;
}

#[tokio::test]
async fn search_finds_every_kind_in_the_team() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    let project =
        world.muster.create_project(&scope.can().expect("owner"), "mirror", &Source::Sample).await.expect("a project");
    world
        .muster
        .create_task(&scope.can().expect("owner"), project, &NewTask::titled("Mirror the ledger"))
        .await
        .expect("a task");
    let hits = world.muster.search(&scope.can().expect("owner"), "MIR").await.expect("hits");
    let kinds: Vec<&str> = hits.iter().map(|hit| hit.kind.as_str()).collect();
    assert_eq!(kinds, ["task", "project", "member"]);
    world.end().await;
}
