//! All commands: each key once, followed by as many as ask.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    job::{Handle, Job},
    launch::With,
    outbox::{Outbox, Reader},
    protocol::{Exec, Exit, Held, Reason, Start, Stream},
    reap::Reaper,
};

pub(crate) struct Jobs {
    outbox: Outbox,
    pub(crate) reaper: Reaper,
    /// This program.
    program: PathBuf,
    start: Start,
    running: Mutex<HashMap<String, Arc<Handle>>>,
}

/// What a follower needs.
pub(crate) struct Followed {
    pub(crate) reader: Reader,
    /// None when the command has ended.
    pub(crate) handle: Option<Arc<Handle>>,
}

impl Jobs {
    pub(crate) fn open(start: Start, program: PathBuf) -> io::Result<Self> {
        let outbox = Outbox::open(start.folder.join("outbox"))?;
        Ok(Self { outbox, reaper: Reaper::default(), program, start, running: Mutex::default() })
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Arc<Handle>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a command unless its key is known.
    pub(crate) fn exec(self: &Arc<Self>, exec: &Exec, stdin: Vec<u8>) -> io::Result<()> {
        let mut running = self.running();
        let Some(mut writer) = self.outbox.claim(&exec.key)? else { return Ok(()) };
        let (key, jobs) = (exec.key.clone(), Arc::clone(self));
        match Job::start(&self.reaper, &self.program, exec, &self.with(exec), stdin) {
            Ok((job, handle)) => {
                running.insert(key.clone(), Arc::new(handle));
                tokio::spawn(async move { jobs.finish(&key, job.run(writer).await) });
                Ok(())
            }
            // The key is taken, so the failure must be found under it.
            Err(error) => {
                writer.append(Stream::Stderr, format!("muster-shim: cannot start: {error}\n").as_bytes())?;
                let output_bytes = writer.written();
                writer.finish(&Exit {
                    code: Some(126),
                    signal: None,
                    reason: Reason::Finished,
                    output_bytes,
                    duration_ms: 0,
                })
            }
        }
    }

    fn with(&self, exec: &Exec) -> With {
        let held = |held| self.start.held.contains(&held);
        With {
            work: self.start.work.clone(),
            cwd: exec.cwd.clone(),
            hidden: is_first().then(|| self.start.folder.clone()),
            file_bytes: self.start.disk_bytes,
            pids: (!held(Held::Pids)).then_some(self.start.pids),
        }
    }

    fn finish(&self, key: &str, ended: io::Result<()>) {
        if let Err(error) = ended {
            eprintln!("muster-shim: the end of {key} could not be written: {error}");
        }
        self.running().remove(key);
    }

    /// None when no command has this key.
    pub(crate) fn follow(&self, key: &str, from: u64) -> io::Result<Option<Followed>> {
        let handle = self.running().get(key).cloned();
        if handle.is_none() && self.outbox.exit(key)?.is_none() {
            return Ok(None);
        }
        Ok(Some(Followed { reader: self.outbox.reader(key, from)?, handle }))
    }

    pub(crate) fn exit(&self, key: &str) -> io::Result<Option<Exit>> {
        self.outbox.exit(key)
    }

    /// Ends a command if it runs.
    pub(crate) fn kill(&self, key: &str) {
        if let Some(handle) = self.running().get(key) {
            handle.stop(Reason::Killed);
        }
    }

    pub(crate) fn stop_all(&self, reason: Reason) {
        self.running().values().for_each(|handle| handle.stop(reason));
    }

    /// All that run now.
    pub(crate) fn handles(&self) -> Vec<Arc<Handle>> {
        self.running().values().cloned().collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.running().len()
    }
}

/// Whether this is the first process of a sandbox, and not of a test.
pub(crate) fn is_first() -> bool {
    std::process::id() == 1
}
