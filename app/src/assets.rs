use std::{collections::HashMap, sync::OnceLock};

/// Names of built assets by their plain names: `app.css` → `app.1f3a9c0b.css`.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(transparent)]
pub struct Manifest(HashMap<String, String>);

static MANIFEST: OnceLock<Manifest> = OnceLock::new();

/// Sets the manifest for the life of the process. A second call changes nothing.
pub fn install(manifest: Manifest) {
    MANIFEST.get_or_init(|| manifest);
}

/// The address of an asset. Without a manifest (unit tests) the plain name stands in.
#[must_use]
pub fn url(name: &str) -> String {
    let hashed = MANIFEST.get().and_then(|manifest| manifest.0.get(name)).map_or(name, String::as_str);
    format!("/assets/{hashed}")
}

/// Whether an asset was built. Without a manifest there is none.
#[must_use]
pub fn has(name: &str) -> bool {
    MANIFEST.get().is_some_and(|manifest| manifest.0.contains_key(name))
}
