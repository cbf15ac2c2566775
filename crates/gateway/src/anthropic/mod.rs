//! Anthropic's messages.
//!
//! Source: Anthropic's API reference, "Messages", "Streaming messages", "Prompt caching" and "Extended thinking".

mod request;
mod stream;

pub use request::body;
pub use stream::StreamParser;
pub(crate) use stream::{stop, usage};

/// Marks the signature of a thought that the provider encrypted; such a block goes back under another name.
pub(crate) const REDACTED: &str = "redacted:";
