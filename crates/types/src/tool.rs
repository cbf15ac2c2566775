//! The tools that read and change files, as they travel between an agent and the sandbox it works in.
//!
//! The doc comments of the arguments are also what models read: they become the descriptions of the JSON schemas.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// A file or a folder, relative to the root of the repository. `.` is the root.
    pub path: String,
    /// The first line to show, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_line: Option<u32>,
    /// The last line to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// A regular expression, matched against single lines.
    pub pattern: String,
    /// The file or folder to search, relative to the root of the repository; everything if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only files whose path matches, such as `*.py` or `src/**/*.rs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glob: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Applied in order, all or none.
    pub edits: Vec<Edit>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file, relative to the root of the repository.
    pub path: String,
    /// `create` writes a new file with `new` as its content. `replace` puts `new` in the place of `old`. `delete`
    /// removes the file.
    pub action: EditAction,
    /// For `replace`: the exact text to replace, with its white space. It must occur exactly once in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// For `create` and `replace`: the new text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EditAction {
    Create,
    Replace,
    Delete,
}

/// A call that the sandbox itself answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tool", content = "arguments", rename_all = "snake_case")]
pub enum FileCall {
    Read(Read),
    Search(Search),
    Patch(Patch),
}

/// The sandbox's answer to a [`FileCall`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// For the model: what was asked for, or why it could not be had.
    pub text: String,
    pub failed: bool,
    /// What changed on disk; empty if nothing did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<FileEdit>,
}

/// A file that a patch changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEdit {
    /// Relative to the root of the repository.
    pub path: String,
    pub change: FileChange,
    /// Lines that are new or different.
    pub added: u32,
    /// Lines that are gone or different.
    pub removed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    Created,
    Changed,
    Deleted,
}
