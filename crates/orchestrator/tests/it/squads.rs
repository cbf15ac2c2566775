use orchestrator::{
    Error, Orchestrator, Scope,
    squads::{
        AgentSettings, AgentTypeSettings, Direction, Holder, SquadDetail, SquadPlan, SquadSettings, Template,
        default_limits,
    },
    testing::World,
};
use types::{AgentId, AgentKind, AgentRole, AgentTypeId, MicroUsd, SquadId, SquadMemberId, Stage};

struct Squads {
    world: World,
    scope: Scope,
    squad: SquadId,
}

impl Squads {
    async fn with(template: Template) -> Self {
        let world = World::new().await;
        let mira = world.person("Mira").await;
        let (_, scope) = world.team("quayside", &mira).await;
        let squad =
            world.muster.form_squad(&scope.can().expect("owner"), "Ledger core", template).await.expect("a squad");
        Self { world, scope, squad }
    }

    fn muster(&self) -> &Orchestrator {
        &self.world.muster
    }

    async fn detail(&self) -> SquadDetail {
        self.muster().squad(&self.scope.can().expect("owner"), self.squad).await.expect("the squad")
    }

    async fn names(&self) -> Vec<String> {
        let members = self.detail().await.members.into_iter();
        members
            .map(|member| match member.holder {
                Holder::Agent(agent) => agent.settings.name,
                Holder::Person(person) => person.name,
            })
            .collect()
    }

    async fn member(&self, name: &str) -> SquadMemberId {
        let at = self.names().await.iter().position(|other| other == name).expect("a member of this name");
        self.detail().await.members[at].id
    }

    async fn agent(&self, name: &str) -> (AgentId, i32, AgentSettings) {
        let members = self.detail().await.members.into_iter();
        let agents = members.filter_map(|member| match member.holder {
            Holder::Agent(agent) => Some((agent.id, agent.version, agent.settings)),
            Holder::Person(_) => None,
        });
        agents.into_iter().find(|(.., settings)| settings.name == name).expect("an agent of this name")
    }

    async fn plan(&self) -> orchestrator::Result<SquadPlan> {
        self.muster().squad_plan(&self.scope.can().expect("owner"), self.squad).await
    }

    async fn actions(&self) -> Vec<String> {
        let log = self.muster().audit_log(&self.scope.can().expect("owner"), &Default::default()).await.expect("a log");
        log.into_iter().map(|entry| entry.action).collect()
    }
}

fn fields(error: Error) -> Vec<String> {
    match error {
        Error::Invalid(fields) => fields.into_iter().map(|field| field.field).collect(),
        other => panic!("not a form's errors: {other:?}"),
    }
}

fn container(name: &str) -> AgentTypeSettings {
    AgentTypeSettings {
        name: name.into(),
        display_name: "Example agent".into(),
        description: String::new(),
        kind: AgentKind::Acp,
        image: Some("example/agent".into()),
        tag: None,
        command: "agent --acp".into(),
        cpu_millis: 1500,
        memory_mb: 1536,
        disk_mb: 10_240,
        environment: [("AGENT_MODE".to_owned(), "acp".to_owned())].into(),
        capabilities: vec!["code_review".into()],
        docs_url: None,
    }
}

#[tokio::test]
async fn a_squad_from_a_template_has_agents_in_hand_off_order_and_can_run() {
    let squads = Squads::with(Template::Full).await;
    assert_eq!(squads.names().await, ["lead", "architect", "coder-1", "coder-2", "tester", "reviewer"]);
    let plan = squads.plan().await.expect("a plan");
    let coders: Vec<_> = plan.agents_in(Stage::Implement).map(|agent| agent.name.as_str()).collect();
    assert_eq!(coders, ["coder-1", "coder-2"]);
    assert!(plan.gates.merge && !plan.gates.plan);
    assert_eq!(plan.agents[0].agent_type.settings.kind, AgentKind::Builtin);
    assert_eq!(plan.agents[0].limits, default_limits(AgentRole::Lead));
    let text = serde_json::to_string(&plan).expect("as JSON");
    assert_eq!(serde_json::from_str::<SquadPlan>(&text).expect("and back"), plan);
    let listed = squads.muster().squads(&squads.scope.can().expect("owner")).await.expect("squads");
    assert_eq!((listed.len(), listed[0].roles.len(), listed[0].people), (1, 6, 0));
    squads.world.end().await;
}

#[tokio::test]
async fn members_move_leave_and_join() {
    let squads = Squads::with(Template::Pair).await;
    let can = squads.scope.can().expect("owner");
    let (muster, squad) = (squads.muster(), squads.squad);
    let reviewer = squads.member("reviewer").await;
    muster.move_squad_member(&can, squad, reviewer, Direction::Up).await.expect("moved");
    assert_eq!(squads.names().await, ["reviewer", "coder"]);
    muster.move_squad_member(&can, squad, reviewer, Direction::Up).await.expect("the first stays the first");
    assert_eq!(squads.names().await, ["reviewer", "coder"]);

    let mira = squads.scope.user().expect("a person");
    muster.add_person(&can, squad, mira).await.expect("joined");
    assert_eq!(fields(muster.add_person(&can, squad, mira).await.expect_err("twice")), ["user"]);
    let stranger = squads.world.person("Hanna").await;
    assert!(matches!(muster.add_person(&can, squad, stranger.user.id).await, Err(Error::NotFound)));
    assert_eq!(squads.plan().await.expect("a plan").people.len(), 1);

    muster.remove_squad_member(&can, squad, reviewer).await.expect("removed");
    assert!(matches!(muster.remove_squad_member(&can, squad, reviewer).await, Err(Error::NotFound)));
    assert_eq!(squads.names().await, ["coder", "Mira"]);
    let refused = squads.plan().await.expect_err("a stage names a role that the squad has no more");
    assert!(refused.to_string().contains("no reviewer for the stage Review"), "{refused}");
    let (.., settings) = squads.agent("coder").await;
    let again = AgentSettings::of_role(AgentRole::Reviewer, "reviewer".into(), settings.agent_type);
    muster.add_agent(&can, squad, &again).await.expect("the name is free again");
    squads.plan().await.expect("a plan");
    let taken = muster.add_agent(&can, squad, &again).await.expect_err("the name is taken");
    assert_eq!(fields(taken), ["name"]);
    squads.world.end().await;
}

#[tokio::test]
async fn whoever_leaves_the_team_leaves_its_squads() {
    let squads = Squads::with(Template::Solo).await;
    let tove = squads.world.person("Tove").await;
    squads.world.join(&squads.scope, &tove, "contributor").await;
    let can = squads.scope.can().expect("owner");
    squads.muster().add_person(&can, squads.squad, tove.user.id).await.expect("joined");
    squads.muster().remove_member(&squads.scope.can().expect("owner"), tove.user.id).await.expect("removed");
    assert_eq!(squads.names().await, ["coder"]);
    squads.world.end().await;
}

#[tokio::test]
async fn an_agent_keeps_its_versions_and_refuses_a_stale_save() {
    let squads = Squads::with(Template::Solo).await;
    let can = squads.scope.can().expect("owner");
    let (muster, squad) = (squads.muster(), squads.squad);
    let (id, version, mut settings) = squads.agent("coder").await;
    settings.model = Some(" example-large ".into());
    settings.limits.max_cost = MicroUsd::from_cents(25);
    assert_eq!(muster.edit_agent(&can, (squad, id), version, &settings).await.expect("saved"), 2);
    let stale = muster.edit_agent(&can, (squad, id), version, &settings).await.expect_err("made on version 1");
    assert_eq!(fields(stale), ["version"]);
    let versions = muster.agent_versions(&squads.scope.can().expect("owner"), squad, id).await.expect("versions");
    let models: Vec<_> = versions.iter().map(|version| (version.version, version.settings.model.as_deref())).collect();
    assert_eq!(models, [(2, Some("example-large")), (1, None)]);
    let plan = squads.plan().await.expect("a plan");
    assert_eq!((plan.agents[0].version, plan.agents[0].limits.max_cost), (2, MicroUsd::from_cents(25)));

    settings.name = "Not a handle".into();
    settings.limits.wall_minutes = 0;
    settings.limits.max_tokens = 1;
    settings.agent_type = AgentTypeId::new();
    let wrong = fields(muster.edit_agent(&can, (squad, id), 2, &settings).await.expect_err("wrong"));
    assert_eq!(wrong, ["name", "max_tokens", "wall_minutes"]);
    let (.., saved) = squads.agent("coder").await;
    let foreign = AgentSettings { agent_type: AgentTypeId::new(), ..saved };
    assert_eq!(fields(muster.edit_agent(&can, (squad, id), 2, &foreign).await.expect_err("foreign")), ["agent_type"]);
    squads.world.end().await;
}

#[tokio::test]
async fn rules_and_settings_change_and_are_checked() {
    let squads = Squads::with(Template::Pair).await;
    let can = squads.scope.can().expect("owner");
    let (muster, squad) = (squads.muster(), squads.squad);
    let mut rules = squads.detail().await.rules;
    rules.stages[Stage::Review as usize].roles.clear();
    rules.gates.plan = true;
    rules.bounds.max_iterations = 5;
    muster.set_rules(&can, squad, &rules).await.expect("changed");
    assert_eq!(squads.detail().await.rules, rules);
    assert!(squads.plan().await.expect("a plan").agents_in(Stage::Review).next().is_none());
    rules.stages[Stage::Implement as usize].roles.clear();
    rules.bounds.max_concurrent_runs = 0;
    let wrong = fields(muster.set_rules(&can, squad, &rules).await.expect_err("wrong"));
    assert_eq!(wrong, ["implement", "max_concurrent_runs"]);
    rules.stages.pop();
    assert!(muster.set_rules(&can, squad, &rules).await.is_err());

    let settings = SquadSettings { name: " Posting ".into(), instructions: "Be brief.".into(), ..Default::default() };
    muster.edit_squad(&can, squad, &settings).await.expect("changed");
    let plan = squads.plan().await.expect("a plan");
    assert_eq!((plan.name.as_str(), plan.instructions.as_str()), ("Posting", "Be brief."));
    assert_eq!(squads.actions().await[..3], ["squad.edited", "squad.rules_changed", "squad.formed"]);
    squads.world.end().await;
}

#[tokio::test]
async fn an_archived_squad_rests_and_its_name_is_free() {
    let squads = Squads::with(Template::Solo).await;
    let can = squads.scope.can().expect("owner");
    let (muster, squad) = (squads.muster(), squads.squad);
    let taken = muster.form_squad(&can, "LEDGER core", Template::Solo).await.expect_err("taken");
    assert_eq!(fields(taken), ["name"]);
    muster.archive_squad(&can, squad).await.expect("archived");
    assert!(matches!(squads.plan().await, Err(Error::Refused(_))));
    let member = squads.member("coder").await;
    assert!(matches!(muster.remove_squad_member(&can, squad, member).await, Err(Error::Refused(_))));
    assert!(muster.squads(&squads.scope.can().expect("owner")).await.expect("squads").is_empty());
    assert_eq!(muster.archived_squads(&squads.scope.can().expect("owner")).await.expect("squads").len(), 1);
    let other = muster.form_squad(&can, "Ledger core", Template::Solo).await.expect("the name is free");
    assert!(matches!(muster.restore_squad(&can, squad).await, Err(Error::Refused(_))));
    muster.archive_squad(&can, other).await.expect("archived");
    muster.restore_squad(&can, squad).await.expect("restored");
    squads.plan().await.expect("a plan");
    squads.world.end().await;
}

#[tokio::test]
async fn agent_types_are_the_teams_own_but_for_the_built_in_one() {
    let squads = Squads::with(Template::Solo).await;
    let can = squads.scope.can().expect("owner");
    let (muster, squad) = (squads.muster(), squads.squad);
    let types = async || muster.agent_types(&squads.scope.can().expect("owner")).await.expect("types");
    let built_in = types().await[0].id;
    assert!(matches!(muster.edit_agent_type(&can, built_in, &container("muster")).await, Err(Error::Refused(_))));
    assert!(matches!(muster.switch_agent_type(&can, built_in, false).await, Err(Error::Refused(_))));
    assert_eq!(fields(muster.create_agent_type(&can, &container("muster")).await.expect_err("taken")), ["name"]);
    let own = muster.create_agent_type(&can, &container("example")).await.expect("a type");
    assert_eq!(types().await[1].settings.tag.as_deref(), Some("latest"));

    let (id, version, settings) = squads.agent("coder").await;
    let settings = AgentSettings { agent_type: own, ..settings };
    muster.edit_agent(&can, (squad, id), version, &settings).await.expect("of the new type");
    muster.switch_agent_type(&can, own, false).await.expect("off");
    assert!(squads.plan().await.expect_err("its type is off").to_string().contains("switched off"));
    let more = AgentSettings { name: "coder-2".into(), ..settings };
    assert_eq!(fields(muster.add_agent(&can, squad, &more).await.expect_err("off")), ["agent_type"]);
    muster.switch_agent_type(&can, own, true).await.expect("on");
    assert_eq!(types().await[1].settings.environment["AGENT_MODE"], "acp");
    let refused = squads.plan().await.expect_err("nothing here can run it");
    let sentence =
        "The agent coder uses the agent type Example agent, which cannot run yet. Choose the built-in type for it.";
    assert!(refused.to_string().contains(sentence), "{refused}");
    let log = muster.audit_log(&squads.scope.can().expect("owner"), &Default::default()).await.expect("a log");
    let created = log.iter().find(|entry| entry.action == "agent_type.created").expect("an entry");
    assert!(created.details.contains("AGENT_MODE") && !created.details.contains(r#""acp"}"#), "{}", created.details);
    squads.world.end().await;
}
