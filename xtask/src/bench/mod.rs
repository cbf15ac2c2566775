mod figure;
mod journey;
mod load;
mod muster;
mod pages;
mod peer;

use std::process::Command;

use crate::{
    failure::{Failure, Outcome},
    workspace,
};

/// Runs a bench by its name.
pub(crate) fn run(name: &str) -> Outcome {
    if name != "pages" {
        return Err(Failure::new(format!("There is no bench named {name}. There is: pages.")));
    }
    // The client shares two cores with what it measures: without optimisation it would be the slowest part.
    if cfg!(debug_assertions) {
        let mut again: Command =
            workspace::cargo(&["run", "--quiet", "--release", "--package", "xtask", "--", "bench", name])?;
        return workspace::run(&mut again);
    }
    pages::run()
}
