use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, RawQuery, State},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    chat,
    choose::choose,
    embeddings,
    faults::{Faults, Fit},
    generate, messages, play,
    reply::{Reply, input_tokens},
    responses,
    script::{FaultKind, Script},
    seen::Seen,
};

/// The most bytes of a request.
const LONGEST_REQUEST: usize = 32 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Chat,
    Responses,
    Messages,
    /// With events, or as one JSON array.
    Generate {
        events: bool,
    },
}

#[derive(Debug)]
struct Shared {
    script: Script,
    faults: Faults,
}

type Demo = State<Arc<Shared>>;

/// Serves the script under the paths of all four formats, and embeddings, with and without `/v1`. Who may call is the caller's matter.
pub fn router(script: Script) -> Router {
    let shared = Arc::new(Shared { script, faults: Faults::default() });
    let open_ai = Router::new()
        .route("/models", get(models))
        .route("/chat/completions", post(on_chat))
        .route("/responses", post(on_responses))
        .route("/embeddings", post(on_embeddings))
        .route("/messages", post(on_messages))
        .route("/messages/count_tokens", post(on_count));
    Router::new()
        .route("/v1beta/models", get(google_models))
        .route("/v1beta/models/{call}", post(on_generate))
        // Newer clients of Google ask for the version without "beta".
        .route("/v1/models/{call}", post(on_generate))
        .nest("/v1", open_ai.clone())
        .merge(open_ai)
        .layer(DefaultBodyLimit::max(LONGEST_REQUEST))
        .with_state(shared)
}

async fn models(State(demo): Demo) -> axum::Json<Value> {
    let list = named(&demo.script).map(|name| {
        json!({"id": name, "object": "model", "type": "model", "created": 0, "owned_by": "demo", "display_name": name})
    });
    axum::Json(json!({"object": "list", "data": list.collect::<Vec<_>>(), "has_more": false}))
}

async fn google_models(State(demo): Demo) -> axum::Json<Value> {
    let list = named(&demo.script).map(|name| {
        json!({"name": format!("models/{name}"), "displayName": name, "supportedGenerationMethods": ["generateContent"]})
    });
    axum::Json(json!({"models": list.collect::<Vec<_>>()}))
}

fn named(script: &Script) -> impl Iterator<Item = &str> {
    script.models.iter().map(String::as_str).filter(|name| *name != "*")
}

async fn on_chat(State(demo): Demo, headers: HeaderMap, body: Bytes) -> Response<Body> {
    answer(&demo, Format::Chat, &headers, &body, chat::seen)
}

async fn on_responses(State(demo): Demo, headers: HeaderMap, body: Bytes) -> Response<Body> {
    answer(&demo, Format::Responses, &headers, &body, responses::seen)
}

async fn on_embeddings(State(demo): Demo, body: Bytes) -> Response<Body> {
    let json: Value = match serde_json::from_slice(&body) {
        Ok(json) => json,
        Err(error) => return refuse(Format::Chat, 400, None, &format!("The body is no JSON: {error}")),
    };
    let model = json["model"].as_str().unwrap_or_default();
    if !demo.script.knows(model) {
        return refuse(Format::Chat, 404, None, &format!("The model '{model}' does not exist."));
    }
    match embeddings::whole(&json) {
        Ok(answer) => play::whole(&answer, &Fit::None),
        Err(message) => refuse(Format::Chat, 400, None, message),
    }
}

async fn on_messages(State(demo): Demo, headers: HeaderMap, body: Bytes) -> Response<Body> {
    answer(&demo, Format::Messages, &headers, &body, messages::seen)
}

async fn on_count(body: Bytes) -> Response<Body> {
    match serde_json::from_slice::<Value>(&body) {
        Ok(json) => play::whole(&json!({"input_tokens": input_tokens(&messages::seen(&json))}), &Fit::None),
        Err(error) => refuse(Format::Messages, 400, None, &format!("The body is no JSON: {error}")),
    }
}

async fn on_generate(
    State(demo): Demo,
    Path(call): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let events = query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
    let format = Format::Generate { events };
    match call.rsplit_once(':') {
        Some((model, "generateContent")) => {
            answer(&demo, format, &headers, &body, |json| generate::seen(json, model, false))
        }
        Some((model, "streamGenerateContent")) => {
            answer(&demo, format, &headers, &body, |json| generate::seen(json, model, true))
        }
        Some((model, "countTokens")) => match serde_json::from_slice::<Value>(&body) {
            Ok(json) => {
                play::whole(&json!({"totalTokens": input_tokens(&generate::seen(&json, model, false))}), &Fit::None)
            }
            Err(error) => refuse(format, 400, None, &format!("The body is no JSON: {error}")),
        },
        _ => refuse(format, 404, None, "There is no such method."),
    }
}

fn answer(
    demo: &Shared,
    format: Format,
    headers: &HeaderMap,
    body: &[u8],
    look: impl Fn(&Value) -> Seen,
) -> Response<Body> {
    let json: Value = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(error) => return refuse(format, 400, None, &format!("The body is no JSON: {error}")),
    };
    let seen = look(&json);
    if !demo.script.knows(&seen.model) {
        return refuse(format, 404, None, &format!("The model '{}' does not exist.", seen.model));
    }
    if seen.items.is_empty() {
        return refuse(format, 400, None, "At least one message is required.");
    }
    let chosen = choose(&demo.script, &seen, headers);
    let key = number(format, body);
    let fault = demo.faults.meet(chosen.turn.fault.as_ref(), key);
    tracing::debug!(conversation = chosen.conversation, turn = seen.turns(), "the demo model answers");
    if let Fit::Now(FaultKind::Status { status, retry_after, message }) = &fault {
        return refuse(format, *status, *retry_after, message.as_deref().unwrap_or("The script says so."));
    }
    let reply = Reply::new(&chosen, &seen, key, &fault);
    let delay = Duration::from_millis(chosen.turn.delay_ms);
    if !seen.stream {
        return play::whole(&whole(format, &reply), &fault);
    }
    let frames = match format {
        Format::Chat => chat::stream(&reply, json["stream_options"]["include_usage"] == true),
        Format::Responses => responses::stream(&reply),
        Format::Messages => messages::stream(&reply),
        Format::Generate { events: true } => {
            generate::stream(&reply).iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect()
        }
        Format::Generate { events: false } => return play::whole(&generate::stream(&reply).into(), &fault),
    };
    play::events(frames, delay, &fault, &error(format, 529, "Overloaded, as the script says."))
}

fn whole(format: Format, reply: &Reply) -> Value {
    match format {
        Format::Chat => chat::whole(reply),
        Format::Responses => responses::whole(reply),
        Format::Messages => messages::whole(reply),
        Format::Generate { .. } => generate::whole(reply),
    }
}

fn error(format: Format, status: u16, message: &str) -> Value {
    match format {
        Format::Chat | Format::Responses => chat::error(status, message),
        Format::Messages => messages::error(status, message),
        Format::Generate { .. } => generate::error(status, message),
    }
}

fn refuse(format: Format, status: u16, retry_after: Option<u32>, message: &str) -> Response<Body> {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    play::refusal(code, retry_after, &error(format, status, message))
}

/// The same request has the same number, also after a restart.
fn number(format: Format, body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(&format).hash(&mut hasher);
    body.hash(&mut hasher);
    hasher.finish()
}
