/// Passwords that leaks show to be common, one a line in lower case, sorted by byte. Origin and licence stand beside the file.
const LIST: &str = include_str!("../data/common-passwords.txt");

/// Others that counts of leaks name often and the list above lacks, in the same form.
const MORE: &str = include_str!("../data/more-common-passwords.txt");

/// Whether `word`, which must be in lower case, is on the list.
///
/// Searches the text itself: nothing has to be built at start.
pub(crate) fn is_listed(word: &str) -> bool {
    [LIST, MORE].into_iter().any(|list| stands_in(list, word))
}

fn stands_in(list: &str, word: &str) -> bool {
    let bytes = list.as_bytes();
    let (mut low, mut high) = (0, bytes.len());
    while low < high {
        let middle = low.midpoint(high);
        let start = bytes[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = bytes[middle..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| middle + at);
        match bytes[start..end].cmp(word.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_every_line_is_found() {
        assert!(LIST.lines().count() > 40_000);
        for list in [LIST, MORE] {
            let lines: Vec<&str> = list.lines().collect();
            assert!(lines.is_sorted_by(|a, b| a < b));
            assert!(lines.iter().all(|line| is_listed(line)));
        }
    }

    #[test]
    fn what_is_not_on_the_list_is_not_found() {
        for word in ["", "!", "~~~~~~~~~~", "correcthorsebatterystaple", "passwor\n", "PASSWORD"] {
            assert!(!is_listed(word), "{word:?}");
        }
    }
}
