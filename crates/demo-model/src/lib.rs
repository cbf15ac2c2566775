//! A model that replays a recording, in the wire formats of four vendors.
//!
//! It is what Muster offers where there is no key, and what its own tests call. It keeps no conversation: the turn to
//! play is counted in the request itself, so that a retry or a restart gets the same answer. Only faults that a script
//! limits to a number of times are counted, in memory.

mod chat;
mod choose;
mod embeddings;
mod faults;
mod generate;
mod messages;
mod play;
mod reply;
mod responses;
mod script;
mod seen;
mod server;
mod tools;

pub use script::{Script, ScriptError};
pub use server::router;
