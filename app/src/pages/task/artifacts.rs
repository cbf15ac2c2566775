use leptos::prelude::*;
use time::OffsetDateTime;

use super::{Tab, Task, framed};
use crate::{
    components::{
        button::Button,
        checks::{Check, checks},
        empty::{Empty, empty},
        icon::Icon,
        section::section,
        table::{actions, cell, row, table},
        time::relative,
    },
    layout::shell::Shell,
};

/// What a run left behind.
#[derive(Clone, Debug, Default)]
pub struct Artifacts {
    pub checks: Vec<Check>,
    pub files: Vec<Artifact>,
}

/// A stored file.
#[derive(Clone, Debug)]
pub struct Artifact {
    pub name: String,
    /// In words: “Log”, “Test report”, “Patch”.
    pub kind: String,
    pub bytes: u64,
    pub at: OffsetDateTime,
    /// Where it is fetched from, as an attachment.
    pub href: String,
}

#[must_use]
pub fn page(shell: &Shell, task: &Task, data: &Artifacts) -> String {
    let body = view! {
        <div class="content">
            {section("checks", "Checks", Some(data.checks.len()), None, checks(&data.checks))}
            {section("artifacts", "Artifacts", Some(data.files.len()), None, files(shell, &data.files))}
        </div>
    };
    framed(shell, task, Tab::Artifacts, None, body.into_any())
}

fn files(shell: &Shell, files: &[Artifact]) -> AnyView {
    if files.is_empty() {
        return empty(Empty {
            title: "No artifacts yet".to_owned(),
            text: "Logs, test reports and the patch of each run are kept here.".to_owned(),
            actions: Vec::new(),
        });
    }
    let rows = files.iter().map(|file| {
        let name = view! { <span class="id" data-wrap=true>{file.name.clone()}</span> };
        let fetch = Button::new("Download").small().icon(Icon::Download).about(&file.name).link(file.href.clone());
        let cells = vec![
            cell("Kind", file.kind.clone().into_any()),
            cell("Size", size(file.bytes).into_any()),
            cell("Stored", relative(file.at, shell.now)),
            actions(fetch),
        ];
        row(name.into_any(), cells)
    });
    table("Artifacts", &["Name", "Kind", "Size", "Stored", "Action"], rows.collect())
}

/// In the largest unit of 1024 that it fills, with one decimal: “4.2 KiB”.
fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    units.iter().find(|(_, unit)| bytes >= *unit).map_or_else(
        || format!("{bytes} B"),
        |(name, unit)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_their_largest_unit() {
        for (bytes, words) in [(0, "0 B"), (1_023, "1023 B"), (4_301, "4.2 KiB"), (u64::MAX, "17179869183.9 GiB")] {
            assert_eq!(size(bytes), words);
        }
    }
}
