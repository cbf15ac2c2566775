//! The binary `muster` as a library: settings, what stands around the pages, and boot.

pub mod config;
pub mod site;
pub mod web;
