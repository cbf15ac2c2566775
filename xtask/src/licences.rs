//! Licences, origins and bans of everything in Cargo.lock, against deny.toml. A small part of what `cargo deny` does,
//! with nothing to install.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use serde::Deserialize;

use crate::failure::{Doing, Failure, Outcome};
use crate::workspace;

/// The part of deny.toml that is read here.
#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    package: String,
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// Checks the locked dependencies and reports every breach.
pub(crate) fn check() -> Outcome {
    let path = workspace::root()?.join("deny.toml");
    let text = fs::read_to_string(&path).doing(|| format!("Cannot read {}", path.display()))?;
    let rules: Rules = toml::from_str(&text).doing(|| "Cannot understand deny.toml".to_owned())?;
    let arguments = ["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"];
    let metadata = workspace::output(&mut workspace::cargo(&arguments)?)?;
    let metadata: Metadata = serde_json::from_slice(&metadata).doing(|| "Cannot read cargo's metadata".to_owned())?;

    let used: BTreeSet<&str> = metadata.resolve.nodes.iter().map(|node| node.id.as_str()).collect();
    let packages = || metadata.packages.iter().filter(|package| used.contains(package.id.as_str()));
    let mut breaches: Vec<String> = packages().filter_map(|package| rules.licenses.breach(package)).collect();
    breaches.extend(packages().filter_map(origin));
    breaches.extend(banned(&rules.bans.deny, &metadata));
    if !breaches.is_empty() {
        return Err(Failure::new(breaches.join("\n")));
    }
    println!("{} crates: licences, origins and bans are as deny.toml allows.", used.len());
    Ok(())
}

impl Licences {
    fn breach(&self, package: &Package) -> Option<String> {
        let own = self.exceptions.iter().filter(|exception| exception.package == package.name);
        let allowed: Vec<&str> =
            self.allow.iter().chain(own.flat_map(|exception| &exception.allow)).map(String::as_str).collect();
        let licence = package.license.as_deref().unwrap_or("no licence");
        (!permits(licence, &allowed))
            .then(|| format!("{} is under {licence}, which deny.toml does not allow.", package.name))
    }
}

fn origin(package: &Package) -> Option<String> {
    let source = package.source.as_deref()?;
    let usual = source.starts_with("registry+") && source.ends_with("/crates.io-index");
    (!usual).then(|| format!("{} comes from {source}; only crates of the usual registry are allowed.", package.name))
}

fn banned(bans: &[Ban], metadata: &Metadata) -> Vec<String> {
    let names: HashMap<&str, &str> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
    let name = |id: &str| names.get(id).copied().unwrap_or_default().to_owned();
    let mut breaches = Vec::new();
    for node in &metadata.resolve.nodes {
        let user = name(&node.id);
        for used in node.dependencies.iter().map(|id| name(id)) {
            let ban = bans.iter().find(|ban| ban.package == used && !ban.wrappers.contains(&user));
            breaches.extend(ban.map(|ban| format!("{user} depends on {used}: {}.", ban.reason)));
        }
    }
    breaches
}

/// Evaluates a licence expression of the SPDX specification (annex "License expressions"): `AND` binds closer than `OR`. The
/// old form `MIT/Apache-2.0` means `OR`.
fn permits(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut permitted = all_of(rest, allowed);
    while take(rest, "OR") {
        permitted |= all_of(rest, allowed);
    }
    permitted
}

fn all_of(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut permitted = one(rest, allowed);
    while take(rest, "AND") {
        permitted &= one(rest, allowed);
    }
    permitted
}

fn one(rest: &mut &[&str], allowed: &[&str]) -> bool {
    if take(rest, "(") {
        let permitted = any_of(rest, allowed);
        return take(rest, ")") && permitted;
    }
    let Some((licence, after)) = rest.split_first() else { return false };
    *rest = after;
    let mut licence = (*licence).to_owned();
    if take(rest, "WITH")
        && let Some((exception, after)) = rest.split_first()
    {
        *rest = after;
        licence = format!("{licence} WITH {exception}");
    }
    allowed.contains(&licence.as_str())
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == word => {
            *rest = after;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_weighed_as_the_specification_says() {
        let allowed = ["MIT", "ISC"];
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT AND ISC",
            "(GPL-3.0 OR MIT) AND ISC",
            "GPL-3.0/MIT",
            "MIT OR GPL-3.0 AND LGPL-3.0",
        ] {
            assert!(permits(good, &allowed), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND GPL-3.0",
            "MIT WITH some-exception",
            "MIT ISC",
            "(MIT",
            "no licence",
        ] {
            assert!(!permits(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn a_ban_names_the_crate_that_breaks_it() {
        let package = |name: &str| Package { id: name.into(), name: name.into(), license: None, source: None };
        let node = |id: &str, used: &str| Node { id: id.into(), dependencies: vec![used.into()] };
        let metadata = Metadata {
            packages: ["app", "notify", "lettre"].map(package).into(),
            resolve: Resolve { nodes: vec![node("app", "lettre"), node("notify", "lettre")] },
        };
        let ban = Ban { package: "lettre".into(), wrappers: vec!["notify".into()], reason: "why".into() };
        assert_eq!(banned(&[ban], &metadata), ["app depends on lettre: why."]);
    }

    #[test]
    fn a_crate_from_elsewhere_is_named() {
        let mut package = Package { id: "a".into(), name: "a".into(), license: None, source: None };
        assert_eq!(origin(&package), None, "our own");
        package.source = Some("git+https://example.org/a".into());
        assert!(origin(&package).unwrap().contains("a comes from git+"));
    }
}
