use leptos::prelude::*;

use crate::appearance::{Appearance, Contrast, Theme};

/// Two small forms, so that one press is enough and each keeps what the other holds.
///
/// `next` is the path to come back to.
#[must_use]
pub fn theme_form(appearance: Appearance, next: &str) -> AnyView {
    let themes = Theme::ALL.iter().map(|theme| choice("theme", theme.as_str(), *theme == appearance.theme));
    let contrasts = [Contrast::Normal, Contrast::More];
    let contrasts = contrasts.map(|contrast| choice("contrast", contrast.as_str(), contrast == appearance.contrast));
    view! {
        <div class="cluster">
            <form class="segments" method="post" action="/appearance" aria-label="Theme">
                <input type="hidden" name="contrast" value=appearance.contrast.as_str()/>
                <input type="hidden" name="next" value=next.to_owned()/>
                {themes.collect_view()}
            </form>
            <form class="segments" method="post" action="/appearance" aria-label="Contrast">
                <input type="hidden" name="theme" value=appearance.theme.as_str()/>
                <input type="hidden" name="next" value=next.to_owned()/>
                {contrasts.into_iter().collect_view()}
            </form>
        </div>
    }
    .into_any()
}

fn choice(name: &'static str, value: &'static str, chosen: bool) -> AnyView {
    let word = match value {
        "dark" => "Dark",
        "light" => "Light",
        "system" => "System",
        "more" => "High contrast",
        _ => "Normal contrast",
    };
    view! { <button type="submit" name=name value=value aria-pressed=if chosen { "true" } else { "false" }>{word}</button> }
        .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn what_is_chosen_is_pressed_and_the_other_choice_is_kept() {
        let appearance = Appearance { theme: Theme::Light, contrast: Contrast::More };
        let html = fragment(false, theme_form(appearance, "/pricing?period=yearly"));
        assert_eq!(html.matches(r#"aria-pressed="true""#).count(), 2, "{html}");
        assert!(html.contains(r#"name="theme" value="light" aria-pressed="true""#), "{html}");
        assert!(html.contains(r#"<input type="hidden" name="contrast" value="more""#), "{html}");
        assert!(html.contains(r#"<input type="hidden" name="theme" value="light""#), "{html}");
        assert_eq!(html.matches(r#"name="next" value="/pricing?period=yearly""#).count(), 2, "{html}");
    }
}
