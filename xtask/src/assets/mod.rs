//! What browsers load, made from source: wasm and its glue, scripts, styles, fonts. Each file is named after its
//! content, stands beside its compressed copies, and is listed in `assets.json`.

mod compress;
mod css;
mod gate;
mod inputs;
mod places;
mod script;
mod site;
mod wasm;
mod wasm_opt;

use std::{fs, fs::File, path::Path, time::Instant};

use self::{places::Places, site::Site};
use crate::failure::{Doing, Outcome};

#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Skips wasm-opt and the size gate, and compresses fast.
    pub(crate) dev: bool,
}

/// Builds the site, unless it was already built from the same inputs.
pub(crate) fn run(options: Options) -> Outcome {
    let places = Places::find()?;
    fs::create_dir_all(&places.site).doing(|| format!("Cannot make {}", places.site.display()))?;
    // Two checkouts may share the folder; the second waits until the first has written a whole site.
    let lock = File::create(places.site.join(".lock")).doing(|| "Cannot lock the site's folder".to_owned())?;
    lock.lock().doing(|| "Cannot lock the site's folder".to_owned())?;

    let stamp = inputs::stamp(&places, options)?;
    if site::is_current(&places.site, &stamp) {
        println!("assets: unchanged in {}", places.site.display());
        return Ok(());
    }
    let started = Instant::now();
    let site = build(&places, options)?;
    let sizes = site.write(&places.site, options.dev)?;
    if !options.dev {
        gate::check(&sizes)?;
    }
    site::mark_current(&places.site, &stamp)?;
    println!("assets: built in {:.1} s, in {}", started.elapsed().as_secs_f32(), places.site.display());
    Ok(())
}

fn build(places: &Places, options: Options) -> Outcome<Site> {
    let mut site = Site::default();
    for entry in files(&places.root.join("style/static"))? {
        site.add(&name(&entry)?, read(&entry)?);
    }
    for sheet in ["public.css", "app.css"] {
        let css = css::bundle(&places.root.join("style").join(sheet), &site)?;
        site.add(sheet, css);
    }
    for entry in files(&places.root.join("frontend/js"))? {
        let source = fs::read_to_string(&entry).doing(|| format!("Cannot read {}", entry.display()))?;
        site.add(&name(&entry)?, script::without_comments(&source).into_bytes());
    }
    let islands = wasm::build(places)?;
    let wasm = if options.dev { islands.wasm } else { wasm_opt::run(places, &islands.wasm)? };
    site.add("islands.js", script::without_comments(&islands.glue).into_bytes());
    site.add("islands.wasm", wasm);
    Ok(site)
}

fn files(folder: &Path) -> Outcome<Vec<std::path::PathBuf>> {
    let what = || format!("Cannot list {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).doing(what)? {
        let path = entry.doing(what)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).doing(|| format!("Cannot read {}", path.display()))
}

fn name(path: &Path) -> Outcome<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    Ok(name.ok_or("its name is not text").doing(|| format!("Cannot use {}", path.display()))?.to_owned())
}
