//! From settings to an object store: a given endpoint, or an embedded one that is started.

use std::{fs, io, sync::Arc, time::Duration};

use artifacts::{
    Store, StoreSettings,
    embedded::{Credentials, Embedded, Limits, OpenError},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use crate::{
    config::Config,
    data::{DataFolder, LEAST_FREE},
    keys::RootSecret,
    trouble::{Trouble, chain},
};

/// The embedded endpoint's one access key. Its secret is derived.
const ACCESS_KEY: &str = "muster";
/// Where a running endpoint writes its address, for the doctor.
const ADDRESS_FILE: &str = "objects.address";

/// How often abandoned uploads are looked for, and how old one must be.
const SWEEP: Duration = Duration::from_hours(1);
const ABANDONED: Duration = Duration::from_hours(24);

/// The store, and the endpoint behind it when that is ours.
pub(crate) struct ObjectStore {
    store: Store,
    endpoint: String,
    embedded: Option<Running>,
}

struct Running {
    endpoint: Arc<Embedded>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl ObjectStore {
    /// Opens the store and makes sure that its bucket exists.
    pub(crate) async fn open(config: &Config, data: &DataFolder, root: &RootSecret) -> Result<Self, Trouble> {
        let opened = match &config.objects.endpoint {
            Some(endpoint) => Self::given(config, endpoint)?,
            None => Self::start(config, data, root).await?,
        };
        opened.store.ensure_bucket().await.map_err(|error| {
            let what =
                format!("The object store at {} does not answer as it should: {}.", opened.endpoint, chain(&error));
            Trouble::new(what, "Check objects.endpoint, the bucket and the keys; `muster doctor` says more.")
        })?;
        Ok(opened)
    }

    /// As [`open`](Self::open), without touching the bucket; uses the endpoint of a running server when there is one.
    pub(crate) async fn visit(config: &Config, data: &DataFolder, root: &RootSecret) -> Result<Self, Trouble> {
        if let Some(endpoint) = &config.objects.endpoint {
            return Self::given(config, endpoint);
        }
        // A folder that can be claimed has no running server, and a leftover address in it means nothing.
        match (data.claim(), fs::read_to_string(data.join(ADDRESS_FILE))) {
            (Err(_), Ok(address)) if !address.is_empty() => Self::at(config, root, address, None),
            _ => Self::open(config, data, root).await,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn describe(&self) -> String {
        match &self.embedded {
            Some(_) => format!("embedded S3 endpoint at {}, bucket {}", self.endpoint, self.store.bucket()),
            None => format!("{}, bucket {}", self.endpoint, self.store.bucket()),
        }
    }

    /// A job that deletes uploads in parts which nobody completed. `None` for a store of others, which has rules of its own.
    pub(crate) fn sweeper(&self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let endpoint = Arc::downgrade(&self.embedded.as_ref()?.endpoint);
        Some(async move {
            let mut hours = tokio::time::interval(SWEEP);
            loop {
                hours.tick().await;
                let Some(endpoint) = endpoint.upgrade() else { return };
                match tokio::task::spawn_blocking(move || endpoint.sweep_uploads(ABANDONED)).await {
                    Ok(swept) => note_swept(swept),
                    Err(error) => tracing::error!(%error, "sweeping abandoned uploads ended badly"),
                }
            }
        })
    }

    /// Ends an embedded endpoint; requests in flight may finish.
    pub(crate) async fn close(mut self, data: &DataFolder) -> Result<(), Trouble> {
        let Some(running) = &mut self.embedded else { return Ok(()) };
        running.stop.cancel();
        let failed = |what: String| Trouble::new(what, "The next start repairs what is needed.");
        (&mut running.task).await.map_err(|error| failed(format!("The object store ended badly: {error}.")))?;
        fs::write(data.join(ADDRESS_FILE), "")
            .map_err(|error| failed(format!("{ADDRESS_FILE} cannot be written: {error}.")))
    }

    fn given(config: &Config, endpoint: &Url) -> Result<Self, Trouble> {
        let (Some(access_key), Some(secret_key)) = (&config.objects.access_key, &config.objects.secret_key) else {
            return Err(Trouble::new(
                "The object store has no keys.",
                "Set objects.access_key and objects.secret_key.",
            ));
        };
        let amazon = matches!(endpoint.host(), Some(Host::Domain(name)) if name.ends_with(".amazonaws.com"));
        let endpoint = endpoint.as_str().trim_end_matches('/').to_owned();
        let settings = StoreSettings {
            endpoint: Some(endpoint.clone()),
            public_endpoint: None,
            region: config.objects.region.clone(),
            bucket: config.objects.bucket.clone(),
            access_key: access_key.clone(),
            secret_key: secret_key.expose().to_owned(),
            path_style: !amazon,
        };
        Ok(Self { store: Store::new(&settings), endpoint, embedded: None })
    }

    async fn start(config: &Config, data: &DataFolder, root: &RootSecret) -> Result<Self, Trouble> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            let way_out = "Or use your own: S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY.";
            Trouble::new(format!("The embedded object store did not start: {}.", chain(error)), way_out)
        };
        let credentials = Credentials { access_key: ACCESS_KEY.to_owned(), secret_key: root.password("object store")? };
        let folder = data.join("objects");
        let limits = Limits { min_free_bytes: LEAST_FREE, ..Limits::default() };
        let opened = tokio::task::spawn_blocking(move || Embedded::open(&folder, &credentials, limits)).await;
        let embedded = opened.map_err(|error| failed(&error))?.map_err(|error: OpenError| failed(&error))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        let endpoint = format!("http://{address}");
        fs::write(data.join(ADDRESS_FILE), &endpoint).map_err(|error| failed(&error))?;
        let stop = CancellationToken::new();
        let (serving, stopped) = (Arc::new(embedded), stop.clone());
        let running = Arc::clone(&serving);
        let task = tokio::spawn(async move { serving.serve(listener, stopped).await });
        Self::at(config, root, endpoint, Some(Running { endpoint: running, stop, task }))
    }

    fn at(config: &Config, root: &RootSecret, endpoint: String, embedded: Option<Running>) -> Result<Self, Trouble> {
        let settings = StoreSettings {
            endpoint: Some(endpoint.clone()),
            public_endpoint: None,
            region: config.objects.region.clone(),
            bucket: config.objects.bucket.clone(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: root.password("object store")?,
            path_style: true,
        };
        Ok(Self { store: Store::new(&settings), endpoint, embedded })
    }
}

fn note_swept(swept: io::Result<usize>) {
    match swept {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "deleted uploads that were never completed"),
        Err(error) => tracing::error!(%error, "abandoned uploads could not be deleted"),
    }
}
