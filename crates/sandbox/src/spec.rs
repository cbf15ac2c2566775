use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use shim::protocol::{EGRESS, Forward, HOME, Held, Start};

use crate::{Error, Result, egress::Egress};

/// The port inside that leads to this side.
const PORT: u16 = 3128;
/// Where this side is met from inside: as a proxy, and as a server of its own.
pub const ORIGIN: &str = "http://127.0.0.1:3128";
const MIB: u64 = 1 << 20;

/// What a sandbox is to be.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name: 1 to 64 lower-case letters, digits and hyphens, beginning with a letter or digit.
    pub id: String,
    /// The folder that appears at `/work`. Everything in it may be changed from inside, and nothing about it is trusted.
    pub workspace: PathBuf,
    /// A folder for the sandbox's own use (socket, output of commands), made when missing and deleted with the sandbox.
    pub state: PathBuf,
    /// Kept with the sandbox and told by [`crate::Backend::list`].
    pub labels: BTreeMap<String, String>,
    pub limits: Limits,
    pub image: Image,
    /// What may be reached from inside, and what is answered there; nothing when absent or empty.
    pub egress: Option<Egress>,
    /// Added to the environment of every command.
    pub env: BTreeMap<String, String>,
}

/// The programs inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// Those of this machine (`/usr`), read-only.
    Host,
    /// Those of a container image.
    Named(String),
}

/// For all processes of a sandbox together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Thousandths of a processor.
    pub cpu_millis: u64,
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// What the workspace may hold, and its largest file.
    pub disk_bytes: u64,
    /// Each of `/tmp`, `/var/tmp`, and the home folder; all are memory, and count as such.
    pub temporary_bytes: u64,
    /// From the start of the sandbox to its end.
    pub wall: Duration,
}

impl Default for Limits {
    /// Two processors, 2 GiB of memory, 512 processes, 10 GiB of disk, two hours.
    fn default() -> Self {
        Self {
            cpu_millis: 2000,
            memory_bytes: 2048 * MIB,
            pids: 512,
            disk_bytes: 10 * 1024 * MIB,
            temporary_bytes: 512 * MIB,
            wall: Duration::from_secs(2 * 60 * 60),
        }
    }
}

impl Spec {
    /// # Errors
    /// When the name, a folder or a limit is impossible.
    pub(crate) fn check(&self) -> Result<()> {
        check_id(&self.id)?;
        if !self.workspace.is_absolute() || !self.state.is_absolute() {
            return Err(Error::Refused("The folders of a sandbox must be absolute paths.".to_owned()));
        }
        if self.state.starts_with(&self.workspace) || self.workspace.starts_with(&self.state) {
            return Err(Error::Refused("The state folder and the workspace must lie apart.".to_owned()));
        }
        let Limits { cpu_millis, memory_bytes, pids, disk_bytes, temporary_bytes, wall } = self.limits;
        // Less would not carry the shim and a shell.
        if cpu_millis < 10
            || memory_bytes < 16 * MIB
            || pids < 16
            || disk_bytes < MIB
            || temporary_bytes < MIB
            || wall.is_zero()
        {
            return Err(Error::Refused(
                "A sandbox needs at least 0.01 processors, 16 MiB of memory, 16 processes and 1 MiB of disk."
                    .to_owned(),
            ));
        }
        let impossible =
            |(name, value): (&String, &String)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0');
        if self.env.iter().any(impossible) {
            return Err(Error::Refused("A variable of the environment has an impossible name or value.".to_owned()));
        }
        Ok(())
    }

    pub(crate) fn start(&self, held: Vec<Held>) -> Start {
        let forward = Forward { port: PORT, socket: EGRESS.to_owned() };
        Start {
            forwards: self.open_egress().map(|_| forward).into_iter().collect(),
            memory_bytes: self.limits.memory_bytes,
            pids: self.limits.pids,
            disk_bytes: self.limits.disk_bytes,
            wall_ms: u64::try_from(self.limits.wall.as_millis()).unwrap_or(u64::MAX),
            cpu_millis: self.limits.cpu_millis,
            held,
            ..Start::default()
        }
    }

    pub(crate) fn open_egress(&self) -> Option<&Egress> {
        self.egress.as_ref().filter(|egress| !egress.is_empty())
    }

    /// The environment of commands.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let usual = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", HOME),
            ("USER", "agent"),
            ("LANG", "C.UTF-8"),
            ("TMPDIR", "/tmp"),
        ];
        let mut all: BTreeMap<String, String> =
            usual.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if self.open_egress().is_some_and(Egress::leads_to_hosts) {
            for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
                all.insert(name.to_owned(), ORIGIN.to_owned());
            }
            for name in ["no_proxy", "NO_PROXY"] {
                all.insert(name.to_owned(), "127.0.0.1,localhost,::1".to_owned());
            }
        }
        all.extend(self.env.clone());
        all
    }
}

pub(crate) fn check_id(id: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=64).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with('-') {
        return Ok(());
    }
    Err(Error::Refused("The name of a sandbox is 1 to 64 lower-case letters, digits and hyphens.".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::{Body, Service};

    fn spec() -> Spec {
        Spec {
            id: "a".to_owned(),
            workspace: "/data/work".into(),
            state: "/data/state".into(),
            labels: BTreeMap::new(),
            limits: Limits::default(),
            image: Image::Host,
            egress: None,
            env: BTreeMap::new(),
        }
    }

    #[test]
    fn impossible_wishes_are_refused() {
        assert!(spec().check().is_ok());
        for id in ["", "A", "a b", "../a", "-a", &"a".repeat(65)] {
            assert!(Spec { id: id.to_owned(), ..spec() }.check().is_err(), "{id}");
        }
        assert!(Spec { state: "/data/work/.state".into(), ..spec() }.check().is_err(), "an agent could write there");
        assert!(Spec { workspace: "work".into(), ..spec() }.check().is_err());
        assert!(Spec { limits: Limits { pids: 0, ..Limits::default() }, ..spec() }.check().is_err());
        assert!(Spec { env: [("A=B".to_owned(), String::new())].into(), ..spec() }.check().is_err());
    }

    #[test]
    fn without_an_allow_list_nothing_leads_out() {
        assert!(spec().start(Vec::new()).forwards.is_empty());
        assert!(!spec().environment().contains_key("http_proxy"));
        let empty = Spec { egress: Some(Egress::new(Vec::new(), |_| {})), ..spec() };
        assert!(empty.start(Vec::new()).forwards.is_empty());
        let open = Spec { egress: Some(Egress::new(vec!["example.com".parse().unwrap()], |_| {})), ..spec() };
        assert_eq!(open.start(Vec::new()).forwards.len(), 1);
        assert_eq!(open.environment()["https_proxy"], format!("http://127.0.0.1:{PORT}"));
    }

    #[test]
    fn a_service_alone_has_the_socket_and_no_proxy() {
        let service = Service::new(|_| async { http::Response::new(Body::default()) });
        let served = Spec { egress: Some(Egress::new(Vec::new(), |_| {}).with(service)), ..spec() };
        assert_eq!(served.start(Vec::new()).forwards.len(), 1);
        assert!(!served.environment().contains_key("http_proxy"));
    }
}
