use aws_sdk_s3::{
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    presigning::PresigningConfigError,
    primitives::ByteStreamError,
};

/// Why the object store did not do what was asked. The key is not part of the text; callers know it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no such object")]
    NotFound,
    #[error("there is no such bucket")]
    NoBucket,
    #[error("the object store refused the credentials or the permission ({0})")]
    Denied(String),
    /// A condition of the request did not hold: somebody else was first.
    #[error("the object changed or exists already")]
    Precondition,
    #[error("the object store has no room left")]
    Full,
    #[error("the object store does not answer: {0}")]
    Unreachable(String),
    /// The store answered with an error of its own.
    #[error("the object store failed with {code}: {message}")]
    Failed { code: String, message: String },
    #[error("the object broke off while it was read: {0}")]
    Body(#[from] ByteStreamError),
    #[error("an address cannot be signed for that long: {0}")]
    Presign(#[from] PresigningConfigError),
}

/// Which step of [`crate::Store::check`] failed.
#[derive(Debug, thiserror::Error)]
#[error("{step} failed: {error}")]
pub struct CheckError {
    /// `reaching the bucket`, `writing`, `reading`, `comparing` or `deleting a test object`.
    pub step: &'static str,
    #[source]
    pub error: StoreError,
}

impl<E> From<SdkError<E>> for StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let SdkError::ServiceError(service) = &error else {
            return Self::Unreachable(DisplayErrorContext(&error).to_string());
        };
        let meta = service.err().meta();
        let code = meta.code().unwrap_or_default().to_owned();
        match (code.as_str(), status) {
            ("NoSuchBucket", _) => Self::NoBucket,
            ("NoSuchKey" | "NotFound" | "NoSuchUpload", _) | (_, Some(404)) => Self::NotFound,
            (_, Some(401 | 403)) => Self::Denied(code),
            (_, Some(412)) => Self::Precondition,
            (_, Some(507)) => Self::Full,
            _ => Self::Failed { code, message: meta.message().unwrap_or_default().to_owned() },
        }
    }
}
