use std::{collections::HashMap, time::Duration};

use s3s::{
    S3Result,
    dto::{ETag, ETagCondition, Timestamp},
    s3_error,
};
use serde::{Deserialize, Serialize};

/// What stands beside the bytes of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) key: String,
    /// The file in the same folder that holds the bytes.
    pub(crate) data: String,
    pub(crate) size: u64,
    /// Without quotes: MD5 in hex, or MD5 of the parts' MD5s and a count, as S3 makes them.
    pub(crate) etag: String,
    pub(crate) sha256: String,
    /// Milliseconds since 1970.
    pub(crate) modified: u64,
    #[serde(flatten)]
    pub(crate) headers: Headers,
}

/// What the writer said about an object, given back with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Headers {
    pub(crate) content_type: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    #[serde(default)]
    pub(crate) user: HashMap<String, String>,
}

/// What must hold of the object that is there now for a write to go ahead (RFC 9110, section 13.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
}

impl Meta {
    pub(crate) fn e_tag(&self) -> ETag {
        ETag::Strong(self.etag.clone())
    }

    pub(crate) fn last_modified(&self) -> Timestamp {
        timestamp(self.modified)
    }

    fn fits(&self, condition: &ETagCondition) -> bool {
        condition.as_etag().is_none_or(|etag| etag.value() == self.etag)
    }
}

impl Conditions {
    pub(crate) fn allow_write(&self, current: Option<&Meta>) -> S3Result<()> {
        match (&self.if_match, current) {
            (Some(_), None) => return Err(s3_error!(NoSuchKey)),
            (Some(condition), Some(meta)) if !meta.fits(condition) => return Err(s3_error!(PreconditionFailed)),
            _ => {}
        }
        match (&self.if_none_match, current) {
            (Some(condition), Some(meta)) if meta.fits(condition) => Err(s3_error!(PreconditionFailed)),
            _ => Ok(()),
        }
    }

    pub(crate) fn allow_read(&self, meta: &Meta) -> S3Result<()> {
        if self.if_match.as_ref().is_some_and(|condition| !meta.fits(condition)) {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.if_none_match.as_ref().is_some_and(|condition| meta.fits(condition)) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

pub(crate) fn timestamp(milliseconds: u64) -> Timestamp {
    (std::time::UNIX_EPOCH + Duration::from_millis(milliseconds)).into()
}
