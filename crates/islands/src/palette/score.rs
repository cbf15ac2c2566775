const PREFIX: i32 = 45;
const WORD_START: i32 = 30;
const IN_A_ROW: i32 = 40;
const GAP: i32 = 1;

/// How well `query` fits `text`: its letters must stand in `text` in their order. Higher is better; none if it does
/// not fit.
pub(crate) fn score(query: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let query: Vec<char> =
        query.chars().flat_map(char::to_lowercase).filter(|letter| !letter.is_whitespace()).collect();
    // A greedy match from the first letter misses “dash” in “add a dashboard”, so each possible start is tried.
    let starts = (0..text.len()).filter(|&start| query.first() == text.get(start));
    let best = starts.filter_map(|start| from(&query, &text, start)).max();
    if query.is_empty() { Some(0) } else { best }
}

fn from(query: &[char], text: &[char], start: usize) -> Option<i32> {
    let mut total = 0;
    let mut at = start;
    for (nth, letter) in query.iter().enumerate() {
        let found = at + text.get(at..)?.iter().position(|other| other == letter)?;
        let starts_word = found == 0 || text.get(found - 1).is_some_and(|before| !before.is_alphanumeric());
        total += match (found, nth) {
            (0, 0) => PREFIX,
            _ if nth > 0 && found == at => IN_A_ROW,
            _ if starts_word => WORD_START,
            _ => 0,
        };
        total -= GAP * i32::try_from(found - at).unwrap_or(i32::MAX / 2);
        at = found + 1;
    }
    // Of two equal fits the shorter text is the nearer one.
    Some(total - i32::try_from(text.len() / 8).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn letters_must_come_in_order() {
        assert!(score("inv", "Invite a teammate").is_some());
        assert!(score("ivt", "Invite a teammate").is_some());
        assert_eq!(score("vni", "Invite a teammate"), None);
        assert_eq!(score("x", ""), None);
        assert_eq!(score("", "anything"), Some(0));
    }

    #[test]
    fn the_nearer_fit_wins() {
        for (query, near, far) in [
            ("set", "Settings", "Reset password"),
            ("dash", "Add a dashboard", "Did a show"),
            ("am", "Add member", "Team"),
            ("mem", "Members", "Members of every project in this team"),
            ("audit log", "Audit log", "Audit of all the logs"),
        ] {
            assert!(score(query, near) > score(query, far), "{query}: {near} before {far}");
        }
    }

    #[test]
    fn letters_outside_ascii_fold_too() {
        assert!(score("ÜBER", "über uns").is_some());
        assert!(score("東", "東京").is_some());
    }
}
