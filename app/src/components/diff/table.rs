use leptos::prelude::*;

use super::{File, Hunk, Kind, Line, Mode, code, language::Language};
use crate::components::escape::push_escaped;

/// Which old line stands beside which new one, by their places in the hunk. A removed run is laid beside the added run
/// that follows it; context stands on both sides.
pub(super) fn pairs(lines: &[Line]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut pairs = Vec::with_capacity(lines.len());
    let mut at = 0;
    while at < lines.len() {
        if lines[at].kind == Kind::Context {
            pairs.push((Some(at), Some(at)));
            at += 1;
            continue;
        }
        let run = |from: usize, kind: Kind| lines[from..].iter().take_while(|line| line.kind == kind).count();
        let removed = run(at, Kind::Removed);
        let added = run(at + removed, Kind::Added);
        for row in 0..removed.max(added) {
            pairs.push(((row < removed).then_some(at + row), (row < added).then_some(at + removed + row)));
        }
        at += removed + added;
    }
    pairs
}

/// A file's hunks with line numbers. `anchor` begins the ids of the rows: “f2” makes “f2-L79” and “f2-R83”.
#[must_use]
pub fn table(file: &File, anchor: &str, mode: Mode) -> AnyView {
    let language = Language::of(&file.path);
    let mut rows = String::new();
    for hunk in &file.hunks {
        push_hunk_head(&mut rows, hunk, if mode == Mode::Split { 4 } else { 3 });
        let code = code::lines(language, hunk);
        match mode {
            Mode::Unified => {
                hunk.lines.iter().zip(&code).for_each(|(line, code)| push_unified(&mut rows, line, code, Some(anchor)))
            }
            Mode::Split => {
                pairs(&hunk.lines).into_iter().for_each(|pair| push_split(&mut rows, hunk, pair, &code, anchor))
            }
        }
    }
    let about = match mode {
        Mode::Unified => format!("Changes in {}", file.path),
        Mode::Split => format!("Changes in {}, old left, new right", file.path),
    };
    framed(&about, mode, &rows)
}

/// A few lines of one file, without a head.
#[must_use]
pub fn mini(path: &str, hunks: &[Hunk]) -> AnyView {
    let language = Language::of(path);
    let mut rows = String::new();
    for (index, hunk) in hunks.iter().enumerate() {
        if index > 0 {
            push_hunk_head(&mut rows, hunk, 3);
        }
        for (line, code) in hunk.lines.iter().zip(code::lines(language, hunk)) {
            push_unified(&mut rows, line, &code, None);
        }
    }
    view! { <div class="diff--mini">{framed(&format!("Changes in {path}"), Mode::Unified, &rows)}</div> }.into_any()
}

fn framed(about: &str, mode: Mode, rows: &str) -> AnyView {
    let (columns, heads): (_, &[&str]) = match mode {
        Mode::Unified => (r#"<col class="diff__no"><col class="diff__no"><col>"#, &["Old line", "New line", "Code"]),
        Mode::Split => (
            r#"<col class="diff__no"><col><col class="diff__no"><col>"#,
            &["Old line", "Old code", "New line", "New code"],
        ),
    };
    let heads: String = heads.iter().map(|head| format!(r#"<th scope="col">{head}</th>"#)).collect();
    let inner = format!(
        r#"<colgroup>{columns}</colgroup><thead class="visually-hidden"><tr>{heads}</tr></thead><tbody>{rows}</tbody>"#
    );
    let mode = (mode == Mode::Split).then_some("split");
    view! { <table class="diff" data-mode=mode aria-label=about.to_owned() inner_html=inner></table> }.into_any()
}

fn push_hunk_head(rows: &mut String, hunk: &Hunk, columns: usize) {
    let range = |start: usize, lines: usize| match lines {
        0 => "No lines left".to_owned(),
        1 => format!("Line {start}"),
        _ => format!("Lines {start} to {}", start + lines - 1),
    };
    rows.push_str(&format!(
        r#"<tr class="diff__hunk"><td colspan="{columns}">{}"#,
        range(hunk.new_start, hunk.new_lines)
    ));
    if !hunk.section.is_empty() {
        rows.push_str(" <code>");
        push_escaped(rows, hunk.section.trim());
        rows.push_str("</code>");
    }
    rows.push_str("</td></tr>");
}

fn push_unified(rows: &mut String, line: &Line, code: &str, anchor: Option<&str>) {
    let kind = line.kind.name();
    let id = anchor.map(|anchor| row_id(anchor, line.old_no, line.new_no)).unwrap_or_default();
    rows.push_str(&format!("<tr{id}>"));
    push_number(rows, line.old_no, kind);
    push_number(rows, line.new_no, kind);
    push_code(rows, kind, code);
    rows.push_str("</tr>");
}

fn push_split(
    rows: &mut String,
    hunk: &Hunk,
    (old, new): (Option<usize>, Option<usize>),
    code: &[String],
    anchor: &str,
) {
    let (old_no, new_no) = (old.and_then(|at| hunk.lines[at].old_no), new.and_then(|at| hunk.lines[at].new_no));
    rows.push_str(&format!("<tr{}>", row_id(anchor, old_no, new_no)));
    for (at, number) in [(old, old_no), (new, new_no)] {
        let kind = at.map_or("none", |at| hunk.lines[at].kind.name());
        push_number(rows, number, kind);
        match at {
            Some(at) => push_code(rows, kind, &code[at]),
            None => rows.push_str(r#"<td class="diff__code" data-kind="none"></td>"#),
        }
    }
    rows.push_str("</tr>");
}

/// A new line is named by its new number, a removed one by its old.
fn row_id(anchor: &str, old: Option<usize>, new: Option<usize>) -> String {
    match (old, new) {
        (_, Some(new)) => format!(r#" id="{anchor}-R{new}""#),
        (Some(old), None) => format!(r#" id="{anchor}-L{old}""#),
        (None, None) => String::new(),
    }
}

fn push_number(rows: &mut String, number: Option<usize>, kind: &str) {
    rows.push_str(&match number {
        Some(number) => format!(r#"<th scope="row" class="diff__no" data-kind="{kind}">{number}</th>"#),
        None => format!(r#"<td class="diff__no" data-kind="{kind}"></td>"#),
    });
}

fn push_code(rows: &mut String, kind: &str, code: &str) {
    let said = match kind {
        "add" => r#"<span class="visually-hidden">added: </span>"#,
        "del" => r#"<span class="visually-hidden">removed: </span>"#,
        _ => "",
    };
    rows.push_str(&format!(r#"<td class="diff__code" data-kind="{kind}"><code>{said}{code}</code></td>"#));
}

#[cfg(test)]
mod tests {
    use super::{super::tests::hunk, *};
    use crate::document::fragment;

    fn file() -> File {
        let hunks = vec![hunk(76, &[" a", "-b", "-c", "+d", " e"])];
        File { path: "src/<x>.rs".to_owned(), hunks, ..File::default() }
    }

    #[test]
    fn lines_can_be_pointed_at() {
        let html = fragment(false, table(&file(), "f2", Mode::Unified));
        for id in ["f2-R76", "f2-L77", "f2-L78", "f2-R77", "f2-R78"] {
            assert_eq!(html.matches(&format!(r#"id="{id}""#)).count(), 1, "{id} {html}");
        }
        assert!(html.contains("src/&lt;x&gt;.rs"), "{html}");
    }

    #[test]
    fn a_removed_run_stands_beside_the_added_one() {
        assert_eq!(
            pairs(&file().hunks[0].lines),
            [(Some(0), Some(0)), (Some(1), Some(3)), (Some(2), None), (Some(4), Some(4))]
        );
        let html = fragment(false, table(&file(), "f2", Mode::Split));
        assert_eq!(html.matches(r#"data-kind="none""#).count(), 2, "{html}");
    }
}
