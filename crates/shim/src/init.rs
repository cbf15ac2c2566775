//! `muster-shim init`: the life of a sandbox.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use crate::{
    forward,
    jobs::{Jobs, is_first},
    protocol::{CONTROL, Reason, Start},
    serve::{self, Server},
    throttle,
    watch::{self, Disk},
};

pub(crate) fn main(start: &str) -> io::Result<()> {
    let start: Start = serde_json::from_str(start)?;
    if is_first() {
        // Commands run as the same user; they must not look into this process.
        nix::sys::prctl::set_dumpable(false)?;
    }
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().thread_keep_alive(LASTING).build()?.block_on(keep(start))
}

/// How long the thread for what blocks is kept: longer than any sandbox lives. Commands may leave no room for another, and the
/// runtime panics where it has none, which would end the sandbox.
const LASTING: Duration = Duration::from_secs(1 << 32);

/// Until the wall time is over, or somebody says SIGTERM.
async fn keep(start: Start) -> io::Result<()> {
    let begun = Instant::now();
    // The one thread that is kept begins before any command does.
    tokio::task::spawn_blocking(|| ()).await?;
    let mut children = signal(SignalKind::child())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let jobs = Arc::new(Jobs::open(start.clone(), std::env::current_exe()?)?);
    let disk = Arc::new(Disk::default());
    for forward in &start.forwards {
        forward::listen(forward.port, start.folder.join(&forward.socket)).await?;
    }
    let listener = serve::open(&start.folder.join(CONTROL))?;
    let server = Arc::new(Server { jobs: Arc::clone(&jobs), disk: Arc::clone(&disk), begun });
    let mut serving = tokio::spawn(server.run(listener));
    tokio::spawn(watch::processes(start.clone(), Arc::clone(&jobs)));
    tokio::spawn(throttle::processors(start.clone(), Arc::clone(&jobs)));
    tokio::spawn(watch::disk(start.clone(), Arc::clone(&jobs), disk));
    let reaping = Arc::clone(&jobs);
    tokio::spawn(async move {
        while children.recv().await.is_some() {
            reaping.reaper.reap();
        }
    });
    tokio::select! {
        () = watch::wall(Duration::from_millis(start.wall_ms)) => watch::end(&jobs, Reason::LimitReached).await,
        _ = terminate.recv() => watch::end(&jobs, Reason::Killed).await,
        served = &mut serving => served??,
    }
    Ok(())
}
