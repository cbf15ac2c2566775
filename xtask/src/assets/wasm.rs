use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use wasm_bindgen_cli_support::Bindgen;

use super::{places::Places, read};
use crate::failure::{Doing, Failure, Outcome};

const TARGET: &str = "wasm32-unknown-unknown";

/// The two ways to a compiler for the browser.
pub(crate) enum Toolchain {
    /// The host's own, with the target added by rustup or whoever installed it.
    Own,
    /// Debian's packages rustc-web, cargo-web, rust-web-src and lld: the standard library is built along.
    Debian { rustc: PathBuf, cargo: PathBuf, linker: PathBuf },
}

impl Toolchain {
    pub(crate) fn find() -> Self {
        Self::choose(sysroot().as_deref(), Path::new("/usr/bin"))
    }

    fn choose(sysroot: Option<&Path>, system: &Path) -> Self {
        let own = sysroot.is_some_and(|root| root.join("lib/rustlib").join(TARGET).join("lib").is_dir());
        let (rustc, cargo) = (system.join("rustc"), system.join("cargo"));
        let debian = !own && rustc.exists() && cargo.exists();
        match newest_linker(system).filter(|_| debian) {
            Some(linker) => Self::Debian { rustc, cargo, linker },
            None => Self::Own,
        }
    }

    /// Changes when the compiler does; cheap, so that an unchanged run stays short.
    pub(crate) fn identity(&self) -> String {
        let Self::Debian { rustc, linker, .. } = self else { return env!("CARGO_PKG_RUST_VERSION").to_owned() };
        let changed = fs::metadata(rustc).and_then(|data| data.modified());
        format!("{} {changed:?}", linker.display())
    }

    fn cargo(&self) -> Command {
        match self {
            Self::Own => Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())),
            Self::Debian { rustc, cargo, linker } => {
                let mut command = Command::new(cargo);
                command
                    .env("RUSTC", rustc)
                    // The standard library is built with unstable flags of a stable compiler.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    // Set by the cargo that runs this program, and meant for the host's compiler.
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("RUSTC_WRAPPER")
                    .env_remove("RUSTC_WORKSPACE_WRAPPER")
                    .env_remove("RUSTFLAGS")
                    .arg("-Zbuild-std=std,panic_abort");
                command
            }
        }
    }
}

/// Where the host's compiler keeps its libraries: cargo names itself to what it runs, and stands in `bin` of that place.
fn sysroot() -> Option<PathBuf> {
    let cargo = PathBuf::from(env::var_os("CARGO")?);
    Some(cargo.parent()?.parent()?.to_path_buf())
}

/// Debian names the linker after its version: `wasm-ld-22`.
fn newest_linker(system: &Path) -> Option<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("wasm-ld-")?.parse::<u32>().ok();
    let entries = fs::read_dir(system).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter_map(|path| Some((version(&path)?, path))).max().map(|(_, path)| path)
}

pub(crate) struct Islands {
    pub(crate) glue: String,
    pub(crate) wasm: Vec<u8>,
}

/// Compiles `frontend` and writes its JavaScript glue.
pub(crate) fn build(places: &Places) -> Outcome<Islands> {
    let toolchain = Toolchain::find();
    match &toolchain {
        Toolchain::Own => println!("assets: compiling the islands with this toolchain's {TARGET}"),
        Toolchain::Debian { linker, .. } => {
            println!("assets: compiling the islands with Debian's rustc-web and {}", linker.display());
        }
    }
    let status = toolchain
        .cargo()
        .args(["build", "--locked", "--package", "frontend", "--profile", "wasm", "--target", TARGET])
        .arg("--target-dir")
        .arg(&places.wasm_target)
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(&places.root)
        .status()
        .doing(|| "Cannot start cargo for the islands".to_owned())?;
    if !status.success() {
        return Err(Failure::new(
            "The islands did not compile. If the target is missing: `rustup target add wasm32-unknown-unknown`, \
             or on Debian `apt-get install rustc-web cargo-web rust-web-src lld-22`.",
        ));
    }
    bind(&places.wasm_target, &places.wasm_target.join(TARGET).join("wasm/frontend.wasm"))
}

fn bind(folder: &Path, wasm: &Path) -> Outcome<Islands> {
    let out = folder.join("bindgen");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("islands").typescript(false).omit_default_module_path(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    let web = bindgen.web(true).doing(|| "Cannot set up wasm-bindgen".to_owned())?;
    web.generate(&out).doing(|| "wasm-bindgen could not read the islands".to_owned())?;
    let glue = out.join("islands.js");
    Ok(Islands {
        glue: fs::read_to_string(&glue).doing(|| format!("Cannot read {}", glue.display()))?,
        wasm: read(&out.join("islands_bg.wasm"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with these programs and, in its sysroot, the target or not.
    fn machine(programs: &[&str], target: bool) -> tempfile::TempDir {
        let machine = tempfile::tempdir().unwrap();
        let system = machine.path().join("bin");
        fs::create_dir(&system).unwrap();
        for program in programs {
            fs::write(system.join(program), "").unwrap();
        }
        if target {
            fs::create_dir_all(machine.path().join("root/lib/rustlib").join(TARGET).join("lib")).unwrap();
        }
        machine
    }

    fn choose(machine: &tempfile::TempDir) -> Toolchain {
        Toolchain::choose(Some(&machine.path().join("root")), &machine.path().join("bin"))
    }

    #[test]
    fn a_toolchain_with_the_target_builds_alone() {
        let machine = machine(&["rustc", "cargo", "wasm-ld-22"], true);
        assert!(matches!(choose(&machine), Toolchain::Own));
        assert!(!choose(&machine).cargo().get_args().any(|argument| argument == "-Zbuild-std=std,panic_abort"));
    }

    #[test]
    fn without_the_target_debians_compiler_builds_with_its_newest_linker() {
        let machine = machine(&["rustc", "cargo", "wasm-ld-9", "wasm-ld-22"], false);
        let Toolchain::Debian { linker, rustc, .. } = choose(&machine) else { panic!("Debian's was there") };
        assert!(linker.ends_with("wasm-ld-22") && rustc.ends_with("bin/rustc"));
        assert!(choose(&machine).cargo().get_args().any(|argument| argument == "-Zbuild-std=std,panic_abort"));
    }

    #[test]
    fn without_debians_packages_the_host_is_asked_and_says_what_it_lacks() {
        for programs in [&["rustc", "cargo"][..], &["wasm-ld-22"], &[]] {
            assert!(matches!(choose(&machine(programs, false)), Toolchain::Own));
        }
    }

    #[test]
    fn cargo_tells_where_the_toolchain_is() {
        assert!(sysroot().unwrap().join("lib").is_dir());
    }
}
