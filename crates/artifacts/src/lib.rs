//! Files that are too large for the database: a client for any S3 endpoint, and an endpoint for one machine.

pub mod embedded;
mod error;
mod settings;
mod store;

pub use aws_sdk_s3::primitives::ByteStream;
pub use error::{CheckError, StoreError};
pub use settings::StoreSettings;
pub use store::{Entry, Found, MAX_PRESIGNED, Page, PutUrl, Store};
