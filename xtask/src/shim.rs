//! The program that is the first process of every sandbox: static, so that it runs in any image, and small.

use std::fs;
use std::path::PathBuf;

use crate::failure::{Doing, Outcome};
use crate::workspace;

/// Larger than this, a sandbox would begin noticeably later.
const MAX_BYTES: u64 = 4 << 20;

/// Builds `muster-shim` and returns where it is: `<target>/shim/muster-shim`.
pub(crate) fn build() -> Outcome<PathBuf> {
    let folder = workspace::target()?.join("shim");
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let built = folder.join("build");
    let mut cargo = workspace::cargo(&["rustc", "--package", "shim", "--bin", "muster-shim", "--profile", "shim"])?;
    cargo.args(["--target", &triple]).arg("--target-dir").arg(&built);
    // A target of its own keeps the flag off build scripts and macros, which must stay loadable.
    cargo.args(["--", "-C", "target-feature=+crt-static"]);
    workspace::run(&mut cargo)?;
    let (from, to) = (built.join(&triple).join("shim/muster-shim"), folder.join("muster-shim"));
    let size = fs::metadata(&from).doing(|| format!("Cannot read {}", from.display()))?.len();
    if size > MAX_BYTES {
        return Err(crate::failure::Failure::new(format!("muster-shim has {size} bytes, more than {MAX_BYTES}.")));
    }
    let content = fs::read(&from).doing(|| format!("Cannot read {}", from.display()))?;
    // Untouched where it is the same, so that the server is not built again.
    if fs::read(&to).ok().as_ref() != Some(&content) {
        let draft = folder.join("muster-shim.new");
        fs::copy(&from, &draft).doing(|| format!("Cannot write {}", draft.display()))?;
        fs::rename(&draft, &to).doing(|| format!("Cannot write {}", to.display()))?;
    }
    Ok(to)
}
