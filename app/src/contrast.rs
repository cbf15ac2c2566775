//! The measured colour table: WCAG 2.2 contrast (relative luminance of sRGB) of the pairs that meet on a page.

use std::collections::HashMap;

const TOKENS: &str = include_str!("../../style/tokens/colors.css");
const GROUNDS: &[&str] = &["canvas", "surface", "sunken", "hover"];
const WORDS: &[&str] = &["text", "text-muted", "accent", "success", "warning", "danger", "info"];
const SOFT: &[(&str, &str)] = &[
    ("success", "success-soft"),
    ("warning", "warning-soft"),
    ("danger", "danger-soft"),
    ("info", "info-soft"),
    ("accent", "accent-soft"),
    ("text", "diff-add"),
    ("text", "diff-add-word"),
    ("text", "diff-del"),
    ("text", "diff-del-word"),
];
const SOLID: &[&str] = &["accent-solid", "accent-solid-hover", "danger-solid", "danger-solid-hover", "success-solid"];
const FILLS: &[&str] = &["bar-fill", "bar-warn", "bar-over"];

/// Light and dark value of each token.
fn tokens() -> HashMap<&'static str, [&'static str; 2]> {
    let mut found = HashMap::new();
    for line in TOKENS.lines() {
        let Some((name, value)) = line.trim().strip_prefix("--").and_then(|rest| rest.split_once(": ")) else {
            continue;
        };
        let value = value.trim_end_matches(';');
        let pair = match value.strip_prefix("light-dark(").and_then(|rest| rest.strip_suffix(')')) {
            Some(both) => both.split_once(", ").map(|(light, dark)| [light, dark]).expect("two colours"),
            None => [value, value],
        };
        found.insert(name, pair);
    }
    found
}

fn luminance(colour: &str) -> f64 {
    let hex = colour.strip_prefix('#').filter(|hex| hex.len() == 6).unwrap_or_else(|| panic!("{colour} is no colour"));
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn ratio(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The pairs below `least`, in words.
fn failures(pairs: impl IntoIterator<Item = (&'static str, &'static str)>, least: f64) -> Vec<String> {
    let tokens = tokens();
    let mut failures = Vec::new();
    for (front, ground) in pairs {
        for (index, theme) in ["light", "dark"].into_iter().enumerate() {
            let ratio = ratio(tokens[front][index], tokens[ground][index]);
            if ratio < least {
                failures.push(format!("{theme}: {front} on {ground} is {ratio:.2}, needs {least}"));
            }
        }
    }
    failures
}

fn on_grounds(fronts: &'static [&'static str]) -> impl Iterator<Item = (&'static str, &'static str)> {
    fronts.iter().flat_map(|front| GROUNDS.iter().map(move |ground| (*front, *ground)))
}

#[test]
fn the_formula_gives_the_known_values() {
    assert!((ratio("#000000", "#ffffff") - 21.0).abs() < 0.001);
    assert!((ratio("#777777", "#ffffff") - 4.478).abs() < 0.001);
}

#[test]
fn words_are_legible_on_every_ground() {
    assert_eq!(failures(on_grounds(WORDS), 4.5), Vec::<String>::new());
    assert_eq!(failures(SOFT.iter().copied(), 4.5), Vec::<String>::new());
}

#[test]
fn words_on_filled_buttons_are_legible() {
    assert_eq!(failures(SOLID.iter().map(|solid| ("on-solid", *solid)), 4.5), Vec::<String>::new());
}

#[test]
fn controls_focus_and_fills_stand_out() {
    assert_eq!(failures(on_grounds(&["border-control", "focus"]), 3.0), Vec::<String>::new());
    assert_eq!(failures(FILLS.iter().map(|fill| (*fill, "bar-track")), 3.0), Vec::<String>::new());
}
