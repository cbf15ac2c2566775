use leptos::prelude::*;
use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html::push_html};

/// Text in markdown (`CommonMark`, with tables, strikethrough and task lists) that a person or an agent wrote.
///
/// HTML in it is shown as it was typed. Links lead to web and mail addresses or inside this site; pictures become links,
/// since fetching one would tell its server who reads. Headings start two levels down, below those of the page.
#[must_use]
pub fn markdown(text: &str) -> AnyView {
    view! { <div class="prose" inner_html=html(text)></div> }.into_any()
}

/// The same as text, for a view that holds it.
#[must_use]
pub fn html(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut out = String::with_capacity(text.len() * 3 / 2);
    push_html(&mut out, Parser::new_ext(text, options).map(tame));
    out
}

/// One line of text as HTML: emphasis and code as in markdown, everything else as words.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3 / 2);
    push_html(&mut out, Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH).filter_map(inline));
    out.trim_end().to_owned()
}

fn inline(event: Event<'_>) -> Option<Event<'_>> {
    let marks = |tag: TagEnd| matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough);
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::SoftBreak | Event::HardBreak => Some(Event::Text(CowStr::Borrowed(" "))),
        Event::Start(tag) if marks(tag.to_end()) => Some(Event::Start(tag)),
        Event::End(tag) if marks(tag) => Some(Event::End(tag)),
        Event::Text(_) | Event::Code(_) => Some(event),
        _ => None,
    }
}

fn tame(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        // The block around raw HTML; its text makes a paragraph.
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Heading { level, .. }) => {
            Event::Start(Tag::Heading { level: lower(level), id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
        Event::Start(Tag::Link { link_type, dest_url, title, .. }) => {
            // A mail address in angle brackets gets its scheme from the renderer.
            let known = matches!(link_type, LinkType::Email) || leads_somewhere_safe(&dest_url);
            let dest_url = if known { dest_url } else { CowStr::Borrowed("#") };
            Event::Start(Tag::Link { link_type, dest_url, title, id: CowStr::Borrowed("") })
        }
        Event::Start(Tag::Image { dest_url, title, .. }) => {
            let dest_url = if leads_somewhere_safe(&dest_url) { dest_url } else { CowStr::Borrowed("#") };
            Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url, title, id: CowStr::Borrowed("") })
        }
        // A box that cannot be ticked is a sign, and needs no label.
        Event::TaskListMarker(done) => Event::Text(CowStr::Borrowed(if done { "☑ " } else { "☐ " })),
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        other => other,
    }
}

const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// Web and mail addresses, and those without a scheme.
fn leads_somewhere_safe(url: &str) -> bool {
    let lower = url.trim_start().to_ascii_lowercase();
    let scheme = lower.split(['/', '?', '#']).next().and_then(|start| start.split_once(':')).map(|(scheme, _)| scheme);
    !url.chars().any(char::is_control) && scheme.is_none_or(|scheme| matches!(scheme, "http" | "https" | "mailto"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_and_not_run() {
        for text in ["<script>x()</script>", "a <img src=x onerror=x()> b", "<!-- c -->", "<div>\n\n*a*\n\n</div>"] {
            let html = html(text);
            for tag in ["<script", "<img", "<!--", "<div"] {
                assert!(!html.contains(tag), "{text}: {html}");
            }
        }
        assert!(html("<b>x</b>").contains("&lt;b&gt;"));
    }

    #[test]
    fn links_lead_to_known_places_only() {
        for (text, part) in [
            ("[a](https://a.example/b)", r#"href="https://a.example/b""#),
            ("[a](/quayside)", r#"href="/quayside""#),
            ("[a](javascript:x())", r##"href="#""##),
            ("[a](JaVaScRiPt:x())", r##"href="#""##),
            ("[a](data:text/html,x)", r##"href="#""##),
            ("<mira@quayside.example>", r#"href="mailto:mira@quayside.example""#),
            ("![chart](https://a.example/c.png)", r#"<a href="https://a.example/c.png">chart</a>"#),
            ("[a](x \"<b>\")", "title=\"&lt;b&gt;\""),
        ] {
            let html = html(text);
            assert!(html.contains(part), "{text}: {html}");
        }
    }

    #[test]
    fn a_line_keeps_its_words_and_gains_no_block() {
        for (text, html) in [
            ("`quote()` rounds *down*", "<code>quote()</code> rounds <em>down</em>"),
            ("a <b>bold</b> & [link](javascript:x())", "a &lt;b&gt;bold&lt;/b&gt; &amp; link"),
            ("## one", "one"),
            ("one\ntwo", "one two"),
            ("![x](https://a.example/c.png)", "x"),
        ] {
            assert_eq!(line(text), html);
        }
    }

    #[test]
    fn headings_stand_below_those_of_the_page() {
        let html = html("# One\n\n- [x] two\n\n| a |\n|---|\n| b |\n");
        assert!(html.contains("<h3>One</h3>") && html.contains("☑ two") && html.contains("<table>"), "{html}");
    }
}
