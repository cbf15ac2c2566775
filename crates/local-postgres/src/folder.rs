use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

use crate::account::Account;
use crate::error::{At, StartError};

const NEEDED_MB: u64 = 500;

/// Everything that belongs to one cluster, in one folder: `data`, `password`, `port`, `lock`.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder, or moves it under `shelter` (leaving a link) when the account cannot reach it.
    pub(crate) fn open(wanted: &Path, shelter: &Path, notes: &mut Vec<String>) -> Result<(Self, Account), StartError> {
        match fs::metadata(wanted) {
            Ok(meta) if !meta.is_dir() => return Err(StartError::NotAFolder(wanted.to_path_buf())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => repair_link_or_make(wanted)?,
            Err(source) => return Err(StartError::Io { doing: "look at", path: wanted.to_path_buf(), source }),
        }
        let root = fs::canonicalize(wanted).at("find", wanted)?;
        let account = Account::choose(&root.join("data"))?;
        if account.can_enter(&root)? {
            return Ok((Self { root }, account));
        }
        let sheltered = move_to_shelter(&root, shelter, notes)?;
        notes.push(format!(
            "The database runs as the user {account}, who cannot enter {}; its files are in {} and a link points there.",
            root.display(),
            sheltered.display()
        ));
        Ok((Self { root: sheltered }, account))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn check_disk(&self) -> Result<(), StartError> {
        let stat = statvfs(&self.root).at("measure the disk of", &self.root)?;
        enough(stat.blocks_available() as u64 * stat.fragment_size() as u64, &self.root)
    }

    /// The lock that the owning process holds for its life. `None`: another living process has it.
    pub(crate) fn try_lock(&self) -> Result<Option<File>, StartError> {
        let path = self.root.join("lock");
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).at("open", &path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(StartError::Io { doing: "lock", path, source }),
        }
    }

    pub(crate) fn password(&self) -> Result<Option<String>, StartError> {
        self.read("password")
    }

    pub(crate) fn write_password(&self, password: &str) -> Result<(), StartError> {
        self.write("password", password)
    }

    pub(crate) fn port(&self) -> Result<Option<u16>, StartError> {
        Ok(self.read("port")?.and_then(|text| text.parse().ok()))
    }

    pub(crate) fn write_port(&self, port: u16) -> Result<(), StartError> {
        self.write("port", &port.to_string())
    }

    fn read(&self, name: &str) -> Result<Option<String>, StartError> {
        let path = self.root.join(name);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StartError::Io { doing: "read", path, source }),
        }
    }

    /// Whole or not at all: a temporary file, then a rename.
    fn write(&self, name: &str, text: &str) -> Result<(), StartError> {
        let path = self.root.join(name);
        let temporary = self.root.join(format!("{name}.new"));
        remove_if_there(&temporary)?;
        let mut file =
            OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary).at("create", &temporary)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).at("write", &temporary)?;
        fs::rename(&temporary, &path).at("write", &path)
    }
}

/// Whether a database can begin with so many free bytes.
fn enough(free: u64, folder: &Path) -> Result<(), StartError> {
    let free = free / 1_000_000;
    if free >= NEEDED_MB {
        return Ok(());
    }
    Err(StartError::DiskFull { folder: folder.to_path_buf(), free, needed: NEEDED_MB })
}

pub(crate) fn remove_if_there(path: &Path) -> Result<(), StartError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

/// Calls `ready` until it gives a value or the time is up.
pub(crate) fn wait_for<T>(
    limit: Duration,
    mut ready: impl FnMut() -> Result<Option<T>, StartError>,
) -> Result<Option<T>, StartError> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = ready()? {
            return Ok(Some(value));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A link whose target was cleaned away is made good by making the target again.
fn repair_link_or_make(wanted: &Path) -> Result<(), StartError> {
    let target = match fs::read_link(wanted) {
        Ok(target) => target,
        Err(_) => wanted.to_path_buf(),
    };
    fs::create_dir_all(&target).at("create", &target)
}

/// Moves `root` to a place of its own under `shelter`. What an earlier, since deleted `root` left there is set aside:
/// whoever deletes the folder expects an empty database.
fn move_to_shelter(root: &Path, shelter: &Path, notes: &mut Vec<String>) -> Result<PathBuf, StartError> {
    DirBuilder::new().recursive(true).mode(0o755).create(shelter).at("create", shelter)?;
    let place = shelter.join(format!("{:016x}", fingerprint(root)));
    if fs::symlink_metadata(&place).is_ok() {
        set_aside(&place, notes)?;
    }
    match fs::rename(root, &place) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            fs::create_dir(&place).at("create", &place)?;
            fs::remove_dir(root).at("replace by a link the folder (move its files elsewhere first)", root)?;
        }
        moved => moved.at("move", root)?,
    }
    for folder in [shelter, &place] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).at("open the way through", folder)?;
    }
    symlink(&place, root).at("link to the database from", root)?;
    Ok(place)
}

/// Nothing that may hold someone's data is deleted; it gets another name and a note.
pub(crate) fn set_aside(path: &Path, notes: &mut Vec<String>) -> Result<(), StartError> {
    let aside = free_name(path);
    fs::rename(path, &aside).at("move aside", path)?;
    notes.push(format!(
        "{} was not a complete database of this folder; it was moved to {}.",
        path.display(),
        aside.display()
    ));
    Ok(())
}

/// `name.aside-1`, `name.aside-2`, … : the first that is free.
fn free_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut number = 1;
    loop {
        let candidate = path.with_file_name(format!("{name}.aside-{number}"));
        if fs::symlink_metadata(&candidate).is_err() {
            return candidate;
        }
        number += 1;
    }
}

/// FNV-1a, 64 bits: stable between builds, unlike the standard hasher.
fn fingerprint(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_differ_and_stay() {
        assert_eq!(fingerprint(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(fingerprint(Path::new("/a/b")), fingerprint(Path::new("/a/c")));
    }

    #[test]
    fn a_full_disk_is_told_with_what_is_there_and_what_is_needed() {
        let folder = Path::new("/srv/muster/postgres");
        enough(NEEDED_MB * 1_000_000, folder).unwrap();
        let refused = enough(NEEDED_MB * 1_000_000 - 1, folder).unwrap_err();
        assert!(matches!(refused, StartError::DiskFull { free: 499, needed: 500, .. }), "{refused:?}");
        assert_eq!(
            refused.to_string(),
            "Only 499 MB are free on the disk of /srv/muster/postgres, and the database needs 500 MB to start. \
             Free some space and start again."
        );
    }

    #[test]
    fn the_first_free_name_is_taken() {
        let temporary = tempfile::tempdir().unwrap();
        let data = temporary.path().join("data");
        assert_eq!(free_name(&data), temporary.path().join("data.aside-1"));
        fs::create_dir(temporary.path().join("data.aside-1")).unwrap();
        assert_eq!(free_name(&data), temporary.path().join("data.aside-2"));
    }
}
