//! What changed inside a line: the tokens that an old and a new line do not share.

use std::ops::Range;

/// Longer lines are marked whole: the comparison takes the product of their tokens.
const MOST_TOKENS: usize = 160;

/// The bytes of the old and of the new line that differ; none for lines with too little in common to be told as one
/// changed line.
pub(super) fn differing(old: &str, new: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (before, after) = (tokens(old), tokens(new));
    if before.len() > MOST_TOKENS || after.len() > MOST_TOKENS {
        return (Vec::new(), Vec::new());
    }
    let (kept_before, kept_after) = common(old, &before, new, &after);
    let shared: usize =
        before.iter().zip(&kept_before).filter(|(_, kept)| **kept).map(|(at, _)| letters(&old[at.clone()])).sum();
    if shared * 3 < letters(old).max(letters(new)) {
        return (Vec::new(), Vec::new());
    }
    (marks(old, &before, &kept_before), marks(new, &after, &kept_after))
}

fn letters(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}

/// Words, runs of spaces, and single signs.
fn tokens(line: &str) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut last = None;
    for (at, character) in line.char_indices() {
        let kind = match character {
            _ if character.is_alphanumeric() || character == '_' => 0,
            _ if character.is_whitespace() => 1,
            _ => 2,
        };
        let end = at + character.len_utf8();
        match out.last_mut() {
            Some(token) if kind != 2 && last == Some(kind) => token.end = end,
            _ => out.push(at..end),
        }
        last = Some(kind);
    }
    out
}

/// Which tokens are in a longest common subsequence.
fn common(old: &str, before: &[Range<usize>], new: &str, after: &[Range<usize>]) -> (Vec<bool>, Vec<bool>) {
    let width = after.len() + 1;
    let mut lengths = vec![0_u16; (before.len() + 1) * width];
    let same = |i: usize, j: usize| old[before[i].clone()] == new[after[j].clone()];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            lengths[i * width + j] = if same(i, j) {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut kept_before, mut kept_after) = (vec![false; before.len()], vec![false; after.len()]);
    let (mut i, mut j) = (0, 0);
    while i < before.len() && j < after.len() {
        if same(i, j) {
            (kept_before[i], kept_after[j]) = (true, true);
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    (kept_before, kept_after)
}

/// The stretches that are not kept; those that only a space or a single sign keeps apart become one.
fn marks(line: &str, tokens: &[Range<usize>], kept: &[bool]) -> Vec<Range<usize>> {
    let mut marks: Vec<Range<usize>> = Vec::new();
    for (token, _) in tokens.iter().zip(kept).filter(|(_, kept)| !**kept) {
        match marks.last_mut() {
            Some(mark) if line[mark.end..token.start].chars().count() <= 1 => mark.end = token.end,
            _ => marks.push(token.clone()),
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
        let (before, after) = differing(old, new);
        let take = |line: &str, marks: Vec<Range<usize>>| marks.into_iter().map(|at| line[at].to_owned()).collect();
        (take(old, before), take(new, after))
    }

    #[test]
    fn only_what_differs_is_marked() {
        let (old, new) = words(") -> Result<Receipt, PostError> {", ") -> Result<Receipt, TransferError> {");
        assert_eq!((old, new), (vec!["PostError".to_owned()], vec!["TransferError".to_owned()]));
        let (old, new) = words("    post(&mut tx, &cmd).await?;", "    post(&mut tx, &cmd, day).await?;");
        assert_eq!((old, new), (vec![], vec![", day".to_owned()]));
    }

    #[test]
    fn lines_with_little_in_common_are_two_lines() {
        assert_eq!(words("let a = 1;", "return Err(Error::Gone { left });"), (vec![], vec![]));
        assert_eq!(words("", "x"), (vec![], vec![]));
    }

    #[test]
    fn letters_of_any_length_keep_their_bounds() {
        let (old, new) = words("größe = 3 €", "größe = 4 €");
        assert_eq!((old, new), (vec!["3".to_owned()], vec!["4".to_owned()]));
    }
}
