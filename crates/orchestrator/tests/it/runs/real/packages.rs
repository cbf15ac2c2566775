//! Packages as their registries hand them out, fetched once by the registry's own client and kept beside the test binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};
use test_needs::Need;

/// What this machine does not have, and how that showed.
pub(crate) struct Lacking(pub(crate) Need, pub(crate) String);

impl Lacking {
    fn toolchain(what: impl std::fmt::Display) -> Self {
        Self(Need::Toolchains, what.to_string())
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Registry {
    CratesIo,
    PyPi,
    Npm,
}

pub(crate) struct Package {
    pub(crate) registry: Registry,
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Of the archive, in hexadecimal.
    pub(crate) sha256: &'static str,
}

impl Package {
    /// The archive of its sources, under a name by which Muster knows what is in it.
    ///
    /// # Panics
    /// When the archive is not the one that was pinned.
    pub(crate) fn archive(&self) -> Result<PathBuf, Lacking> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        fs::create_dir_all(&folder).expect("a folder");
        let kept = folder.join(match self.registry {
            Registry::Npm => format!("{}-{}.tgz", self.name, self.version),
            Registry::CratesIo | Registry::PyPi => format!("{}-{}.tar.gz", self.name, self.version),
        });
        if !kept.exists() {
            let draft = tempfile::tempdir_in(&folder).expect("a folder");
            let fetched = self.fetch(draft.path())?;
            fs::copy(fetched, draft.path().join("whole")).expect("a copy");
            fs::rename(draft.path().join("whole"), &kept).expect("the same disk");
        }
        let sum = Sha256::digest(fs::read(&kept).expect("an archive"));
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, self.sha256, "{} is not the pinned one", kept.display());
        Ok(kept)
    }

    fn fetch(&self, into: &Path) -> Result<PathBuf, Lacking> {
        let (name, version) = (self.name, self.version);
        match self.registry {
            Registry::CratesIo => {
                let manifest = format!(
                    "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n\
                     [dependencies]\n{name} = \"={version}\"\n[workspace]\n"
                );
                fs::write(into.join("Cargo.toml"), manifest).expect("a file");
                fs::write(into.join("lib.rs"), "").expect("a file");
                of_registry(Command::new(env!("CARGO")).current_dir(into).args(["fetch", "--quiet"]))?;
                cached_crate(&format!("{name}-{version}.crate"))
            }
            Registry::PyPi => {
                let wanted = format!("{name}=={version}");
                let options = ["--quiet", "--no-input", "--no-deps", "--no-binary", ":all:", "--dest", "."];
                let mut pip = Command::new(python_with_pip()?);
                of_registry(pip.current_dir(into).args(["-m", "pip", "download"]).args(options).arg(wanted))?;
                Ok(into.join(format!("{name}-{version}.tar.gz")))
            }
            Registry::Npm => {
                run(Command::new("npm").arg("--version")).map_err(Lacking::toolchain)?;
                let mut npm = Command::new("npm");
                of_registry(npm.current_dir(into).args(["pack", "--silent", &format!("{name}@{version}")]))?;
                Ok(into.join(format!("{name}-{version}.tgz")))
            }
        }
    }
}

/// Runs a client that is there, so that what fails is what it asks.
fn of_registry(client: &mut Command) -> Result<(), Lacking> {
    run(client).map(drop).map_err(|error| Lacking(Need::Registries, error))
}

/// The system's Python comes without pip on Debian; the ones that `deploy/setup.sh --tests` makes have it.
fn python_with_pip() -> Result<PathBuf, Lacking> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let made = ["model-clients", "s3-clients"].map(|name| target.map(|target| target.join(name).join("bin/python")));
    let candidates = [Some(PathBuf::from("python3"))].into_iter().chain(made).flatten();
    let has_pip = |python: &PathBuf| run(Command::new(python).args(["-m", "pip", "--version"])).is_ok();
    candidates.into_iter().find(has_pip).ok_or_else(|| Lacking::toolchain("no Python here has pip"))
}

/// Where cargo keeps what it fetched, by its registry.
fn cached_crate(file: &str) -> Result<PathBuf, Lacking> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let home = home.ok_or_else(|| Lacking::toolchain("no home folder"))?;
    let registries = fs::read_dir(home.join("registry/cache")).map_err(Lacking::toolchain)?;
    let mut paths = registries.filter_map(Result::ok).map(|registry| registry.path().join(file));
    paths.find(|path| path.exists()).ok_or_else(|| Lacking::toolchain(format!("cargo has no {file}")))
}

pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{command:?}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Programs that a project's tests need inside of a sandbox.
pub(crate) struct Programs {
    /// Folders of this machine to show, besides the system's own.
    pub(crate) shown: Vec<PathBuf>,
    binaries: PathBuf,
}

impl Programs {
    /// The toolchain that built this test, the system's Python, or the Node that is first in the path.
    pub(crate) fn of(registry: Registry) -> Result<Self, Lacking> {
        let program = match registry {
            Registry::CratesIo => PathBuf::from(env!("CARGO")),
            Registry::PyPi => "/usr/bin/python3".into(),
            Registry::Npm => {
                let path = std::env::var_os("PATH").ok_or_else(|| Lacking::toolchain("no PATH"))?;
                let found = std::env::split_paths(&path).map(|folder| folder.join("node")).find(|node| node.exists());
                found.ok_or_else(|| Lacking::toolchain("node is not installed"))?
            }
        };
        // `<installation>/bin/<program>`, behind whatever links.
        let real =
            program.canonicalize().map_err(|error| Lacking::toolchain(format!("{}: {error}", program.display())))?;
        let binaries = real.parent().ok_or_else(|| Lacking::toolchain("no folder"))?.to_owned();
        let installation = binaries.parent().ok_or_else(|| Lacking::toolchain("no folder"))?.to_owned();
        let shown = if installation.starts_with("/usr") { Vec::new() } else { vec![installation] };
        Ok(Self { shown, binaries })
    }

    pub(crate) fn line(&self, command: &str) -> String {
        if self.shown.is_empty() {
            return command.to_owned();
        }
        format!("PATH={}:$PATH {command}", self.binaries.display())
    }
}
