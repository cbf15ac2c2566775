//! Google's generateContent.
//!
//! Source: the Gemini API reference, "Generating content", "Function calling" and "Thought signatures".

mod request;
mod stream;

pub use request::body;
pub use stream::StreamParser;
pub(crate) use stream::{stop, usage};
