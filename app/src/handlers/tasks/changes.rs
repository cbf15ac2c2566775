use orchestrator::{FileChange, FileStatus, LineKind};

use crate::components::diff::{File, Hunk, Kind, Line, Status};

/// A changed file, from git's words to the page's.
pub(super) fn file(change: FileChange) -> File {
    File {
        path: change.path,
        old_path: change.old_path,
        status: match change.status {
            FileStatus::Added | FileStatus::Copied => Status::Added,
            FileStatus::Deleted => Status::Deleted,
            FileStatus::Renamed => Status::Renamed,
            FileStatus::Modified | FileStatus::TypeChanged => Status::Modified,
        },
        binary: change.binary,
        additions: change.additions as usize,
        deletions: change.deletions as usize,
        generated: change.generated,
        too_large: change.too_large,
        hunks: change.hunks.into_iter().map(hunk).collect(),
        raw: None,
        by: None,
    }
}

fn hunk(hunk: orchestrator::DiffHunk) -> Hunk {
    Hunk {
        old_start: hunk.old_start as usize,
        old_lines: hunk.old_lines as usize,
        new_start: hunk.new_start as usize,
        new_lines: hunk.new_lines as usize,
        section: hunk.section,
        lines: hunk
            .lines
            .into_iter()
            .map(|line| Line {
                kind: match line.kind {
                    LineKind::Context => Kind::Context,
                    LineKind::Added => Kind::Added,
                    LineKind::Removed => Kind::Removed,
                },
                old_no: line.old_no.map(|number| number as usize),
                new_no: line.new_no.map(|number| number as usize),
                text: line.text,
            })
            .collect(),
    }
}
