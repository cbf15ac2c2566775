use std::{env, path::PathBuf};

use crate::{
    failure::{Doing, Outcome},
    workspace,
};

/// Where things are read and written.
pub(crate) struct Places {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// The finished site: `MUSTER_SITE`, or `site` in cargo's target folder.
    pub(crate) site: PathBuf,
    /// Cargo's folder for the wasm build. Its own, since the compiler may be another one than the host's.
    pub(crate) wasm_target: PathBuf,
    /// Results of slow steps, by the hash of what went in.
    pub(crate) cache: PathBuf,
}

impl Places {
    pub(crate) fn find() -> Outcome<Self> {
        let (root, target) = (workspace::root()?, workspace::target()?);
        // Beside a shared target folder; inside the default one, so that a checkout stays clean.
        let wasm_target = match target.parent() {
            Some(parent) if parent != root => parent.join("wasm"),
            _ => target.join("wasm"),
        };
        let site = match env::var_os("MUSTER_SITE").filter(|value| !value.is_empty()) {
            Some(folder) => std::path::absolute(folder).doing(|| "Cannot find MUSTER_SITE".to_owned())?,
            None => target.join("site"),
        };
        Ok(Self { cache: wasm_target.join("cache"), root, site, wasm_target })
    }
}
