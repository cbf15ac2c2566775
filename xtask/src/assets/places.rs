use std::{
    env,
    path::{Path, PathBuf},
};

use crate::failure::{Failure, Outcome};

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
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned);
        let root = root.ok_or_else(|| Failure::new("xtask stands in no workspace"))?;
        let target = folder("CARGO_TARGET_DIR").unwrap_or_else(|| root.join("target"));
        // Beside a shared target folder; inside the default one, so that a checkout stays clean.
        let wasm_target = match target.parent() {
            Some(parent) if parent != root => parent.join("wasm"),
            _ => target.join("wasm"),
        };
        let site = folder("MUSTER_SITE").unwrap_or_else(|| target.join("site"));
        Ok(Self { cache: wasm_target.join("cache"), root, site, wasm_target })
    }
}

/// A folder that the environment names; relative to the current one, as cargo reads it.
fn folder(variable: &str) -> Option<PathBuf> {
    let value = env::var_os(variable).filter(|value| !value.is_empty())?;
    std::path::absolute(PathBuf::from(value)).ok()
}
