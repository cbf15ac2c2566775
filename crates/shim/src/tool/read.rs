use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use ignore::WalkBuilder;
use types::tool::Read;

use super::place::{Root, regular, trouble};
use super::{SNIFFED, is_binary};

/// What one call shows at most.
const SHOWN_BYTES: usize = 48 * 1024;
const LINE_CHARS: usize = 1_000;
const ENTRIES: usize = 400;
const LISTED_DEPTH: usize = 2;

pub(super) fn read(root: &Root, read: &Read) -> Result<String, String> {
    let real = root.existing(&read.path)?;
    if real.is_dir() {
        return list(root, &real, &read.path);
    }
    regular(&read.path, &real)?;
    let first = read.start_line.unwrap_or(1).max(1);
    let last = read.end_line.unwrap_or(u32::MAX);
    if last < first {
        return Err(format!("Line {last} comes before line {first}."));
    }
    let file = File::open(&real).map_err(|error| trouble(&read.path, &error))?;
    lines(&read.path, BufReader::with_capacity(SNIFFED, file), first, last)
}

fn lines(path: &str, mut file: impl BufRead, first: u32, last: u32) -> Result<String, String> {
    let failed = |error| trouble(path, &error);
    if is_binary(file.fill_buf().map_err(failed)?) {
        return Err(format!("`{path}` is not text."));
    }
    let mut text = String::new();
    let mut number = 0_u32;
    let mut shown = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        number += 1;
        if (first..=last).contains(&number) && text.len() < SHOWN_BYTES {
            shown = Some(number);
            push_line(&mut text, number, &String::from_utf8_lossy(&line));
        }
    }
    let Some(shown) = shown else {
        return if number == 0 {
            Ok("[the file is empty]".to_owned())
        } else {
            Err(format!("`{path}` has only {number} lines."))
        };
    };
    if shown < number {
        text.push_str(&format!("[lines {first} to {shown} of {number}; read on with start_line={}]\n", shown + 1));
    }
    Ok(text)
}

/// A line with its number, cut if it is very long.
pub(super) fn push_line(text: &mut String, number: u32, line: &str) {
    let line = line.trim_end_matches(['\n', '\r']);
    text.push_str(&format!("{number:>5}\t"));
    match line.char_indices().nth(LINE_CHARS) {
        None => text.push_str(line),
        Some((end, _)) => {
            text.push_str(line.get(..end).unwrap_or(line));
            text.push_str(" [the rest of this line is left out]");
        }
    }
    text.push('\n');
}

fn list(root: &Root, folder: &Path, path: &str) -> Result<String, String> {
    let mut names = Vec::new();
    // From the root, so that its rules on what to ignore count.
    let above = folder.strip_prefix(root.real()).map_or(0, |inside| inside.components().count());
    for entry in walker(root).max_depth(Some(above + LISTED_DEPTH)).build() {
        let entry = entry.map_err(|error| format!("`{path}` cannot be listed: {error}."))?;
        let Ok(inside) = entry.path().strip_prefix(folder) else { continue };
        let depth = inside.components().count();
        if depth == 0 || depth > LISTED_DEPTH {
            continue;
        }
        let mark = if entry.file_type().is_some_and(|kind| kind.is_dir()) { "/" } else { "" };
        names.push(format!("{}{mark}", inside.to_string_lossy()));
    }
    names.sort();
    let left = names.len().saturating_sub(ENTRIES);
    names.truncate(ENTRIES);
    if left > 0 {
        names.push(format!("[{left} more]"));
    }
    if names.is_empty() {
        names.push("[the folder is empty]".to_owned());
    }
    Ok(names.join("\n"))
}

/// Walks what git would track: hidden files too, ignored ones not, and nothing of git's own.
pub(super) fn walker(root: &Root) -> WalkBuilder {
    let mut walker = WalkBuilder::new(root.real());
    walker
        .hidden(false)
        .parents(false)
        .require_git(false)
        .git_global(false)
        .git_exclude(false)
        .follow_links(false)
        .filter_entry(|entry| entry.file_name() != ".git");
    walker
}
