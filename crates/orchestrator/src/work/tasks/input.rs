//! What people type about a task, checked.

use types::FieldError;

use crate::{Error, Result};

/// The fields of a task that a form fills, collected with what is wrong with them.
#[derive(Default)]
pub(super) struct Checked {
    wrong: Vec<FieldError>,
}

impl Checked {
    fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.wrong.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    /// One line of at most 500 characters.
    pub(super) fn title(&mut self, text: &str) -> String {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match text.chars().count() {
            0 => self.refuse("title", "Say what should be true at the end."),
            501.. => self.refuse("title", "Use at most 500 characters."),
            _ => {}
        }
        text
    }

    /// Lines end as in Unix; browsers send the ends of Windows.
    pub(super) fn text(&mut self, field: &str, text: &str, most: usize) -> String {
        let text = text.replace("\r\n", "\n").replace('\0', "").trim_end().to_owned();
        if text.chars().count() > most {
            self.refuse(field, format!("Use at most {},000 characters.", most / 1_000));
        }
        text
    }

    pub(super) fn priority(&mut self, priority: i16) -> i16 {
        if !(0..=10).contains(&priority) {
            self.refuse("priority", "Use a priority from 0 to 10.");
        }
        priority
    }

    /// Small letters, each once, in the order they were given.
    pub(super) fn labels(&mut self, labels: &[String]) -> Vec<String> {
        let mut kept: Vec<String> = Vec::new();
        for label in labels {
            let label = label.trim().to_lowercase();
            if !label.is_empty() && !kept.contains(&label) {
                kept.push(label);
            }
        }
        if kept.len() > 20 {
            self.refuse("labels", "Use at most 20 labels.");
        }
        if let Some(label) = kept.iter().find(|label| !is_label(label)) {
            let message = format!("“{label}” is no label. Use letters, digits, dashes and dots, at most 30.");
            self.refuse("labels", message);
        }
        kept
    }

    pub(super) fn finish(self) -> Result<()> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(self.wrong)) }
    }
}

fn is_label(label: &str) -> bool {
    label.chars().count() <= 30
        && label.chars().all(|character| character.is_alphanumeric() || "-_./ ".contains(character))
}

/// What the words at the end of a quick line mean: `Round half to even #bug !high` has a label and a priority.
///
/// Only words at the end count, so that a title may speak of “#12” in its middle. What is neither stays in the title.
pub(super) fn quick(line: &str) -> (String, Vec<String>, Option<i16>) {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let (mut labels, mut priority) = (Vec::new(), None);
    while let Some(last) = words.last() {
        if let Some(label) =
            last.strip_prefix('#').filter(|label| label.starts_with(char::is_alphabetic) && is_label(label))
        {
            labels.push(label.to_owned());
        } else if let Some(level) = last.strip_prefix('!').and_then(level)
            && priority.is_none()
        {
            priority = Some(level);
        } else {
            break;
        }
        words.pop();
    }
    labels.reverse();
    (words.join(" "), labels, priority)
}

fn level(word: &str) -> Option<i16> {
    match word {
        "low" => Some(2),
        "medium" => Some(5),
        "high" => Some(8),
        "urgent" => Some(10),
        number => number.parse().ok().filter(|level| (0..=10).contains(level)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_quick_line_is_read() {
        for (line, title, labels, priority) in [
            ("Round half to even", "Round half to even", vec![], None),
            ("  Round  half #bug #api !high ", "Round half", vec!["bug", "api"], Some(8)),
            ("Close #12 in the log", "Close #12 in the log", vec![], None),
            ("Close #12", "Close #12", vec![], None),
            ("Stop! #x !0", "Stop!", vec!["x"], Some(0)),
            ("Two !1 !2", "Two !1", vec![], Some(2)),
            ("!11", "!11", vec![], None),
            ("#only", "", vec!["only"], None),
        ] {
            let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
            assert_eq!(quick(line), (title.to_owned(), labels, priority), "{line}");
        }
    }

    #[test]
    fn each_wrong_field_is_named() {
        let mut checked = Checked::default();
        checked.title(" \n ");
        checked.text("description", &"x".repeat(20_001), 20_000);
        checked.priority(11);
        checked.labels(&["a,b".to_owned()]);
        let Err(Error::Invalid(errors)) = checked.finish() else { panic!("refused") };
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["title", "description", "priority", "labels"]);
    }

    #[test]
    fn labels_are_small_and_stand_once() {
        let mut checked = Checked::default();
        let labels = checked.labels(&[" Bug".to_owned(), "bug".to_owned(), String::new(), "api".to_owned()]);
        assert_eq!(labels, ["bug", "api"]);
        assert_eq!(checked.text("description", "a\r\nb\r\n", 10), "a\nb");
        assert!(checked.finish().is_ok());
    }
}
