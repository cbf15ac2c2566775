//! Changes between two states of a repository, as people read them.

mod code;
mod file;
mod language;
mod pair;
mod syntax;
mod table;
mod tree;

pub use file::file;
pub use table::{mini, table};
pub use tree::tree;

/// One changed file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    pub path: String,
    /// Where it was before, if it was moved.
    pub old_path: Option<String>,
    pub status: Status,
    pub binary: bool,
    pub additions: usize,
    pub deletions: usize,
    /// Made by a tool, such as a lock file: folded unless asked for.
    pub generated: bool,
    /// Too large to show; `hunks` is empty.
    pub too_large: bool,
    pub hunks: Vec<Hunk>,
    /// Where the whole file can be fetched, if it can.
    pub raw: Option<String>,
    /// Who changed it: “coder-1”.
    pub by: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    Added,
    #[default]
    Modified,
    Deleted,
    Renamed,
}

impl Status {
    const fn letter(self) -> &'static str {
        match self {
            Self::Added => "A",
            Self::Modified => "M",
            Self::Deleted => "D",
            Self::Renamed => "R",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "changed",
            Self::Deleted => "deleted",
            Self::Renamed => "moved",
        }
    }
}

/// A run of lines with what stands around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    pub old_start: usize,
    pub old_lines: usize,
    pub new_start: usize,
    pub new_lines: usize,
    /// The line that git names as its place, such as the head of a function.
    pub section: String,
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub kind: Kind,
    pub old_no: Option<usize>,
    pub new_no: Option<usize>,
    /// Without the line's end.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Context,
    Added,
    Removed,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Context => "ctx",
            Self::Added => "add",
            Self::Removed => "del",
        }
    }
}

/// Two columns of code, or one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Unified,
    Split,
}

/// How much was added and removed: “+9 −4”. Nothing where nothing was.
#[must_use]
pub fn delta(additions: usize, deletions: usize) -> leptos::prelude::AnyView {
    use leptos::prelude::*;
    let plus = (additions > 0)
        .then(|| view! { <ins><span class="visually-hidden">"added "</span>{format!("+{additions}")}</ins> });
    let minus = (deletions > 0)
        .then(|| view! { <del><span class="visually-hidden">"removed "</span>{format!("−{deletions}")}</del> });
    view! { <span class="delta">{plus}{minus}</span> }.into_any()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A hunk out of lines that begin with a space, `+` or `-`.
    pub(crate) fn hunk(start: usize, lines: &[&str]) -> Hunk {
        let (mut old, mut new) = (start, start);
        let lines: Vec<Line> = lines
            .iter()
            .map(|line| {
                let (sign, text) = line.split_at(1);
                let kind = match sign {
                    "+" => Kind::Added,
                    "-" => Kind::Removed,
                    _ => Kind::Context,
                };
                let (old_no, new_no) = ((kind != Kind::Added).then_some(old), (kind != Kind::Removed).then_some(new));
                old += usize::from(old_no.is_some());
                new += usize::from(new_no.is_some());
                Line { kind, old_no, new_no, text: text.to_owned() }
            })
            .collect();
        Hunk {
            old_start: start,
            old_lines: old - start,
            new_start: start,
            new_lines: new - start,
            section: "fn post".to_owned(),
            lines,
        }
    }
}
