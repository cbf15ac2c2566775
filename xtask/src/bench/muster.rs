use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use local_postgres::{Cluster, Options};

use super::journey::Browser;
use crate::{
    failure::{Doing, Failure, Outcome},
    workspace,
};

/// A cold start makes a database first.
const PATIENCE: Duration = Duration::from_secs(120);

/// A release server with a database of its own, stopped and removed when dropped.
pub(crate) struct Muster {
    pub(crate) address: SocketAddr,
    child: Child,
    folder: PathBuf,
    /// Whether the process was ended and waited for.
    ended: bool,
}

impl Muster {
    pub(crate) async fn start() -> Outcome<Self> {
        Self::node("", &[]).await
    }

    /// One of several, told by name. The variables say what they share: a database, a secret.
    pub(crate) async fn node(name: &str, variables: &[(&str, String)]) -> Outcome<Self> {
        let folder = env::temp_dir().join(format!("muster-bench-{}{name}", std::process::id()));
        fs::create_dir_all(&folder).doing(|| format!("Cannot make {}", folder.display()))?;
        let address = free_address()?;
        let log = fs::File::create(folder.join("log")).doing(|| "Cannot write the server's log".to_owned())?;
        let errors = log.try_clone().doing(|| "Cannot write the server's log".to_owned())?;
        let child = Command::new(binary()?)
            .arg("serve")
            .env("PORT", address.port().to_string())
            .env("MUSTER_SERVER__DATA_DIR", folder.join("var"))
            .env("MUSTER_TELEMETRY__LEVEL", "warn")
            // One client stands for many people here.
            .env("MUSTER_RATE_LIMITS__PER_MINUTE", "100000000")
            .env_remove(NAMED)
            .env_remove("DATABASE_URL")
            .env_remove("MUSTER_CONFIG")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(errors))
            .spawn()
            .doing(|| "Cannot start the server".to_owned())?;
        let mut muster = Self { address, child, folder, ended: false };
        muster.ready().await?;
        Ok(muster)
    }

    async fn ready(&mut self) -> Outcome {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().doing(|| "Cannot watch the server".to_owned())? {
                return Err(Failure::new(format!("The server ended at its start ({status}):\n{}", self.log())));
            }
            // Refused until it listens: that is what is waited for.
            if Browser::new(self.address).get("/readyz").await.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Failure::new(format!("The server was not ready in {} s:\n{}", PATIENCE.as_secs(), self.log())))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_else(|error| format!("(its log cannot be read: {error})"))
    }
}

impl Muster {
    /// The address of the server's own database, as its superuser.
    pub(crate) async fn database(&self) -> Outcome<String> {
        let folder = self.folder.join("var/postgres");
        let found = tokio::task::spawn_blocking(move || Cluster::start(&Options::new(folder))).await;
        let cluster = found.doing(|| "Cannot look for the database".to_owned())?;
        // The server owns it: this value only knows the way.
        let cluster = cluster.doing(|| "The server's database does not answer".to_owned())?;
        Ok(cluster.superuser_url("muster"))
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// As when the machine loses power: nothing is finished or told.
    pub(crate) fn kill(mut self) -> Outcome {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        self.ended = killed.is_ok();
        killed.map(drop).doing(|| "Cannot kill a server".to_owned())
    }
}

impl Drop for Muster {
    fn drop(&mut self) {
        if !self.ended {
            // Asked politely, so that its database stops with it.
            let asked = Command::new("kill").arg(self.child.id().to_string()).status();
            if let Err(error) = asked.and_then(|_| self.child.wait()) {
                eprintln!("bench: process {} may be left behind: {error}", self.child.id());
            }
        }
        let ended = fs::remove_dir_all(&self.folder);
        if let Err(error) = ended {
            eprintln!("bench: {} may be left behind: {error}", self.folder.display());
        }
    }
}

/// Names a release binary to measure as it is, in place of one built from this checkout.
pub(crate) const NAMED: &str = "MUSTER_BIN";

fn binary() -> Outcome<PathBuf> {
    match env::var_os(NAMED).filter(|path| !path.is_empty()) {
        Some(path) => Ok(path.into()),
        None => Ok(workspace::target()?.join("release/muster")),
    }
}

pub(crate) fn free_address() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").doing(|| "Cannot find a free port".to_owned())?;
    listener.local_addr().doing(|| "Cannot find a free port".to_owned())
}
