use leptos::prelude::*;

const HUES: &[&str] = &["violet", "teal", "amber", "pink", "blue"];

/// A word with a square of colour. The same word has the same colour everywhere; the word carries the meaning.
#[must_use]
pub fn label(word: &str) -> AnyView {
    view! { <span class="label" data-hue=hue(word)>{word.to_owned()}</span> }.into_any()
}

fn hue(word: &str) -> &'static str {
    let sum = word.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    HUES[sum % HUES.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_colour_and_do_not_all_share_one() {
        assert_eq!(hue("limits"), hue("limits"));
        let words = ["api", "bug", "docs", "limits", "tests", "fees", "security"];
        assert!(words.iter().any(|word| hue(word) != hue(words[0])));
    }
}
