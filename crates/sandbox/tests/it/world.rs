//! A backend to test, with folders of its own.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sandbox::{Backend, Command, Docker, Finished, Image, Limits, Local, Sandbox, Settings, Spec};
use test_needs::{Need, passed_over, shim};

const DOCKER: &str = "/var/run/docker.sock";
/// Each waits for an answer some seconds.
const TRIES: u32 = 12;

pub(crate) struct World {
    pub(crate) folder: PathBuf,
    pub(crate) backend: Arc<dyn Backend>,
}

pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{what}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn settings(folder: &Path) -> Settings {
    Settings { shim: shim(), registry: folder.join("registry"), ..Settings::default() }
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(unique("muster-sandbox-test"));
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

impl World {
    pub(crate) fn local() -> Self {
        Self::local_in(folder())
    }

    pub(crate) fn local_in(folder: PathBuf) -> Self {
        Self { backend: Arc::new(Local::new(settings(&folder))), folder }
    }

    /// None, and said so, where no Docker answers.
    pub(crate) async fn docker() -> Option<Self> {
        Self::docker_in(folder()).await
    }

    pub(crate) async fn docker_in(folder: PathBuf) -> Option<Self> {
        let mut asked = 0;
        loop {
            asked += 1;
            match Docker::open(settings(&folder)).await {
                Ok(docker) => return Some(Self { backend: Arc::new(docker), folder }),
                // One that listens is there, and may only be busy.
                Err(_) if asked < TRIES && UnixStream::connect(DOCKER).is_ok() => {}
                Err(trouble) => {
                    passed_over(Need::Docker, trouble);
                    return None;
                }
            }
        }
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

    /// A sandbox with usual limits.
    pub(crate) async fn usual(&self) -> (Spec, Sandbox) {
        let spec = self.spec("usual");
        let sandbox = self.create(&spec).await;
        (spec, sandbox)
    }

    /// Ends everything and checks that nothing is left.
    pub(crate) async fn close(self) {
        for found in self.backend.list().await.unwrap() {
            self.backend.destroy(&found.id).await.unwrap();
        }
        assert!(self.backend.list().await.unwrap().is_empty());
        // The outermost process ends last and is nobody's to wait for after a restart.
        let left = eventually(|| mentions(&self.folder), Vec::is_empty).await;
        assert!(left.is_empty(), "processes are left: {left:?}");
        assert!(groups(&self.folder).is_empty(), "control groups are left");
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Looks until it is as wanted, for at most ten seconds, and gives what it saw last.
pub(crate) async fn eventually<T>(look: impl Fn() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let end = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let seen = look();
        if wanted(&seen) || tokio::time::Instant::now() > end {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Processes that name a folder on their command line.
pub(crate) fn mentions(folder: &Path) -> Vec<String> {
    let name = folder.to_string_lossy().into_owned();
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    all.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(&name)).collect()
}

/// Control groups of the sandboxes whose folders stand in this one.
fn groups(folder: &Path) -> Vec<PathBuf> {
    let ids = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = ids.map(|id| format!("muster-{}", id.to_string_lossy())).collect();
    let (mut open, mut found) = (vec![PathBuf::from("/sys/fs/cgroup")], Vec::new());
    while let Some(group) = open.pop() {
        // Groups of others come and go.
        let below = fs::read_dir(&group).into_iter().flatten().filter_map(Result::ok);
        open.extend(below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
        if group.file_name().is_some_and(|name| names.iter().any(|wanted| name.to_string_lossy() == wanted.as_str())) {
            found.push(group);
        }
    }
    found
}

pub(crate) fn shell(script: &str) -> Command {
    Command { timeout: Duration::from_secs(60), ..Command::new(unique("key"), ["sh", "-c", script]) }
}

pub(crate) fn python(script: &str) -> Command {
    Command { timeout: Duration::from_secs(60), ..Command::new(unique("key"), ["/usr/bin/python3", "-c", script]) }
}

pub(crate) async fn run(sandbox: &Sandbox, command: &Command) -> Finished {
    sandbox.exec(command).await.unwrap().finish().await.unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// What a script says; it must succeed.
pub(crate) async fn say(sandbox: &Sandbox, script: &str) -> String {
    let finished = run(sandbox, &shell(script)).await;
    assert_eq!(finished.exit.code, Some(0), "{script}: {} {:?}", text(&finished.stderr), finished.exit);
    text(&finished.stdout)
}

/// Whether a script fails.
pub(crate) async fn fails(sandbox: &Sandbox, script: &str) -> bool {
    run(sandbox, &shell(script)).await.exit.code != Some(0)
}
