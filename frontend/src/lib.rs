//! The browser's entry: islands and nothing else. Empty outside wasm, so that `hydrate` never reaches a native build.
#![cfg(target_arch = "wasm32")]

// Naming the crate keeps its islands' exports from being dropped.
use islands as _;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
