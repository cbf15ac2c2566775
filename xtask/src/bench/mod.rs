mod figure;
mod gateway;
mod journey;
mod litellm;
mod load;
mod memory;
mod muster;
mod overspend;
mod pages;
mod peer;
mod reads;
mod runs;

use std::process::Command;

use crate::{
    failure::{Failure, Outcome},
    workspace,
};

/// Runs a bench by its name. `strict`: it fails when a figure is short of its goal.
pub(crate) fn run(name: &str, strict: bool) -> Outcome {
    let figures = match name {
        // The client shares two cores with what it measures: without optimisation it would be the slowest part.
        "pages" | "gateway" | "overspend" if cfg!(debug_assertions) => {
            let mut again: Command =
                workspace::cargo(&["run", "--quiet", "--release", "--package", "xtask", "--", "bench", name])?;
            return workspace::run(again.args(strict.then_some("--strict")));
        }
        "pages" => pages::run()?,
        "gateway" => gateway::run()?,
        "overspend" => overspend::run()?,
        // Measures in a program of its own.
        "runs" => runs::run()?,
        _ => {
            let text = format!("There is no bench named {name}. There are: pages, gateway, overspend, runs.");
            return Err(Failure::new(text));
        }
    };
    figure::tell(&figures, strict)
}
