pub(crate) mod auth;
mod commands;
mod logo;
pub mod public;
mod rail;
pub mod shell;
pub mod theme_form;

pub(crate) use rail::needs_count;
