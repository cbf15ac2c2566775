use std::{fs, path::Path, process::Command};

use sha2::{Digest, Sha256};

use super::{inputs::hex, places::Places, read};
use crate::failure::{Doing, Failure, Outcome};

/// What the oldest browsers we name all have; without the list wasm-opt would refuse what the compiler wrote.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Makes wasm smaller. The result is kept, since it takes ten seconds.
pub(crate) fn run(places: &Places, wasm: &[u8]) -> Outcome<Vec<u8>> {
    let tools = places.root.join("xtask/node");
    let lock = read(&tools.join("package-lock.json"))?;
    let key = hex(&Sha256::new().chain_update(&lock).chain_update(wasm).finalize());
    let kept = places.cache.join(format!("{key}.wasm"));
    if kept.exists() {
        return read(&kept);
    }
    install(&tools, &lock)?;
    fs::create_dir_all(&places.cache).doing(|| format!("Cannot make {}", places.cache.display()))?;
    let (input, output) = (places.cache.join("input.wasm"), places.cache.join("output.wasm"));
    fs::write(&input, wasm).doing(|| format!("Cannot write {}", input.display()))?;
    println!("assets: shrinking the wasm");
    let mut command = Command::new("node");
    command
        .arg(tools.join("node_modules/binaryen/bin/wasm-opt"))
        .args(["-Oz", "--strip-debug", "--strip-producers"])
        .args(FEATURES);
    command.arg(&input).arg("-o").arg(&output);
    finish(command, "wasm-opt")?;
    fs::rename(&output, &kept).doing(|| format!("Cannot write {}", kept.display()))?;
    read(&kept)
}

/// Installs the tools, unless they are those of this lock file.
fn install(tools: &Path, lock: &[u8]) -> Outcome {
    let stamp = tools.join("node_modules/.installed");
    let wanted = hex(&Sha256::digest(lock));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("assets: installing wasm-opt with npm");
    let mut command = Command::new("npm");
    command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(tools);
    finish(command, "npm")?;
    fs::write(&stamp, wanted).doing(|| format!("Cannot write {}", stamp.display()))
}

fn finish(mut command: Command, name: &str) -> Outcome {
    let status = command.status().doing(|| format!("Cannot start {name}; is Node.js installed?"))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{name} failed with {status}."))) }
}
