//! Whatever one team does, another team's rows stay as they are: with row-level security, and with it switched off.

use orchestrator::{
    Origin, Scope,
    accounts::SignedIn,
    budgets::{BudgetSettings, Limit, Subject},
    models::ProviderSettings,
    squads::{Agent, AgentSettings, AgentTypeSettings, Direction, Holder, SquadSettings, Template},
    testing::World,
    work::{Assignee, Commands, Limits, NewTask, Place, ProjectSettings, RepositoryCredential, Source, Step},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use types::{
    AgentKind, AgentRole, AgentTypeId, BudgetId, BudgetRequestId, InvitationId, MicroUsd, ModelProviderId, PauseId,
    PermissionSet, ProjectId, RoleId, SquadId, SquadMemberId, TaskId, TaskState, UserId,
};

/// Something a member of team A may try, half the time with an id of team B.
#[derive(Clone, Debug)]
enum Try {
    Rename(String),
    Invite(String),
    RevokeInvitation(bool),
    ResendInvitation(bool),
    ChangeRole(bool),
    RemoveMember(bool),
    CreateRole(String),
    DeleteRole(bool),
    CreateProject(String),
    FormSquad(String),
    AddAgent(bool, bool, String),
    EditAgent(bool, bool),
    RemoveFromSquad(bool, bool),
    MoveInSquad(bool, bool),
    AddPerson(bool, bool),
    EditSquad(bool, String),
    ArchiveSquad(bool),
    RestoreSquad(bool),
    SwitchAgentType(bool),
    AddProvider(String),
    ReplaceModelKey(bool),
    ChooseDefaultModel(bool),
    RemoveProvider(bool),
    RotateSecrets,
    ConfigureProject(bool),
    KeepCredential(bool, String),
    RemoveCredential(bool),
    ArchiveProject(bool),
    CreateTask(bool, String),
    EditTask(bool, String),
    AssignTask(bool, bool),
    MoveTask(bool, bool),
    DeleteTask(bool),
    UndeleteTask(bool),
    SetBudget(bool),
    RemoveBudget(bool),
    AskForBudget(bool),
    DecideBudget(bool, bool),
    Pause(bool, String),
    Resume(bool),
    Skip,
    Search(String),
    ReadAll,
}

fn tries() -> impl Strategy<Value = Try> {
    let word = "[a-z]{3,8}";
    prop_oneof![
        word.prop_map(Try::Rename),
        word.prop_map(Try::Invite),
        any::<bool>().prop_map(Try::RevokeInvitation),
        any::<bool>().prop_map(Try::ResendInvitation),
        any::<bool>().prop_map(Try::ChangeRole),
        any::<bool>().prop_map(Try::RemoveMember),
        word.prop_map(Try::CreateRole),
        any::<bool>().prop_map(Try::DeleteRole),
        word.prop_map(Try::CreateProject),
        word.prop_map(Try::FormSquad),
        (any::<bool>(), any::<bool>(), word).prop_map(|(squad, kind, name)| Try::AddAgent(squad, kind, name)),
        any::<(bool, bool)>().prop_map(|(squad, agent)| Try::EditAgent(squad, agent)),
        any::<(bool, bool)>().prop_map(|(squad, member)| Try::RemoveFromSquad(squad, member)),
        any::<(bool, bool)>().prop_map(|(squad, member)| Try::MoveInSquad(squad, member)),
        any::<(bool, bool)>().prop_map(|(squad, person)| Try::AddPerson(squad, person)),
        (any::<bool>(), word).prop_map(|(foreign, name)| Try::EditSquad(foreign, name)),
        any::<bool>().prop_map(Try::ArchiveSquad),
        any::<bool>().prop_map(Try::RestoreSquad),
        any::<bool>().prop_map(Try::SwitchAgentType),
        word.prop_map(Try::AddProvider),
        any::<bool>().prop_map(Try::ReplaceModelKey),
        any::<bool>().prop_map(Try::ChooseDefaultModel),
        any::<bool>().prop_map(Try::RemoveProvider),
        Just(Try::RotateSecrets),
        (any::<bool>(), word).prop_map(|(foreign, title)| Try::CreateTask(foreign, title)),
        any::<bool>().prop_map(Try::ConfigureProject),
        (any::<bool>(), word).prop_map(|(foreign, token)| Try::KeepCredential(foreign, token)),
        any::<bool>().prop_map(Try::RemoveCredential),
        any::<bool>().prop_map(Try::ArchiveProject),
        (any::<bool>(), word).prop_map(|(foreign, title)| Try::EditTask(foreign, title)),
        any::<(bool, bool)>().prop_map(|(foreign, to)| Try::AssignTask(foreign, to)),
        any::<(bool, bool)>().prop_map(|(foreign, beside)| Try::MoveTask(foreign, beside)),
        any::<bool>().prop_map(Try::DeleteTask),
        any::<bool>().prop_map(Try::UndeleteTask),
        any::<bool>().prop_map(Try::SetBudget),
        any::<bool>().prop_map(Try::RemoveBudget),
        any::<bool>().prop_map(Try::AskForBudget),
        any::<(bool, bool)>().prop_map(|(foreign, granted)| Try::DecideBudget(foreign, granted)),
        (any::<bool>(), word).prop_map(|(foreign, reason)| Try::Pause(foreign, reason)),
        any::<bool>().prop_map(Try::Resume),
        Just(Try::Skip),
        word.prop_map(Try::Search),
        Just(Try::ReadAll),
    ]
}

/// Ids of one team that another may try.
struct Ids {
    project: ProjectId,
    squad: SquadId,
    squad_member: SquadMemberId,
    agent: Agent,
    agent_type: AgentTypeId,
    provider: ModelProviderId,
    invitation: InvitationId,
    role: RoleId,
    member: UserId,
    task: TaskId,
    budget: BudgetId,
    request: BudgetRequestId,
    pause: PauseId,
}

struct Side {
    scope: Scope,
    ids: Ids,
}

async fn side(world: &World, slug: &str, owner: &SignedIn, member: &SignedIn) -> Side {
    let muster = &world.muster;
    let (_, scope) = world.team(slug, owner).await;
    let git = Source::Git { url: "https://git.example/ledger.git".into() };
    let project = muster.create_project(&scope.can().expect("owner"), "ledger", &git).await.expect("a project");
    let task =
        muster.create_task(&scope.can().expect("owner"), project, &NewTask::titled("a task")).await.expect("a task").id;
    let squad = muster.form_squad(&scope.can().expect("owner"), "squad", Template::Solo).await.expect("a squad");
    let place = muster.squad(&scope.can().expect("owner"), squad).await.expect("the squad").members.remove(0);
    let Holder::Agent(agent) = place.holder else { unreachable!("templates have agents alone") };
    let own_type = container();
    let agent_type = muster.create_agent_type(&scope.can().expect("owner"), &own_type).await.expect("an agent type");
    let provider = muster
        .add_model_provider(&scope.can().expect("owner"), &server("server"), "sk-a-key-of-this-team")
        .await
        .expect("a provider");
    world.join(&scope, member, "reader").await;
    let invitation =
        muster.invite(&scope.can().expect("owner"), "waiting@quayside.example", "reader").await.expect("invited");
    let role = muster
        .create_role(&scope.can().expect("owner"), "auditor", PermissionSet::of(&[types::Permission::ReadAudit]))
        .await
        .expect("a role");
    let can = scope.can().expect("owner");
    let part = Subject { project: Some(project), ..Subject::TEAM };
    let budget = muster.set_budget(&can, part, &limit(100)).await.expect("a budget");
    let more = MicroUsd::from_cents(200);
    let request = muster.ask_for_budget(&scope.can().expect("owner"), budget, more, "more").await.expect("asked");
    let pause = muster.pause(&can, part, "a test").await.expect("paused");
    let ids = Ids {
        project,
        squad,
        squad_member: place.id,
        agent,
        agent_type,
        provider,
        invitation,
        role,
        member: member.user.id,
        task,
        budget,
        request,
        pause,
    };
    Side { scope, ids }
}

fn server(name: &str) -> ProviderSettings {
    ProviderSettings {
        name: name.into(),
        kind: gateway::Kind::OpenAiChat,
        base_url: "http://127.0.0.1:9/v1".into(),
        model: "m".into(),
    }
}

fn limit(cents: i32) -> BudgetSettings {
    BudgetSettings { limit: Limit::Amount(MicroUsd::from_cents(cents)), ..BudgetSettings::default() }
}

fn container() -> AgentTypeSettings {
    AgentTypeSettings {
        name: "example".into(),
        display_name: "Example".into(),
        description: String::new(),
        kind: AgentKind::Stream,
        image: Some("example/agent".into()),
        tag: None,
        command: String::new(),
        cpu_millis: 1000,
        memory_mb: 512,
        disk_mb: 1024,
        environment: Default::default(),
        capabilities: Vec::new(),
        docs_url: None,
    }
}

/// Tries one thing as `own`; whether it works does not matter here, what it leaves of the other team does.
#[expect(clippy::too_many_lines, reason = "a line or two for each verb")]
async fn attempt(world: &World, own: &Side, other: &Side, what: &Try) -> String {
    let muster = &world.muster;
    let scope = &own.scope;
    let ids = |foreign: bool| if foreign { &other.ids } else { &own.ids };
    macro_rules! run {
        ($verb:ident($($argument:expr),*)) => {
            format!("{:?}", muster.$verb(&scope.can().expect("owner"), $($argument),*).await.map(|_| ()))
        };
    }
    match what {
        Try::Rename(name) => run!(rename_team(name, name)),
        Try::Invite(name) => run!(invite(&format!("{name}@quayside.example"), "reader")),
        Try::RevokeInvitation(foreign) => run!(revoke_invitation(ids(*foreign).invitation)),
        Try::ResendInvitation(foreign) => run!(resend_invitation(ids(*foreign).invitation)),
        Try::ChangeRole(foreign) => run!(change_role(ids(*foreign).member, "planner")),
        Try::RemoveMember(foreign) => run!(remove_member(ids(*foreign).member)),
        Try::CreateRole(name) => run!(create_role(name, PermissionSet::of(&[types::Permission::ReadTeam]))),
        Try::DeleteRole(foreign) => run!(delete_role(ids(*foreign).role)),
        Try::CreateProject(name) => run!(create_project(name, &Source::Sample)),
        Try::FormSquad(name) => run!(form_squad(name, Template::Pair)),
        Try::AddAgent(squad, kind, name) => {
            let settings = AgentSettings::of_role(AgentRole::Coder, name.clone(), ids(*kind).agent_type);
            run!(add_agent(ids(*squad).squad, &settings))
        }
        Try::EditAgent(squad, agent) => {
            let agent = &ids(*agent).agent;
            let settings = AgentSettings { model: Some("other".into()), ..agent.settings.clone() };
            run!(edit_agent((ids(*squad).squad, agent.id), agent.version, &settings))
        }
        Try::RemoveFromSquad(squad, member) => run!(remove_squad_member(ids(*squad).squad, ids(*member).squad_member)),
        Try::MoveInSquad(squad, member) => {
            run!(move_squad_member(ids(*squad).squad, ids(*member).squad_member, Direction::Down))
        }
        Try::AddPerson(squad, person) => run!(add_person(ids(*squad).squad, ids(*person).member)),
        Try::EditSquad(foreign, name) => {
            let settings = SquadSettings { name: name.clone(), ..SquadSettings::default() };
            run!(edit_squad(ids(*foreign).squad, &settings))
        }
        Try::ArchiveSquad(foreign) => run!(archive_squad(ids(*foreign).squad)),
        Try::RestoreSquad(foreign) => run!(restore_squad(ids(*foreign).squad)),
        Try::SwitchAgentType(foreign) => run!(switch_agent_type(ids(*foreign).agent_type, false)),
        Try::AddProvider(name) => run!(add_model_provider(&server(name), "sk-another-key-of-this-team")),
        Try::ReplaceModelKey(foreign) => run!(replace_model_key(ids(*foreign).provider, "sk-replaced-key")),
        Try::ChooseDefaultModel(foreign) => run!(choose_default_model(ids(*foreign).provider)),
        Try::RemoveProvider(foreign) => run!(remove_model_provider(ids(*foreign).provider)),
        Try::RotateSecrets => run!(rotate_secrets()),
        Try::CreateTask(foreign, title) => run!(create_task(ids(*foreign).project, &NewTask::titled(title))),
        Try::ConfigureProject(foreign) => {
            let settings = ProjectSettings {
                name: "renamed".into(),
                description: String::new(),
                default_branch: "main".into(),
                commands: Commands::default(),
                egress_allow: Vec::new(),
                allowed_models: Vec::new(),
                limits: Limits::default(),
            };
            run!(update_project(ids(*foreign).project, &settings))
        }
        Try::KeepCredential(foreign, token) => {
            let credential = RepositoryCredential::parse("ada", token).expect("a credential").expect("one");
            run!(keep_credential(ids(*foreign).project, &credential))
        }
        Try::RemoveCredential(foreign) => run!(remove_credential(ids(*foreign).project)),
        Try::ArchiveProject(foreign) => run!(archive_project(ids(*foreign).project)),
        Try::EditTask(foreign, label) => run!(set_task_labels(ids(*foreign).task, std::slice::from_ref(label))),
        Try::AssignTask(foreign, to) => {
            run!(assign_task(ids(*foreign).task, Some(Assignee::Person(ids(*to).member))))
        }
        Try::MoveTask(foreign, beside) => {
            run!(move_task(ids(*foreign).task, TaskState::Todo, Place::After(ids(*beside).task)))
        }
        Try::DeleteTask(foreign) => run!(delete_task(ids(*foreign).task)),
        Try::UndeleteTask(foreign) => run!(undelete_task(ids(*foreign).task)),
        Try::SetBudget(foreign) => {
            let part = Subject { project: Some(ids(*foreign).project), ..Subject::TEAM };
            run!(set_budget(part, &limit(150)))
        }
        Try::RemoveBudget(foreign) => run!(remove_budget(ids(*foreign).budget)),
        Try::AskForBudget(foreign) => run!(ask_for_budget(ids(*foreign).budget, MicroUsd::from_cents(900), "more")),
        Try::DecideBudget(foreign, granted) => run!(decide_budget_request(ids(*foreign).request, *granted)),
        Try::Pause(foreign, reason) => {
            run!(pause(Subject { project: Some(ids(*foreign).project), ..Subject::TEAM }, reason))
        }
        Try::Resume(foreign) => run!(resume(ids(*foreign).pause)),
        Try::Skip => run!(skip_step(Step::Invite)),
        Try::Search(text) => {
            let hits = muster.search(&scope.can().expect("owner"), text).await.expect("hits");
            assert!(hits.iter().all(|hit| !hit.note.starts_with("harbour")), "{hits:?}");
            String::new()
        }
        Try::ReadAll => {
            assert_reads_stay_inside(world, scope).await;
            String::new()
        }
    }
}

async fn assert_reads_stay_inside(world: &World, scope: &Scope) {
    let muster = &world.muster;
    let members = muster.members(&scope.can().expect("owner")).await.expect("members");
    assert!(members.iter().all(|member| member.name != "Hanna" && member.name != "Hugo"), "{members:?}");
    let projects = muster.projects(&scope.can().expect("owner")).await.expect("projects");
    assert!(projects.iter().all(|project| project.name != "secret"), "{projects:?}");
    let log = muster.audit_log(&scope.can().expect("owner"), &Default::default()).await.expect("a log");
    assert!(log.iter().all(|entry| entry.actor.as_deref() != Some("Hanna")), "{log:?}");
    muster.tasks(&scope.can().expect("owner")).await.expect("tasks");
    for squad in muster.squads(&scope.can().expect("owner")).await.expect("squads") {
        muster.squad(&scope.can().expect("owner"), squad.id).await.expect("one of the own squads");
    }
    let types = muster.agent_types(&scope.can().expect("owner")).await.expect("agent types");
    assert!(types.len() <= 2, "{types:?}");
    for provider in muster.model_providers(&scope.can().expect("owner")).await.expect("providers") {
        muster.model_for(scope, Some(provider.id), None).await.expect("its own");
    }
    muster.invitations(&scope.can().expect("owner")).await.expect("invitations");
    let read = scope.can().expect("owner");
    assert!(muster.budgets(&read).await.expect("budgets").iter().all(|view| view.node.name != "harbour"));
    muster.burn(&read, None).await.expect("its own");
    assert!(muster.pauses(&read).await.expect("pauses").iter().all(|pause| pause.by != "Hanna"));
    assert!(muster.budget_requests(&read).await.expect("requests").iter().all(|one| one.by != "Hanna"));
    muster.custom_roles(&scope.can().expect("owner")).await.expect("roles");
}

const TEAM_TABLES: [&str; 25] = [
    "roles",
    "memberships",
    "invitations",
    "audit_heads",
    "audit_entries",
    "audit_origins",
    "projects",
    "squads",
    "squad_members",
    "agents",
    "agent_versions",
    "agent_types",
    "project_archives",
    "tasks",
    "task_events",
    "onboarding_skips",
    "data_keys",
    "secrets",
    "model_providers",
    "model_defaults",
    "budget_heads",
    "budgets",
    "budget_requests",
    "budget_counters",
    "pauses",
];

/// Every byte of a team's rows.
async fn picture(world: &World, team: types::TeamId) -> Vec<String> {
    let mut superuser = world.superuser().await;
    let mut rows = sqlx::query_scalar("SELECT t::text FROM teams t WHERE id = $1")
        .bind(team)
        .fetch_all(&mut superuser)
        .await
        .expect("teams");
    for table in TEAM_TABLES {
        let statement = format!("SELECT '{table} ' || t::text FROM {table} t WHERE team_id = $1 ORDER BY 1");
        let mut of_table: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).bind(team).fetch_all(&mut superuser).await.expect(table);
        rows.append(&mut of_table);
    }
    rows
}

async fn neighbours_stay_untouched(fenced: bool) {
    let world = World::new().await;
    if !fenced {
        let mut superuser = world.superuser().await;
        for table in TEAM_TABLES.iter().chain(&["teams"]) {
            let statement = format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY");
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut superuser).await.expect("switched off");
        }
    }
    let (mira, jonas) = (world.person("Mira").await, world.person("Jonas").await);
    let (hanna, hugo) = (world.person("Hanna").await, world.person("Hugo").await);
    let own = side(&world, "quayside", &mira, &jonas).await;
    let other = side(&world, "harbour", &hanna, &hugo).await;
    world
        .muster
        .create_project(&other.scope.can().expect("owner"), "secret", &Source::Sample)
        .await
        .expect("a project");
    assert!(world.muster.enter(&mira, "harbour", Origin::internal()).await.is_err());

    let before = picture(&world, other.scope.team()).await;
    let mut runner = TestRunner::deterministic();
    let mut outcomes = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let what = tries().new_tree(&mut runner).expect("a try").current();
        let outcome = attempt(&world, &own, &other, &what).await;
        assert_eq!(picture(&world, other.scope.team()).await, before, "{what:?} changed the other team");
        outcomes.insert(outcome);
    }
    assert!(
        outcomes.contains("Ok(())") && outcomes.contains("Err(NotFound)"),
        "tries both worked and failed: {outcomes:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn neighbours_stay_untouched_behind_both_fences() {
    neighbours_stay_untouched(true).await;
}

#[tokio::test]
async fn neighbours_stay_untouched_by_the_queries_alone() {
    neighbours_stay_untouched(false).await;
}
