//! The pages: plain functions from data to a view, each with the axum handler that loads its data.
//!
//! Native only. What must run in the browser lives in the `islands` crate.

pub mod appearance;
pub mod assets;
mod coding;
pub mod components;
#[cfg(test)]
mod contrast;
pub mod document;
pub mod failure;
mod flash;
pub mod forms;
pub mod from_run;
mod handlers;
pub mod layout;
pub mod pages;
pub mod plans;
pub mod request;
mod router;
pub mod routes;
mod shelf;
mod state;

pub use coding::accepts;
pub use handlers::llm::{Gate, GateLimits, Llm};
pub use router::{router, with_failure_pages};
pub use state::{App, PageSettings, Parts};
