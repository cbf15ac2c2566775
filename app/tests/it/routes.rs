use app::routes::Access;
use http::{Method, StatusCode};
use orchestrator::{
    grants,
    models::NewGatewayKey,
    squads::{Holder, Template},
    teams::{NewToken, RESERVED_SLUGS},
    testing::World,
};
use types::Permission;
use uuid::Uuid;

use crate::client::{Browser, Site};

/// Fills the parameters of a path: the team's slug, and ids of things.
fn fill(path: &str, slug: &str, ids: &[(&str, String)]) -> String {
    path.split('/')
        .map(|segment| match segment {
            "{team}" => slug.to_owned(),
            _ if segment.starts_with('{') => {
                let name = segment.trim_matches(['{', '}']);
                ids.iter()
                    .find(|(known, _)| *known == name)
                    .map_or_else(|| panic!("no id for {name}"), |(_, id)| id.clone())
            }
            _ => segment.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Ids of the harbour team, which Mira of quayside tries.
async fn foreign_ids(world: &World) -> Vec<(&'static str, String)> {
    let hanna = world.sign_in("Hanna").await;
    let scope = world.scope(&hanna, "harbour").await;
    let invitation =
        world.muster.invite(&scope.can().expect("owner"), "new@harbour.example", "reader").await.expect("invited");
    let read = types::PermissionSet::of(&[Permission::ReadTeam]);
    let role = world
        .muster
        .create_role(&scope.can::<grants::ManageRoles>().expect("owner"), "Guest", read)
        .await
        .expect("a role");
    let squad =
        world.muster.form_squad(&scope.can().expect("owner"), "Harbour core", Template::Solo).await.expect("a squad");
    let member = world.muster.squad(&scope.can().expect("owner"), squad).await.expect("the squad").members.remove(0);
    let Holder::Agent(agent) = member.holder else { unreachable!("templates have agents alone") };
    let read_files = types::PermissionSet::of(&[Permission::ReadFiles]);
    let new = NewToken { name: "git", scopes: read_files, life: time::Duration::days(1) };
    let (token, _) = world.muster.create_token(&scope.can().expect("owner"), &new).await.expect("a token");
    let new = NewGatewayKey { name: "a script", project: None, life: time::Duration::days(1) };
    let (gateway_key, _) = world.muster.create_gateway_key(&scope.can().expect("owner"), &new).await.expect("a key");
    let source = orchestrator::work::Source::Empty;
    let project =
        world.muster.create_project(&scope.can().expect("owner"), "ledger", &source).await.expect("a project");
    let task = orchestrator::work::NewTask::titled("a task");
    let task = world.muster.create_task(&scope.can().expect("owner"), project, &task).await.expect("a task");
    let providers = world.muster.model_providers(&scope.can().expect("owner")).await.expect("providers");
    let provider = providers.first().expect("the demo model").id;
    let call = kept_call(world, &scope).await;
    let part = orchestrator::budgets::Subject { project: Some(project), ..orchestrator::budgets::Subject::TEAM };
    let cent = types::MicroUsd::from_cents(1);
    let limit = orchestrator::budgets::Limit::Amount(cent);
    let settings = orchestrator::budgets::BudgetSettings { limit, ..Default::default() };
    let budget = world.muster.set_budget(&scope.can().expect("owner"), part, &settings).await.expect("a budget");
    let more = types::MicroUsd::from_cents(2);
    let request = world.muster.ask_for_budget(&scope.can().expect("owner"), budget, more, "more").await.expect("asked");
    let pause = world.muster.pause(&scope.can().expect("owner"), part, "a test").await.expect("paused");
    vec![
        ("budget", budget.to_string()),
        ("request", request.to_string()),
        ("pause", pause.to_string()),
        ("token", token.to_string()),
        ("repository", "ledger.git".to_owned()),
        ("project", project.to_string()),
        ("squad", squad.to_string()),
        ("member", member.id.to_string()),
        ("agent", agent.id.to_string()),
        ("agent_type", agent.settings.agent_type.to_string()),
        ("number", task.number.to_string()),
        ("approval", Uuid::now_v7().to_string()),
        ("file", Uuid::now_v7().to_string()),
        ("user", hanna.user.id.to_string()),
        ("invitation", invitation.to_string()),
        ("role", role.to_string()),
        ("provider", provider.to_string()),
        ("session", hanna.session.to_string()),
        ("*call", "demo:generateContent".to_owned()),
        ("*model", "demo/demo".to_owned()),
        ("call", call.to_string()),
        ("gateway_key", gateway_key.to_string()),
    ]
}

/// A call whose words are kept.
async fn kept_call(world: &World, scope: &orchestrator::Scope) -> types::ReservationId {
    world.muster.keep_content(&scope.can().expect("owner"), 7).await.expect("on");
    let new = orchestrator::budgets::NewCall {
        spender: orchestrator::budgets::Spender::default(),
        key: "call".into(),
        provider: "Own".into(),
        model: "m".into(),
        worst: Some(types::MicroUsd::ZERO),
        tokens: 1,
    };
    let held = world.muster.hold(scope.team(), new).await.expect("held");
    let id = held.id();
    world.muster.release(held).await.expect("given back");
    let provider =
        gateway::Provider::new(gateway::Kind::OpenAiChat, "http://127.0.0.1:9/v1", None).expect("an address");
    let words = orchestrator::models::Words { request: "{}", answer: "{}" };
    world.muster.keep_words(scope.team(), id, &provider, words).await.expect("kept");
    id
}

/// Everything that a stranger may ask for. A route that is not here needs a person, a member or a token.
const PUBLIC: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/pricing"),
    ("GET", "/security"),
    ("GET", "/accessibility"),
    ("GET", "/status"),
    ("GET", "/outbox"),
    ("GET", "/gallery"),
    ("POST", "/appearance"),
    ("GET", "/sign-up"),
    ("POST", "/sign-up"),
    ("GET", "/sign-up/verify"),
    ("POST", "/sign-up/verify"),
    ("POST", "/sign-up/resend"),
    ("GET", "/sign-up/account"),
    ("POST", "/sign-up/account"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/reset"),
    ("POST", "/reset"),
    ("GET", "/reset/verify"),
    ("POST", "/reset/verify"),
    ("GET", "/invitation"),
];

#[tokio::test]
async fn what_is_public_is_on_a_list_and_nothing_of_a_team_is() {
    let site = Site::open().await;
    for route in &site.table {
        let of_a_team =
            route.path.split('/').any(|segment| segment.starts_with("{team") || segment.starts_with("{*team"));
        let guarded = matches!(route.access, Access::Team(_) | Access::Token);
        assert!(guarded || !of_a_team, "{} {} is open to who is no member", route.method, route.path);
    }
    let public: Vec<(&str, &str)> = site
        .table
        .iter()
        .filter(|route| route.access == Access::Public)
        .map(|route| (route.method.as_str(), route.path.as_str()))
        .collect();
    assert_eq!(public, PUBLIC);
    site.end().await;
}

#[tokio::test]
async fn a_stranger_reaches_only_what_is_public() {
    let site = Site::open().await;
    let nobody = any_ids();
    for route in &site.table {
        let path = fill(&route.path, "quayside", &nobody);
        let page = Browser::default().send(&site, route.method.clone(), &path, "").await;
        let sent_away = page.status == StatusCode::SEE_OTHER && page.location.starts_with("/sign-in?reason=needed");
        assert_eq!(
            sent_away,
            !matches!(route.access, Access::Public | Access::Token),
            "{} {path}: {} {}",
            route.method,
            page.status,
            page.location
        );
        assert!(!page.status.is_server_error(), "{} {path}: {}", route.method, page.body);
        assert_eq!(page.status == StatusCode::UNAUTHORIZED, route.access == Access::Token, "{} {path}", route.method);
    }
    site.end().await;
}

/// Ids of nothing.
fn any_ids() -> Vec<(&'static str, String)> {
    let things = [
        "project",
        "user",
        "invitation",
        "role",
        "provider",
        "session",
        "squad",
        "member",
        "agent",
        "agent_type",
        "approval",
        "file",
        "token",
        "repository",
        "gateway_key",
        "budget",
        "request",
        "pause",
        "call",
    ];
    let mut ids = things.map(|thing| (thing, Uuid::now_v7().to_string())).to_vec();
    ids.extend([
        ("number", "99".to_owned()),
        ("*call", "demo:generateContent".to_owned()),
        ("*model", "demo/demo".to_owned()),
    ]);
    ids
}

#[tokio::test]
async fn a_foreign_team_is_not_found_on_every_route() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    Browser::sign_up(&site, "Hanna", "Harbour").await;
    let ids = foreign_ids(&site.world).await;
    let mut tried = 0;
    for route in site.table.clone() {
        if !matches!(route.access, Access::Team(_)) {
            continue;
        }
        let path = fill(&route.path, "harbour", &ids);
        let page = mira.send(&site, route.method.clone(), &path, "").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{} {path}", route.method);
        let unknown = mira.send(&site, route.method.clone(), &fill(&route.path, "no-such-team", &ids), "").await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        assert_eq!(
            unknown.body.replace("no-such-team", "harbour"),
            page.body,
            "a foreign team answers as one that does not exist"
        );
        tried += 1;
    }
    assert!(tried > 20, "the table holds the team's routes");
    site.end().await;
}

#[tokio::test]
async fn foreign_ids_under_the_own_team_are_not_found() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    Browser::sign_up(&site, "Hanna", "Harbour").await;
    let ids = foreign_ids(&site.world).await;
    for route in site.table.clone() {
        let things = route.path.replace("{team}", "");
        if !things.contains('{') || route.access == Access::Token {
            continue;
        }
        let path = fill(&route.path, "quayside", &ids);
        let page = mira.send(&site, route.method.clone(), &path, "role=reader").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{} {path}: {}", route.method, page.body);
    }
    site.end().await;
}

#[tokio::test]
async fn a_missing_permission_is_refused_and_written_down() {
    let site = Site::open().await;
    Browser::sign_up(&site, "Mira", "Quayside").await;
    let mut jonas = Browser::sign_up(&site, "Jonas", "Harbour").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let jonas_signed_in = site.world.sign_in("Jonas").await;
    // A role that grants one thing no page asks for: every route of the team refuses it.
    let odd = types::PermissionSet::of(&[Permission::WriteFiles]);
    let role = site
        .world
        .muster
        .create_role(&owner.can::<grants::ManageRoles>().expect("owner"), "Odd", odd)
        .await
        .expect("a role");
    site.world.join(&owner, &jonas_signed_in, &role.to_string()).await;
    let ids = any_ids();
    let mut refused = 0;
    for route in site.table.clone() {
        if matches!(route.access, Access::Team(_)) {
            let path = fill(&route.path, "quayside", &ids);
            let page = jonas.send(&site, route.method.clone(), &path, "").await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{} {path}", route.method);
            refused += 1;
        }
    }
    let log = site.world.muster.audit_log(&owner.can().expect("owner"), &Default::default()).await.expect("a log");
    let written = log.iter().filter(|entry| entry.action == "permission.refused").count();
    assert_eq!(written, refused.min(50 - log.iter().filter(|entry| entry.action != "permission.refused").count()));
    site.end().await;
}

#[tokio::test]
async fn every_first_segment_of_ours_is_reserved() {
    let site = Site::open().await;
    for route in &site.table {
        let first = route.path.split('/').nth(1).unwrap_or_default();
        assert!(
            first.is_empty() || first == "{team}" || RESERVED_SLUGS.contains(&first),
            "{first} could be taken by a team"
        );
    }
    site.end().await;
}

#[tokio::test]
async fn unknown_addresses_are_not_found_and_a_slash_too_many_is_forgiven() {
    let site = Site::open().await;
    let mut browser = Browser::default();
    let page = browser.get(&site, "/no/such/page/at/all").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("<html"), "{}", page.body);
    let page = browser.get(&site, "/pricing/?period=yearly").await;
    assert_eq!((page.status, page.location.as_str()), (StatusCode::PERMANENT_REDIRECT, "/pricing?period=yearly"));
    let page = browser.get(&site, "//evil.example/").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let page = browser.send(&site, Method::POST, "/pricing", "").await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
    site.end().await;
}

#[tokio::test]
async fn a_failure_inside_a_team_keeps_the_teams_navigation() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let mut jonas = Browser::sign_up(&site, "Jonas", "Harbour").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let signed_in = site.world.sign_in("Jonas").await;
    site.world.join(&owner, &signed_in, "reader").await;
    let navigation = r#"href="/quayside/members""#;
    for (browser, path, status) in [
        (&mut mira, "/quayside/no/such/page", StatusCode::NOT_FOUND),
        (&mut jonas, "/quayside/audit", StatusCode::FORBIDDEN),
    ] {
        let page = browser.get(&site, path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.body.contains(navigation) && page.body.contains("Dashboard"), "{path}: {}", page.body);
    }
    let outside = mira.get(&site, "/harbour/members").await;
    assert_eq!(outside.status, StatusCode::NOT_FOUND);
    assert!(!outside.body.contains("/harbour/audit"), "a foreign team's navigation is not shown");
    let page = mira.post(&site, &format!("/quayside/roles/{}/delete", Uuid::now_v7()), "").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains(navigation), "{}", page.body);
    site.end().await;
}
