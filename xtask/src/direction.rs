//! Who may depend on whom. Code that changes often stays away from heavy trees, and leaves stay free of the product.

use serde::Deserialize;

use crate::failure::{Doing, Failure, Outcome};
use crate::workspace;

/// Every crate of ours with its level. A crate depends only on lower levels, so leaves (1) never on each other, but for `SIDEWAYS`.
const LEVELS: &[(&str, u8)] = &[
    ("test-needs", 0),
    ("types", 0),
    ("agents", 1),
    ("artifacts", 1),
    ("demo-model", 1),
    ("forge", 1),
    ("gateway", 1),
    ("identity", 1),
    ("local-postgres", 1),
    ("notify", 1),
    ("payments", 1),
    ("sandbox", 1),
    ("shim", 1),
    ("vault", 1),
    ("orchestrator", 2),
    ("islands", 3),
    ("app", 4),
    ("cli", 5),
    ("frontend", 5),
    ("server", 5),
    ("xtask", 5),
];

/// The one edge between leaves: a sandbox speaks with the program inside it, and both read one definition of that protocol.
const SIDEWAYS: &[(&str, &str)] = &[("sandbox", "shim")];

/// And for tests alone: the recording of the sample is proven with what plays it and with the tools that a sandbox has,
/// and the demo model with the client that calls it.
const SIDEWAYS_IN_TESTS: &[(&str, &str)] =
    &[("agents", "demo-model"), ("agents", "gateway"), ("agents", "shim"), ("demo-model", "gateway")];

/// Heavy or far-reaching libraries, and the only crates of ours that may name them.
const FENCES: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["orchestrator", "server", "types", "xtask"], "SQL lives in the orchestrator; pages call its verbs"),
    ("axum", &["app", "demo-model", "server", "xtask"], "HTTP stays out of the product's rules"),
    ("bollard", &["sandbox"], "only the sandbox speaks to Docker"),
    ("aws-sdk-s3", &["artifacts"], "only artifacts speaks to object stores"),
    ("lettre", &["notify"], "only notify sends mail"),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    optional: bool,
}

/// Reads the workspace and reports every dependency that points the wrong way.
pub(crate) fn check() -> Outcome {
    let metadata = workspace::output(&mut workspace::cargo(&["metadata", "--no-deps", "--format-version", "1"])?)?;
    let metadata: Metadata = serde_json::from_slice(&metadata).doing(|| "Cannot read cargo's metadata".to_owned())?;
    let wrong: Vec<String> = metadata.packages.iter().flat_map(complaints).collect();
    if !wrong.is_empty() {
        return Err(Failure::new(wrong.join("\n")));
    }
    println!("{} crates depend only downwards.", metadata.packages.len());
    Ok(())
}

fn complaints(package: &Package) -> Vec<String> {
    let Some(own) = level(&package.name) else {
        return vec![format!("{} has no level; give it one in xtask/src/direction.rs.", package.name)];
    };
    package.dependencies.iter().filter_map(|dependency| complaint(&package.name, own, dependency)).collect()
}

fn complaint(package: &str, own: u8, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    // A crate's tests may ask for its own features.
    let in_tests = dependency.kind.as_deref() == Some("dev");
    let tests_itself = in_tests && name == package;
    if let Some(other) = level(name).filter(|_| !tests_itself) {
        let edge = (package, name);
        let tested_together = in_tests && SIDEWAYS_IN_TESTS.contains(&edge);
        return (other >= own && !tested_together && !SIDEWAYS.contains(&edge))
            .then(|| format!("{package} (level {own}) depends on {name} (level {other}): only lower levels."));
    }
    let (_, allowed, reason) = FENCES.iter().find(|(fenced, ..)| *fenced == name)?;
    // What only tests use reaches nobody.
    let types_forces_it = package == "types" && !dependency.optional;
    (!in_tests && (!allowed.contains(&package) || types_forces_it))
        .then(|| format!("{package} depends on {name}: {reason}."))
}

fn level(name: &str) -> Option<u8> {
    LEVELS.iter().find(|(known, _)| *known == name).map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(package: &str, dependency: &str, kind: Option<&str>, optional: bool) -> Vec<String> {
        let dependency = Dependency { name: dependency.into(), kind: kind.map(str::to_owned), optional };
        complaints(&Package { name: package.into(), dependencies: vec![dependency] })
    }

    #[test]
    fn the_workspace_keeps_the_direction() {
        check().unwrap();
    }

    #[test]
    fn upward_and_sideways_dependencies_are_found() {
        assert_eq!(told("identity", "notify", None, false).len(), 1, "leaf on leaf");
        assert_eq!(told("orchestrator", "app", None, false).len(), 1, "upwards");
        assert_eq!(told("identity", "notify", Some("dev"), false).len(), 1, "also for tests");
        assert_eq!(told("shim", "sandbox", None, false).len(), 1, "the edge has a direction");
        assert!(told("sandbox", "shim", None, false).is_empty());
        assert!(told("agents", "shim", Some("dev"), false).is_empty());
        assert_eq!(told("agents", "shim", None, false).len(), 1, "only for tests");
        assert!(told("server", "app", None, false).is_empty());
        assert!(told("orchestrator", "orchestrator", Some("dev"), false).is_empty(), "its own features");
        assert_eq!(told("newcomer", "types", None, false).len(), 1, "a crate without a level");
    }

    #[test]
    fn fences_hold_except_for_tests() {
        assert_eq!(told("app", "sqlx", None, false).len(), 1);
        assert!(told("app", "sqlx", Some("dev"), false).is_empty());
        assert_eq!(told("types", "sqlx", None, false).len(), 1, "only behind its feature");
        assert!(told("types", "sqlx", None, true).is_empty());
        assert!(told("orchestrator", "sqlx", None, false).is_empty());
    }
}
