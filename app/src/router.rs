//! Every address of the website, in one table.

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, State},
    middleware,
    response::{IntoResponse, Redirect, Response},
};
use http::{Method, Uri};
use orchestrator::{Error, teams::RESERVED_SLUGS};

use crate::{
    failure::{Failure, pages_for_failures},
    flash::said_once,
    handlers::{account, agent_types, analytics, auth, budgets, git, llm, onboarding, public, squads, tasks, team},
    request::{Place, Visitor, safe_path},
    routes::{Route, Routes},
    state::App,
};

/// The pages, and the table of their routes. Failures are bare status codes until [`with_failure_pages`] dresses them.
pub fn router(app: App) -> (Router, Vec<Route>) {
    let (router, table) = table().build();
    // The server around this router bounds bodies, each kind of path with its own limit.
    let router = router.layer(DefaultBodyLimit::disable());
    let router = router.fallback(not_found).layer(middleware::from_fn_with_state(app.clone(), said_once));
    (router.with_state(app), table)
}

/// Puts an error page on every failed answer of `router`, those of the layers inside it included.
pub fn with_failure_pages(router: Router, app: App) -> Router {
    router.layer(middleware::from_fn_with_state(app, pages_for_failures))
}

/// An unknown address. One that only ends in a slash too many leads to the page it means; one inside a team of the
/// visitor's is said inside that team.
async fn not_found(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    visitor: Visitor,
    place: Option<Extension<Place>>,
) -> Result<Response, Failure> {
    let path = uri.path().trim_end_matches('/');
    let meant = method == Method::GET && path.len() < uri.path().len() && safe_path(path).is_some();
    if !meant {
        let team = path.split('/').nth(1).unwrap_or_default();
        if let (Some(who), Some(Extension(place))) = (&visitor.who, place)
            && !RESERVED_SLUGS.contains(&team)
        {
            let entered = app.muster.enter(who, team, visitor.origin.clone()).await?;
            place.found(who, &visitor, &entered);
        }
        return Err(Error::NotFound.into());
    }
    let to = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    Ok(Redirect::permanent(&to).into_response())
}

fn table() -> Routes {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    let routes = Routes::default()
        .public(GET, "/", public::home)
        .public(GET, "/pricing", public::pricing)
        .public(GET, "/security", public::security)
        .public(GET, "/accessibility", public::accessibility)
        .public(GET, "/status", public::status)
        .public(GET, "/outbox", public::outbox)
        .public(GET, "/gallery", public::gallery)
        .public(POST, "/appearance", public::set_appearance)
        .public(GET, "/sign-up", auth::new_sign_up)
        .public(POST, "/sign-up", auth::begin_sign_up)
        .public(GET, "/sign-up/verify", auth::verify_page)
        .public(POST, "/sign-up/verify", auth::verify_code)
        .public(POST, "/sign-up/resend", auth::resend_code)
        .public(GET, "/sign-up/account", auth::new_account)
        .public(POST, "/sign-up/account", auth::create_account)
        .public(GET, "/sign-in", auth::new_sign_in)
        .public(POST, "/sign-in", auth::sign_in)
        .public(POST, "/sign-out", auth::sign_out)
        .public(GET, "/reset", auth::new_reset)
        .public(POST, "/reset", auth::begin_reset)
        .public(GET, "/reset/verify", auth::reset_page)
        .public(POST, "/reset/verify", auth::reset_password)
        .public(GET, "/invitation", auth::invitation)
        .signed_in(POST, "/invitations/accept", auth::accept_invitation)
        .signed_in(GET, "/home", account::land)
        .signed_in(GET, "/teams", account::teams)
        .signed_in(GET, "/teams/new", account::new_team)
        .signed_in(POST, "/teams/new", account::create_team)
        .signed_in(GET, "/account", account::profile)
        .signed_in(POST, "/account", account::rename)
        .signed_in(POST, "/account/password", account::change_password)
        .signed_in(GET, "/account/sessions", account::sessions)
        .signed_in(POST, "/account/sessions/revoke-others", account::revoke_other_sessions)
        .signed_in(POST, "/account/sessions/{session}/revoke", account::revoke_session)
        .team(GET, "", team::dashboard)
        .team(GET, "/live", team::dashboard_live)
        .team(GET, "/search", team::search)
        .team(GET, "/onboarding", onboarding::page)
        .team(POST, "/onboarding/team", onboarding::name_team)
        .team(POST, "/onboarding/project", onboarding::bring_project)
        .team(POST, "/onboarding/squad", onboarding::form_squad)
        .team(POST, "/onboarding/task", onboarding::first_task)
        .team(POST, "/onboarding/skip", onboarding::skip)
        .team(GET, "/members", team::members)
        .team(POST, "/invitations", team::invite)
        .team(POST, "/invitations/{invitation}/resend", team::resend_invitation)
        .team(POST, "/invitations/{invitation}/revoke", team::revoke_invitation)
        .team(POST, "/members/{user}/role", team::change_role)
        .team(POST, "/members/{user}/remove", team::remove_member)
        .team(POST, "/leave", team::leave)
        .team(GET, "/roles", team::roles)
        .team(POST, "/roles", team::create_role)
        .team(POST, "/roles/{role}/delete", team::delete_role)
        .team(GET, "/audit", team::audit)
        .team(GET, "/tokens", team::tokens)
        .team(POST, "/tokens", team::create_token)
        .team(POST, "/tokens/{token}/revoke", team::revoke_token)
        .team(GET, "/settings", team::settings)
        .team(POST, "/settings", team::rename_team)
        .team(POST, "/settings/content", team::keep_content)
        .team(POST, "/settings/content/stop", team::stop_content)
        .team(GET, "/settings/models", team::models)
        .team(POST, "/settings/models", team::add_provider)
        .team(POST, "/settings/models/{provider}/test", team::test_provider)
        .team(POST, "/settings/models/{provider}/key", team::replace_key)
        .team(POST, "/settings/models/{provider}/default", team::choose_default)
        .team(POST, "/settings/models/{provider}/remove", team::remove_provider)
        .team(GET, "/settings/gateway", team::gateway)
        .team(POST, "/settings/gateway/keys", team::create_gateway_key)
        .team(POST, "/settings/gateway/keys/{gateway_key}/revoke", team::revoke_gateway_key)
        .team(POST, "/settings/gateway/prices", team::agree_price)
        .team(POST, "/settings/gateway/prices/{provider}/remove", team::forget_price)
        .team(POST, "/settings/gateway/names", team::name_models)
        .by_token(GET, "/git/{team}/{repository}/info/refs", git::exchange)
        .by_token(POST, "/git/{team}/{repository}/git-upload-pack", git::exchange)
        .by_token(POST, "/git/{team}/{repository}/git-receive-pack", git::exchange);
    money(work(crews(models(routes))))
}

/// Model calls of programs, in the formats of three vendors.
pub(crate) fn models(routes: Routes) -> Routes {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    routes
        .by_token(POST, "/llm/openai/v1/chat/completions", llm::chat_completions)
        .by_token(POST, "/llm/openai/v1/responses", llm::responses)
        .by_token(POST, "/llm/openai/v1/embeddings", llm::embeddings)
        .by_token(GET, "/llm/openai/v1/models", llm::openai_models)
        .by_token(GET, "/llm/openai/v1/models/{*model}", llm::openai_model)
        .by_token(POST, "/llm/anthropic/v1/messages", llm::messages)
        .by_token(POST, "/llm/anthropic/v1/messages/count_tokens", llm::count_tokens)
        .by_token(GET, "/llm/anthropic/v1/models", llm::anthropic_models)
        .by_token(GET, "/llm/anthropic/v1/models/{*model}", llm::anthropic_model)
        .by_token(GET, "/llm/gemini/v1beta/models", llm::gemini_models)
        .by_token(GET, "/llm/gemini/v1beta/models/{*call}", llm::gemini_model)
        // A model's name may hold slashes.
        .by_token(POST, "/llm/gemini/v1beta/models/{*call}", llm::generate)
        // Newer clients of Google ask for the version without "beta".
        .by_token(GET, "/llm/gemini/v1/models", llm::gemini_models)
        .by_token(GET, "/llm/gemini/v1/models/{*call}", llm::gemini_model)
        .by_token(POST, "/llm/gemini/v1/models/{*call}", llm::generate)
}

/// Squads, their agents, and what agents are.
fn crews(routes: Routes) -> Routes {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    routes
        .team(GET, "/squads", squads::squads)
        .team(POST, "/squads", squads::form_squad)
        .team(GET, "/squads/new", squads::new_squad)
        .team(GET, "/squads/{squad}", squads::squad)
        .team(GET, "/squads/{squad}/edit", squads::edit)
        .team(POST, "/squads/{squad}/settings", squads::save_texts)
        .team(POST, "/squads/{squad}/rules", squads::save_rules)
        .team(POST, "/squads/{squad}/archive", squads::archive)
        .team(POST, "/squads/{squad}/restore", squads::restore)
        .team(POST, "/squads/{squad}/people", squads::add_person)
        .team(POST, "/squads/{squad}/members/{member}/move", squads::move_member)
        .team(POST, "/squads/{squad}/members/{member}/remove", squads::remove_member)
        .team(POST, "/squads/{squad}/agents", squads::add_agent)
        .team(GET, "/squads/{squad}/agents/{agent}", squads::agent)
        .team(POST, "/squads/{squad}/agents/{agent}", squads::edit_agent)
        .team(GET, "/agent-types", agent_types::agent_types)
        .team(POST, "/agent-types", agent_types::create_agent_type)
        .team(GET, "/agent-types/new", agent_types::new_agent_type)
        .team(GET, "/agent-types/{agent_type}", agent_types::agent_type)
        .team(POST, "/agent-types/{agent_type}", agent_types::edit_agent_type)
        .team(POST, "/agent-types/{agent_type}/switch", agent_types::switch_agent_type)
}

/// Budgets, the ledger, and what they tell.
fn money(routes: Routes) -> Routes {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    routes
        .team(GET, "/analytics", analytics::analytics)
        .team(GET, "/analytics.csv", analytics::csv)
        .team(GET, "/analytics/tasks", analytics::tasks)
        .team(GET, "/analytics/tasks.csv", analytics::tasks_csv)
        .team(GET, "/budgets", budgets::budgets)
        .team(GET, "/budgets/edit", budgets::edit_page)
        .team(POST, "/budgets/edit", budgets::edit)
        .team(POST, "/budgets/{budget}/remove", budgets::remove)
        .team(POST, "/budgets/rate", budgets::set_rate)
        .team(GET, "/budgets/ask", budgets::ask_page)
        .team(POST, "/budgets/ask", budgets::ask)
        .team(POST, "/budgets/requests/{request}/grant", budgets::grant)
        .team(GET, "/budgets/requests/{request}/decline", budgets::decline_page)
        .team(POST, "/budgets/requests/{request}/decline", budgets::decline)
        .team(GET, "/budgets/ledger", budgets::ledger)
        .team(GET, "/budgets/ledger/{call}", budgets::content)
        .team(GET, "/budgets/ledger.csv", budgets::csv)
        .team(GET, "/budgets/ledger.jsonl", budgets::json_lines)
        .team(GET, "/budgets/pauses", budgets::pauses)
        .team(POST, "/budgets/pauses", budgets::pause)
        .team(POST, "/budgets/pauses/{pause}/resume", budgets::resume)
}

/// What waits, projects, their boards, tasks and their runs.
fn work(routes: Routes) -> Routes {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    routes
        .team(GET, "/inbox", team::inbox)
        .team(GET, "/inbox/live", team::inbox_live)
        .team(GET, "/projects", team::projects)
        .team(POST, "/projects", team::create_project)
        .team(GET, "/projects/new", team::new_project)
        .team(POST, "/projects/upload", team::upload_project)
        .team(GET, "/projects/{project}", team::board)
        .team(GET, "/projects/{project}/live", team::board_live)
        .team(GET, "/projects/{project}/list", team::task_list)
        .team(GET, "/projects/{project}/list/live", team::list_live)
        .team(GET, "/projects/{project}/settings", team::project_settings)
        .team(POST, "/projects/{project}/settings", team::update_project)
        .team(POST, "/projects/{project}/credential", team::keep_credential)
        .team(POST, "/projects/{project}/credential/remove", team::remove_credential)
        .team(POST, "/projects/{project}/archive", team::archive_project)
        .team(POST, "/projects/{project}/restore", team::restore_project)
        .team(POST, "/projects/{project}/tasks", team::create_task)
        .team(GET, "/projects/{project}/tasks/new", team::new_task)
        .team(GET, "/tasks/{number}/edit", team::edit_task_page)
        .team(POST, "/tasks/{number}/edit", team::edit_task)
        .team(POST, "/tasks/{number}/move", team::move_task)
        .team(POST, "/tasks/{number}/delete", team::delete_task)
        .team(POST, "/tasks/{number}/undelete", team::undelete_task)
        .team(POST, "/sample", tasks::run_sample)
        .team(GET, "/tasks/{number}", tasks::overview)
        .team(GET, "/tasks/{number}/live", tasks::live)
        .team(GET, "/tasks/{number}/changes", tasks::changes)
        .team(GET, "/tasks/{number}/artifacts", tasks::artifacts)
        .team(GET, "/tasks/{number}/history", tasks::history)
        .team(GET, "/tasks/{number}/review", tasks::review)
        .team(POST, "/tasks/{number}/review", tasks::decide_review)
        .team(POST, "/tasks/{number}/start", tasks::start_run)
        .team(POST, "/tasks/{number}/retry", tasks::retry_run)
        .team(POST, "/tasks/{number}/reopen", tasks::reopen)
        .team(POST, "/tasks/{number}/revert", tasks::revert)
        .team(POST, "/tasks/{number}/stop", tasks::stop_run)
        .team(POST, "/tasks/{number}/approvals/{approval}", tasks::decide_plan)
        .team(POST, "/tasks/{number}/questions/{approval}", tasks::answer_question)
        .team(GET, "/artifacts/{file}", tasks::download)
}
