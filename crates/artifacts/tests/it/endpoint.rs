use std::{path::Path, sync::Arc};

use artifacts::{
    Store, StoreSettings,
    embedded::{Credentials, Embedded, Limits},
};
use aws_sdk_s3::Client;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::server::{ACCESS_KEY, SECRET, Server};

pub(crate) const BUCKET: &str = "harbour";

pub(crate) const LIMITS: Limits = Limits { max_object_bytes: 64 << 20, min_free_bytes: 0 };

/// An endpoint on a free port of this machine, in a folder that goes away with it.
pub(crate) struct Endpoint {
    pub(crate) folder: Arc<TempDir>,
    pub(crate) embedded: Arc<Embedded>,
    pub(crate) port: u16,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

pub(crate) fn credentials() -> Credentials {
    Credentials { access_key: ACCESS_KEY.into(), secret_key: SECRET.into() }
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), LIMITS).await
    }

    pub(crate) async fn start_in(folder: Arc<TempDir>, limits: Limits) -> Self {
        let embedded = Arc::new(Embedded::open(folder.path(), &credentials(), limits).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn({
            let (embedded, shutdown) = (Arc::clone(&embedded), shutdown.clone());
            async move { embedded.serve(listener, shutdown).await }
        });
        Self { folder, embedded, port, shutdown, serving }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Stops, and gives the folder back for another start.
    pub(crate) async fn stop(self) -> Arc<TempDir> {
        self.shutdown.cancel();
        self.serving.await.unwrap();
        self.folder
    }

    /// As a client sees it.
    pub(crate) fn server(&self) -> Server {
        Server { port: self.port, bucket: BUCKET.into(), ours: true }
    }

    pub(crate) fn settings(&self, secret: &str) -> StoreSettings {
        self.server().settings(secret)
    }

    /// A store whose bucket exists.
    pub(crate) async fn store(&self) -> Store {
        self.server().store().await
    }

    /// See [`Server::sdk`].
    pub(crate) async fn sdk(&self) -> Client {
        self.server().sdk().await
    }
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The file that holds an object's bytes: the only one of this size.
pub(crate) fn data_file(folder: &Path, size: usize) -> std::path::PathBuf {
    let mut found = files(&folder.join("buckets"));
    found.retain(|path| path.extension().is_none_or(|extension| extension != "json"));
    found.retain(|path| std::fs::metadata(path).unwrap().len() == size as u64);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}
