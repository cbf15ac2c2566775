use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use crate::account::Account;
use crate::error::{At, StartError, StopError};
use crate::folder::{Folder, remove_if_there, wait_for};
use crate::install::{self, Install};
use crate::postmaster::{self, Status};
use crate::{data, data::SUPERUSER};

/// Recovery after a crash replays the log first; this is enough for hours of writing on a small machine.
const READY_LIMIT: Duration = Duration::from_secs(120);
const PORT_TRIES: u32 = 5;

/// Which port of 127.0.0.1 the server listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// The port of the last start if it is free, otherwise one that the system gives.
    Auto,
    /// This one, or an error when it is taken.
    Fixed(u16),
}

/// Where and how a cluster runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for everything of this cluster: data, password, port, lock. Made when missing.
    pub data_dir: PathBuf,
    /// The file that the server's messages are appended to. Its folder must exist.
    pub log: PathBuf,
    pub port: Port,
    /// Trades safety in a power cut for speed. For tests.
    pub fast: bool,
    /// As root the server runs as an unprivileged user. Where that user cannot enter `data_dir`, the files go to a folder
    /// under this one, and a link takes the place of `data_dir`.
    pub shelter: PathBuf,
}

impl Options {
    /// Everything in `data_dir`, a port by choice of the system, safe settings.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        let log = data_dir.with_extension("log");
        Self { data_dir, log, port: Port::Auto, fast: false, shelter: PathBuf::from("/var/lib/muster") }
    }
}

/// A server that answers. Dropping it stops the server, unless another living process owns it.
#[derive(Debug)]
pub struct Cluster {
    pid: i32,
    port: u16,
    password: String,
    bin: PathBuf,
    notes: Vec<String>,
    owned: Option<Owned>,
}

/// What only the process that stops the server holds.
#[derive(Debug)]
struct Owned {
    _lock: File,
    /// Missing when the server outlived the process that started it and was taken over.
    child: Option<Child>,
}

impl Cluster {
    /// Starts the server of a folder, or uses the one that runs from it already, and waits until it answers.
    ///
    /// Blocks for a second or so, and for minutes in the worst case (recovery after a crash): call it from a thread that may
    /// block.
    ///
    /// # Errors
    /// Each [`StartError`] is a sentence for the person at the terminal. Nothing is left running after an error.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        let mut notes = Vec::new();
        let (folder, account) = Folder::open(&options.data_dir, &options.shelter, &mut notes)?;
        let found = wait_for(READY_LIMIT, || match folder.try_lock()? {
            Some(lock) => Ok(Some(Some(lock))),
            None => Ok(Status::read(&folder.data()).filter(Status::answers).map(|_| None)),
        })?;
        match found {
            None => Err(StartError::Busy { folder: folder.root().to_path_buf(), seconds: READY_LIMIT.as_secs() }),
            Some(None) => Self::attach(&folder, None, notes),
            Some(Some(lock)) => Self::own(&folder, account, lock, options, notes),
        }
    }

    /// `postgres://` address of a database for the superuser, with the password in it.
    pub fn superuser_url(&self, database: &str) -> String {
        let database: String = database.bytes().map(escape).collect();
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether another living process owns the server: then it runs on when this value is dropped.
    pub fn attached(&self) -> bool {
        self.owned.is_none()
    }

    /// The folder of the programs that belong to this server, such as `psql`.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Sentences about what was chosen or repaired on the way, for the person at the terminal.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Stops the server in order, if this value owns it.
    ///
    /// # Errors
    /// The server could not be signalled, or had to be told to quit at once; then the next start recovers the data.
    pub fn stop(mut self) -> Result<(), StopError> {
        self.stop_owned()
    }

    /// Leaves the server running for later starts, which take it over. For tools that begin a server and exit.
    pub fn leave_running(mut self) {
        self.owned = None;
    }

    fn stop_owned(&mut self) -> Result<(), StopError> {
        let Some(mut owned) = self.owned.take() else { return Ok(()) };
        postmaster::stop(self.pid, owned.child.as_mut())
    }

    /// Uses a server that already answers.
    fn attach(folder: &Folder, lock: Option<File>, mut notes: Vec<String>) -> Result<Self, StartError> {
        let data = folder.data();
        let install = install::choose(&install::all()?, data::version(folder).as_deref(), &data)?;
        let status = Status::read(&data).and_then(|status| Some((status.pid, status.port?)));
        let (pid, port, password) = match (status, folder.password()?) {
            (Some((pid, port)), Some(password)) => (pid, port, password),
            _ => return Err(StartError::Busy { folder: folder.root().to_path_buf(), seconds: 0 }),
        };
        notes.push(format!("The database of {} runs already (process {}) and is used.", folder.root().display(), pid));
        let owned = lock.map(|lock| Owned { _lock: lock, child: None });
        Ok(Self { pid, port, password, bin: install.bin, notes, owned })
    }

    fn own(
        folder: &Folder,
        account: Account,
        lock: File,
        options: &Options,
        mut notes: Vec<String>,
    ) -> Result<Self, StartError> {
        let data = folder.data();
        if taken_over(folder, &options.log)? {
            return Self::attach(folder, Some(lock), notes);
        }
        folder.check_disk()?;
        let install = install::choose(&install::all()?, data::version(folder).as_deref(), &data)?;
        let password = data::prepare(folder, &account, &install, options.fast, &mut notes)?;
        let started = Starting { folder, account, install: &install, options }.run();
        // One whose starter was killed has only now come so far as to show itself.
        if matches!(&started, Err(StartError::Died { said, .. }) if said.contains("\"postmaster.pid\" already exists"))
            && taken_over(folder, &options.log)?
        {
            return Self::attach(folder, Some(lock), notes);
        }
        let started = started?;
        folder.write_port(started.port)?;
        let owned = Some(Owned { _lock: lock, child: Some(started.child) });
        Ok(Self { pid: started.pid, port: started.port, password, bin: install.bin, notes, owned })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.stop_owned() {
            tracing::warn!(%error, "local PostgreSQL");
        }
    }
}

/// Whether a server that outlived its owner serves this folder. Clears away a pid file whose number now belongs to some
/// other program; PostgreSQL itself clears one whose process is gone.
fn taken_over(folder: &Folder, log: &Path) -> Result<bool, StartError> {
    let data = folder.data();
    let Some(status) = Status::read(&data) else { return Ok(false) };
    if postmaster::works_in(status.pid, &data) {
        let ready = wait_for(READY_LIMIT, || match Status::read(&data) {
            Some(status) if status.answers() => Ok(Some(true)),
            Some(status) if postmaster::works_in(status.pid, &data) => Ok(None),
            _ => Ok(Some(false)),
        })?;
        return ready.ok_or_else(|| StartError::Slow { seconds: READY_LIMIT.as_secs(), log: log.to_path_buf() });
    }
    let empty = wait_for(Duration::from_secs(10), || Ok((!postmaster::anyone_in(&data)).then_some(())))?;
    if empty.is_none() {
        return Err(StartError::Busy { folder: folder.root().to_path_buf(), seconds: 10 });
    }
    remove_if_there(&data.join("postmaster.pid"))?;
    Ok(false)
}

struct Starting<'a> {
    folder: &'a Folder,
    account: Account,
    install: &'a Install,
    options: &'a Options,
}

struct Started {
    child: Child,
    pid: i32,
    port: u16,
}

impl Starting<'_> {
    fn run(&self) -> Result<Started, StartError> {
        let mut last = 0;
        for attempt in 0..PORT_TRIES {
            let port = self.pick_port(attempt)?;
            match self.launch(port)? {
                Some(started) => return Ok(started),
                None => last = port,
            }
        }
        Err(StartError::NoPort { tries: PORT_TRIES, port: last })
    }

    fn pick_port(&self, attempt: u32) -> Result<u16, StartError> {
        let taken = |port| StartError::PortTaken { port };
        match self.options.port {
            Port::Fixed(port) if attempt == 0 => postmaster::free_port(port).ok_or(taken(port)),
            Port::Fixed(port) => Err(taken(port)),
            Port::Auto => {
                let last = self.folder.port()?.filter(|_| attempt == 0).and_then(postmaster::free_port);
                last.or_else(|| postmaster::free_port(0)).ok_or(StartError::NoPort { tries: attempt + 1, port: 0 })
            }
        }
    }

    /// `None`: another program took the port between our look and the server's.
    fn launch(&self, port: u16) -> Result<Option<Started>, StartError> {
        let (path, data) = (&self.options.log, self.folder.data());
        let mut log = OpenOptions::new().create(true).append(true).read(true).open(path).at("write the log", path)?;
        let begin = log.seek(SeekFrom::End(0)).at("read", path)?;
        let mut child = postmaster::spawn(&self.account, self.install, &data, &log, port, self.options.fast)?;
        let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
        let outcome = wait_for(READY_LIMIT, || {
            if child.try_wait().at("wait for", &data)?.is_some() {
                return Ok(Some(false));
            }
            let answers = Status::read(&data).is_some_and(|status| status.pid == pid && status.answers());
            Ok(answers.then_some(true))
        });
        match outcome {
            Ok(Some(true)) => return Ok(Some(Started { child, pid, port })),
            Ok(Some(false)) => {}
            Ok(None) | Err(_) => {
                if let Err(error) = postmaster::stop(pid, Some(&mut child)) {
                    tracing::warn!(%error, "local PostgreSQL");
                }
                outcome?;
                return Err(StartError::Slow { seconds: READY_LIMIT.as_secs(), log: path.clone() });
            }
        }
        let mut said = Vec::new();
        log.seek(SeekFrom::Start(begin)).and_then(|_| log.read_to_end(&mut said)).at("read", path)?;
        if String::from_utf8_lossy(&said).contains("Address already in use") {
            return Ok(None);
        }
        Err(StartError::Died { said: data::last_line(&said), log: path.clone() })
    }
}

/// Database names in URLs: everything but letters, digits, `-` and `_` is written in hexadecimal.
fn escape(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    }
}
