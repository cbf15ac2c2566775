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

/// How much of a limit is spent and held, in thousandths; what passes the limit is drawn up to it. `steps` are per cent at
/// which people are warned. The state colours the bar: `warn` or `over`.
#[must_use]
pub fn budget_bar(label: String, spent: i64, held: i64, steps: &[i16], state: Option<&'static str>) -> AnyView {
    let spent = spent.clamp(0, 1000);
    let held = held.clamp(0, 1000 - spent);
    let per_cent = |thousandths: i64| format!("{}.{}%", thousandths / 10, thousandths % 10);
    let held = (held > 0).then(|| {
        view! { <rect class="bar__reserved" x=per_cent(spent) y="1" width=per_cent(held) height="6"></rect> }
    });
    let marks = steps.iter().chain(&[100]).map(|step| {
        view! { <line class="bar__mark" x1=format!("{step}%") x2=format!("{step}%") y1="0" y2="8"></line> }
    });
    view! {
        <svg class="bar" role="img" aria-label=label data-state=state>
            <rect class="bar__track" y="1" width="100%" height="6" rx="2"></rect>
            <rect class="bar__spent" y="1" width=per_cent(spent) height="6" rx="2"></rect>
            {held}{marks.collect_view()}
        </svg>
    }
    .into_any()
}

/// How much of a whole something is, in thousandths.
#[must_use]
pub fn share_bar(label: String, thousandths: i64) -> AnyView {
    let part = thousandths.clamp(0, 1000);
    view! {
        <svg class="bar" role="img" aria-label=label>
            <rect class="bar__track" y="1" width="100%" height="6" rx="2"></rect>
            <rect class="bar__spent" y="1" width=format!("{}.{}%", part / 10, part % 10) height="6" rx="2"></rect>
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
