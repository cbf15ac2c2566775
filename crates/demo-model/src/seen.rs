//! A request in any format, as far as the script looks at it.

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A person or a tool: whatever speaks to the model.
    Other,
    Model,
}

#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) who: Who,
    pub(crate) text: String,
    /// Characters of its JSON.
    pub(crate) weight: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) model: String,
    pub(crate) system: String,
    pub(crate) items: Vec<Item>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) stream: bool,
    /// Characters of the tools' JSON.
    pub(crate) tools_weight: usize,
}

/// A conversation that was shortened says with this mark how many turns went before.
const TURNS_MARK: &str = "[[turns:";

impl Seen {
    pub(crate) fn add(&mut self, who: Who, text: impl Into<String>, json: &Value) {
        self.items.push(Item { who, text: text.into(), weight: json.to_string().len() });
    }

    pub(crate) fn add_system(&mut self, text: &str) {
        if !self.system.is_empty() && !text.is_empty() {
            self.system.push('\n');
        }
        self.system.push_str(text);
    }

    pub(crate) fn add_tool(&mut self, name: &Value, schema: &Value, json: &Value) {
        self.tools_weight += json.to_string().len();
        if let Some(name) = name.as_str() {
            self.tools.push(Tool { name: name.to_owned(), schema: schema.clone() });
        }
    }

    /// Answers of the model so far. Items of the model without anything between them are one answer, as some formats
    /// write thoughts, text and calls as items of their own.
    pub(crate) fn turns(&self) -> usize {
        let marked = self.items.iter().enumerate().rev().find_map(|(at, item)| {
            let after = &item.text[item.text.rfind(TURNS_MARK)? + TURNS_MARK.len()..];
            let number = after.split_once("]]")?.0.parse::<usize>().ok()?;
            Some((at, number))
        });
        let (from, before) = marked.unwrap_or((0, 0));
        let items = &self.items[from..];
        let starts = items
            .iter()
            .enumerate()
            .filter(|(at, item)| item.who == Who::Model && (*at == 0 || items[at - 1].who != Who::Model));
        before + starts.count()
    }

    /// What was said to the model since it spoke last.
    pub(crate) fn last(&self) -> Vec<&str> {
        self.items.iter().rev().take_while(|item| item.who == Who::Other).map(|item| item.text.as_str()).collect()
    }

    pub(crate) fn said(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter(|item| item.who == Who::Other).map(|item| item.text.as_str())
    }

    pub(crate) fn weight(&self) -> usize {
        self.system.len() + self.tools_weight + self.items.iter().map(|item| item.weight).sum::<usize>()
    }

    /// What the previous request held, which a provider would find in its cache; 0 for a first request.
    pub(crate) fn weight_before_last_turn(&self) -> usize {
        let Some(last) = self.items.iter().rposition(|item| item.who == Who::Model) else { return 0 };
        let start = self.items[..last].iter().rposition(|item| item.who == Who::Other).map_or(0, |at| at + 1);
        let items = self.items[..start].iter().map(|item| item.weight).sum::<usize>();
        self.system.len() + self.tools_weight + items
    }
}

/// The texts of a content that is either one text or a list of parts with texts.
pub(crate) fn texts(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str().or_else(|| part.as_str()));
            texts.collect::<Vec<_>>().join("\n")
        }
        Value::Object(_) => content["text"].as_str().map_or_else(|| content.to_string(), str::to_owned),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(items: &[(Who, &str)]) -> Seen {
        let mut seen = Seen { system: "s".repeat(10), ..Seen::default() };
        for (who, text) in items {
            seen.add(*who, *text, &Value::String((*text).to_owned()));
        }
        seen
    }

    #[test]
    fn turns_are_runs_of_the_model_after_the_last_mark() {
        use Who::{Model, Other};
        assert_eq!(seen(&[(Other, "a")]).turns(), 0);
        assert_eq!(
            seen(&[(Other, "a"), (Model, "b"), (Model, "c"), (Other, "d"), (Model, "e"), (Other, "f")]).turns(),
            2
        );
        assert_eq!(
            seen(&[(Other, "a"), (Model, "b"), (Other, "so far [[turns:7]] ok"), (Model, "c"), (Other, "d")]).turns(),
            8
        );
    }

    #[test]
    fn the_previous_request_is_what_stood_before_the_last_answer() {
        use Who::{Model, Other};
        let seen = seen(&[(Other, "aa"), (Model, "b"), (Model, "c"), (Other, "dd")]);
        assert_eq!(seen.weight_before_last_turn(), 10 + 4);
        assert_eq!(seen.last(), ["dd"]);
    }
}
