use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// The program inside sandboxes: `MUSTER_SHIM`, or built here as the product's own build does it.
///
/// # Panics
/// When it does not build.
pub fn shim() -> PathBuf {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| env::var_os("MUSTER_SHIM").map_or_else(build, PathBuf::from)).clone()
}

#[allow(clippy::expect_used, reason = "a test that cannot begin has failed")]
fn build() -> PathBuf {
    // The test binary is `<target>/<profile>/deps/it-…`.
    let me = env::current_exe().expect("the test's own path");
    let target = me.ancestors().nth(3).expect("a target folder").join("shim/build");
    let triple = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["rustc", "--quiet", "--package", "shim", "--bin", "muster-shim", "--profile", "shim"]);
    cargo.args(["--target", &triple, "--target-dir"]).arg(&target);
    cargo.args(["--", "-C", "target-feature=+crt-static"]);
    assert!(cargo.stdin(Stdio::null()).status().expect("cargo").success(), "the shim does not build");
    target.join(triple).join("shim/muster-shim")
}
