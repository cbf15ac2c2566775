//! Which models the calls of a project or an agent may go to.

use orchestrator::{
    Error, Origin, Scope,
    models::{Alias, Caller, NewGatewayKey, ProviderSettings, RestrictedBy, Target, WireFormat},
    squads::{AgentSettings, Holder, Template},
    testing::World,
    work::{NewTask, ProjectSettings, Source},
};
use time::Duration;
use types::{AgentId, ModelProviderId, ProjectId, SquadId};

struct Bench {
    world: World,
    scope: Scope,
    project: ProjectId,
    squad: SquadId,
    agent: AgentId,
    /// A key for the project.
    key: String,
}

impl Bench {
    /// A team with two providers and the name `fast` for a model of each.
    async fn open() -> Self {
        let world = World::new().await;
        let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
        let muster = &world.muster;
        let (one, two) = (add(&world, &scope, "One").await, add(&world, &scope, "Two").await);
        let targets = [one, two].map(|provider| Target { provider, model: None }).to_vec();
        let fast = Alias { name: "fast".into(), targets };
        muster.set_model_alias(&scope.can().expect("owner"), &fast).await.expect("an alias");
        let can = scope.can().expect("owner");
        let project = muster.create_project(&can, "Parcels", &Source::Sample).await.expect("a project");
        let squad = muster.form_squad(&scope.can().expect("owner"), "Crew", Template::Solo).await.expect("a squad");
        let member = muster.squad(&scope.can().expect("owner"), squad).await.expect("the squad").members.remove(0);
        let Holder::Agent(agent) = member.holder else { unreachable!("templates have agents alone") };
        let new = NewGatewayKey { name: "nightly", project: Some(project), life: Duration::days(1) };
        let (_, key) = muster.create_gateway_key(&scope.can().expect("owner"), &new).await.expect("a key");
        Self { project, squad, agent: agent.id, key, scope, world }
    }

    async fn allow_project(&self, patterns: &[&str]) -> Result<(), Error> {
        let muster = &self.world.muster;
        let found = muster.project(&self.scope.can().expect("owner"), self.project).await.expect("the project");
        let settings = ProjectSettings {
            name: found.name,
            description: found.description,
            default_branch: found.default_branch,
            commands: found.commands,
            egress_allow: found.egress_allow,
            models_inside: found.models_inside,
            allowed_models: owned(patterns),
            limits: found.limits,
        };
        muster.update_project(&self.scope.can().expect("owner"), self.project, &settings).await
    }

    async fn allow_agent(&self, patterns: &[&str]) -> Result<i32, Error> {
        let muster = &self.world.muster;
        let ids = (self.squad, self.agent);
        let found = muster.agent(&self.scope.can().expect("owner"), ids.0, ids.1).await.expect("the agent");
        let settings = AgentSettings { allowed_models: owned(patterns), ..found.settings };
        muster.edit_agent(&self.scope.can().expect("owner"), ids, found.version, &settings).await
    }

    async fn set_agent_model(&self, model: Option<&str>) {
        let muster = &self.world.muster;
        let ids = (self.squad, self.agent);
        let found = muster.agent(&self.scope.can().expect("owner"), ids.0, ids.1).await.expect("the agent");
        let settings = AgentSettings { provider: None, model: model.map(str::to_owned), ..found.settings };
        muster.edit_agent(&self.scope.can().expect("owner"), ids, found.version, &settings).await.expect("saved");
    }

    /// Takes the name `fast` away; what stands against it otherwise.
    async fn forget_fast(&self) -> Result<(), String> {
        match self.world.muster.name_models(&self.scope.can().expect("owner"), "fast", &[]).await {
            Ok(()) => Ok(()),
            Err(Error::Invalid(mut fields)) => Err(fields.remove(0).message.to_string()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn caller(&self, key: &str) -> Caller {
        self.world.muster.caller(key, Origin::internal()).await.expect("it works")
    }

    /// How many places a name has for a caller, or who restricts it.
    async fn places(&self, caller: &Caller, asked: &str) -> Result<usize, (RestrictedBy, String)> {
        match self.world.muster.routes_of(caller, asked).await {
            Ok(routes) => Ok(routes.all.len()),
            Err(Error::NotAllowed(refusal)) => Err((refusal.by, refusal.name)),
            Err(error) => panic!("{asked}: {error}"),
        }
    }
}

fn owned(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|&pattern| pattern.to_owned()).collect()
}

async fn add(world: &World, scope: &Scope, name: &str) -> ModelProviderId {
    let base_url = "http://127.0.0.1:9/v1".to_owned();
    let settings = ProviderSettings { name: name.into(), kind: WireFormat::OpenAiChat, base_url, model: "m".into() };
    world.muster.add_model_provider(&scope.can().expect("owner"), &settings, "sk-of-the-team").await.expect("added")
}

#[tokio::test]
async fn a_projects_list_holds_for_its_keys_at_once_and_only_there() {
    let bench = Bench::open().await;
    let new = NewGatewayKey { name: "free", project: None, life: Duration::days(1) };
    let (_, free) =
        bench.world.muster.create_gateway_key(&bench.scope.can().expect("owner"), &new).await.expect("a key");
    let caller = bench.caller(&bench.key).await;
    assert_eq!(bench.places(&caller, "fast").await, Ok(2));
    assert_eq!(bench.places(&caller, "one/other").await, Ok(1));

    bench.allow_project(&["Two/*", " demo/demo ", "", "Two/*"]).await.expect("allowed");
    let stands = bench.world.muster.project(&bench.scope.can().expect("owner"), bench.project).await.expect("there");
    assert_eq!(stands.allowed_models, ["Two/*", "demo/demo"]);
    let caller = bench.caller(&bench.key).await;
    assert_eq!(bench.places(&caller, "fast").await, Ok(1), "a name keeps what is left of it");
    assert_eq!(bench.places(&caller, "two/other").await, Ok(1));
    let restricted = Err((RestrictedBy::Project, "Parcels".to_owned()));
    assert_eq!(bench.places(&caller, "one/other").await, restricted);
    assert_eq!(bench.places(&caller, "default").await, restricted);
    let listed = bench.world.muster.models_of(&caller).await.expect("models");
    let ids: Vec<&str> = listed.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["fast", "demo/demo", "two/m"]);
    assert!(bench.world.muster.model_of(&caller, "two/m").await.is_ok());
    assert!(matches!(bench.world.muster.model_of(&caller, "one/m").await, Err(Error::NotAllowed(_))));
    assert!(matches!(bench.world.muster.model_of(&caller, "one/unknown").await, Err(Error::NotFound)));

    let caller = bench.caller(&free).await;
    assert_eq!(bench.places(&caller, "one/other").await, Ok(1), "the team's own keys are free");

    bench.allow_project(&["fast"]).await.expect("allowed");
    let caller = bench.caller(&bench.key).await;
    assert_eq!(bench.places(&caller, "fast").await, Ok(2));
    assert_eq!(bench.places(&caller, "one/m").await, Ok(1), "a name stands for the models it leads to");
    assert_eq!(bench.places(&caller, "one/other").await, restricted);
    bench.world.end().await;
}

#[tokio::test]
async fn a_held_call_notices_that_a_list_has_changed() {
    let bench = Bench::open().await;
    let hold = async |caller: &Caller| {
        let call = orchestrator::budgets::NewCall {
            spender: caller.spender,
            key: "call".into(),
            provider: "One".into(),
            model: "m".into(),
            worst: Some(types::MicroUsd::ZERO),
            tokens: 1,
        };
        let muster = &bench.world.muster;
        muster.hold_as_of(caller.team(), caller.catalogue(), call).await.expect("books").is_some()
    };
    // The books begin with the first call.
    hold(&bench.caller(&bench.key).await).await;
    bench.world.muster.caller_again(&bench.caller(&bench.key).await).await.expect("it works");
    let before = bench.caller(&bench.key).await;
    assert!(hold(&before).await);
    bench.allow_agent(&["one/*"]).await.expect("allowed");
    assert!(!hold(&before).await, "what was worked out before is worked out again");
    let again = bench.world.muster.caller_again(&before).await.expect("it works");
    assert!(hold(&again).await);
    bench.allow_project(&["one/*"]).await.expect("allowed");
    assert!(!hold(&again).await);
    bench.world.end().await;
}

#[tokio::test]
async fn an_agents_list_holds_beside_its_projects() {
    let bench = Bench::open().await;
    let muster = &bench.world.muster;
    let can = bench.scope.can().expect("may");
    let task = muster.create_task(&can, bench.project, &NewTask::titled("One")).await.expect("a task").id;
    let run = muster.start_run(&bench.scope.can().expect("may"), task, Some(bench.squad)).await.expect("a run");
    let hour = Duration::hours(1);
    let key = muster.gateway_key_for_run(bench.scope.team(), run, Some(bench.agent), hour).await.expect("a key");
    bench.allow_agent(&["one/*"]).await.expect("allowed");
    let agent = muster.agent(&bench.scope.can().expect("may"), bench.squad, bench.agent).await.expect("the agent");
    assert_eq!((agent.version, agent.settings.allowed_models), (2, owned(&["one/*"])));
    let caller = bench.caller(&key).await;
    assert_eq!(bench.places(&caller, "fast").await, Ok(1));
    let restricted = Err((RestrictedBy::Agent, agent.settings.name));
    assert_eq!(bench.places(&caller, "two/m").await, restricted);
    bench.allow_project(&["two/*"]).await.expect("allowed");
    let caller = bench.caller(&key).await;
    assert_eq!(bench.places(&caller, "fast").await, restricted, "nothing is in both lists");
    assert_eq!(bench.places(&caller, "one/m").await, Err((RestrictedBy::Project, "Parcels".to_owned())));
    bench.world.end().await;
}

#[tokio::test]
async fn a_list_names_only_what_the_team_has() {
    let bench = Bench::open().await;
    for wrong in ["three/*", "one/", "slow", "*", "/m"] {
        for refused in [bench.allow_project(&[wrong]).await, bench.allow_agent(&[wrong]).await.map(drop)] {
            let Err(Error::Invalid(fields)) = refused else { panic!("{wrong}: {refused:?}") };
            assert_eq!(fields[0].field, "allowed_models", "{wrong}");
        }
    }
    let Err(Error::Invalid(fields)) = bench.allow_project(&["three/m"]).await else { panic!("refused") };
    assert!(fields[0].message.contains("demo, one, two"), "{}", fields[0].message);
    let many: Vec<String> = (0..51).map(|number| format!("one/{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(bench.allow_project(&many).await, Err(Error::Invalid(_))));
    bench.world.end().await;
}

#[tokio::test]
async fn a_name_that_somebody_goes_by_is_not_taken_away() {
    let bench = Bench::open().await;
    bench.allow_project(&["fast"]).await.expect("allowed");
    bench.set_agent_model(Some("fast")).await;
    let refused = bench.forget_fast().await.expect_err("used by both");
    assert!(refused.contains("the project Parcels") && refused.contains(" of Crew"), "{refused}");
    bench.allow_project(&[]).await.expect("all");
    let refused = bench.forget_fast().await.expect_err("used by the agent");
    assert!(!refused.contains("Parcels") && refused.contains(" of Crew"), "{refused}");
    let caller = bench.caller(&bench.key).await;
    assert_eq!(bench.places(&caller, "fast").await, Ok(2), "it stands as it was");

    bench.set_agent_model(None).await;
    bench.allow_agent(&["fast"]).await.expect("allowed");
    bench.forget_fast().await.expect_err("in the agent's list");
    bench.allow_agent(&[]).await.expect("all");
    assert_eq!(bench.forget_fast().await, Ok(()));
    bench.world.end().await;
}

#[tokio::test]
async fn a_provider_that_a_model_or_a_list_names_is_not_removed() {
    let bench = Bench::open().await;
    let muster = &bench.world.muster;
    let can = || bench.scope.can().expect("owner");
    let providers = muster.model_providers(&bench.scope.can().expect("owner")).await.expect("providers");
    let two = providers.iter().find(|provider| provider.name == "Two").expect("there").id;
    let refused = async || match muster.remove_model_provider(&can(), two).await {
        Err(Error::Refused(sentence)) => sentence,
        other => panic!("{other:?}"),
    };
    bench.allow_project(&["one/*", "Two/m"]).await.expect("allowed");
    let agent = muster.agent(&bench.scope.can().expect("owner"), bench.squad, bench.agent).await.expect("the agent");
    let named = AgentSettings { model: Some("TWO/other".into()), ..agent.settings.clone() };
    let (squads, ids) = (bench.scope.can().expect("owner"), (bench.squad, bench.agent));
    let version = muster.edit_agent(&squads, ids, agent.version, &named).await.expect("saved");
    let sentence = refused().await;
    let both = format!("used by the agent {} of Crew, the project Parcels. Give", agent.settings.name);
    assert!(sentence.contains(&both), "{sentence}");

    bench.allow_project(&["one/*"]).await.expect("allowed");
    assert!(!refused().await.contains("Parcels"));
    let free = AgentSettings { allowed_models: owned(&["two/*"]), ..agent.settings.clone() };
    let version = muster.edit_agent(&squads, ids, version, &free).await.expect("saved");
    assert!(refused().await.contains("Crew"));
    muster.edit_agent(&squads, ids, version, &agent.settings).await.expect("saved");
    muster.remove_model_provider(&can(), two).await.expect("removed");
    bench.world.end().await;
}
