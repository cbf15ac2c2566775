//! Reads git's unified diffs (diff-format in git-diff(1)).

use crate::{Hunk, Line, LineKind};

/// A file with more lines than this is not worth reading line by line.
const MAX_LINES: usize = 5000;
const MAX_BYTES: usize = 1 << 20;

/// What stands between two `diff --git` lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) hunks: Vec<Hunk>,
    pub(crate) too_large: bool,
    lines: usize,
    bytes: usize,
    old_no: u32,
    new_no: u32,
    left: (u32, u32),
}

pub(crate) fn sections(text: &[u8]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let inside = sections.last().is_some_and(|section| section.left != (0, 0));
        if !inside && line.starts_with(b"diff --git ") {
            sections.push(Section::default());
        } else if let Some(section) = sections.last_mut() {
            section.line(line);
        }
    }
    sections
}

impl Section {
    fn line(&mut self, line: &[u8]) {
        if self.left == (0, 0) {
            if let Some(hunk) = header(line) {
                (self.old_no, self.new_no) = (hunk.old_start, hunk.new_start);
                self.left = (hunk.old_lines, hunk.new_lines);
                self.hunks.push(hunk);
                return;
            }
            if !line.starts_with(b"\\") {
                return;
            }
        }
        let Some((first, rest)) = line.split_first() else { return };
        match first {
            b' ' => self.push(LineKind::Context, rest),
            b'+' => self.push(LineKind::Added, rest),
            b'-' => self.push(LineKind::Removed, rest),
            b'\\' => {
                if let Some(last) = self.hunks.last_mut().and_then(|hunk| hunk.lines.last_mut()) {
                    last.no_newline = true;
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, kind: LineKind, text: &[u8]) {
        let (old, new) = (kind != LineKind::Added, kind != LineKind::Removed);
        let line = Line {
            kind,
            old_no: old.then_some(self.old_no),
            new_no: new.then_some(self.new_no),
            text: String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text)).into_owned(),
            no_newline: false,
        };
        self.old_no += u32::from(old);
        self.new_no += u32::from(new);
        self.left = (self.left.0.saturating_sub(u32::from(old)), self.left.1.saturating_sub(u32::from(new)));
        self.lines += 1;
        self.bytes += text.len();
        if self.lines > MAX_LINES || self.bytes > MAX_BYTES {
            self.too_large = true;
            self.hunks.clear();
        } else if let Some(hunk) = self.hunks.last_mut() {
            hunk.lines.push(line);
        }
    }
}

/// `@@ -12,7 +12,8 @@ section`; a count of 1 is left out.
fn header(line: &[u8]) -> Option<Hunk> {
    let text = String::from_utf8_lossy(line.strip_prefix(b"@@ -")?).into_owned();
    let (ranges, section) = text.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let ((old_start, old_lines), (new_start, new_lines)) = (range(old)?, range(new)?);
    Some(Hunk { old_start, old_lines, new_start, new_lines, section: section.trim().to_owned(), lines: Vec::new() })
}

/// By the name alone: lock files, minified files and their maps, snapshots of tests, vendored folders.
pub(crate) fn is_generated(path: &str) -> bool {
    const NAMES: &[&str] = &[
        "Cargo.lock",
        "Gemfile.lock",
        "Pipfile.lock",
        "bun.lock",
        "bun.lockb",
        "composer.lock",
        "deno.lock",
        "flake.lock",
        "go.sum",
        "gradle.lockfile",
        "mix.lock",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "packages.lock.json",
        "pdm.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "pubspec.lock",
        "uv.lock",
        "yarn.lock",
    ];
    const ENDS: &[&str] =
        &[".min.js", ".min.css", ".js.map", ".css.map", ".snap", ".pb.go", "_pb2.py", ".g.dart", ".designer.cs"];
    const FOLDERS: &[&str] = &["node_modules", "vendor", "third_party", "__snapshots__"];
    let name = path.rsplit('/').next().unwrap_or(path);
    NAMES.contains(&name)
        || ENDS.iter().any(|end| name.ends_with(end))
        || path.split('/').rev().skip(1).any(|folder| FOLDERS.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_look_like_headers_are_lines() {
        let text = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,2 @@ fn f()\n--- gone\n-diff --git a/y b/y\n keep\n+++ new\n\\ No newline at end of file\n";
        let found = sections(text);
        assert_eq!(found.len(), 1);
        let hunk = &found[0].hunks[0];
        assert_eq!(hunk.section, "fn f()");
        let told: Vec<_> =
            hunk.lines.iter().map(|line| (line.kind, line.old_no, line.new_no, line.text.as_str())).collect();
        assert_eq!(
            told,
            [
                (LineKind::Removed, Some(1), None, "-- gone"),
                (LineKind::Removed, Some(2), None, "diff --git a/y b/y"),
                (LineKind::Context, Some(3), Some(1), "keep"),
                (LineKind::Added, None, Some(2), "++ new"),
            ]
        );
        assert!(hunk.lines[3].no_newline);
    }

    #[test]
    fn generated_files_are_known_by_name() {
        for path in ["Cargo.lock", "web/package-lock.json", "a/vendor/x.go", "x.min.js"] {
            assert!(is_generated(path), "{path}");
        }
        for path in ["src/lock.rs", "vendor.rs", "package.json"] {
            assert!(!is_generated(path), "{path}");
        }
    }
}
