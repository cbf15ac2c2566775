use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Message, OutboxError, SendError, compose::recipient};

/// Older mails are deleted as new ones come.
const KEPT: usize = 200;
const SUFFIX: &str = "json";

/// A folder of mails that were not sent, for development without a mail server.
///
/// One file per mail, so that it survives a restart and several processes may share it. The files hold codes and links that
/// sign people in: folder and files can be read by their owner only.
#[derive(Clone, Debug)]
pub struct Outbox {
    folder: PathBuf,
}

/// A mail in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// A version 7 UUID: mails sort by it in the order they came.
    pub id: Uuid,
    #[serde(flatten)]
    pub message: Message,
}

impl Kept {
    /// When the mail came, to the millisecond.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.id.get_timestamp().map_or(UNIX_EPOCH, |stamp| {
            let (seconds, nanoseconds) = stamp.to_unix();
            UNIX_EPOCH + Duration::new(seconds, nanoseconds)
        })
    }
}

impl Outbox {
    /// Opens the folder, and makes it if it does not exist.
    ///
    /// # Errors
    ///
    /// When it cannot be made or read.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, OutboxError> {
        let outbox = Self { folder: folder.into() };
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&outbox.folder);
        made.and_then(|()| ids(&outbox.folder)).map_err(|error| outbox.error(error))?;
        Ok(outbox)
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The kept mails, newest first.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read. A single file that cannot is left out, with a warning in the log.
    pub async fn list(&self) -> Result<Vec<Kept>, OutboxError> {
        self.with_folder(|folder| Ok(ids(folder)?.into_iter().rev().filter_map(|id| read(folder, id)).collect())).await
    }

    /// The newest mail to this address, whose case does not matter.
    ///
    /// # Errors
    ///
    /// As [`Outbox::list`].
    pub async fn latest_for(&self, address: &str) -> Result<Option<Kept>, OutboxError> {
        let address = address.to_owned();
        self.with_folder(move |folder| {
            let newest_first = ids(folder)?.into_iter().rev();
            let mut kept = newest_first.filter_map(|id| read(folder, id));
            Ok(kept.find(|kept| kept.message.to.eq_ignore_ascii_case(&address)))
        })
        .await
    }

    pub(crate) async fn keep(&self, message: Message) -> Result<(), SendError> {
        // What SMTP would refuse is refused here too, so that development shows it.
        recipient(&message)?;
        let kept = Kept { id: Uuid::now_v7(), message };
        let json = serde_json::to_vec_pretty(&kept).map_err(OutboxError::Json)?;
        self.with_folder(move |folder| {
            write(folder, kept.id, &json)?;
            prune(folder)
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn check(&self) -> Result<(), OutboxError> {
        self.with_folder(|folder| {
            let probe = folder.join(format!(".{}.probe", Uuid::now_v7()));
            create(&probe, b"probe")?;
            fs::remove_file(&probe)
        })
        .await
    }

    async fn with_folder<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || work(&folder)).await?.map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> OutboxError {
        OutboxError::Folder { path: self.folder.clone(), error }
    }
}

fn path(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!("{id}.{SUFFIX}"))
}

/// The mails in the folder, oldest first.
fn ids(folder: &Path) -> io::Result<Vec<Uuid>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = PathBuf::from(entry?.file_name());
        let is_mail = path.extension().is_some_and(|extension| extension == SUFFIX);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        ids.extend(stem.filter(|_| is_mail).and_then(|stem| stem.parse::<Uuid>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

fn read(folder: &Path, id: Uuid) -> Option<Kept> {
    let path = path(folder, id);
    let text = match fs::read(&path) {
        Ok(text) => text,
        // Another process made room just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "left a mail of the outbox out: it cannot be read");
            return None;
        }
    };
    serde_json::from_slice(&text)
        .inspect_err(
            |error| tracing::warn!(path = %path.display(), %error, "left a mail of the outbox out: it is not a mail"),
        )
        .ok()
}

/// Under a name that is no mail's until it is whole, so that readers never see half of one.
fn write(folder: &Path, id: Uuid, json: &[u8]) -> io::Result<()> {
    let half = folder.join(format!(".{id}.half"));
    create(&half, json)?;
    fs::rename(&half, path(folder, id))
}

fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

fn prune(folder: &Path) -> io::Result<()> {
    let ids = ids(folder)?;
    for id in &ids[..ids.len().saturating_sub(KEPT)] {
        match fs::remove_file(path(folder, *id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn message(to: &str, subject: &str) -> Message {
        Message { to: to.into(), subject: subject.into(), text: "Your code is 123456.".into(), html: None }
    }

    #[tokio::test]
    async fn mails_survive_and_the_newest_comes_first() {
        let place = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(place.path().join("mail")).unwrap();
        outbox.check().await.unwrap();
        for (to, subject) in [("ada@example.org", "first"), ("bob@example.org", "second"), ("Ada@Example.org", "third")]
        {
            outbox.keep(message(to, subject)).await.unwrap();
        }
        let again = Outbox::open(place.path().join("mail")).unwrap();
        let subjects: Vec<_> = again.list().await.unwrap().into_iter().map(|kept| kept.message.subject).collect();
        assert_eq!(subjects, ["third", "second", "first"]);
        assert_eq!(again.latest_for("ADA@example.org").await.unwrap().unwrap().message.subject, "third");
        assert_eq!(again.latest_for("eve@example.org").await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_the_owner_may_read_and_a_broken_file_hides_no_other() {
        let place = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(place.path().join("mail")).unwrap();
        outbox.keep(message("ada@example.org", "whole")).await.unwrap();
        fs::write(path(outbox.folder(), Uuid::now_v7()), b"{ half a ma").unwrap();
        fs::write(outbox.folder().join("notes.txt"), b"not a mail").unwrap();
        let listed = outbox.list().await.unwrap();
        assert_eq!(listed.len(), 1);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(outbox.folder()), 0o700);
        assert_eq!(mode(&path(outbox.folder(), listed[0].id)), 0o600);
    }

    #[tokio::test]
    async fn old_mails_make_room() {
        let place = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(place.path()).unwrap();
        for number in 0..KEPT + 3 {
            outbox.keep(message("ada@example.org", &format!("number {number}"))).await.unwrap();
        }
        let listed = outbox.list().await.unwrap();
        assert_eq!(listed.len(), KEPT);
        assert_eq!(listed.last().unwrap().message.subject, "number 3");
    }

    #[tokio::test]
    async fn what_a_server_would_refuse_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(place.path()).unwrap();
        assert!(outbox.keep(message("nobody", "Hi")).await.unwrap_err().is_permanent());
        assert!(outbox.keep(message("ada@example.org", "a\nb")).await.unwrap_err().is_permanent());
        assert!(outbox.list().await.unwrap().is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = Outbox::open(file.join("mail")).unwrap_err().to_string();
        assert!(error.contains("file/mail"), "{error}");
    }
}
