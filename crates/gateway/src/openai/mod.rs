//! OpenAI's chat completions, as OpenAI and its many imitators speak them.
//!
//! Source: the API reference of OpenAI, "Create chat completion" and "The chat completion chunk object".

mod request;
mod stream;

pub use request::body;
pub(crate) use request::rounded;
pub use stream::StreamParser;
pub(crate) use stream::{stop, usage};
