//! Anthropic's messages.
//!
//! Source: Anthropic's API reference, "Messages", "Streaming messages", "Prompt caching" and "Extended thinking".

mod request;
mod stream;

pub use request::body;
pub use stream::StreamParser;

/// Marks the signature of a thought that the provider encrypted; such a block goes back under another name.
const REDACTED: &str = "redacted:";
