use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use types::chat::{ToolCall, ToolResult};

/// How often the same call may bring the same result before the model is told, and before it is stopped.
pub(super) const NUDGE_AT: u32 = 3;
pub(super) const STOP_AT: u32 = 5;

/// Notices an agent that goes in circles: the same call with the same result, however much else lies between.
///
/// A patch that was not made before is progress and clears the counts, because then the same command is a new question.
/// A patch made a second time is not, so undoing and redoing an edit is a circle too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Guard {
    counts: BTreeMap<String, u32>,
    patches: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Fine,
    Nudge(u32),
    Stop(u32),
}

impl Guard {
    pub(super) fn observe(&mut self, call: &ToolCall, result: &ToolResult) -> Judgement {
        let print = fingerprint(call, result);
        if call.name == "patch" && !result.failed && !self.patches.contains(&print) {
            self.patches.push(print);
            self.counts.clear();
            return Judgement::Fine;
        }
        let count = self.counts.entry(print).or_default();
        *count += 1;
        match *count {
            count if count >= STOP_AT => Judgement::Stop(count),
            NUDGE_AT => Judgement::Nudge(NUDGE_AT),
            _ => Judgement::Fine,
        }
    }

    /// A person spoke: what was asked before may have a new answer.
    pub(super) fn clear(&mut self) {
        self.counts.clear();
    }
}

/// Stable between versions of the program, because it is stored: SHA-256 over name, arguments in a canonical form, and
/// the result without its measured times.
fn fingerprint(call: &ToolCall, result: &ToolResult) -> String {
    let mut hash = Sha256::new();
    for part in [&call.name, &canonical(&call.arguments), &without_decimals(&result.text)] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let fields: Vec<String> =
                sorted.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// "Ran 12 tests in 0.041s" says the same as "Ran 12 tests in 0.038s"; a whole number that changes may be progress.
fn without_decimals(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        kept.push_str(before);
        kept.push_str(if number.trim_end_matches('.').contains('.') { "#" } else { number });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(name: &str, arguments: Value) -> ToolCall {
        ToolCall { id: "any".to_owned(), name: name.to_owned(), arguments }
    }

    fn result(text: &str) -> ToolResult {
        ToolResult { call: "any".to_owned(), text: text.to_owned(), failed: false }
    }

    #[test]
    fn the_same_call_with_the_same_result_is_told_then_stopped() {
        let mut guard = Guard::default();
        let told: Vec<Judgement> = (0..5)
            .map(|i| {
                // Something else between does not help.
                guard.observe(&call("read", json!({ "path": format!("{i}") })), &result("text"));
                guard.observe(&call("run", json!({ "command": "make" })), &result(&format!("took 0.{i}3s")))
            })
            .collect();
        use Judgement::{Fine, Nudge, Stop};
        assert_eq!(told, [Fine, Fine, Nudge(3), Fine, Stop(5)]);
    }

    #[test]
    fn a_changing_result_is_progress() {
        let mut guard = Guard::default();
        for i in 0..20 {
            let seen = guard.observe(&call("run", json!({ "command": "status" })), &result(&format!("{i} of 20")));
            assert_eq!(seen, Judgement::Fine);
        }
    }

    #[test]
    fn a_new_patch_clears_and_a_repeated_one_does_not() {
        let mut guard = Guard::default();
        let test = || call("run", json!({ "command": "test" }));
        let patch = |n: u8| call("patch", json!({ "edits": [n] }));
        for i in 0..10 {
            assert_eq!(guard.observe(&test(), &result("fails")), Judgement::Fine, "{i}");
            assert_eq!(guard.observe(&patch(i), &result("done")), Judgement::Fine, "{i}");
        }
        let mut last = Judgement::Fine;
        for _ in 0..5 {
            guard.observe(&patch(0), &result("done"));
            last = guard.observe(&test(), &result("fails"));
        }
        assert_eq!(last, Judgement::Stop(5));
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let one = serde_json::from_str::<Value>(r#"{"a":1,"b":[{"c":2,"d":3}]}"#).unwrap();
        let other = serde_json::from_str::<Value>(r#"{"b":[{"d":3,"c":2}],"a":1}"#).unwrap();
        assert_eq!(canonical(&one), canonical(&other));
    }
}
