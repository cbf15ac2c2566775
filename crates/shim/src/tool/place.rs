use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

/// The repository, and the only way from the paths of a call to those of the disk.
pub(super) struct Root {
    /// As the caller names it; models like to write it before their paths.
    named: PathBuf,
    real: PathBuf,
}

impl Root {
    pub(super) fn open(root: &Path) -> Result<Self, String> {
        let real = root.canonicalize().map_err(|error| format!("The repository cannot be opened: {error}."))?;
        Ok(Self { named: root.to_owned(), real })
    }

    pub(super) fn real(&self) -> &Path {
        &self.real
    }

    /// The real place of something that exists, all links followed.
    pub(super) fn existing(&self, path: &str) -> Result<PathBuf, String> {
        let real = self.named_place(path)?.canonicalize().map_err(|error| trouble(path, &error))?;
        self.beneath(path, real)
    }

    /// The real place of a file that is written, removed or made. Its folder may not exist yet.
    pub(super) fn writable(&self, path: &str) -> Result<PathBuf, String> {
        let place = self.named_place(path)?;
        let real = if place.symlink_metadata().is_ok() {
            place.canonicalize().map_err(|error| trouble(path, &error))?
        } else {
            new_place(path, &place)?
        };
        let real = self.beneath(path, real)?;
        let inside = self.relative(&real);
        if inside.is_empty() {
            return Err(format!("`{path}` is the repository itself."));
        }
        if Path::new(&inside).components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
            return Err(format!("`{path}` belongs to git; commits and branches are made for you."));
        }
        Ok(real)
    }

    /// For people and models: relative to the root, with `/`.
    pub(super) fn relative(&self, real: &Path) -> String {
        real.strip_prefix(&self.real).unwrap_or(real).to_string_lossy().into_owned()
    }

    fn named_place(&self, path: &str) -> Result<PathBuf, String> {
        let given = Path::new(path);
        let inside = given.strip_prefix(&self.named).unwrap_or(given);
        if inside.is_absolute() {
            return Err(format!("`{path}` is outside the repository; paths are relative to its root."));
        }
        if path.contains('\0') {
            return Err("A path has no NUL.".to_owned());
        }
        Ok(self.real.join(inside))
    }

    fn beneath(&self, path: &str, real: PathBuf) -> Result<PathBuf, String> {
        if real.starts_with(&self.real) { Ok(real) } else { Err(format!("`{path}` leads out of the repository.")) }
    }
}

/// What exists is followed to its real place; what does not must lead straight down from there.
fn new_place(path: &str, place: &Path) -> Result<PathBuf, String> {
    let mut missing = Vec::new();
    let mut existing = place;
    while existing.symlink_metadata().is_err() {
        let (Some(parent), Some(Component::Normal(name))) = (existing.parent(), existing.components().next_back())
        else {
            return Err(format!("`{path}` does not lead to a file."));
        };
        missing.push(name);
        existing = parent;
    }
    let real = existing.canonicalize().map_err(|error| trouble(path, &error))?;
    if !real.is_dir() {
        return Err(format!("`{path}` lies below something that is not a folder."));
    }
    Ok(missing.iter().rev().fold(real, |real, name| real.join(name)))
}

pub(super) fn trouble(path: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("`{path}` does not exist."),
        io::ErrorKind::PermissionDenied => format!("`{path}` may not be opened."),
        _ => format!("`{path}` cannot be used: {error}."),
    }
}

/// The metadata of a regular file: a pipe or a device would block or never end.
pub(super) fn regular(path: &str, real: &Path) -> Result<fs::Metadata, String> {
    let metadata = real.metadata().map_err(|error| trouble(path, &error))?;
    if metadata.is_file() { Ok(metadata) } else { Err(format!("`{path}` is not a file.")) }
}
