use std::sync::Arc;

use demo_model::Script;
use gateway::{CallError, Kind, prices::Priced};
use orchestrator::{
    DEMO_PROVIDER, Error, Scope,
    budgets::{BudgetSettings, LedgerFilter, Limit, Subject},
    grants::{ManageIntegrations, ReadAudit, ReadBudgets, ReadTeam},
    models::{CallableModel, ModelProvider, ModelRoute, ProviderKind, ProviderSettings},
    testing::World,
};
use time::macros::datetime;
use types::{
    AgentRole, BuiltinRole, MicroUsd, ModelProviderId,
    chat::{ChatRequest, Message, TokenUsage},
};

const KEY: &str = "sk-live-0123456789abcdef";
const OTHER_KEY: &str = "sk-live-fedcba9876543210";

/// A provider that takes one key only.
async fn provider(key: &'static str) -> String {
    use axum::{extract::Request, middleware::Next, response::IntoResponse};
    let script = r#"{"models":["m"],"conversations":[{"name":"x","turns":[{"text":"ready"}]}]}"#;
    let check = move |request: Request, next: Next| async move {
        let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        if given == Some(&format!("Bearer {key}")) {
            return next.run(request).await;
        }
        let body = format!(r#"{{"error":{{"message":"Incorrect key: {}"}}}}"#, given.unwrap_or("none"));
        (axum::http::StatusCode::UNAUTHORIZED, body).into_response()
    };
    let router = demo_model::router(Script::parse(script).expect("a script")).layer(axum::middleware::from_fn(check));
    serve(router).await
}

async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
    format!("http://{address}/v1")
}

fn settings(name: &str, base_url: &str) -> ProviderSettings {
    ProviderSettings { name: name.into(), kind: Kind::OpenAiChat, base_url: base_url.into(), model: "m".into() }
}

async fn listed(world: &World, scope: &Scope) -> Vec<ModelProvider> {
    world.muster.model_providers(&scope.can::<ReadTeam>().expect("a member")).await.expect("providers")
}

async fn server(world: &World, scope: &Scope, id: Option<ModelProviderId>) -> CallableModel {
    match world.muster.model_for(scope, id, None).await.expect("a model") {
        ModelRoute::Server(callable) => Arc::unwrap_or_clone(callable),
        ModelRoute::Demo { .. } => panic!("the demo"),
    }
}

async fn call(world: &World, scope: &Scope, id: Option<ModelProviderId>) -> Result<String, CallError> {
    let callable = server(world, scope, id).await;
    let request = ChatRequest {
        model: callable.model.clone(),
        system: String::new(),
        messages: vec![Message::user("Hello")],
        tools: Vec::new(),
        max_output_tokens: 10,
        temperature: None,
    };
    let answer = world.muster.gateway().stream(&callable.provider, &request, |_| {}).await;
    answer.map(|answer| answer.message.text())
}

#[tokio::test]
async fn a_team_begins_with_the_demo_model_and_says_so() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let providers = listed(&world, &scope).await;
    assert_eq!(providers.len(), 1);
    assert_eq!((providers[0].name.as_str(), providers[0].kind), (DEMO_PROVIDER, ProviderKind::Demo));
    assert!(providers[0].is_default && providers[0].key_hint.is_none());
    let id = providers[0].id;
    let route = world.muster.model_for(&scope, None, Some("a model of somewhere else")).await.expect("the demo");
    assert!(matches!(route, ModelRoute::Demo { provider } if provider == id));
    let can = scope.can::<ManageIntegrations>().expect("owner");
    assert!(matches!(world.muster.remove_model_provider(&can, id).await, Err(Error::NotFound)));
    assert!(matches!(world.muster.replace_model_key(&can, id, KEY, false).await, Err(Error::NotFound)));
    assert!(matches!(world.muster.test_model_provider(&can, id).await, Err(Error::NotFound)));

    let own =
        world.muster.add_model_provider(&can, &settings("Own", "http://127.0.0.1:9/v1"), KEY).await.expect("added");
    assert_eq!(server(&world, &scope, None).await.id, own);
    world.muster.choose_default_model(&can, id).await.expect("chosen");
    assert!(matches!(world.muster.model_for(&scope, None, None).await, Ok(ModelRoute::Demo { .. })));
    assert!(listed(&world, &scope).await[1].is_default);
    world.end().await;
}

#[tokio::test]
async fn a_key_is_sealed_tried_and_replaced_without_a_gap() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let can = scope.can::<ManageIntegrations>().expect("owner");
    let id = world
        .muster
        .add_model_provider(&can, &settings(" Own server ", &provider(OTHER_KEY).await), &format!(" {KEY}\n"))
        .await
        .expect("added");
    let before = server(&world, &scope, Some(id)).await;

    let tested = world.muster.test_model_provider(&can, id).await.expect("a result");
    let problem = tested.problem.expect("the key is wrong");
    assert!(problem.starts_with("The provider refuses the key.") && !problem.contains(KEY), "{problem}");
    world.muster.replace_model_key(&can, id, OTHER_KEY, false).await.expect("replaced");
    let row = &listed(&world, &scope).await[0];
    assert_eq!(
        (row.name.as_str(), row.key_hint.as_deref(), row.tested.as_ref().map(|tested| tested.problem.is_none())),
        ("Own server", Some("sk-…3210"), Some(true))
    );
    assert!(row.is_default, "the first provider takes the demo model's place");
    assert_eq!(world.muster.test_model_provider(&can, id).await.expect("a result").problem, None);
    assert_eq!(call(&world, &scope, None).await.expect("an answer"), "ready");
    assert_eq!(before.provider.key.expect("a call that runs keeps its key").expose(), KEY);

    let mut superuser = world.superuser().await;
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT convert_from(decode(replace(encode(sealed, 'escape'), '\\', '\\\\'), 'escape'), 'LATIN1') FROM secrets
         UNION ALL SELECT p::text FROM model_providers p UNION ALL SELECT details::text FROM audit_entries",
    )
    .fetch_all(&mut superuser)
    .await
    .expect("rows");
    assert!(rows.iter().all(|row| !row.contains("0123456789") && !row.contains("fedcba98")), "{rows:?}");
    let log =
        world.muster.audit_log(&scope.can::<ReadAudit>().expect("owner"), &Default::default()).await.expect("a log");
    let actions: Vec<_> =
        log.iter().map(|entry| entry.action.as_str()).filter(|text| text.starts_with("model_")).collect();
    let expected = ["tested", "key_replaced", "tested", "added"].map(|word| format!("model_provider.{word}"));
    assert_eq!(actions, expected);
    world.end().await;
}

#[tokio::test]
async fn a_key_that_does_not_work_takes_no_place() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let can = scope.can::<ManageIntegrations>().expect("owner");
    let muster = &world.muster;
    let key = async |id| server(&world, &scope, Some(id)).await.provider.key.expect("a key");
    let refused = |answer: Result<_, Error>| match answer {
        Err(Error::Refused(told)) => told,
        other => panic!("{:?}", other.map(|tested: orchestrator::models::Tested| tested.problem)),
    };

    let own = settings("Own server", &provider(OTHER_KEY).await);
    let id = muster.add_model_provider(&can, &own, OTHER_KEY).await.expect("added");
    for anyway in [false, true] {
        let told = refused(muster.replace_model_key(&can, id, KEY, anyway).await);
        assert!(told.starts_with("The provider refuses the key.") && !told.contains(KEY), "{told}");
        assert!(told.ends_with("The key that was in use stays."), "{told}");
        assert_eq!(key(id).await.expose(), OTHER_KEY);
        assert_eq!(call(&world, &scope, Some(id)).await.expect("an answer"), "ready");
    }

    let gone = settings("Gone", "http://127.0.0.1:9/v1");
    let id = muster.add_model_provider(&can, &gone, OTHER_KEY).await.expect("added");
    let told = refused(muster.replace_model_key(&can, id, KEY, false).await);
    assert!(told.starts_with("The address cannot be reached"), "{told}");
    assert_eq!(key(id).await.expose(), OTHER_KEY);
    let tested = muster.replace_model_key(&can, id, KEY, true).await.expect("replaced");
    assert!(tested.problem.expect("it was not reached").starts_with("The address cannot be reached"));
    assert_eq!(key(id).await.expose(), KEY);
    world.end().await;
}

#[tokio::test]
async fn a_trial_is_booked_as_every_call_and_not_made_where_a_limit_has_no_room() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let can = scope.can::<ManageIntegrations>().expect("owner");
    let settings = settings("Own server", &provider(KEY).await);
    let id = world.muster.add_model_provider(&can, &settings, KEY).await.expect("added");
    let ledger = async || {
        let reader = scope.can::<ReadBudgets>().expect("owner");
        let entries = world.muster.ledger(&reader, &LedgerFilter::default(), 10).await.expect("a ledger");
        entries.into_iter().map(|entry| (entry.kind.as_str(), entry.provider, entry.task)).collect::<Vec<_>>()
    };
    assert_eq!(world.muster.test_model_provider(&can, id).await.expect("a result").problem, None);
    let booked = ["settled", "held"].map(|kind| (kind, "Own server".to_owned(), None));
    assert_eq!(ledger().await, booked);

    let nothing = BudgetSettings { limit: Limit::Amount(MicroUsd::from_micros(1)), ..BudgetSettings::default() };
    world.muster.set_budget(&scope.can().expect("owner"), Subject::TEAM, &nothing).await.expect("a budget");
    let problem = world.muster.test_model_provider(&can, id).await.expect("a result").problem.expect("no room");
    assert!(problem.starts_with("It was not called. The budget of"), "{problem}");
    assert_eq!(ledger().await, booked, "nothing was called");
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_is_said_field_by_field() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let can = scope.can::<ManageIntegrations>().expect("owner");
    let fields =
        async |settings: &ProviderSettings, key: &str| match world.muster.add_model_provider(&can, settings, key).await
        {
            Err(Error::Invalid(fields)) => fields.into_iter().map(|field| field.field).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
    let metadata = ProviderSettings { model: String::new(), ..settings("", "http://169.254.169.254/latest") };
    assert_eq!(fields(&metadata, "two words").await, ["name", "base_url", "model", "key"]);
    assert_eq!(fields(&settings("OpenAI", "https://api.openai.com/v1"), "").await, ["key"]);
    let ollama = settings("Ollama", "http://127.0.0.1:11434/v1");
    let id = world.muster.add_model_provider(&can, &ollama, "").await.expect("no key is needed");
    assert_eq!(fields(&ProviderSettings { name: "ollama".into(), ..ollama }, "").await, ["name"]);
    let tested = world.muster.test_model_provider(&can, id).await.expect("a result");
    assert!(tested.problem.expect("nobody is there").starts_with("The address cannot be reached"));
    world.end().await;
}

#[tokio::test]
async fn readers_see_and_only_managers_change_their_own_team() {
    let world = World::new().await;
    let (mira, jonas, hanna) = (world.person("Mira").await, world.person("Jonas").await, world.person("Hanna").await);
    let (_, scope) = world.team("quayside", &mira).await;
    let (_, harbour) = world.team("harbour", &hanna).await;
    world.join(&scope, &jonas, "reader").await;
    let reader = world.scope(&jonas, "quayside").await;
    let can = scope.can::<ManageIntegrations>().expect("owner");
    let id =
        world.muster.add_model_provider(&can, &settings("Own", "http://127.0.0.1:9/v1"), KEY).await.expect("added");
    assert_eq!(listed(&world, &reader).await.len(), 2);
    assert!(matches!(reader.can::<ManageIntegrations>(), Err(Error::Denied(_))));
    assert!(BuiltinRole::Admin.permissions().contains(types::Permission::ManageIntegrations));

    let foreign = harbour.can::<ManageIntegrations>().expect("owner");
    let muster = &world.muster;
    assert!(matches!(muster.model_for(&harbour, Some(id), None).await, Err(Error::NotFound)));
    assert!(matches!(muster.test_model_provider(&foreign, id).await, Err(Error::NotFound)));
    assert!(matches!(muster.replace_model_key(&foreign, id, OTHER_KEY, false).await, Err(Error::NotFound)));
    assert!(matches!(muster.replace_model_key(&foreign, id, "", false).await, Err(Error::NotFound)));
    assert!(matches!(muster.choose_default_model(&foreign, id).await, Err(Error::NotFound)));
    assert!(matches!(muster.remove_model_provider(&foreign, id).await, Err(Error::NotFound)));
    world.end().await;
}

#[tokio::test]
async fn a_provider_that_agents_name_stays_and_its_key_goes_with_it() {
    use orchestrator::squads::{AgentSettings, Template};
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let can = scope.can::<ManageIntegrations>().expect("owner");
    let muster = &world.muster;
    let id = muster.add_model_provider(&can, &settings("Own", "http://127.0.0.1:9/v1"), KEY).await.expect("added");
    let squad = muster.form_squad(&scope.can().expect("owner"), "squad", Template::Solo).await.expect("a squad");
    let kinds = muster.agent_types(&scope.can().expect("owner")).await.expect("types");
    let agent =
        AgentSettings { provider: Some(id), ..AgentSettings::of_role(AgentRole::Coder, "second".into(), kinds[0].id) };
    let agent = muster.add_agent(&scope.can().expect("owner"), squad, &agent).await.expect("an agent");
    let unknown = AgentSettings {
        provider: Some(ModelProviderId::new()),
        ..AgentSettings::of_role(AgentRole::Coder, "third".into(), kinds[0].id)
    };
    assert!(matches!(muster.add_agent(&scope.can().expect("owner"), squad, &unknown).await, Err(Error::Invalid(_))));
    assert!(
        matches!(muster.remove_model_provider(&can, id).await, Err(Error::Refused(text)) if text.contains("the agent second of squad."))
    );

    let members = muster.squad(&scope.can().expect("owner"), squad).await.expect("the squad").members;
    let place =
        members.iter().find(|member| matches!(&member.holder, orchestrator::squads::Holder::Agent(a) if a.id == agent));
    muster
        .remove_squad_member(&scope.can().expect("owner"), squad, place.expect("its place").id)
        .await
        .expect("removed");
    muster.remove_model_provider(&can, id).await.expect("removed");
    assert!(matches!(muster.model_for(&scope, Some(id), None).await, Err(Error::NotFound)));
    let demo = &listed(&world, &scope).await[0];
    assert!(demo.is_default && demo.kind == ProviderKind::Demo, "the demo model is the default again");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM secrets")
        .fetch_one(&mut world.superuser().await)
        .await
        .expect("a count");
    assert_eq!(left, 0);
    world.end().await;
}

#[tokio::test]
async fn rotation_adds_first_and_takes_away_last() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let can = scope.can::<ManageIntegrations>().expect("owner");
    let muster = &world.muster;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(muster.add_model_provider(&can, &settings(name, "http://127.0.0.1:9/v1"), KEY).await.expect("added"));
    }
    let key = async |id| server(&world, &scope, Some(id)).await.provider.key.expect("a key");
    // Interrupted after the new key: the old one still opens.
    let mut superuser = world.superuser().await;
    let before: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT sealed FROM secrets ORDER BY id").fetch_all(&mut superuser).await.expect("rows");
    for generation in [2, 3] {
        let rotation = muster.rotate_secrets(&can).await.expect("rotated");
        assert_eq!((rotation.generation, rotation.resealed), (generation, 3));
        for id in &ids {
            assert_eq!(key(*id).await.expose(), KEY);
        }
    }
    let after: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT sealed FROM secrets ORDER BY id").fetch_all(&mut superuser).await.expect("rows");
    assert!(before.iter().zip(&after).all(|(old, new)| old != new));
    let keys: Vec<i32> =
        sqlx::query_scalar("SELECT generation FROM data_keys").fetch_all(&mut superuser).await.expect("keys");
    assert_eq!(keys, [3], "older keys are gone once nothing needs them");
    world.end().await;
}

#[tokio::test]
async fn a_secret_that_was_moved_or_changed_does_not_open() {
    let world = World::new().await;
    let (mira, hanna) = (world.person("Mira").await, world.person("Hanna").await);
    let (_, scope) = world.team("quayside", &mira).await;
    let (_, harbour) = world.team("harbour", &hanna).await;
    let add = async |scope: &Scope, name: &str, key: &str| {
        let can = scope.can::<ManageIntegrations>().expect("owner");
        world.muster.add_model_provider(&can, &settings(name, "http://127.0.0.1:9/v1"), key).await.expect("added")
    };
    let (one, two, theirs) =
        (add(&scope, "one", KEY).await, add(&scope, "two", OTHER_KEY).await, add(&harbour, "theirs", OTHER_KEY).await);
    let mut superuser = world.superuser().await;
    let mut opens = async |statement: &str, scope: &Scope, id| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut superuser).await.expect("damage");
        world.muster.model_for(scope, Some(id), None).await.map(drop)
    };
    let secret_of = |id: ModelProviderId| format!("(SELECT secret_id FROM model_providers WHERE id = '{id}')");
    let copy = |from, to| {
        let (from, to) = (secret_of(from), secret_of(to));
        format!("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE id = {from}) WHERE id = {to}")
    };
    assert!(opens("SELECT 1", &scope, one).await.is_ok());
    assert!(matches!(opens(&copy(two, one), &scope, one).await, Err(Error::Internal(_))), "from another row");
    assert!(matches!(opens(&copy(theirs, two), &scope, two).await, Err(Error::Internal(_))), "from another team");
    let flip = format!(
        "UPDATE secrets SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE id = {}",
        secret_of(theirs)
    );
    assert!(matches!(opens(&flip, &harbour, theirs).await, Err(Error::Internal(_))), "a changed byte");
    world.end().await;
}

#[tokio::test]
async fn real_prices_hold_for_real_addresses_alone() {
    let world = World::new().await;
    let (_, scope) = world.team("quayside", &world.person("Mira").await).await;
    let can = scope.can::<ManageIntegrations>().expect("owner");
    let anthropic = ProviderSettings {
        name: "Anthropic".into(),
        kind: Kind::Anthropic,
        base_url: "https://api.anthropic.com".into(),
        model: "claude-sonnet-5".into(),
    };
    let id = world.muster.add_model_provider(&can, &anthropic, KEY).await.expect("added");
    let callable = server(&world, &scope, Some(id)).await;
    let usage = TokenUsage { uncached: 1_000, output: 100, ..TokenUsage::default() };
    let at = datetime!(2026-11-19 14:32 UTC);
    assert_eq!(callable.cost(&usage, at).amount(), Some(MicroUsd::from_micros(3_000)));
    assert_eq!(callable.context_window(), Some(1_000_000));
    let proxy = ProviderSettings { name: "Proxy".into(), base_url: "http://10.0.0.1/".into(), ..anthropic };
    let id = world.muster.add_model_provider(&can, &proxy, KEY).await.expect("added");
    let callable = server(&world, &scope, Some(id)).await;
    assert_eq!(callable.cost(&usage, at), Priced::Unknown);
    world.end().await;
}
