//! The limits that nobody else holds: the workspace's size, the wall time, and without control groups memory and processes.
//! What the processors may be used is in [`crate::throttle`].

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    job::Handle,
    jobs::Jobs,
    protocol::{Held, Reason, Start},
    usage,
};

const EVERY: Duration = Duration::from_millis(200);
/// Measuring the workspace may take at most this part of the time.
const SHARE: u32 = 10;
/// For commands that were ended for the disk's sake.
const PATIENCE: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(5);
/// For commands to end before the sandbox does.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the workspace held when it was last measured, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Disk(AtomicU64);

impl Disk {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Memory and processes, while commands run.
pub(crate) async fn processes(start: Start, jobs: Arc<Jobs>) {
    let held = |held| start.held.contains(&held);
    let (memory, pids) = (!held(Held::Memory), !held(Held::Pids));
    if !memory && !pids {
        return;
    }
    loop {
        sleep(EVERY).await;
        if jobs.count() == 0 {
            continue;
        }
        let used = usage::now();
        if memory && used.memory_bytes > start.memory_bytes {
            jobs.stop_all(Reason::OutOfMemory);
        } else if pids && used.processes > start.pids {
            jobs.stop_all(Reason::LimitReached);
        }
    }
}

/// The workspace. A command is ended when it makes too much of it more; one that cleans up may run.
pub(crate) async fn disk(start: Start, jobs: Arc<Jobs>, disk: Arc<Disk>) {
    let mut most = start.disk_bytes;
    let mut idle_known = false;
    loop {
        sleep(EVERY).await;
        if jobs.count() == 0 && idle_known {
            continue;
        }
        // Once more after the last command has ended, so that the number told is right.
        idle_known = jobs.count() == 0;
        let (begun, running) = (Instant::now(), jobs.handles());
        let mut held = disk.measure(&start).await;
        // A second look: the first may have counted what was being deleted.
        if held > most && disk.measure(&start).await > most {
            end_these(&running).await;
            // What they wrote up to their end is not the next command's doing.
            held = disk.measure(&start).await;
        }
        most = held.max(start.disk_bytes);
        sleep(begun.elapsed() * SHARE).await;
    }
}

impl Disk {
    /// Zero when the workspace cannot be read at all.
    async fn measure(&self, start: &Start) -> u64 {
        let work = start.work.clone();
        let held = tokio::task::spawn_blocking(move || usage::disk(&work)).await.unwrap_or_default();
        self.0.store(held, Ordering::Relaxed);
        held
    }
}

/// Ends commands for the disk's sake, and waits until they have.
async fn end_these(running: &[Arc<Handle>]) {
    running.iter().for_each(|handle| handle.stop(Reason::LimitReached));
    let until = Instant::now() + PATIENCE;
    while running.iter().any(|handle| !handle.has_ended()) && Instant::now() < until {
        sleep(GLANCE).await;
    }
}

/// Returns when the sandbox is to end.
pub(crate) async fn wall(limit: Duration) {
    match Instant::now().checked_add(limit) {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// Ends all commands and waits a moment until their ends are written.
pub(crate) async fn end(jobs: &Jobs, reason: Reason) {
    jobs.stop_all(reason);
    let until = Instant::now() + LAST_WORDS;
    while jobs.count() > 0 && Instant::now() < until {
        sleep(GLANCE).await;
    }
    if jobs.count() > 0 {
        eprintln!("muster-shim: {} commands did not end in time", jobs.count());
    }
}
