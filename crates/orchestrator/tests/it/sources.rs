//! What may stand in the program's text, and where.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The only files that build statements, each from names and ids of ours alone; anywhere else text could come from a person.
const BUILD_SQL: [&str; 5] = [
    "crates/orchestrator/src/db/line.rs",
    "crates/orchestrator/src/db/migrate.rs",
    "crates/orchestrator/src/db/mod.rs",
    "crates/orchestrator/src/runs/engine.rs",
    "crates/orchestrator/src/testing/mod.rs",
];

/// Every Rust file under a folder, with its text.
fn sources(folder: PathBuf) -> Vec<(PathBuf, String)> {
    let mut stack = vec![folder];
    let mut found = Vec::new();
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            stack.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).expect("source text");
            found.push((path, text));
        }
    }
    found
}

/// Every source file of the product, by its path in the workspace.
fn product() -> Vec<(String, String)> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo");
    let root = Path::new(&package).ancestors().nth(2).expect("the workspace");
    let crates = fs::read_dir(root.join("crates")).expect("crates").map(|entry| entry.expect("an entry").path());
    let packages = crates.chain(["app", "frontend", "server", "xtask"].map(|package| root.join(package)));
    let name = |path: &Path| path.strip_prefix(root).expect("inside").display().to_string();
    packages.flat_map(|package| sources(package.join("src"))).map(|(path, text)| (name(&path), text)).collect()
}

#[test]
fn statements_are_built_from_text_in_few_places() {
    // sqlx takes text that is not part of the program in this wrapper alone.
    let building = product().into_iter().filter(|(_, text)| text.contains("AssertSqlSafe")).map(|(path, _)| path);
    let mut building: Vec<String> = building.collect();
    building.sort();
    assert_eq!(building, BUILD_SQL);
}

#[test]
fn settings_are_only_ever_local() {
    for (path, text) in product() {
        let lower = text.to_lowercase();
        for lasting in ["set muster.", "set local muster.", "set session muster."] {
            assert!(!lower.contains(lasting), "{path}: {lasting}");
        }
        for (at, _) in lower.match_indices("set_config('muster.") {
            let call = &lower[at..lower.len().min(at + 60)];
            assert!(call.contains(", true)"), "{path}: {call}");
        }
    }
}
