//! The pages: plain functions from data to a view, each beside the axum handler that loads its data.
//!
//! Native only. What must run in the browser lives in the `islands` crate.

pub mod appearance;
pub mod assets;
pub mod components;
#[cfg(test)]
mod contrast;
pub mod document;
pub mod forms;
pub mod layout;
pub mod pages;
pub mod plans;
