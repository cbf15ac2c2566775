use axum::{
    Json,
    extract::{Query, State},
    response::IntoResponse,
};
use http::{HeaderMap, header::ACCEPT};
use orchestrator::grants::ReadTasks;
use serde::Deserialize;

use crate::{
    handlers::{Answer, html, shell, words::capital},
    layout::shell::Section,
    pages::search::{Hit, page},
    request::Inside,
    state::App,
};

/// Where a hit leads.
fn address(hit: &orchestrator::work::Hit) -> String {
    match hit.kind.as_str() {
        "project" => format!("/projects/{}", hit.target),
        "task" => format!("/tasks/{}", hit.target),
        "squad" => format!("/squads/{}", hit.target),
        "member" => "/members".to_owned(),
        _ => String::new(),
    }
}

#[derive(Deserialize)]
pub(crate) struct SearchQuery {
    #[serde(default)]
    q: String,
}

/// What the team has by this name. The palette asks for the same as JSON.
pub(crate) async fn search(
    member: Inside<ReadTasks>,
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<SearchQuery>,
) -> Answer {
    let found = app.muster.search(&member, &query.q).await?;
    let hits: Vec<Hit> = found
        .into_iter()
        .map(|hit| Hit {
            label: format!("{} · {}", hit.label, hit.note),
            href: member.link(&address(&hit)),
            group: capital(&hit.kind),
        })
        .collect();
    if headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/json")) {
        let hits: Vec<serde_json::Value> = hits
            .iter()
            .map(|hit| serde_json::json!({ "label": hit.label, "href": hit.href, "group": hit.group }))
            .collect();
        return Ok(Json(hits).into_response());
    }
    let shell = shell::inside(&app, &member, Section::Other, "Search").await?;
    html(page(&shell, query.q.trim(), &hits))
}
