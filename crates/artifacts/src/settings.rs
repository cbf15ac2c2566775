use std::{fmt, time::Duration};

use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From sending the request to the first byte of the answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// One try and two more.
const MAX_ATTEMPTS: u32 = 3;

/// Where the objects are kept.
#[derive(Clone)]
pub struct StoreSettings {
    /// `None` for Amazon's own endpoint of the region.
    pub endpoint: Option<String>,
    /// Where browsers reach the same endpoint, when that differs: presigned addresses begin with it.
    pub public_endpoint: Option<String>,
    pub region: String,
    pub bucket: String,
    pub access_key: String,
    pub secret_key: String,
    /// `https://host/bucket/key` instead of `https://bucket.host/key`; most servers other than Amazon's need it.
    pub path_style: bool,
}

impl StoreSettings {
    pub(crate) fn client(&self) -> Client {
        self.client_at(self.endpoint.as_deref())
    }

    pub(crate) fn presigning_client(&self) -> Client {
        self.client_at(self.public_endpoint.as_deref().or(self.endpoint.as_deref()))
    }

    fn client_at(&self, endpoint: Option<&str>) -> Client {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let credentials = Credentials::new(&self.access_key, &self.secret_key, None, None, "settings");
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(self.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(self.path_style)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            // Servers older than 2025 refuse the checksums that newer clients add unasked.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        config.set_endpoint_url(endpoint.map(str::to_owned));
        Client::from_conf(config.build())
    }
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSettings")
            .field("endpoint", &self.endpoint)
            .field("public_endpoint", &self.public_endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .field("path_style", &self.path_style)
            .finish_non_exhaustive()
    }
}
