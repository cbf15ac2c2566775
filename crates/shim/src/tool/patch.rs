use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use types::tool::{Edit, EditAction, FileChange, FileEdit, Patch, Report};

use super::place::{Root, regular, trouble};
use super::{is_binary, nearest};

const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A file as it is on disk and as it will be; None: no such file.
struct Staged {
    real: PathBuf,
    path: String,
    before: Option<String>,
    after: Option<String>,
}

/// Decides everything in memory first, so that an edit that does not fit leaves the disk alone.
pub(super) fn patch(root: &Root, patch: &Patch) -> Result<Report, String> {
    let mut staged: Vec<Staged> = Vec::new();
    for (number, edit) in patch.edits.iter().enumerate() {
        stage(root, &mut staged, edit).map_err(|reason| {
            let which = if patch.edits.len() > 1 { format!("Edit {}: ", number + 1) } else { String::new() };
            format!("{which}{reason}\nNothing was changed.")
        })?;
    }
    staged.retain(|file| file.before != file.after);
    write(&staged)?;
    let edits: Vec<FileEdit> = staged.iter().map(told).collect();
    let lines: Vec<String> = edits.iter().map(line).collect();
    let text = if lines.is_empty() {
        "The edits cancel each other out; nothing changed.".to_owned()
    } else {
        lines.join("\n")
    };
    Ok(Report { text, failed: false, edits })
}

fn stage(root: &Root, staged: &mut Vec<Staged>, edit: &Edit) -> Result<(), String> {
    let real = root.writable(&edit.path)?;
    let at = match staged.iter().position(|file| file.real == real) {
        Some(at) => at,
        None => {
            let before = load(&edit.path, &real)?;
            staged.push(Staged { path: root.relative(&real), real, after: before.clone(), before });
            staged.len() - 1
        }
    };
    let Some(file) = staged.get_mut(at) else { return Ok(()) };
    file.after = applied(edit, file.after.as_deref())?;
    Ok(())
}

fn load(path: &str, real: &Path) -> Result<Option<String>, String> {
    if real.symlink_metadata().is_err() {
        return Ok(None);
    }
    if regular(path, real)?.len() > FILE_BYTES {
        return Err(format!("`{path}` is too large to edit."));
    }
    let content = fs::read(real).map_err(|error| trouble(path, &error))?;
    if is_binary(&content) {
        return Err(format!("`{path}` is not text."));
    }
    String::from_utf8(content).map(Some).map_err(|_| format!("`{path}` is not UTF-8; change it with a command."))
}

fn applied(edit: &Edit, current: Option<&str>) -> Result<Option<String>, String> {
    let path = &edit.path;
    let new = || edit.new.as_deref().ok_or_else(|| format!("`new` is missing for `{path}`."));
    match (edit.action, current) {
        (EditAction::Create, None) => Ok(Some(new()?.to_owned())),
        (EditAction::Create, Some(_)) => Err(format!("`{path}` exists already; use `replace`.")),
        (EditAction::Replace | EditAction::Delete, None) => Err(format!("`{path}` does not exist.")),
        (EditAction::Delete, Some(_)) => Ok(None),
        (EditAction::Replace, Some(content)) => {
            let old = edit.old.as_deref().filter(|old| !old.is_empty());
            let old = old.ok_or_else(|| format!("`old` is missing for `{path}`."))?;
            replaced(path, content, old, new()?).map(Some)
        }
    }
}

fn replaced(path: &str, content: &str, old: &str, new: &str) -> Result<String, String> {
    let crlf = has_crlf(content);
    let (old, new) = if crlf { (with_crlf(old), with_crlf(new)) } else { (old.to_owned(), new.to_owned()) };
    if old == new {
        return Err(format!("`old` and `new` are the same for `{path}`."));
    }
    let mut found = content.match_indices(old.as_str());
    let Some((at, _)) = found.next() else {
        return Err(format!("`old` does not occur in `{path}`.{}", nearest::hint(content, &old)));
    };
    let line = |at: usize| content.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let others: Vec<String> = found.map(|(at, _)| line(at).to_string()).collect();
    if !others.is_empty() {
        let lines = format!("{}, {}", line(at), others.join(", "));
        return Err(format!(
            "`old` occurs {} times in `{path}`, in lines {lines}; take in more around it.",
            others.len() + 1
        ));
    }
    Ok(content.replacen(old.as_str(), &new, 1))
}

/// Whether every line ends as on Windows; models write plain line feeds.
fn has_crlf(content: &str) -> bool {
    let ends = content.matches('\n').count();
    ends > 0 && content.matches("\r\n").count() == ends
}

fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// Writes all files. If one cannot be written, those before it are put back.
fn write(staged: &[Staged]) -> Result<(), String> {
    for (done, file) in staged.iter().enumerate() {
        let Err(error) = put(&file.real, file.after.as_deref()) else { continue };
        let reason = trouble(&file.path, &error);
        let written = staged.get(..done).unwrap_or_default();
        let left: Vec<&str> = written
            .iter()
            .filter(|file| put(&file.real, file.before.as_deref()).is_err())
            .map(|file| file.path.as_str())
            .collect();
        return Err(if left.is_empty() {
            format!("{reason}\nNothing was changed.")
        } else {
            format!("{reason}\nThese files were changed and could not be put back: {}.", left.join(", "))
        });
    }
    Ok(())
}

/// Puts a file in place in one step: whoever reads it sees the old or the new content, never half of one.
fn put(real: &Path, content: Option<&str>) -> io::Result<()> {
    let Some(content) = content else {
        return match fs::remove_file(real) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
    };
    let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    fs::create_dir_all(folder)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name.to_string_lossy().chars().take(100).collect::<String>());
    temporary.push(format!(".{}.muster", std::process::id()));
    let temporary = folder.join(temporary);
    let moved = fill(&temporary, real, content).and_then(|()| fs::rename(&temporary, real));
    if moved.is_err() {
        // The first error tells more than one about the leftover.
        fs::remove_file(&temporary).ok();
    }
    moved
}

fn fill(temporary: &Path, real: &Path, content: &str) -> io::Result<()> {
    let mut file = fs::File::create_new(temporary)?;
    file.write_all(content.as_bytes())?;
    if let Ok(metadata) = real.metadata() {
        file.set_permissions(metadata.permissions())?;
    }
    Ok(())
}

fn told(file: &Staged) -> FileEdit {
    let before = file.before.as_deref().unwrap_or_default();
    let after = file.after.as_deref().unwrap_or_default();
    let (added, removed) = changed_lines(before, after);
    let change = match (&file.before, &file.after) {
        (None, _) => FileChange::Created,
        (_, None) => FileChange::Deleted,
        _ => FileChange::Changed,
    };
    FileEdit { path: file.path.clone(), change, added, removed }
}

/// Lines between the common beginning and the common end.
fn changed_lines(before: &str, after: &str) -> (u32, u32) {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let count = |lines: usize| u32::try_from(lines - same - end).unwrap_or(u32::MAX);
    (count(new.len()), count(old.len()))
}

fn line(edit: &FileEdit) -> String {
    let FileEdit { path, change, added, removed } = edit;
    match change {
        FileChange::Created => format!("created {path} (+{added})"),
        FileChange::Changed => format!("changed {path} (+{added} -{removed})"),
        FileChange::Deleted => format!("deleted {path} (-{removed})"),
    }
}
