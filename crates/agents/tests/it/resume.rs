//! A turn that is stored and loaded at any point comes to the same end.

use agents::builtin::{Next, Turn};
use proptest::prelude::*;
use serde_json::json;
use types::chat::{Answer, Part, Stop, ToolResult};

use crate::hand::{answer, assert_well_formed, coder, part, says};

#[derive(Clone, Debug)]
enum Move {
    Text(String),
    Silence,
    Cut,
    Calls(Vec<Part>, Vec<String>),
    TooLong,
}

fn call() -> impl Strategy<Value = Part> {
    let path = prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        4 => path.prop_map(|path| part("x", "read", json!({ "path": path }))),
        2 => Just(part("x", "run", json!({ "command": "make" }))),
        2 => (0..5u8).prop_map(|n| part("x", "patch", json!({ "edits": [{ "path": "a", "action": "create", "new": n.to_string() }] }))),
        1 => Just(part("x", "read", json!("{"))),
        1 => Just(part("x", "ask", json!({ "question": "Why?" }))),
        1 => Just(part("x", "finish", json!({ "summary": "Done." }))),
    ]
}

fn one_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        1 => "[a-z ]{0,40}".prop_map(Move::Text),
        1 => Just(Move::Silence),
        1 => Just(Move::Cut),
        1 => Just(Move::TooLong),
        8 => (prop::collection::vec(call(), 1..4), prop::collection::vec("[a-z]{1,4}|x{2000}", 4))
            .prop_map(|(calls, results)| Move::Calls(calls, results)),
    ]
}

/// Unique ids, as providers give them.
fn numbered(parts: &[Part], round: usize) -> Vec<Part> {
    let numbered = parts.iter().enumerate().map(|(n, part)| match part {
        Part::ToolCall(call) => {
            let mut call = call.clone();
            call.id = format!("{round}-{n}");
            Part::ToolCall(call)
        }
        other => other.clone(),
    });
    numbered.collect()
}

fn reply(chosen: &Move, round: usize) -> Answer {
    match chosen {
        Move::Text(text) => says(text),
        Move::Silence | Move::TooLong => answer(vec![]),
        Move::Cut => Answer { stop: Stop::MaxTokens, ..says("and then") },
        Move::Calls(calls, _) => answer(numbered(calls, round)),
    }
}

fn play(moves: &[Move], mut between: impl FnMut(Turn) -> Turn) -> Turn {
    let mut brief = coder();
    brief.limits.context_tokens = 6_000;
    brief.limits.max_model_calls = 25;
    let mut turn = Turn::begin(&brief);
    for (round, chosen) in moves.iter().enumerate() {
        turn = between(turn);
        let Next::CallModel(request) = turn.next() else { break };
        assert_well_formed(&request);
        if matches!(chosen, Move::TooLong) {
            turn.too_long().unwrap();
        } else {
            turn.answered(&reply(chosen, round)).unwrap();
        }
        while let Next::CallTools(calls) = turn.next() {
            turn = between(turn);
            let Move::Calls(_, results) = chosen else { panic!("tools without calls") };
            let call = &calls[0];
            let text = results[calls.len() % results.len()].clone();
            turn.tool_done(ToolResult { call: call.id.clone(), text, failed: false }).unwrap();
        }
        if turn.told("Because.").is_ok() {
            turn = between(turn);
        }
    }
    turn
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn stored_and_loaded_anywhere(moves in prop::collection::vec(one_move(), 1..40)) {
        let straight = play(&moves, |turn| turn);
        let stored = play(&moves, |turn| {
            let text = serde_json::to_string(&turn).unwrap();
            let loaded: Turn = serde_json::from_str(&text).unwrap();
            assert_eq!(loaded, turn);
            loaded
        });
        prop_assert_eq!(straight, stored);
    }
}
