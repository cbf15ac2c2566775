//! Git repositories: kept bare on disk, worked on in plain folders, served over HTTP.
//!
//! Everything is done by the `git` program, with one exception: folders that somebody untrusted writes are read and written
//! by this crate itself, descriptor by descriptor. So neither a planted `.git`, nor a hook, an attribute, a submodule or a
//! symbolic link in such a folder is ever followed or believed.

mod archive;
mod branch;
mod cache;
mod commit;
mod credential;
mod diff;
mod diff_text;
mod error;
mod fast_import;
mod folder;
mod git;
mod import;
mod lock;
mod merge;
mod names;
mod program;
mod push_rules;
mod reach;
mod remote;
mod repository;
mod restore;
mod search;
mod serve;
mod snapshot;
mod tree;
mod walk;
mod workspace;

pub use archive::{ArchiveKind, ArchiveLimits};
pub use branch::Branch;
pub use commit::{LogEntry, NewCommit, Signature};
pub use credential::Credential;
pub use diff::{FileChange, FileStatus, Hunk, Line, LineKind};
pub use error::{GitError, Result};
pub use merge::{Conflict, Merge, Replayed};
pub use names::{BranchName, HiddenRef, Oid};
pub use push_rules::PushRules;
pub use reach::Reach;
pub use remote::{Expect, Remote};
pub use repository::Repository;
pub use restore::Restored;
pub use search::{FoundFile, SearchLimits, find_files};
pub use serve::{Exchange, Served, Service};
pub use snapshot::{LeftOut, LeftOutReason, Limits, NewSnapshot, Snapshot};
pub use tree::{Entry, EntryKind};
