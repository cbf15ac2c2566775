use std::{fs, path::Path};

use sha2::{Digest, Sha256};

use super::{Options, places::Places, read, wasm::Toolchain};
use crate::failure::{Doing, Outcome};

/// Everything that a site depends on. What cargo resolves beyond these is fixed by the lock file.
const INPUTS: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "crates/islands",
    "frontend",
    "style",
    "xtask/node/package-lock.json",
    "xtask/src/assets",
];

/// A text that is equal for equal inputs.
pub(crate) fn stamp(places: &Places, options: Options) -> Outcome<String> {
    let mut hash = Sha256::new();
    for input in INPUTS {
        add(&mut hash, &places.root, &places.root.join(input))?;
    }
    hash.update(Toolchain::find().identity());
    hash.update([u8::from(options.dev)]);
    Ok(hex(&hash.finalize()))
}

fn add(hash: &mut Sha256, root: &Path, path: &Path) -> Outcome {
    let what = || format!("Cannot read {}", path.display());
    if path.is_dir() {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).doing(what)? {
            entries.push(entry.doing(what)?.path());
        }
        entries.sort();
        return entries.iter().try_for_each(|entry| add(hash, root, entry));
    }
    let content = read(path)?;
    // The name and the length keep two neighbouring files from reading as one.
    hash.update(path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes());
    hash.update(content.len().to_le_bytes());
    hash.update(&content);
    Ok(())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
