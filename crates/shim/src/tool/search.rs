use std::{
    fs,
    path::{Path, PathBuf},
};

use ignore::overrides::OverrideBuilder;
use regex::bytes::{Regex, RegexBuilder};
use types::tool::Search;

use super::is_binary;
use super::place::Root;
use super::read::{push_line, walker};

const FILE_BYTES: u64 = 4 * 1024 * 1024;
const MATCHES: usize = 200;
const SHOWN_BYTES: usize = 24 * 1024;

pub(super) fn search(root: &Root, search: &Search) -> Result<String, String> {
    let regex = RegexBuilder::new(&search.pattern)
        .size_limit(4 * 1024 * 1024)
        .build()
        .map_err(|error| format!("The pattern is not a regular expression: {error}"))?;
    let mut found = Found::default();
    for file in files(root, search)? {
        if !found.look_into(&regex, &file, &root.relative(&file)) {
            break;
        }
    }
    Ok(found.told())
}

/// The files to look into, in the order of their paths.
fn files(root: &Root, search: &Search) -> Result<Vec<PathBuf>, String> {
    let start = match &search.path {
        Some(path) => root.existing(path)?,
        None => root.real().to_owned(),
    };
    // Named outright, a file is searched even if git ignores it.
    if start.is_file() {
        return Ok(vec![start]);
    }
    let mut walker = walker(root);
    if let Some(glob) = &search.glob {
        let mut globs = OverrideBuilder::new(root.real());
        globs.add(glob).map_err(|error| format!("The glob is not one: {error}."))?;
        walker.overrides(globs.build().map_err(|error| format!("The glob is not one: {error}."))?);
    }
    let mut files: Vec<PathBuf> = walker
        .build()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()) && entry.path().starts_with(&start))
        .map(ignore::DirEntry::into_path)
        .collect();
    files.sort();
    Ok(files)
}

#[derive(Default)]
struct Found {
    text: String,
    matches: usize,
    files: usize,
    full: bool,
    /// Files that are too large or cannot be read.
    skipped: usize,
}

impl Found {
    /// False once enough is found.
    fn look_into(&mut self, regex: &Regex, file: &Path, name: &str) -> bool {
        let small = file.metadata().is_ok_and(|metadata| metadata.len() <= FILE_BYTES);
        let Some(content) = small.then(|| fs::read(file).ok()).flatten() else {
            self.skipped += 1;
            return true;
        };
        if is_binary(&content) {
            return true;
        }
        let mut named = false;
        for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !regex.is_match(line) {
                continue;
            }
            if self.matches == MATCHES || self.text.len() > SHOWN_BYTES {
                self.full = true;
                return false;
            }
            if !named {
                named = true;
                self.files += 1;
                self.text.push_str(&format!("{name}:\n"));
            }
            self.matches += 1;
            push_line(&mut self.text, number, &String::from_utf8_lossy(line));
        }
        true
    }

    fn told(self) -> String {
        let mut text = self.text;
        if self.full {
            text.push_str("[there are more; narrow the pattern, the path or the glob]\n");
        } else if self.matches == 0 {
            text.push_str("[no line matches]\n");
        } else {
            text.push_str(&format!("[{} in {}]\n", count(self.matches, "line"), count(self.files, "file")));
        }
        if self.skipped > 0 {
            text.push_str(&format!("[{} not searched: too large or not readable]\n", count(self.skipped, "file")));
        }
        text
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
