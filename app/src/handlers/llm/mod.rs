//! Model calls of programs, in the formats of three vendors, on the team's account.
//!
//! A key of the gateway stands for a team and a place in its budgets. A call is held back from them before it is made and
//! settled after it, whatever becomes of the client in between.

mod call;
mod candidate;
mod count;
mod gate;
mod heard;
mod relay;
mod rest;
mod told;
mod translate;

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Path, RawQuery, Request, State},
    response::Response,
};
use bytes::Bytes;
use gateway::{
    Provider,
    face::{self, Fault, Format, Situation},
};
use http::{HeaderMap, HeaderValue, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use orchestrator::{Error, Origin, models::Caller};
use uuid::Uuid;

use crate::{
    failure::ForPrograms,
    from_run::FromRun,
    request::{ClientAddr, RequestId},
    state::App,
};
use call::Call;
pub use gate::{Gate, GateLimits};
use told::Told;

/// The most bytes of a request.
pub(crate) const LONGEST_REQUEST: usize = 32 * 1024 * 1024;

/// What calls of models share in this process.
#[derive(Clone, Debug)]
pub struct Llm {
    /// The server of the demo model, with OpenAI's paths under it; teams that chose it are told where there is none.
    pub demo: Option<Provider>,
    pub gate: Gate,
    /// How long a provider is still listened to after the client of a call has gone. What the call cost must stand in the
    /// ledger within a minute from then.
    pub rest: Duration,
    /// How long the bytes of a request may take. What is known of the caller is from before them.
    pub sending: Duration,
}

impl Default for Llm {
    fn default() -> Self {
        Self { demo: None, gate: Gate::default(), rest: Duration::from_secs(30), sending: Duration::from_mins(2) }
    }
}

pub(crate) async fn chat_completions(State(app): State<App>, request: Request) -> Response {
    serve(&app, Format::OpenAiChat, request).await
}

pub(crate) async fn responses(State(app): State<App>, request: Request) -> Response {
    serve(&app, Format::OpenAiResponses, request).await
}

pub(crate) async fn embeddings(State(app): State<App>, request: Request) -> Response {
    serve(&app, Format::OpenAiEmbeddings, request).await
}

pub(crate) async fn messages(State(app): State<App>, request: Request) -> Response {
    serve(&app, Format::Anthropic, request).await
}

async fn serve(app: &App, format: Format, request: Request) -> Response {
    let answer = async {
        let (caller, parts, body) = receive(app, request, Belief::Memory).await?;
        let request = face::Request::parse(format, &body).map_err(refused)?;
        Call { app: app.clone(), caller, request, headers: parts.headers }.answer().await
    };
    finish(format, answer.await)
}

pub(crate) async fn count_tokens(State(app): State<App>, request: Request) -> Response {
    let answer = async {
        let (caller, _, body) = receive(&app, request, Belief::Database).await?;
        let request = face::Request::parse(Format::Anthropic, &body).map_err(refused)?;
        count::answer(&app, &caller, &request).await
    };
    finish(Format::Anthropic, answer.await)
}

/// The model and what is asked of it stand in the address.
pub(crate) async fn generate(
    State(app): State<App>,
    Path(asked): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let answer = async {
        let unknown = || Fault::new(Situation::ModelNotFound, "There is no such method.");
        let (model, method) = asked.rsplit_once(':').ok_or_else(unknown)?;
        let belief = if method == "countTokens" { Belief::Database } else { Belief::Memory };
        let (caller, parts, body) = receive(&app, request, belief).await?;
        let events = query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
        let read = |stream| face::Request::parse_gemini(model, stream, !events, &body).map_err(refused);
        let request = match method {
            "generateContent" => read(false)?,
            "streamGenerateContent" => read(true)?,
            "countTokens" => return count::answer(&app, &caller, &read(false)?).await,
            _ => return Err(unknown().into()),
        };
        Call { app: app.clone(), caller, request, headers: parts.headers }.answer().await
    };
    finish(Format::Gemini, answer.await)
}

pub(crate) async fn openai_models(State(app): State<App>, request: Request) -> Response {
    list(&app, Format::OpenAiChat, request).await
}

pub(crate) async fn anthropic_models(State(app): State<App>, request: Request) -> Response {
    list(&app, Format::Anthropic, request).await
}

pub(crate) async fn gemini_models(State(app): State<App>, request: Request) -> Response {
    list(&app, Format::Gemini, request).await
}

async fn list(app: &App, format: Format, request: Request) -> Response {
    let answer = async {
        let (caller, _, _) = receive(app, request, Belief::Database).await?;
        let models = app.muster.models_of(&caller).await?;
        Ok(json(face::models(format, &models).to_string()))
    };
    finish(format, answer.await)
}

pub(crate) async fn openai_model(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    one(&app, Format::OpenAiChat, &id, request).await
}

pub(crate) async fn anthropic_model(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    one(&app, Format::Anthropic, &id, request).await
}

pub(crate) async fn gemini_model(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    one(&app, Format::Gemini, &id, request).await
}

async fn one(app: &App, format: Format, id: &str, request: Request) -> Response {
    let answer = async {
        let (caller, _, _) = receive(app, request, Belief::Database).await?;
        let model = app.muster.model_of(&caller, id).await?;
        Ok(json(face::model(format, &model).to_string()))
    };
    finish(format, answer.await)
}

/// What says whether a key works.
#[derive(Clone, Copy)]
enum Belief {
    /// What this process remembers, which is compared where the call is held back.
    Memory,
    Database,
}

/// Refuses a call of a program whose run makes as many as it may at a time.
pub(crate) fn too_many_at_once(path: &str) -> Response {
    let format = if path.starts_with("/llm/anthropic/") {
        Format::Anthropic
    } else if path.starts_with("/llm/gemini/") {
        Format::Gemini
    } else {
        Format::OpenAiChat
    };
    let fault = Fault::new(Situation::RateLimited, "The programs of this run make too many calls at a time.");
    finish(format, Err(fault.after(Some(Duration::from_secs(10))).into()))
}

/// Who calls, within their rate, and with what.
async fn receive(app: &App, request: Request, belief: Belief) -> Result<(Caller, Parts, Bytes), Told> {
    let (parts, body) = request.into_parts();
    let (key, origin) = (key(&parts).unwrap_or_default(), origin(&parts));
    let from: Option<&FromRun> = parts.extensions.get();
    // Sandboxes have no network of their own, and one does not answer for another.
    let source = from.map_or_else(|| origin.network(), |from| from.run.to_string());
    if !app.muster.remembers_gateway_key(&key) {
        app.llm.gate.may_be_wrong(&source)?;
    }
    let caller = match belief {
        Belief::Memory => app.muster.caller_as_remembered(&key, origin.clone()).await,
        Belief::Database => app.muster.caller(&key, origin.clone()).await,
    };
    let caller = caller.and_then(|caller| may_call_from(from, caller));
    if let Err(Error::SignedOut) = &caller {
        app.llm.gate.count_wrong_key(&source)?;
    }
    let caller = caller?;
    app.llm.gate.count(caller.key)?;
    let too_slow = |_| Fault::new(Situation::BadRequest, "The request did not arrive in time. Send it again.");
    let cut = |error: Box<dyn std::error::Error + Send + Sync>| {
        if error.is::<LengthLimitError>() {
            Fault::new(Situation::TooLarge, "The request is larger than 32 MB.")
        } else {
            Fault::new(Situation::BadRequest, "The request did not arrive whole. Send it again.")
        }
    };
    let body = tokio::time::timeout(app.llm.sending, Limited::new(body, LONGEST_REQUEST).collect()).await;
    let body = body.map_err(too_slow)?.map_err(cut)?;
    Ok((caller, parts, body.to_bytes()))
}

/// Out of a run's sandbox, a key of that run alone works; elsewhere, every key does.
fn may_call_from(run: Option<&FromRun>, caller: Caller) -> Result<Caller, Error> {
    match run {
        Some(from) if caller.team() != from.team || caller.spender.run != Some(from.run) => Err(Error::SignedOut),
        _ => Ok(caller),
    }
}

/// Where the three vendors' clients put a key: a bearer, two headers, and for Google's older ones the address.
fn key(parts: &Parts) -> Option<String> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header("authorization").and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key);
    let query = || {
        let pairs = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == "key").map(|(_, key)| key).next()
    };
    let key = bearer.or_else(|| header("x-api-key")).or_else(|| header("x-goog-api-key")).or_else(query)?;
    Some(key.trim().to_owned())
}

fn origin(parts: &Parts) -> Origin {
    Origin {
        request_id: parts.extensions.get::<RequestId>().map_or_else(Uuid::now_v7, |id| id.0),
        ip: parts.extensions.get::<ClientAddr>().map(|addr| addr.0),
        user_agent: parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned),
    }
}

fn refused(refusal: face::Refusal) -> Told {
    Fault::new(Situation::BadRequest, refusal.message).about(refusal.field).into()
}

fn json(body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn finish(format: Format, answer: Result<Response, Told>) -> Response {
    let mut response = answer.unwrap_or_else(|told| told.into_response(format));
    response.extensions_mut().insert(ForPrograms);
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_the_way_each_vendors_client_sends_it() {
        let read = |name: &str, value: &str, uri: &str| {
            let request = http::Request::builder().uri(uri).header(name, value).body(()).unwrap();
            key(&request.into_parts().0)
        };
        assert_eq!(read("authorization", "Bearer sk-a", "/").as_deref(), Some("sk-a"));
        assert_eq!(read("x-api-key", "sk-a", "/").as_deref(), Some("sk-a"));
        assert_eq!(read("x-goog-api-key", "sk-a", "/").as_deref(), Some("sk-a"));
        assert_eq!(read("x-other", "x", "/?alt=sse&key=sk-a").as_deref(), Some("sk-a"));
        assert_eq!(read("authorization", "Basic c2s=", "/"), None);
    }
}
