use artifacts::{Store, StoreSettings};
use aws_sdk_s3::{Client, Config, config};

pub(crate) const ACCESS_KEY: &str = "tests";
pub(crate) const SECRET: &str = "a secret of tests";
pub(crate) const REGION: &str = "local";

/// A server of either kind as its clients see it, and a bucket that a test has to itself.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) bucket: String,
    /// Whether it is the embedded endpoint, which is also held to the few answers of Amazon's that `SeaweedFS` 4.48 gives
    /// otherwise. Each place that asks says which.
    pub(crate) ours: bool,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn settings(&self, secret: &str) -> StoreSettings {
        StoreSettings {
            endpoint: Some(self.url()),
            public_endpoint: None,
            region: REGION.into(),
            bucket: self.bucket.clone(),
            access_key: ACCESS_KEY.into(),
            secret_key: secret.into(),
            path_style: true,
        }
    }

    /// A store whose bucket exists.
    pub(crate) async fn store(&self) -> Store {
        let store = Store::new(&self.settings(SECRET));
        store.ensure_bucket().await.unwrap();
        store
    }

    /// The SDK as Amazon ships it, with the checksums it adds by itself; the bucket exists.
    pub(crate) async fn sdk(&self) -> Client {
        self.store().await;
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = Config::builder()
            .behavior_version(config::BehaviorVersion::latest())
            .http_client(http)
            .region(config::Region::new(REGION))
            .credentials_provider(config::Credentials::new(ACCESS_KEY, SECRET, None, None, "tests"))
            .endpoint_url(self.url())
            .force_path_style(true)
            .retry_config(config::retry::RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }
}
