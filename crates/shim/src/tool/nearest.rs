//! Where in a file a text was probably meant to be found.

use super::read::push_line;

/// Lines below this likeness help nobody.
const LIKE: f64 = 0.5;
const SHOWN_LINES: usize = 12;

/// A sentence and the lines that are most like `wanted`, or nothing.
pub(super) fn hint(content: &str, wanted: &str) -> String {
    let wanted: Vec<&str> = wanted.lines().collect();
    let lines: Vec<&str> = content.lines().collect();
    // The longest line says most about the place.
    let Some((anchor, text)) = wanted.iter().enumerate().max_by_key(|(_, line)| line.trim().len()) else {
        return String::new();
    };
    let sought = pairs(text);
    let likest = lines.iter().enumerate().map(|(at, line)| (at, likeness(&sought, &pairs(line))));
    // The first of equals, so that the answer does not jump.
    let best = likest.fold(None, |best: Option<(usize, f64)>, (at, like)| match best {
        Some((_, most)) if most >= like => best,
        _ => Some((at, like)),
    });
    let Some((at, _)) = best.filter(|(_, like)| *like >= LIKE) else {
        return " Nothing in the file is like it; read the file again.".to_owned();
    };
    let first = at.saturating_sub(anchor);
    let window = lines.iter().skip(first).take(wanted.len());
    let spaced =
        wanted.len() == window.len() && window.clone().zip(&wanted).all(|(one, other)| one.trim() == other.trim());
    let mut hint = if spaced { " Only white space differs from" } else { " The nearest is" }.to_owned();
    hint.push_str(" this (number and tab are not part of the line):\n");
    for (number, line) in (1_u32..).zip(&lines).skip(first).take(wanted.len().min(SHOWN_LINES)) {
        push_line(&mut hint, number, line);
    }
    hint
}

/// Neighbouring bytes, sorted.
fn pairs(line: &str) -> Vec<[u8; 2]> {
    let mut pairs: Vec<[u8; 2]> =
        line.trim().as_bytes().windows(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).collect();
    pairs.sort_unstable();
    pairs
}

/// The Sørensen–Dice coefficient of two sorted lists: 0 for nothing in common, 1 for the same.
fn likeness(one: &[[u8; 2]], other: &[[u8; 2]]) -> f64 {
    let (mut left, mut right, mut common) = (one.iter().peekable(), other.iter().peekable(), 0_u32);
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => drop(left.next()),
            std::cmp::Ordering::Greater => drop(right.next()),
            std::cmp::Ordering::Equal => {
                common += 1;
                left.next();
                right.next();
            }
        }
    }
    let both = u32::try_from(one.len() + other.len()).unwrap_or(u32::MAX);
    if both == 0 { 0.0 } else { f64::from(2 * common) / f64::from(both) }
}
