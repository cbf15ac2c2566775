use axum::response::Response;
use gateway::{
    estimate,
    face::{Format, Request},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use orchestrator::models::Caller;

use super::{
    candidate::{Candidate, OUTPUT_UNLESS_SAID},
    json, refused, relay,
    told::Told,
};
use crate::state::App;

/// How many tokens a request takes in. It costs nothing, but during a pause nobody is asked. A provider of another format is not asked, and the answer then
/// says in a header that it is an estimate.
pub(super) async fn answer(app: &App, caller: &Caller, request: &Request) -> Result<Response, Told> {
    app.muster.refuse_if_paused(caller).await?;
    let routes = app.muster.routes_of(caller, request.model()).await?;
    let route = routes.all.first().ok_or(orchestrator::Error::NotFound)?;
    let candidate = Candidate::of(route, app.llm.demo.as_ref(), request.format())?;
    let native = candidate.is_native(request.format()).then(|| request.counting(candidate.model())).flatten();
    if let Some(outgoing) = native {
        let forwarded = app.muster.gateway().forward(candidate.provider(), &outgoing, &HeaderMap::new()).await;
        let forwarded = forwarded.map_err(|refused| Told::from(*refused))?;
        return Ok(relay::plain(forwarded));
    }
    let chat = request.to_chat(candidate.model(), OUTPUT_UNLESS_SAID).map_err(refused)?;
    let tokens = estimate::likely_input_tokens(&chat);
    let body = match request.format() {
        Format::Gemini => serde_json::json!({ "totalTokens": tokens }),
        _ => serde_json::json!({ "input_tokens": tokens }),
    };
    let mut response = json(body.to_string());
    let estimated = HeaderName::from_static("x-muster-estimated");
    response.headers_mut().insert(estimated, HeaderValue::from_static("true"));
    Ok(response)
}
