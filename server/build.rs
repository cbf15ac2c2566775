//! Puts the built site (`cargo xtask assets`) into a release binary as a table of files.
//!
//! A debug build embeds nothing and reads the folder at run time, so that a change of style needs no compilation.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=MUSTER_SITE");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo set no OUT_DIR")?);
    let site = site(&out)?;
    // Named even while it is missing: a site that is built later must be taken in.
    println!("cargo::rerun-if-changed={}", site.join("assets.json").display());
    let release = env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    let embedded = if release { table(&site)? } else { String::new() };
    let beside = if release { String::new() } else { site.display().to_string() };
    fs::write(out.join("shim.rs"), shim(&out, release)?)?;
    let code = format!(
        "const EMBEDDED: &[(&str, &[u8])] = &[{embedded}];\n\
         /// Where a debug build finds its site; empty in a release, which must not name the machine it was built on.\n\
         const BESIDE: &str = {beside:?};\n"
    );
    fs::write(out.join("site.rs"), code)?;
    Ok(())
}

/// `MUSTER_SITE`, or `site` in cargo's target folder: `OUT_DIR` is `<target>/<profile>/build/<package>/out`.
fn site(out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(site) = env::var_os("MUSTER_SITE").filter(|site| !site.is_empty()) {
        return Ok(site.into());
    }
    Ok(out.ancestors().nth(4).ok_or("OUT_DIR is too short")?.join("site"))
}

/// The program for sandboxes: embedded in a release, read from where it was built otherwise.
fn shim(out: &Path, release: bool) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=MUSTER_SHIM");
    let shim = match env::var_os("MUSTER_SHIM").filter(|shim| !shim.is_empty()) {
        Some(shim) => shim.into(),
        None => out.ancestors().nth(4).ok_or("OUT_DIR is too short")?.join("shim/muster-shim"),
    };
    println!("cargo::rerun-if-changed={}", shim.display());
    if !release {
        return Ok(format!("const PROGRAM: &[u8] = &[];\nconst BESIDE: &str = {:?};\n", shim.display().to_string()));
    }
    if !shim.exists() {
        println!("cargo::warning=muster-shim is not built; this binary will need sandbox.shim at run time.");
        return Ok("const PROGRAM: &[u8] = &[];\nconst BESIDE: &str = \"\";\n".into());
    }
    Ok(format!(
        "const PROGRAM: &[u8] = include_bytes!({:?});\nconst BESIDE: &str = \"\";\n",
        shim.display().to_string()
    ))
}

fn table(site: &Path) -> Result<String, Box<dyn Error>> {
    let mut table = String::new();
    if !site.join("assets.json").exists() {
        println!("cargo::warning=The browser's files are not built; this binary will need MUSTER_SITE at run time.");
        return Ok(table);
    }
    for entry in fs::read_dir(site)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file of the site has no plain name")?;
        if !name.starts_with('.') {
            write!(table, "({name:?}, include_bytes!({:?})),", path.display().to_string())?;
        }
    }
    Ok(table)
}
