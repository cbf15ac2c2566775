use std::time::{Duration, SystemTime};

use aws_sdk_s3::{Client, error::SdkError, presigning::PresigningConfig, primitives::ByteStream};
use uuid::Uuid;

use crate::{CheckError, StoreError, StoreSettings};

/// The longest time a presigned address may hold; longer wishes are cut to it.
pub const MAX_PRESIGNED: Duration = Duration::from_mins(5);

/// One bucket of an object store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    presigning: Client,
    bucket: String,
}

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// `None` in listings.
    pub content_type: Option<String>,
    pub modified: Option<SystemTime>,
}

/// An object and its bytes, which are read as they are asked for.
#[derive(Debug)]
pub struct Found {
    pub entry: Entry,
    pub body: ByteStream,
}

/// Part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// What to ask the next page with; `None` on the last.
    pub next: Option<String>,
}

/// An address that takes one upload, and the headers that must be sent with it exactly so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutUrl {
    pub url: String,
    pub headers: Vec<(String, String)>,
}

impl Store {
    #[must_use]
    pub fn new(settings: &StoreSettings) -> Self {
        Self { client: settings.client(), presigning: settings.presigning_client(), bucket: settings.bucket.clone() }
    }

    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Makes the bucket unless it exists.
    ///
    /// # Errors
    ///
    /// When the store does not answer or does not allow it.
    pub async fn ensure_bucket(&self) -> Result<(), StoreError> {
        let found: Result<_, StoreError> =
            self.client.head_bucket().bucket(&self.bucket).send().await.map_err(Into::into);
        match found {
            Ok(_) => return Ok(()),
            Err(StoreError::NotFound | StoreError::NoBucket) => {}
            Err(error) => return Err(error),
        }
        match self.client.create_bucket().bucket(&self.bucket).send().await {
            // Another process was first.
            Err(SdkError::ServiceError(error)) if error.err().is_bucket_already_owned_by_you() => Ok(()),
            result => Ok(result.map(drop)?),
        }
    }

    /// Writes an object, replacing what was there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] when there is no room; otherwise as the store says.
    pub async fn put(&self, key: &str, content_type: &str, body: impl Into<ByteStream>) -> Result<(), StoreError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        request.content_type(content_type).body(body.into()).send().await?;
        Ok(())
    }

    /// Opens an object for reading.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn get(&self, key: &str) -> Result<Found, StoreError> {
        let got = self.client.get_object().bucket(&self.bucket).key(key).send().await?;
        let entry = Entry {
            key: key.to_owned(),
            size: size(got.content_length),
            content_type: got.content_type,
            modified: got.last_modified.and_then(|time| time.try_into().ok()),
        };
        Ok(Found { entry, body: got.body })
    }

    /// # Errors
    ///
    /// [`StoreError::NotFound`] when there is none.
    pub async fn head(&self, key: &str) -> Result<Entry, StoreError> {
        let got = self.client.head_object().bucket(&self.bucket).key(key).send().await?;
        Ok(Entry {
            key: key.to_owned(),
            size: size(got.content_length),
            content_type: got.content_type,
            modified: got.last_modified.and_then(|time| time.try_into().ok()),
        })
    }

    /// Deletes an object; one that does not exist is no error.
    ///
    /// # Errors
    ///
    /// As the store says.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.client.delete_object().bucket(&self.bucket).key(key).send().await?;
        Ok(())
    }

    /// Up to a thousand objects whose keys begin with `prefix`, in the order of their keys.
    ///
    /// # Errors
    ///
    /// As the store says.
    pub async fn list(&self, prefix: &str, from: Option<&str>) -> Result<Page, StoreError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let got = request.set_continuation_token(from.map(str::to_owned)).send().await?;
        let entries = got.contents.unwrap_or_default().into_iter().map(|object| Entry {
            key: object.key.unwrap_or_default(),
            size: size(object.size),
            content_type: None,
            modified: object.last_modified.and_then(|time| time.try_into().ok()),
        });
        Ok(Page { entries: entries.collect(), next: got.next_continuation_token })
    }

    /// An address that downloads one object, always as a file of this name and never shown in the browser.
    ///
    /// # Errors
    ///
    /// When signing fails.
    pub async fn presign_get(&self, key: &str, file_name: &str, valid: Duration) -> Result<String, StoreError> {
        let request = self.presigning.get_object().bucket(&self.bucket).key(key);
        let request = request.response_content_disposition(attachment(file_name));
        Ok(request.presigned(presigning(valid)?).await?.uri().to_owned())
    }

    /// An address that takes one upload of exactly this type and length.
    ///
    /// # Errors
    ///
    /// When signing fails.
    pub async fn presign_put(
        &self,
        key: &str,
        content_type: &str,
        bytes: u64,
        valid: Duration,
    ) -> Result<PutUrl, StoreError> {
        let request = self.presigning.put_object().bucket(&self.bucket).key(key);
        let length = i64::try_from(bytes).unwrap_or(i64::MAX);
        let signed = request.content_type(content_type).content_length(length).presigned(presigning(valid)?).await?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(PutUrl { url: signed.uri().to_owned(), headers })
    }

    /// Writes, reads and deletes a small object, so that a doctor can say which of them fails.
    ///
    /// # Errors
    ///
    /// The first step that failed.
    pub async fn check(&self) -> Result<(), CheckError> {
        let at = |step| move |error| CheckError { step, error };
        let key = format!("check/{}", Uuid::now_v7());
        let reached = self.client.head_bucket().bucket(&self.bucket).send().await;
        reached.map_err(|error| at("reaching the bucket")(error.into()))?;
        self.put(&key, "text/plain", key.clone().into_bytes()).await.map_err(at("writing a test object"))?;
        let found = self.get(&key).await.map_err(at("reading a test object"))?;
        let read = found.body.collect().await.map_err(|error| at("reading a test object")(error.into()))?;
        if read.into_bytes() != key.as_bytes() {
            let message = "it holds other bytes than were written".to_owned();
            return Err(at("comparing a test object")(StoreError::Failed { code: "Different".to_owned(), message }));
        }
        self.delete(&key).await.map_err(at("deleting a test object"))
    }
}

/// A size that is missing or negative is no size; stores send neither.
fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default()
}

fn presigning(valid: Duration) -> Result<PresigningConfig, StoreError> {
    Ok(PresigningConfig::expires_in(valid.min(MAX_PRESIGNED))?)
}

/// RFC 6266, with the name in the form of RFC 8187: nothing in it can end the header or name a folder.
fn attachment(file_name: &str) -> String {
    let mut header = "attachment; filename*=UTF-8''".to_owned();
    for byte in file_name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            header.push(char::from(byte));
        } else {
            header.push_str(&format!("%{byte:02X}"));
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_cannot_leave_their_header() {
        assert_eq!(attachment("report 1.pdf"), "attachment; filename*=UTF-8''report%201.pdf");
        assert_eq!(attachment("a\"\r\nX: y"), "attachment; filename*=UTF-8''a%22%0D%0AX%3A%20y");
        assert_eq!(attachment("../é"), "attachment; filename*=UTF-8''..%2F%C3%A9");
    }
}
