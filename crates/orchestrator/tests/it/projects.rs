use orchestrator::{
    Error, SandboxReach, Settings,
    testing::World,
    work::{Archive, Commands, Limits, NewTask, Project, ProjectSettings, RepositoryState, Source, SourceKind},
};

fn settings_of(project: &Project) -> ProjectSettings {
    ProjectSettings {
        name: project.name.clone(),
        description: project.description.clone(),
        default_branch: project.default_branch.clone(),
        commands: project.commands.clone(),
        egress_allow: project.egress_allow.clone(),
        models_inside: project.models_inside,
        allowed_models: project.allowed_models.clone(),
        limits: project.limits,
    }
}

fn cargo_test() -> Commands {
    Commands { test: Some("cargo test".into()), ..Commands::default() }
}

#[tokio::test]
async fn a_project_comes_from_any_of_four_places() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    let can = scope.can().expect("owner");
    let archive = Archive::new("ledger.zip", b"PK..".to_vec()).expect("an archive");
    let git = Source::git("https://git.example/a/b.git", false).expect("an address");
    for (name, source) in
        [("a", Source::Sample), ("b", git), ("c", Source::Archive(archive.clone())), ("d", Source::Empty)]
    {
        world.muster.create_project(&can, name, &source).await.expect(name);
    }
    let read = scope.can().expect("owner");
    let projects = world.muster.projects(&read).await.expect("projects");
    let kinds: Vec<SourceKind> = projects.iter().rev().map(|project| project.source).collect();
    assert_eq!(kinds, SourceKind::ALL);
    assert!(projects.iter().all(|project| project.repository == RepositoryState::Pending));
    assert_eq!(projects[0].limits, Limits::default(), "the database's defaults are the code's");

    let uploaded = projects[1].id;
    assert_eq!(world.muster.project_archive(&read, uploaded).await.expect("read"), Some(archive));
    world.muster.repository_ready(&can, uploaded, "trunk", &cargo_test()).await.expect("ready");
    assert_eq!(world.muster.project_archive(&read, uploaded).await.expect("read"), None, "imported, so dropped");
    let project = world.muster.project(&read, uploaded).await.expect("a project");
    assert_eq!(project.repository, RepositoryState::Ready);
    assert_eq!((project.default_branch.as_str(), project.commands), ("trunk", cargo_test()));
    world.end().await;
}

#[tokio::test]
async fn folders_of_the_server_are_read_only_where_that_is_allowed() {
    let folder = Source::Git { url: "file:///srv/git/ledger.git".into() };
    for allowed in [false, true] {
        let world = World::with(Settings { allow_local_repositories: allowed, ..Settings::default() }).await;
        let mira = world.person("Mira").await;
        let (_, scope) = world.team("quayside", &mira).await;
        let made = world.muster.create_project(&scope.can().expect("owner"), "ledger", &folder).await;
        assert_eq!(made.is_ok(), allowed, "{made:?}");
        world.end().await;
    }
}

#[tokio::test]
async fn what_a_person_set_is_not_detected_away() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    let (can, read) = (scope.can().expect("owner"), scope.can().expect("owner"));
    let id = world.muster.create_project(&can, "ledger", &Source::Sample).await.expect("a project");
    let mut settings = settings_of(&world.muster.project(&read, id).await.expect("a project"));
    settings.egress_allow = vec!["packages.example".into(), " Packages.example ".into(), String::new()];
    world.muster.update_project(&can, id, &settings).await.expect("changed");
    let project = world.muster.project(&read, id).await.expect("a project");
    assert_eq!((project.egress_allow.len(), project.commands_edited_at), (1, None), "no command was touched");

    settings.commands.test = Some("  make check ".into());
    world.muster.update_project(&can, id, &settings).await.expect("changed");
    world.muster.repository_ready(&can, id, "main", &cargo_test()).await.expect("ready");
    let project = world.muster.project(&read, id).await.expect("a project");
    assert_eq!(project.commands.test.as_deref(), Some("make check"));
    world.muster.repository_failed(&can, id, "The address does not answer.").await.expect("failed");
    let project = world.muster.project(&read, id).await.expect("a project");
    assert_eq!(project.repository, RepositoryState::Failed("The address does not answer.".into()));
    world.end().await;
}

#[tokio::test]
async fn private_addresses_are_listed_where_the_installation_opens_them() {
    for (sandbox_reach, accepted) in [(SandboxReach::default(), false), (SandboxReach::Private, true)] {
        let world = World::with(Settings { sandbox_reach, ..Settings::default() }).await;
        let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
        let (can, read) = (scope.can().expect("owner"), scope.can().expect("owner"));
        let id = world.muster.create_project(&can, "ledger", &Source::Empty).await.expect("a project");
        let mut settings = settings_of(&world.muster.project(&read, id).await.expect("a project"));
        for (rule, accepted) in [("10.0.0.7:8080", accepted), ("127.0.0.1:5432", false), ("169.254.169.254", false)] {
            settings.egress_allow = vec![rule.into()];
            match world.muster.update_project(&can, id, &settings).await {
                Ok(()) => assert!(accepted, "{rule}"),
                Err(Error::Invalid(errors)) => {
                    assert!(!accepted && errors.len() == 1 && errors[0].field == "egress_allow", "{rule}: {errors:?}");
                }
                Err(other) => panic!("{rule}: {other}"),
            }
        }
        world.end().await;
    }
}

#[tokio::test]
async fn wrong_settings_change_nothing() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    let (can, read) = (scope.can().expect("owner"), scope.can().expect("owner"));
    world.muster.create_project(&can, "taken", &Source::Empty).await.expect("a project");
    let id = world.muster.create_project(&can, "ledger", &Source::Empty).await.expect("a project");
    let before = world.muster.project(&read, id).await.expect("a project");
    let mut settings = settings_of(&before);
    settings.name = "Taken".into();
    let refused = world.muster.update_project(&can, id, &settings).await.expect_err("taken");
    assert!(matches!(&refused, Error::Invalid(errors) if errors[0].field == "name"), "{refused:?}");
    settings.name = "free".into();
    settings.limits.memory_mb = 1;
    assert!(matches!(world.muster.update_project(&can, id, &settings).await, Err(Error::Invalid(_))));
    assert_eq!(settings_of(&world.muster.project(&read, id).await.expect("a project")), settings_of(&before));
    world.end().await;
}

#[tokio::test]
async fn an_archived_project_leaves_the_list_and_takes_no_tasks() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    let (can, read) = (scope.can().expect("owner"), scope.can().expect("owner"));
    let id = world.muster.create_project(&can, "ledger", &Source::Empty).await.expect("a project");
    world.muster.archive_project(&can, id).await.expect("archived");
    world.muster.archive_project(&can, id).await.expect("twice changes nothing");
    assert!(world.muster.projects(&read).await.expect("projects").is_empty());
    assert_eq!(world.muster.archived_projects(&read).await.expect("projects").len(), 1);
    let task = world.muster.create_task(&scope.can().expect("owner"), id, &NewTask::titled("x")).await;
    assert!(matches!(task, Err(Error::Refused(_))), "{task:?}");
    world.muster.restore_project(&can, id).await.expect("restored");
    assert_eq!(world.muster.projects(&read).await.expect("projects").len(), 1);
    let log = world.muster.audit_log(&scope.can().expect("owner"), &Default::default()).await.expect("a log");
    let actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).take(3).collect();
    assert_eq!(actions, ["project.restored", "project.archived", "project.created"], "one entry each");
    world.end().await;
}
