use std::ops::Range;

use super::{
    Hunk, Kind,
    language::Language,
    pair::differing,
    syntax::{State, Token, scan},
};
use crate::components::escape::push_escaped;

/// The code of each line of a hunk as HTML, in the order of its lines.
pub(super) fn lines(language: &Language, hunk: &Hunk) -> Vec<String> {
    let marks = marks(hunk);
    // Old and new are two texts: what opens a comment in one does not open it in the other.
    let (mut old, mut new) = (State::default(), State::default());
    let paint = |(line, marks): (&super::Line, &Vec<Range<usize>>)| {
        let tokens = match line.kind {
            Kind::Removed => scan(language, &line.text, &mut old),
            Kind::Added => scan(language, &line.text, &mut new),
            Kind::Context => {
                scan(language, &line.text, &mut old);
                scan(language, &line.text, &mut new)
            }
        };
        let tag = if line.kind == Kind::Removed { "del" } else { "ins" };
        painted(&line.text, &tokens, marks, tag)
    };
    hunk.lines.iter().zip(&marks).map(paint).collect()
}

/// Pairs each run of removed lines with the added lines after it, one by one, and compares the pairs.
fn marks(hunk: &Hunk) -> Vec<Vec<Range<usize>>> {
    let mut marks = vec![Vec::new(); hunk.lines.len()];
    for (old, new) in super::table::pairs(&hunk.lines) {
        if let (Some(old), Some(new)) = (old, new)
            && hunk.lines[old].kind == Kind::Removed
        {
            (marks[old], marks[new]) = differing(&hunk.lines[old].text, &hunk.lines[new].text);
        }
    }
    marks
}

fn painted(text: &str, tokens: &[Token], marks: &[Range<usize>], tag: &str) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    let mut at = 0;
    for mark in marks {
        push(&mut html, text, at..mark.start, tokens);
        html.push_str(&format!("<{tag}>"));
        push(&mut html, text, mark.clone(), tokens);
        html.push_str(&format!("</{tag}>"));
        at = mark.end;
    }
    push(&mut html, text, at..text.len(), tokens);
    html
}

fn push(html: &mut String, text: &str, range: Range<usize>, tokens: &[Token]) {
    let mut at = range.start;
    for token in tokens {
        let (start, end) = (token.at.start.max(at), token.at.end.min(range.end));
        if start >= end {
            continue;
        }
        push_escaped(html, &text[at..start]);
        html.push_str("<span class=\"syn-");
        html.push(token.class);
        html.push_str("\">");
        push_escaped(html, &text[start..end]);
        html.push_str("</span>");
        at = end;
    }
    push_escaped(html, &text[at..range.end]);
}

#[cfg(test)]
mod tests {
    use super::{super::tests::hunk, *};

    #[test]
    fn marks_and_colours_lie_over_each_other() {
        let hunk = hunk(1, &["-let day = now();", "+let day = cmd.at(tz);", " // end"]);
        let html = lines(Language::of("a.rs"), &hunk);
        assert_eq!(html[0], r#"<span class="syn-k">let</span> day = <del><span class="syn-f">now</span></del>();"#);
        assert_eq!(
            html[1],
            r#"<span class="syn-k">let</span> day = <ins>cmd.<span class="syn-f">at</span>(tz</ins>);"#
        );
        assert_eq!(html[2], r#"<span class="syn-c">// end</span>"#);
    }

    #[test]
    fn code_cannot_become_markup() {
        let hunk = hunk(1, &["-<script>a</script>", "+<script>\"b\"</script> '<img>'"]);
        for path in ["a.rs", "a.html", "a.txt"] {
            let html = lines(Language::of(path), &hunk).concat();
            assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        }
    }
}
