//! Settings: one commented default file, overridden by a file and by the environment, checked whole before anything starts.

mod layers;
mod print;
mod reader;
mod rules;
mod sections;
mod values;

use std::path::PathBuf;

pub use sections::{
    Config, Database, Embedded, LogFormat, Mail, Metrics, Mode, Models, Objects, RateLimits, Runs, Sandboxes, Secret,
    Server, Sessions, SignUp, SignUpPolicy, Switch, Telemetry, local_url,
};

/// Everything wrong with the settings, one sentence each.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Where settings are read from. Tests make their own; the binary takes the process's.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The settings file named on the command line. `MUSTER_CONFIG` names it otherwise.
    pub file: Option<PathBuf>,
    pub environment: Vec<(String, String)>,
}

impl Inputs {
    /// Takes the process's environment. Variables that are not UTF-8 cannot be ours and are left out.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { file, environment: environment.collect() }
    }
}

/// Checked settings together with where each value came from.
pub struct Loaded {
    pub config: Config,
    layers: layers::Layers,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.config.fmt(out)
    }
}

impl Loaded {
    /// The settings in force as TOML, secrets blanked out, each value with its source in a comment.
    #[must_use]
    pub fn print(&self) -> String {
        print::print(&self.layers)
    }
}

/// Reads, merges and checks the settings.
///
/// # Errors
/// Every problem found, not only the first.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let mut problems = Vec::new();
    let layers = layers::Layers::read(inputs, &mut problems);
    let mut config = sections::read(&layers, &mut problems);
    config.site = inputs.environment.iter().find(|(name, _)| name == "MUSTER_SITE").map(|(_, folder)| folder.into());
    if problems.is_empty() {
        rules::check(&config, &mut problems);
    }
    if problems.is_empty() { Ok(Loaded { config, layers }) } else { Err(ConfigError(problems)) }
}

#[cfg(test)]
mod tests;
