use http::HeaderMap;

use crate::{
    script::{Conversation, Script, Turn, When},
    seen::Seen,
};

const NOTHING_RECORDED: &str = "This is the demo model. It replays a recording, and none fits this conversation. Add a model key to work with a real model.";
const AT_THE_END: &str = "The recording ends here.";

/// The turn to play, with the name under which its faults are counted.
pub(crate) struct Chosen {
    pub(crate) conversation: String,
    pub(crate) turn: Turn,
}

pub(crate) fn choose(script: &Script, seen: &Seen, headers: &HeaderMap) -> Chosen {
    let Some(found) = script.conversations.iter().find(|conversation| holds(&conversation.when, seen, headers)) else {
        let turn =
            script.otherwise.clone().unwrap_or_else(|| Turn { text: NOTHING_RECORDED.to_owned(), ..Turn::default() });
        return Chosen { conversation: String::new(), turn };
    };
    Chosen { conversation: found.name.clone(), turn: turn(found, seen.turns()) }
}

fn turn(conversation: &Conversation, so_far: usize) -> Turn {
    let at = if conversation.repeat { so_far % conversation.turns.len() } else { so_far };
    let recorded = conversation.turns.get(at).cloned();
    recorded.unwrap_or_else(|| Turn { text: AT_THE_END.to_owned(), ..Turn::default() })
}

fn holds(when: &When, seen: &Seen, headers: &HeaderMap) -> bool {
    let last = seen.last();
    when.model.as_ref().is_none_or(|model| *model == seen.model)
        && when.system.iter().all(|text| seen.system.contains(text))
        && when.said.iter().all(|text| seen.said().any(|said| said.contains(text)))
        && when.last.iter().all(|text| last.iter().any(|said| said.contains(text)))
        && when
            .headers
            .iter()
            .all(|(name, value)| headers.get(name).is_some_and(|found| found.as_bytes() == value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::seen::Who;

    fn played(script: &Script, system: &str, items: &[(Who, &str)]) -> String {
        let mut seen = Seen { model: "demo".into(), system: system.into(), ..Seen::default() };
        for (who, text) in items {
            seen.add(*who, *text, &Value::Null);
        }
        choose(script, &seen, &HeaderMap::new()).turn.text
    }

    #[test]
    fn the_first_conversation_that_fits_plays_its_next_turn() {
        let script = Script::parse(
            r#"{"conversations":[
                {"name":"a","when":{"system":["[[role:coder]]"],"last":["again"]},"turns":[{"text":"again!"}]},
                {"name":"b","when":{"system":["[[role:coder]]"]},"turns":[{"text":"0"},{"text":"1"}]},
                {"name":"c","when":{"said":["loop"]},"turns":[{"text":"tick"},{"text":"tock"}],"repeat":true},
                {"name":"d","when":{"model":"other"},"turns":[{"text":"never"}]}
            ]}"#,
        )
        .unwrap();
        let (other, model) = (Who::Other, Who::Model);
        assert_eq!(played(&script, "x [[role:coder]]", &[(other, "go")]), "0");
        assert_eq!(played(&script, "x [[role:coder]]", &[(other, "go"), (model, "0"), (other, "on")]), "1");
        assert_eq!(played(&script, "x [[role:coder]]", &[(other, "go"), (model, "0"), (other, "again")]), AT_THE_END);
        assert_eq!(played(&script, "x [[role:coder]]", &[(other, "again")]), "again!");
        let looped = [(other, "loop"), (model, ""), (other, ""), (model, ""), (other, ""), (model, ""), (other, "")];
        assert_eq!(played(&script, "", &looped), "tock");
        assert_eq!(played(&script, "", &[(other, "hello")]), NOTHING_RECORDED);
    }
}
