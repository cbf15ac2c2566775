use std::collections::BTreeMap;

use leptos::prelude::*;

use super::{File, delta};
use crate::components::icon::{Icon, icon};

#[derive(Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    files: Vec<(usize, &'a str, &'a File)>,
}

impl<'a> Folder<'a> {
    fn put(&mut self, path: &'a str, index: usize, file: &'a File) {
        match path.split_once('/') {
            Some((folder, rest)) => self.folders.entry(folder).or_default().put(rest, index, file),
            None => self.files.push((index, path, file)),
        }
    }
}

/// The changed files by folder; each leads to its place on the page, “#f0” for the first.
#[must_use]
pub fn tree(files: &[File]) -> AnyView {
    let mut root = Folder::default();
    for (index, file) in files.iter().enumerate() {
        root.put(&file.path, index, file);
    }
    view! { <nav class="tree" aria-label="Changed files">{list(&root)}</nav> }.into_any()
}

fn list(folder: &Folder) -> AnyView {
    let folders = folder.folders.iter().map(|(name, inner)| {
        let (name, inner) = joined(name, inner);
        view! {
            <li>
                <span class="tree__row">{icon(Icon::Folder)}<span>{name}</span></span>
                {list(inner)}
            </li>
        }
    });
    let files = folder.files.iter().map(|(index, name, file)| {
        let status = file.status;
        view! {
            <li>
                <a class="tree__row" href=format!("#f{index}")>
                    <span class="tree__kind" data-kind=status.letter() aria-hidden="true">{status.letter()}</span>
                    <span class="tree__name">{(*name).to_owned()}<span class="visually-hidden">{format!(", {}", status.word())}</span></span>
                    <span class="tree__end">{delta(file.additions, file.deletions)}</span>
                </a>
            </li>
        }
    });
    view! { <ul>{folders.collect_view()}{files.collect_view()}</ul> }.into_any()
}

/// A folder that holds nothing but one folder is told with it: “src/transfers”.
fn joined<'b, 'a>(name: &str, mut folder: &'b Folder<'a>) -> (String, &'b Folder<'a>) {
    let mut name = name.to_owned();
    while let (true, 1, Some((only, inner))) =
        (folder.files.is_empty(), folder.folders.len(), folder.folders.iter().next())
    {
        name = format!("{name}/{only}");
        folder = inner;
    }
    (name, folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn lone_folders_are_told_together_and_files_lead_to_their_place() {
        let file = |path: &str| File { path: path.to_owned(), ..File::default() };
        let html = fragment(false, tree(&[file("src/transfers/post.rs"), file("src/transfers/get.rs"), file("a.md")]));
        assert!(html.contains("src/transfers<") && html.contains(r##"href="#f1""##), "{html}");
        assert_eq!(html.matches("<ul>").count(), 2, "{html}");
    }
}
