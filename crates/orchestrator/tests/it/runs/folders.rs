//! Hearing of files that come and go, so that a test waits for them and not for a while.

use std::{
    fs::{self, File},
    os::{fd::OwnedFd, unix::fs::FileTypeExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::{
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::{Errno, read, retry_on_intr},
};
use tokio::sync::{mpsc, oneshot};

/// Hears of what comes into folders and of what goes. One that comes and goes itself stands in another of them.
pub(super) struct Folders {
    folders: Vec<PathBuf>,
    watch: Arc<OwnedFd>,
    heard: mpsc::Receiver<()>,
}

impl Folders {
    pub(super) fn new(folders: Vec<PathBuf>) -> Self {
        let watch = Arc::new(inotify::init(CreateFlags::CLOEXEC).expect("inotify"));
        let (tell, heard) = mpsc::channel(1);
        let told = Arc::clone(&watch);
        // A thread outside of the runtime, whose end would wait for it: this one ends with an event after its watcher is gone,
        // at the latest when the folders are removed. Tokio waits for such a descriptor only with unsafe code.
        thread::spawn(move || {
            let mut events = [0_u8; 4096];
            loop {
                // Which events came does not matter: whoever waits looks for himself.
                let came = retry_on_intr(|| read(&*told, &mut events));
                if came.is_err() || tell.blocking_send(()).is_err() {
                    return;
                }
            }
        });
        Self { folders, watch, heard }
    }

    /// Looks at once, and again after each change, until it is as wanted.
    pub(super) async fn until(&mut self, mut wanted: impl AsyncFnMut() -> bool) {
        loop {
            // Before each look, so that nothing falls between: a folder may have come with the last change.
            self.watch_all();
            if wanted().await {
                return;
            }
            self.heard.recv().await.expect("inotify");
        }
    }

    fn watch_all(&self) {
        let changes = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE | WatchFlags::ONLYDIR;
        for folder in &self.folders {
            match inotify::add_watch(&*self.watch, folder.as_path(), changes) {
                // One that is not there yet is seen when it comes into the one that it stands in.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(error) => panic!("{}: {error}", folder.display()),
            }
        }
    }
}

/// Returns once there is a named pipe in a workspace.
pub(super) async fn comes(pipe: &Path) {
    // The workspace, the folder of workspaces, and the node's own, which is there from the beginning.
    let above = pipe.ancestors().skip(1).take(3).map(Path::to_path_buf).collect();
    Folders::new(above).until(async || fs::metadata(pipe).is_ok_and(|found| found.file_type().is_fifo())).await;
}

/// Lets whoever reads from the pipe go on, once somebody does.
pub(super) async fn open(pipe: PathBuf) {
    let opened = async {
        comes(&pipe).await;
        let (opened, heard) = oneshot::channel();
        // Opening waits for the reader, and cannot be given up: also outside of the runtime, so that a test can fail.
        thread::spawn(move || opened.send(File::options().write(true).open(pipe)));
        heard.await.expect("a thread").expect("a pipe")
    };
    drop(tokio::time::timeout(Duration::from_secs(60), opened).await.expect("it waits"));
}
