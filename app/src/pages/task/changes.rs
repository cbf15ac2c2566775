use leptos::prelude::*;

use super::{Tab, Task, framed};
use crate::{
    components::{
        diff::{File, Mode},
        empty::{Empty, empty},
    },
    layout::shell::Shell,
    pages::review::diff_page,
};

/// What a run changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub files: Vec<File>,
    pub mode: Mode,
    /// Where the whole change can be fetched as a patch.
    pub patch: Option<String>,
}

#[must_use]
pub fn page(shell: &Shell, task: &Task, data: &Changes) -> String {
    let body = if data.files.is_empty() {
        let nothing = Empty {
            title: "No changes yet".to_owned(),
            text: "What the squad changes is shown here, file by file, from its first commit on.".to_owned(),
            actions: Vec::new(),
        };
        view! { <div class="content">{empty(nothing)}</div> }.into_any()
    } else {
        let here = shell.link(&format!("{}/changes", task.path));
        diff_page(&here, data, ().into_any(), ().into_any())
    };
    framed(shell, task, Tab::Changes, None, body)
}
