//! A backend to test, with folders of its own.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sandbox::{Backend, Command, Finished, Image, Limits, Local, Sandbox, Settings, Spec};

pub(crate) struct World {
    pub(crate) folder: PathBuf,
    pub(crate) backend: Box<dyn Backend>,
}

/// `MUSTER_SHIM`, or built here as the product's own build does it.
pub(crate) fn shim() -> PathBuf {
    if let Some(shim) = std::env::var_os("MUSTER_SHIM") {
        return shim.into();
    }
    let target = target();
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Process::new(env!("CARGO"));
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
    cargo.arg("--target-dir").arg(target.join("shim/build")).args(["--", "-C", "target-feature=+crt-static"]);
    assert!(cargo.stdin(Stdio::null()).status().unwrap().success(), "the shim does not build");
    target.join("shim/build").join(triple).join("shim/muster-shim")
}

/// The test binary is `<target>/<profile>/deps/it-…`.
fn target() -> PathBuf {
    let me = std::env::current_exe().unwrap();
    me.ancestors().nth(3).unwrap().to_owned()
}

pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{what}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl World {
    pub(crate) fn local() -> Self {
        let folder = std::env::temp_dir().join(unique("muster-sandbox-test"));
        fs::create_dir_all(folder.join("registry")).unwrap();
        let settings = Settings { shim: shim(), registry: folder.join("registry"), ..Settings::default() };
        Self { backend: Box::new(Local::new(settings)), folder }
    }

    pub(crate) fn spec(&self, what: &str) -> Spec {
        let id = unique(what);
        let workspace = self.folder.join(&id).join("work");
        fs::create_dir_all(&workspace).unwrap();
        Spec {
            workspace,
            state: self.folder.join(&id).join("state"),
            id,
            labels: BTreeMap::from([("purpose".to_owned(), "test".to_owned())]),
            limits: Limits::default(),
            image: Image::Host,
            egress: None,
            env: BTreeMap::new(),
        }
    }

    pub(crate) async fn create(&self, spec: &Spec) -> Sandbox {
        self.backend.create(spec).await.unwrap()
    }

    /// Ends everything and checks that nothing is left.
    pub(crate) async fn close(self) {
        for found in self.backend.list().await.unwrap() {
            self.backend.destroy(&found.id).await.unwrap();
        }
        assert!(self.backend.list().await.unwrap().is_empty());
        assert!(mentions(&self.folder).is_empty(), "processes are left: {:?}", mentions(&self.folder));
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Processes that name a folder on their command line.
fn mentions(folder: &Path) -> Vec<String> {
    let name = folder.to_string_lossy().into_owned();
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    all.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(&name)).collect()
}

pub(crate) fn shell(script: &str) -> Command {
    Command { timeout: Duration::from_secs(60), ..Command::new(unique("key"), ["sh", "-c", script]) }
}

pub(crate) async fn run(sandbox: &Sandbox, command: &Command) -> Finished {
    sandbox.exec(command).await.unwrap().finish().await.unwrap()
}

pub(crate) async fn say(sandbox: &Sandbox, script: &str) -> String {
    let finished = run(sandbox, &shell(script)).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(finished.exit.code, Some(0), "{script}: {} {:?}", text(&finished.stderr), finished.exit);
    text(&finished.stdout).trim_end().to_owned()
}
