//! A team with one of everything that another may try.

use orchestrator::{
    Scope,
    accounts::SignedIn,
    budgets::{BudgetSettings, Limit, NewCall, Spender, Subject},
    models::{Alias, NewGatewayKey, ProviderSettings, Rates, Target, Words},
    squads::{Agent, AgentTypeSettings, Holder, Template},
    teams::NewToken,
    testing::World,
    work::{NewTask, Source},
};
use types::{
    AgentKind, AgentTypeId, ApiTokenId, ApprovalId, BudgetId, BudgetRequestId, GatewayKeyId, InvitationId, MicroUsd,
    ModelProviderId, PauseId, PermissionSet, ProjectId, ReservationId, RoleId, RunId, SquadId, SquadMemberId, TaskId,
    UserId,
};

pub(super) const RATES: Rates = Rates { input: 1_000, cache_read: 100, cache_write: 0, output: 10_000 };

/// Ids of one team that another may try.
pub(super) struct Ids {
    pub(super) project: ProjectId,
    pub(super) squad: SquadId,
    pub(super) squad_member: SquadMemberId,
    pub(super) agent: Agent,
    pub(super) agent_type: AgentTypeId,
    pub(super) provider: ModelProviderId,
    pub(super) invitation: InvitationId,
    pub(super) role: RoleId,
    pub(super) member: UserId,
    pub(super) task: TaskId,
    pub(super) budget: BudgetId,
    pub(super) request: BudgetRequestId,
    pub(super) pause: PauseId,
    pub(super) run: RunId,
    pub(super) approval: ApprovalId,
    pub(super) token: ApiTokenId,
    pub(super) gateway_key: GatewayKeyId,
    pub(super) call: ReservationId,
}

pub(super) struct Side {
    pub(super) scope: Scope,
    pub(super) ids: Ids,
}

pub(super) async fn side(world: &World, slug: &str, owner: &SignedIn, member: &SignedIn) -> Side {
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
    let (run, approval) = waiting_run(world, &scope, project, squad).await;
    let (token, _) = muster.create_token(&scope.can().expect("owner"), &token("git")).await.expect("a token");
    let new = gateway_key("a script", project);
    let (gateway_key, _) = muster.create_gateway_key(&scope.can().expect("owner"), &new).await.expect("a key");
    let alias = Alias { name: "fast".into(), targets: vec![Target { provider, model: None }] };
    muster.set_model_alias(&scope.can().expect("owner"), &alias).await.expect("a name");
    muster.agree_price(&scope.can().expect("owner"), provider, "m", RATES).await.expect("agreed");
    let call = kept_call(world, &scope).await;
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
        run,
        approval,
        token,
        gateway_key,
        call,
    };
    Side { scope, ids }
}

/// A run that nobody carries out, which waits for a person's word on its plan.
async fn waiting_run(world: &World, scope: &Scope, project: ProjectId, squad: SquadId) -> (RunId, ApprovalId) {
    let muster = &world.muster;
    let task = NewTask::titled("a task of a run");
    let task = muster.create_task(&scope.can().expect("owner"), project, &task).await.expect("a task").id;
    let run = muster.start_run(&scope.can().expect("owner"), task, Some(squad)).await.expect("a run");
    let approval = ApprovalId::new();
    let mut superuser = world.superuser().await;
    sqlx::query(
        "WITH waits AS (UPDATE runs SET state = 'WAITING' WHERE team_id = $1 AND id = $2)
         INSERT INTO approvals (team_id, id, run_id, gate, state, asked_at) VALUES ($1, $3, $2, 'plan', 'OPEN', now())",
    )
    .bind(scope.team())
    .bind(run)
    .bind(approval)
    .execute(&mut superuser)
    .await
    .expect("a run that waits");
    (run, approval)
}

/// A call whose words are kept.
async fn kept_call(world: &World, scope: &Scope) -> ReservationId {
    let muster = &world.muster;
    muster.keep_content(&scope.can().expect("owner"), 7).await.expect("on");
    let new = NewCall {
        spender: Spender::default(),
        key: "call".into(),
        provider: "Own".into(),
        model: "m".into(),
        worst: Some(MicroUsd::ZERO),
        tokens: 1,
    };
    let held = muster.hold(scope.team(), new).await.expect("held");
    let call = held.id();
    muster.release(held).await.expect("given back");
    let provider =
        gateway::Provider::new(gateway::Kind::OpenAiChat, "http://127.0.0.1:9/v1", None).expect("an address");
    muster.keep_words(scope.team(), call, &provider, Words { request: "{}", answer: "{}" }).await.expect("kept");
    call
}

pub(super) fn token(name: &str) -> NewToken<'_> {
    NewToken { name, scopes: PermissionSet::of(&[types::Permission::ReadFiles]), life: time::Duration::days(1) }
}

pub(super) fn gateway_key(name: &str, project: ProjectId) -> NewGatewayKey<'_> {
    NewGatewayKey { name, project: Some(project), life: time::Duration::days(1) }
}

pub(super) fn server(name: &str) -> ProviderSettings {
    ProviderSettings {
        name: name.into(),
        kind: gateway::Kind::OpenAiChat,
        base_url: "http://127.0.0.1:9/v1".into(),
        model: "m".into(),
    }
}

pub(super) fn limit(cents: i32) -> BudgetSettings {
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
