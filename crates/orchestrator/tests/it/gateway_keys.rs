//! Keys for model calls of programs and of runs.

use orchestrator::{
    Error, Origin,
    budgets::{AgentRefusal, Measure, NewCall, Used},
    models::{Caller, ModelRoute, NewGatewayKey, ProviderSettings, Rates, WireFormat},
    squads::{Holder, Template},
    testing::World,
    work::{NewTask, Source},
};
use time::Duration;
use types::{MicroUsd, RunId, chat::TokenUsage};

async fn works(world: &World, key: &str) -> bool {
    match world.muster.caller(key, Origin::internal()).await {
        Ok(_) => true,
        Err(Error::SignedOut) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_key_works_until_it_expires() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let can = scope.can().expect("owner");
    let new = NewGatewayKey { name: " nightly ", project: None, life: Duration::days(30) };
    let (_, key) = world.muster.create_gateway_key(&can, &new).await.expect("a key");
    assert!(key.starts_with("sk-muster-") && works(&world, &key).await);
    let listed = world.muster.gateway_keys(&scope.can().expect("owner")).await.expect("keys").remove(0);
    assert_eq!(listed.name, "nightly");
    assert!(listed.last_used_at.is_some() && !key.contains(&listed.hint));
    assert!(!works(&world, &key.replace("sk-muster-", "sk-other-")).await);
    assert!(!works(&world, &format!("{}x", &key[..key.len() - 1])).await);
    world.clock.advance(Duration::days(31));
    assert!(!works(&world, &key).await);
    let nameless = NewGatewayKey { name: " ", ..new };
    assert!(matches!(world.muster.create_gateway_key(&can, &nameless).await, Err(Error::Invalid(_))));
    world.end().await;
}

#[tokio::test]
async fn the_key_of_a_run_names_its_budgets_and_ends_with_it() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let muster = &world.muster;
    let project =
        muster.create_project(&scope.can().expect("may"), "Parcels", &Source::Sample).await.expect("a project");
    let squad = muster.form_squad(&scope.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
    let member = muster.squad(&scope.can().expect("may"), squad).await.expect("the squad").members.remove(0);
    let Holder::Agent(agent) = member.holder else { unreachable!("templates have agents alone") };
    let task =
        muster.create_task(&scope.can().expect("may"), project, &NewTask::titled("One")).await.expect("a task").id;
    let run = muster.start_run(&scope.can().expect("may"), task, Some(squad)).await.expect("a run");
    let hour = Duration::hours(1);
    let key = muster.gateway_key_for_run(scope.team(), run, Some(agent.id), hour).await.expect("a key");
    let spender = muster.caller(&key, Origin::internal()).await.expect("it works").spender;
    let named = (spender.project, spender.squad, spender.agent, spender.task, spender.run);
    assert_eq!(named, (Some(project), Some(squad), Some(agent.id), Some(task), Some(run)));
    assert!(
        muster.gateway_keys(&scope.can().expect("may")).await.expect("keys").is_empty(),
        "it is nobody's to manage"
    );

    let (_, harbour) = world.team("harbour", &world.person("Hanna").await).await;
    let foreign = muster.gateway_key_for_run(harbour.team(), run, Some(agent.id), hour).await;
    assert!(matches!(foreign, Err(Error::NotFound)));
    let unknown = muster.gateway_key_for_run(scope.team(), RunId::new(), Some(agent.id), hour).await;
    assert!(matches!(unknown, Err(Error::NotFound)));
    muster.stop_run(&scope.can().expect("may"), run, "Enough.").await.expect("stopped");
    assert!(!works(&world, &key).await);
    world.end().await;
}

#[tokio::test]
async fn an_agreed_price_comes_before_the_public_one_and_holds_for_its_model() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let muster = &world.muster;
    let settings = ProviderSettings {
        name: "OpenAI".into(),
        kind: WireFormat::OpenAiChat,
        base_url: "https://api.openai.com/v1".into(),
        model: "gpt-5".into(),
    };
    let provider = muster.add_model_provider(&scope.can().expect("owner"), &settings, "sk-1").await.expect("added");
    let cost = async |model: &str| {
        let route = muster.model_for(&scope, Some(provider), Some(model)).await.expect("a route");
        let ModelRoute::Server(callable) = route else { panic!("the demo") };
        let usage = TokenUsage { uncached: 1_000, output: 10, ..TokenUsage::default() };
        let worst = callable.worst_case(1_000, 10, muster.clock().now()).amount();
        let amount = callable.cost(&usage, muster.clock().now()).amount();
        assert!(worst >= amount);
        amount
    };
    let public = cost("gpt-5").await;
    let rates = Rates { input: 1_000, cache_read: 100, cache_write: 0, output: 1_000_000 };
    muster.agree_price(&scope.can().expect("owner"), provider, "gpt-5", rates).await.expect("agreed");
    assert_eq!(cost("gpt-5").await, Some(MicroUsd::from_micros(11)));
    assert_ne!(cost("gpt-5-mini").await, Some(MicroUsd::from_micros(11)));
    let (_, harbour) = world.team("harbour", &world.person("Hanna").await).await;
    let foreign = muster.agree_price(&harbour.can().expect("owner"), provider, "gpt-5", rates).await;
    assert!(matches!(foreign, Err(Error::NotFound)));
    let negative = Rates { input: -1, ..rates };
    let refused = muster.agree_price(&scope.can().expect("owner"), provider, "gpt-5", negative).await;
    assert!(matches!(refused, Err(Error::Invalid(_))));
    muster.forget_price(&scope.can().expect("owner"), provider, "gpt-5").await.expect("forgotten");
    assert_eq!(cost("gpt-5").await, public);
    world.end().await;
}

#[tokio::test]
async fn names_lead_only_to_providers_of_the_team() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let muster = &world.muster;
    let can = scope.can().expect("owner");
    muster.name_models(&can, "fast", &["demo/demo"]).await.expect("named");
    let names = muster.model_names(&scope.can().expect("owner")).await.expect("names");
    assert_eq!(names, [("fast".to_owned(), vec!["demo/demo".to_owned()])]);
    for (name, place, field) in
        [("Fast", "demo/demo", "alias"), ("default", "demo/demo", "alias"), ("x", "no/m", "first")]
    {
        let Err(Error::Invalid(fields)) = muster.name_models(&can, name, &[place]).await else {
            panic!("{name} {place}")
        };
        assert_eq!(fields[0].field, field);
    }
    muster.name_models(&can, "fast", &[]).await.expect("taken away");
    assert!(muster.model_names(&scope.can().expect("owner")).await.expect("names").is_empty());
    world.end().await;
}

fn call(caller: &Caller) -> NewCall {
    NewCall {
        spender: caller.spender,
        key: uuid::Uuid::now_v7().to_string(),
        provider: "A provider".into(),
        model: "m".into(),
        worst: Some(MicroUsd::from_micros(5)),
        tokens: 5,
    }
}

/// The call is refused for a limit of the agent.
async fn refused(muster: &orchestrator::Orchestrator, caller: &Caller, micros: i64, tokens: i64) -> AgentRefusal {
    let new = NewCall { worst: Some(MicroUsd::from_micros(micros)), tokens, ..call(caller) };
    match muster.hold_for(caller, new).await {
        Err(Error::AgentLimit(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_key_of_a_run_spends_no_more_than_its_agent_may_and_nothing_after_it() {
    let desk = super::budgets::Desk::new().await;
    let muster = &desk.world.muster;
    let may = || desk.scope.can().expect("may");
    let squad = muster.form_squad(&desk.scope.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
    let agent = muster.squad(&desk.scope.can().expect("may"), squad).await.expect("the squad").agents().next().cloned();
    let agent = agent.expect("a coder");
    let mut settings = agent.settings.clone();
    (settings.limits.max_cost, settings.limits.max_tokens) = (MicroUsd::from_cents(1), 1_000);
    let edited = muster.edit_agent(&desk.scope.can().expect("may"), (squad, agent.id), agent.version, &settings).await;
    edited.expect("edited");
    let task = muster.create_task(&may(), desk.project, &NewTask::titled("One")).await.expect("a task").id;
    let run = muster.start_run(&desk.scope.can().expect("may"), task, Some(squad)).await.expect("a run");
    desk.spend(1).await;
    let hour = Duration::hours(1);
    let key = muster.gateway_key_for_run(desk.team(), run, Some(agent.id), hour).await.expect("a key");
    let caller = muster.caller(&key, Origin::internal()).await.expect("it works");

    let new = |micros, tokens| NewCall { worst: Some(MicroUsd::from_micros(micros)), tokens, ..call(&caller) };
    let held = muster.hold_for(&caller, new(6_000, 400)).await.expect("room").expect("alive");
    let refusal = refused(muster, &caller, 6_000, 400).await;
    assert_eq!((refusal.agent.as_str(), refusal.measure, refusal.reserved), ("coder", Measure::Money, 6_000));
    assert!(refusal.may_pass(), "the call under way may cost less");
    let used = Used { usage: TokenUsage { output: 400, ..TokenUsage::default() }, ..super::budgets::used(6_000) };
    muster.settle(held, used).await.expect("settled");
    let refusal = refused(muster, &caller, 4_001, 600).await;
    let sentence =
        "The limit of coder for one run is 0.01 USD; 0.0060 USD used, and this call could take 0.004001 USD.";
    assert_eq!((refusal.sentence().as_str(), refusal.may_pass()), (sentence, false));
    let refusal = refused(muster, &caller, 0, 601).await;
    assert_eq!((refusal.measure, refusal.limit, refusal.spent), (Measure::Tokens, 1_000, 400));
    let held = muster.hold_for(&caller, new(4_000, 600)).await.expect("room").expect("alive");
    muster.release(held).await.expect("released");

    muster.stop_run(&desk.scope.can().expect("may"), run, "Enough.").await.expect("stopped");
    assert!(muster.hold_for(&caller, new(1, 1)).await.expect("an answer").is_none(), "the run is over");
    assert!(matches!(muster.caller_again(&caller).await, Err(Error::SignedOut)));
    desk.balanced().await;
    desk.world.end().await;
}

#[tokio::test]
async fn a_key_that_has_expired_since_it_was_looked_at_holds_nothing() {
    let desk = super::budgets::Desk::new().await;
    let muster = &desk.world.muster;
    desk.spend(1).await;
    let new = NewGatewayKey { name: "nightly", project: None, life: Duration::hours(1) };
    let (_, key) = muster.create_gateway_key(&desk.scope.can().expect("owner"), &new).await.expect("a key");
    let caller = muster.caller(&key, Origin::internal()).await.expect("it works");
    let held = muster.hold_for(&caller, call(&caller)).await.expect("room").expect("it works");
    muster.release(held).await.expect("released");
    desk.world.clock.advance(Duration::hours(1));
    assert!(muster.hold_for(&caller, call(&caller)).await.expect("an answer").is_none());
    desk.world.end().await;
}

#[tokio::test]
async fn what_another_process_changes_is_refused_from_the_next_call_on() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let (there, here) = (&world.muster, super::budgets::process(&world));
    let can = || scope.can().expect("owner");
    let settings = ProviderSettings {
        name: "Server".into(),
        kind: WireFormat::OpenAiChat,
        base_url: "https://api.openai.com/v1".into(),
        model: "m".into(),
    };
    let provider = there.add_model_provider(&can(), &settings, "sk-1").await.expect("added");
    let new = NewGatewayKey { name: "nightly", project: None, life: Duration::days(30) };
    let (id, key) = there.create_gateway_key(&can(), &new).await.expect("a key");

    let remembered = async || here.caller_as_remembered(&key, Origin::internal()).await.expect("it works");
    let holds = async |caller: &Caller| here.hold_for(caller, call(caller)).await.expect("room").is_some();
    // The first call of a team begins its books, and with them the version of its catalogue.
    assert!(!holds(&remembered().await).await);
    let caller = here.caller_again(&remembered().await).await.expect("it works");
    assert!(holds(&caller).await);
    assert_eq!(here.routes_of(&caller, "server/m").await.expect("a route").catalogue, caller.catalogue());

    there.remove_model_provider(&can(), provider).await.expect("removed");
    let caller = remembered().await;
    here.routes_of(&caller, "server/m").await.expect("it is still remembered");
    assert!(!holds(&caller).await, "but not believed");
    let caller = here.caller_again(&caller).await.expect("the key works");
    assert!(matches!(here.routes_of(&caller, "server/m").await, Err(Error::NotFound)), "nobody else answers for it");
    let route = here.routes_of(&caller, "default").await.expect("the demo is left").all[0].clone();
    assert!(matches!(route, ModelRoute::Demo { .. }) && holds(&remembered().await).await);

    there.revoke_gateway_key(&can(), id).await.expect("revoked");
    let caller = remembered().await;
    assert!(!holds(&caller).await);
    assert!(matches!(here.caller_again(&caller).await, Err(Error::SignedOut)));
    assert!(matches!(here.caller_as_remembered(&key, Origin::internal()).await, Err(Error::SignedOut)));
    here.db().close().await;
    world.end().await;
}
