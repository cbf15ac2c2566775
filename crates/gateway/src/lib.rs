//! Clients of model providers: one conversation in, one answer out, whatever the wire format.
//!
//! The stream parsers are plain byte machines without a socket, so that a proxy can run them beside the bytes it passes on.

pub mod anthropic;
mod assembly;
mod client;
mod counts;
mod error;
pub mod estimate;
pub mod face;
mod forward;
pub mod gemini;
mod guard;
mod http;
mod json;
pub mod openai;
mod parser;
pub mod prices;
mod provider;
mod refusal;
mod secret;
pub mod sse;

pub use client::{Client, ListedModel, trial};
pub use error::CallError;
pub use forward::{Forwarded, Refused};
pub use guard::SsrfPolicy;
pub use http::Timeouts;
pub use parser::StreamParser;
pub use provider::{Kind, Provider, UrlError};
pub use secret::Secret;
