use std::{path::PathBuf, process::Command};

/// `MUSTER_SHIM`, or built here as the product's own build does it.
pub fn shim() -> PathBuf {
    if let Some(shim) = std::env::var_os("MUSTER_SHIM") {
        return shim.into();
    }
    let me = std::env::current_exe().expect("the test's own path");
    let target = me.ancestors().nth(3).expect("a target folder").join("shim/build");
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "rustc",
        "--quiet",
        "--package",
        "shim",
        "--bin",
        "muster-shim",
        "--profile",
        "shim",
        "--target",
        &triple,
    ]);
    cargo.arg("--target-dir").arg(&target).args(["--", "-C", "target-feature=+crt-static"]);
    assert!(cargo.status().expect("cargo").success(), "the shim does not build");
    target.join(triple).join("shim/muster-shim")
}
