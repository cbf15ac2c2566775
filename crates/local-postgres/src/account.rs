use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User};

use crate::error::{At, StartError};

/// Who runs the server: ourselves, or an unprivileged user when we are root, as PostgreSQL refuses to run as root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    uid: Uid,
    gid: Gid,
    lowered: bool,
}

impl Account {
    /// Data that already belongs to an ordinary user stays with that user, so that root and the user can take turns.
    pub(crate) fn choose(data: &Path) -> Result<Self, StartError> {
        let me = Uid::effective();
        let owner = fs::symlink_metadata(data).ok().map(|meta| (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid())));
        if !me.is_root() {
            return match owner {
                Some((uid, _)) if uid != me => {
                    Err(StartError::OtherOwner { folder: data.to_path_buf(), owner: name(uid), you: name(me) })
                }
                _ => Ok(Self { uid: me, gid: Gid::effective(), lowered: false }),
            };
        }
        if let Some((uid, gid)) = owner
            && !uid.is_root()
        {
            return Ok(Self { uid, gid, lowered: true });
        }
        let user = ["postgres", "nobody"].iter().find_map(|name| User::from_name(name).ok().flatten());
        user.map(|user| Self { uid: user.uid, gid: user.gid, lowered: true }).ok_or(StartError::NoAccount)
    }

    /// A command run as this account, away from our working folder (the account may not be allowed to see it).
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC");
        if self.lowered {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        command
    }

    /// Asks as the account itself, so that access lists and mount options count too.
    pub(crate) fn can_enter(&self, folder: &Path) -> Result<bool, StartError> {
        if !self.lowered {
            return Ok(true);
        }
        let status = self.command("/bin/sh").args(["-c", "test -x \"$1\"", "sh"]).arg(folder).status();
        Ok(status.at("check as another user the folder", folder)?.success())
    }

    /// Gives a file or a whole folder to the account; links are not followed.
    pub(crate) fn own(&self, path: &Path) -> Result<(), StartError> {
        if !self.lowered {
            return Ok(());
        }
        let meta = fs::symlink_metadata(path).at("look at", path)?;
        if meta.is_symlink() {
            return Ok(());
        }
        if meta.uid() != self.uid.as_raw() {
            chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw())).at("change the owner of", path)?;
        }
        if meta.is_dir() {
            for entry in fs::read_dir(path).at("read", path)? {
                self.own(&entry.at("read", path)?.path())?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&name(self.uid))
    }
}

fn name(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| format!("number {uid}"), |user| user.name)
}
