//! The demo model through Muster's own client, and through the vendors' official ones.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails, in its helpers too")]

mod faults;
mod formats;
mod official;

use std::time::Duration;

use demo_model::Script;
use gateway::{Client, Kind, Provider, SsrfPolicy, Timeouts};
use serde_json::json;
use types::chat::{ChatRequest, Message, ToolSpec};

/// Serves until the test ends.
async fn serve(script: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = demo_model::router(Script::parse(script).unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

fn client() -> Client {
    let idle = Duration::from_millis(400);
    Client::new(SsrfPolicy::SelfHosted, Timeouts { idle, ..Timeouts::default() }).unwrap()
}

fn provider(kind: Kind, url: &str) -> Provider {
    let base = if kind == Kind::OpenAiChat { format!("{url}/v1") } else { url.to_owned() };
    Provider::new(kind, &base, None).unwrap()
}

fn request(text: &str) -> ChatRequest {
    let tool = |name: &str, property: &str| ToolSpec {
        name: name.into(),
        description: "A tool.".into(),
        parameters: json!({"type": "object", "properties": {property: {"type": "string"}}, "required": [property]}),
    };
    ChatRequest {
        model: "demo".into(),
        system: "You repair programs. [[role:coder task:sample]]".into(),
        messages: vec![Message::user(text)],
        tools: vec![tool("read", "path"), tool("run", "command")],
        max_output_tokens: 1_000,
        temperature: None,
    }
}
