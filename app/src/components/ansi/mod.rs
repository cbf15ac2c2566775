//! Terminal output as HTML. Colours and weights become `data-ansi` words, which the style sheet paints in both themes.
//!
//! Select Graphic Rendition as in ECMA-48, section 8.3.117; all other control sequences are dropped.

use leptos::prelude::*;

use super::escape::push_escaped;

mod style;

use style::Style;

const ESCAPE: char = '\u{1b}';

/// Output in a frame that scrolls by itself. `about` is what a screen reader calls it: “Output of cargo test”.
#[must_use]
pub fn log(about: &str, text: &str) -> AnyView {
    view! { <pre class="log" tabindex="0" role="region" aria-label=about.to_owned()><code inner_html=html(text)></code></pre> }
        .into_any()
}

/// The output as spans. Never anything else than `span` elements and escaped text.
#[must_use]
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut style = Style::default();
    let mut first = true;
    for line in text.split('\n') {
        if !first {
            out.push('\n');
        }
        first = false;
        push_line(&mut out, overwritten(line), &mut style);
    }
    out
}

/// What is left on the screen of a line that a program wrote over, as progress bars do: the text after the last return.
fn overwritten(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rsplit_once('\r').map_or(line, |(_, last)| last)
}

fn push_line(out: &mut String, line: &str, style: &mut Style) {
    let mut rest = line;
    while let Some(at) = rest.find(ESCAPE) {
        push_text(out, &rest[..at], style);
        rest = sequence(&rest[at + ESCAPE.len_utf8()..], style);
    }
    push_text(out, rest, style);
}

/// Reads one control sequence, without its escape character, and gives what follows it.
fn sequence<'a>(rest: &'a str, style: &mut Style) -> &'a str {
    match rest.chars().next() {
        Some('[') => {
            let body = &rest[1..];
            let Some(end) = body.find(|character: char| ('\u{40}'..='\u{7e}').contains(&character)) else {
                return "";
            };
            if body.as_bytes()[end] == b'm' {
                style.apply(&body[..end]);
            }
            &body[end + 1..]
        }
        // A system command, such as a link or a title, ends with a bell or with escape and backslash.
        Some(']') => match rest.find(['\u{7}', ESCAPE]) {
            Some(end) if rest[end..].starts_with('\u{7}') => &rest[end + 1..],
            Some(end) => rest[end + 1..].strip_prefix('\\').unwrap_or(&rest[end + 1..]),
            None => "",
        },
        Some(other) => &rest[other.len_utf8()..],
        None => "",
    }
}

fn push_text(out: &mut String, text: &str, style: &Style) {
    let text: String = text.chars().filter(|character| *character == '\t' || !character.is_control()).collect();
    if text.is_empty() {
        return;
    }
    let words = style.words();
    if words.is_empty() {
        return push_escaped(out, &text);
    }
    out.push_str("<span data-ansi=\"");
    out.push_str(&words);
    out.push_str("\">");
    push_escaped(out, &text);
    out.push_str("</span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_words() {
        assert_eq!(html("\u{1b}[32m  PASS\u{1b}[0m x"), r#"<span data-ansi="green">  PASS</span> x"#);
        assert_eq!(
            html("\u{1b}[1;31mFAIL\u{1b}[22m!\u{1b}[m."),
            r#"<span data-ansi="bold red">FAIL</span><span data-ansi="red">!</span>."#
        );
        assert_eq!(
            html("\u{1b}[38;5;196mred\u{1b}[39m \u{1b}[38;2;20;30;250mblue"),
            r#"<span data-ansi="red">red</span> <span data-ansi="blue">blue</span>"#
        );
        assert_eq!(html("\u{1b}[7minverse\u{1b}[27m"), r#"<span data-ansi="inverse">inverse</span>"#);
    }

    #[test]
    fn a_colour_holds_over_the_end_of_a_line() {
        assert_eq!(html("\u{1b}[31ma\nb"), "<span data-ansi=\"red\">a</span>\n<span data-ansi=\"red\">b</span>");
    }

    #[test]
    fn output_cannot_become_markup() {
        let hostile =
            "<script>x</script>\u{1b}[31\"><img src=x>m&\u{1b}]8;;javascript:x\u{1b}\\click\u{1b}]8;;\u{1b}\\";
        let html = html(hostile);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("javascript"), "{html}");
        assert!(html.contains("click"), "{html}");
    }

    #[test]
    fn what_a_program_wrote_over_is_gone() {
        assert_eq!(html("10 %\r50 %\r100 %\r\ndone\u{7}\u{8}"), "100 %\ndone");
        assert_eq!(html("a\u{1b}[2K\u{1b}[1Gb\u{1b}[?25l\u{1b}[3"), "ab");
    }

    #[test]
    fn output_that_breaks_off_anywhere_is_read() {
        let whole = "é\u{1b}[38;5;9mß\u{1b}]0;title\u{7}x\u{1b}[48;2;1;2;3m∞\u{1b}";
        for (at, _) in whole.char_indices() {
            assert!(!html(&whole[..at]).contains(ESCAPE));
        }
    }
}
