use leptos::prelude::*;

use super::{File, Mode, Status, delta, table};
use crate::components::{
    button::Button,
    icon::{Icon, icon},
};

/// Files with more changed lines open folded.
const MANY_LINES: usize = 400;

/// One changed file under its name. It folds, which is also how a reader keeps track of what was viewed.
#[must_use]
pub fn file(file: &File, anchor: &str, mode: Mode) -> AnyView {
    let open = folded_because(file).is_none();
    view! {
        <details class="file" id=anchor.to_owned() open=open data-file=true>
            <summary class="file__head">
                {icon(Icon::ChevronRight)}
                {name(file)}
                {folded_because(file).map(|why| view! { <span class="file__note">{why}</span> })}
                <span class="file__end">
                    {delta(file.additions, file.deletions)}
                    <span data-wide=true class="muted">{told(file)}</span>
                </span>
            </summary>
            {body(file, anchor, mode)}
        </details>
    }
    .into_any()
}

fn name(file: &File) -> AnyView {
    let (folder, last) = file.path.rsplit_once('/').map_or(("", &*file.path), |(folder, last)| (folder, last));
    let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let from = file.old_path.clone().filter(|_| file.status == Status::Renamed);
    let from = from.map(|path| view! { <small>{format!(" from {path}")}</small> });
    view! { <h3 class="file__name"><span>{folder}</span>{last.to_owned()}{from}</h3> }.into_any()
}

fn told(file: &File) -> String {
    let word = file.status.word();
    file.by.as_ref().map_or_else(|| word.to_owned(), |by| format!("{word} by {by}"))
}

fn folded_because(file: &File) -> Option<String> {
    if file.too_large {
        Some("Too large to show".to_owned())
    } else if file.binary {
        Some("Binary".to_owned())
    } else if file.generated {
        Some("Generated".to_owned())
    } else {
        let lines = file.additions + file.deletions;
        (lines > MANY_LINES).then(|| format!("{lines} lines, folded"))
    }
}

fn body(file: &File, anchor: &str, mode: Mode) -> AnyView {
    if !file.hunks.is_empty() {
        // Lines of a file that is only added or only removed have one side.
        let mode = if file.status == Status::Modified || file.status == Status::Renamed { mode } else { Mode::Unified };
        return table(file, anchor, mode);
    }
    let said = match file {
        File { too_large: true, .. } => "This change is too large to show here.",
        File { binary: true, .. } => "This is not a text file, so there are no lines to compare.",
        File { status: Status::Renamed, .. } => "The file was moved. Its content is the same.",
        File { status: Status::Deleted, .. } => "The file was deleted.",
        _ => "The file is empty, or only its mode changed.",
    };
    let raw = file.raw.clone().map(|href| Button::new("Download the file").small().icon(Icon::Download).link(href));
    view! { <div class="file__said"><p>{said}</p>{raw}</div> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::{super::tests::hunk, *};
    use crate::document::fragment;

    fn drawn(change: &File) -> String {
        fragment(false, file(change, "f1", Mode::Unified))
    }

    #[test]
    fn what_few_want_to_read_is_folded_and_says_why() {
        let hunks = vec![hunk(1, &["+a"])];
        let plain = File { path: "src/a.rs".to_owned(), additions: 1, hunks, ..File::default() };
        assert!(drawn(&plain).contains(" open"), "{}", drawn(&plain));
        for (change, why) in [
            (File { generated: true, ..plain.clone() }, "Generated"),
            (File { additions: 900, ..plain.clone() }, "900 lines"),
            (File { binary: true, hunks: Vec::new(), ..plain.clone() }, "not a text file"),
            (File { too_large: true, hunks: Vec::new(), ..plain.clone() }, "Too large"),
        ] {
            let html = drawn(&change);
            assert!(!html.contains(" open") && html.contains(why), "{html}");
        }
    }

    #[test]
    fn a_moved_file_says_where_it_came_from() {
        let moved = File {
            path: "src/b.rs".to_owned(),
            old_path: Some("src/a.rs".to_owned()),
            status: Status::Renamed,
            ..File::default()
        };
        let html = drawn(&moved);
        assert!(html.contains("from src/a.rs") && html.contains("content is the same"), "{html}");
    }
}
