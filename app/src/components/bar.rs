use leptos::prelude::*;

/// How far something is. The width is an SVG attribute, so the page needs no inline style.
#[must_use]
pub fn progress(label: &str, done: u32, of: u32) -> AnyView {
    let percent = (u64::from(done.min(of)) * 100).checked_div(u64::from(of)).unwrap_or(0);
    view! {
        <svg class="bar" role="img" aria-label=label.to_owned()>
            <rect class="bar__track" width="100%" height="100%" rx="2"></rect>
            <rect class="bar__spent" width=format!("{percent}%") height="100%" rx="2"></rect>
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn the_bar_never_leaves_its_track() {
        for (done, of, width) in [(0, 4, "0%"), (1, 4, "25%"), (9, 4, "100%"), (0, 0, "0%")] {
            let html = fragment(false, progress("x", done, of));
            assert!(html.contains(&format!(r#"width="{width}""#)), "{html}");
        }
    }
}
