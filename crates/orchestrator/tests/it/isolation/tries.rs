//! What a member of one team may try, and what they may see.

use orchestrator::{
    Scope,
    budgets::{BudgetDecision, Subject},
    models::{Alias, Target},
    runs::Decision,
    squads::{AgentSettings, Direction, SquadSettings, Template},
    testing::World,
    work::{Assignee, Commands, Limits, NewTask, Place, ProjectSettings, RepositoryCredential, Source, Step},
};
use proptest::prelude::*;
use types::{AgentRole, MicroUsd, PermissionSet, TaskState};

use super::sides::{RATES, Side, gateway_key, limit, server, token};

/// Something a member of team A may try, half the time with an id of team B.
#[derive(Clone, Debug)]
pub(super) enum Try {
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
    StartRun(bool, bool),
    StopRun(bool),
    Decide(bool),
    CreateToken(String),
    RevokeToken(bool),
    CreateGatewayKey(bool, String),
    RevokeGatewayKey(bool),
    NameModels(bool, String),
    AgreePrice(bool),
    ForgetPrice(bool),
    KeepContent,
    KeepNoContent(bool),
    ReadContent(bool),
    Search(String),
    ReadAll,
}

pub(super) fn tries() -> impl Strategy<Value = Try> {
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
        any::<(bool, bool)>().prop_map(|(task, squad)| Try::StartRun(task, squad)),
        any::<bool>().prop_map(Try::StopRun),
        any::<bool>().prop_map(Try::Decide),
        word.prop_map(Try::CreateToken),
        any::<bool>().prop_map(Try::RevokeToken),
        (any::<bool>(), word).prop_map(|(foreign, name)| Try::CreateGatewayKey(foreign, name)),
        any::<bool>().prop_map(Try::RevokeGatewayKey),
        (any::<bool>(), word).prop_map(|(foreign, name)| Try::NameModels(foreign, name)),
        any::<bool>().prop_map(Try::AgreePrice),
        any::<bool>().prop_map(Try::ForgetPrice),
        Just(Try::KeepContent),
        any::<bool>().prop_map(Try::KeepNoContent),
        any::<bool>().prop_map(Try::ReadContent),
        word.prop_map(Try::Search),
        Just(Try::ReadAll),
    ]
}

/// Tries one thing as `own`; whether it works does not matter here, what it leaves of the other team does.
#[expect(clippy::too_many_lines, reason = "a line or two for each verb")]
pub(super) async fn attempt(world: &World, own: &Side, other: &Side, what: &Try) -> String {
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
        Try::ReplaceModelKey(foreign) => run!(replace_model_key(ids(*foreign).provider, "sk-replaced-key", true)),
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
                models_inside: false,
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
        Try::DecideBudget(foreign, granted) => {
            let decision = if *granted { BudgetDecision::Granted } else { BudgetDecision::Declined("no".into()) };
            run!(decide_budget_request(ids(*foreign).request, &decision))
        }
        Try::Pause(foreign, reason) => {
            run!(pause(Subject { project: Some(ids(*foreign).project), ..Subject::TEAM }, reason))
        }
        Try::Resume(foreign) => run!(resume(ids(*foreign).pause)),
        Try::Skip => run!(skip_step(Step::Invite)),
        Try::StartRun(task, squad) => run!(start_run(ids(*task).task, Some(ids(*squad).squad))),
        Try::StopRun(foreign) => run!(stop_run(ids(*foreign).run, "a test")),
        Try::Decide(foreign) => run!(decide(ids(*foreign).approval, &Decision::Approve)),
        Try::CreateToken(name) => run!(create_token(&token(name))),
        Try::RevokeToken(foreign) => run!(revoke_token(ids(*foreign).token)),
        Try::CreateGatewayKey(foreign, name) => run!(create_gateway_key(&gateway_key(name, ids(*foreign).project))),
        Try::RevokeGatewayKey(foreign) => run!(revoke_gateway_key(ids(*foreign).gateway_key)),
        Try::NameModels(foreign, name) => {
            let targets = vec![Target { provider: ids(*foreign).provider, model: None }];
            run!(set_model_alias(&Alias { name: name.clone(), targets }))
        }
        Try::AgreePrice(foreign) => run!(agree_price(ids(*foreign).provider, "m", RATES)),
        Try::ForgetPrice(foreign) => run!(forget_price(ids(*foreign).provider, "m")),
        Try::KeepContent => run!(keep_content(9)),
        Try::KeepNoContent(delete) => run!(keep_no_content(*delete)),
        Try::ReadContent(foreign) => run!(call_content(&scope.can().expect("owner"), ids(*foreign).call)),
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
    assert!(muster.tokens(&scope.can().expect("owner")).await.expect("tokens").iter().all(|one| one.holder != "Hanna"));
    let keys = muster.gateway_keys(&scope.can().expect("owner")).await.expect("keys");
    assert!(keys.iter().all(|key| key.creator != "Hanna"));
    muster.agreed_prices(&scope.can().expect("owner")).await.expect("prices");
    muster.model_names(&scope.can().expect("owner")).await.expect("names");
    muster.custom_roles(&scope.can().expect("owner")).await.expect("roles");
}
