//! The binary `muster` as a library: settings, what stands around the pages, boot and the command line.

mod boot;
mod cli;
pub mod config;
mod data;
mod database;
mod doctor;
mod jobs;
mod keys;
mod listen;
mod memory;
mod objects;
mod runs;
pub mod site;
mod telemetry;
mod trouble;
pub mod web;

pub use cli::run;
