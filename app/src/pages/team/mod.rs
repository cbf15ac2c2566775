//! Pages that run a team: who is in it, what they may do, what they did.

pub mod audit;
mod catalogue;
pub mod content;
pub mod gateway;
pub mod members;
pub mod models;
pub mod roles;
pub mod settings;
pub mod tokens;
mod use_with;
