//! The measured colour table: WCAG 2.2 contrast (relative luminance of sRGB) of the pairs that meet on a page, in both themes,
//! as designed and where more contrast is asked for.

use std::collections::HashMap;

const COLOURS: &str = include_str!("../../style/tokens/colors.css");
const CHARTS: &str = include_str!("../../style/tokens/charts.css");
const CONTRAST: &str = include_str!("../../style/tokens/contrast.css");
const CHART: &str = include_str!("../../style/app/components/chart.css");
const ANALYTICS: &str = include_str!("../../style/app/screens/analytics.css");

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
/// Lines, bars and marks of labels, each of which says something.
const SERIES: &[&str] = &["chart-1", "chart-2", "chart-3", "chart-4", "chart-5", "hue-grey", "danger", "warning"];
const THEMES: [&str; 2] = ["light", "dark"];
const MORE: &str = ":root[data-contrast=\"more\"]";
const MORE_BY_SYSTEM: &str = "@media (prefers-contrast: more)";

/// The declarations of a rule, as they are written.
fn declarations(css: &'static str, selector: &str) -> Vec<(&'static str, &'static str)> {
    let (_, rest) = css.split_once(&format!("{selector} {{")).unwrap_or_else(|| panic!("there is no {selector}"));
    let (rule, _) = rest.split_once('}').expect("an end");
    let pair = |line: &'static str| line.trim().strip_suffix(';')?.split_once(": ");
    rule.lines().filter_map(pair).collect()
}

/// The custom properties of a page.
struct Look {
    name: &'static str,
    tokens: HashMap<&'static str, &'static str>,
}

impl Look {
    fn new(name: &'static str, changes: Vec<(&'static str, &'static str)>) -> Self {
        let all = [declarations(COLOURS, ":root"), declarations(CHARTS, ":root"), changes];
        let tokens = all.into_iter().flatten().filter_map(|(name, value)| Some((name.strip_prefix("--")?, value)));
        Self { name, tokens: tokens.collect() }
    }

    fn usual() -> Self {
        Self::new("as designed", Vec::new())
    }

    /// More contrast, asked for here and asked for by the system.
    fn with_more() -> [Self; 2] {
        let (_, by_system) = CONTRAST.split_once(MORE_BY_SYSTEM).expect("the system's wish");
        [
            Self::new("high contrast", declarations(CONTRAST, MORE)),
            Self::new("high contrast by the system", declarations(by_system, ":root")),
        ]
    }

    fn all() -> [Self; 3] {
        let [here, by_system] = Self::with_more();
        [Self::usual(), here, by_system]
    }

    /// What a token is in a theme (0 is light, 1 is dark).
    fn colour(&self, token: &str, theme: usize) -> &'static str {
        let value = *self.tokens.get(token).unwrap_or_else(|| panic!("there is no --{token}"));
        let inner = |function: &str| value.strip_prefix(function)?.strip_suffix(')');
        if let Some(other) = inner("var(--") {
            return self.colour(other, theme);
        }
        let Some(both) = inner("light-dark(") else { return value };
        let (light, dark) = both.split_once(", ").expect("two colours");
        [light, dark][theme]
    }

    /// The pairs below `least`, in words.
    fn failures(&self, pairs: impl IntoIterator<Item = (&'static str, &'static str)>, least: f64) -> Vec<String> {
        let mut failures = Vec::new();
        for (front, ground) in pairs {
            for (index, theme) in THEMES.into_iter().enumerate() {
                let ratio = ratio(channels(self.colour(front, index)), channels(self.colour(ground, index)));
                if ratio < least {
                    failures.push(format!("{}, {theme}: {front} on {ground} is {ratio:.2}, needs {least}", self.name));
                }
            }
        }
        failures
    }
}

/// Red, green and blue, from 0 to 255.
fn channels(colour: &str) -> [f64; 3] {
    let hex = colour.strip_prefix('#').filter(|hex| hex.len() == 6).unwrap_or_else(|| panic!("{colour} is no colour"));
    [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")))
}

fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let value = channel / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn ratio(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// A colour through which the ground shows.
fn over(front: [f64; 3], opacity: f64, ground: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|at| front[at] * opacity + ground[at] * (1.0 - opacity))
}

fn on(grounds: &'static [&'static str], fronts: &'static [&'static str]) -> Vec<(&'static str, &'static str)> {
    fronts.iter().flat_map(|front| grounds.iter().map(move |ground| (*front, *ground))).collect()
}

fn in_all_looks(pairs: &[(&'static str, &'static str)], least: f64) {
    let failures: Vec<String> = Look::all().iter().flat_map(|look| look.failures(pairs.to_vec(), least)).collect();
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_formula_gives_the_known_values() {
    let measured = |one, other| ratio(channels(one), channels(other));
    assert!((measured("#000000", "#ffffff") - 21.0).abs() < 0.001);
    assert!((measured("#777777", "#ffffff") - 4.478).abs() < 0.001);
}

#[test]
fn each_look_is_read_as_a_browser_reads_it() {
    let [here, by_system] = Look::with_more();
    assert_eq!(Look::usual().colour("canvas", 1), "#111113");
    assert_eq!(here.colour("canvas", 1), "#000000");
    assert_eq!(here.colour("text-muted", 0), "#0b0c0e", "by way of another token");
    assert_eq!(by_system.colour("text-muted", 0), "#1c2024");
    assert_eq!(here.colour("hue-teal", 0), "#00705f");
}

#[test]
fn words_are_legible_on_every_ground() {
    in_all_looks(&on(GROUNDS, WORDS), 4.5);
    in_all_looks(SOFT, 4.5);
}

#[test]
fn words_on_filled_buttons_are_legible() {
    let pairs: Vec<_> = SOLID.iter().map(|solid| ("on-solid", *solid)).collect();
    in_all_looks(&pairs, 4.5);
}

#[test]
fn controls_focus_and_fills_stand_out() {
    in_all_looks(&on(GROUNDS, &["border-control", "focus"]), 3.0);
    in_all_looks(&on(&["bar-track"], FILLS), 3.0);
}

#[test]
fn lines_and_bars_of_charts_stand_out() {
    in_all_looks(&on(GROUNDS, SERIES), 3.0);
    // A pale bar is told from its ground by its edge, which is as strong as the other bars.
    let pale = declarations(ANALYTICS, ".chart__bar-pale");
    assert!(pale.contains(&("stroke", "var(--chart-1)")), "{pale:?}");
    assert!(!pale.iter().any(|(name, _)| *name == "opacity"), "it would weaken the edge: {pale:?}");
}

/// Words stand beside the lines that they name, and so over what is filled under them.
#[test]
fn words_over_filled_parts_of_charts_are_legible() {
    let mut failures = Vec::new();
    for (fill, look) in [".chart__area", ".chart__cone"].iter().flat_map(|fill| Look::all().map(|look| (*fill, look))) {
        let opacity = declarations(CHART, fill).into_iter().find(|(name, _)| *name == "opacity");
        let opacity: f64 = opacity.expect("an opacity").1.parse().expect("a number");
        for (word, ground) in on(&["canvas", "surface"], &["text", "text-muted", "danger", "warning"]) {
            for (index, theme) in THEMES.into_iter().enumerate() {
                let colour = |token| channels(look.colour(token, index));
                let ratio = ratio(colour(word), over(colour("chart-1"), opacity, colour(ground)));
                if ratio < 4.5 {
                    failures.push(format!("{}, {theme}: {word} over {fill} on {ground} is {ratio:.2}", look.name));
                }
            }
        }
    }
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn high_contrast_is_higher() {
    for look in Look::with_more() {
        let edges = on(GROUNDS, &["border", "divider"]);
        assert_eq!(look.failures(edges, 3.0), Vec::<String>::new(), "every edge can be seen");
        // WCAG 2.2, 1.4.6.
        assert_eq!(look.failures(on(GROUNDS, &["text", "text-muted"]), 7.0), Vec::<String>::new());
    }
}
