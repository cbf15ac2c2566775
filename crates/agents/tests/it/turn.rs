use agents::builtin::{Finish, Outcome, StopReason, Turn, Verdict};
use serde_json::json;
use types::AgentRole;
use types::chat::{Answer, Part, Stop, TokenUsage, ToolResult};

use crate::hand::{
    answer, assert_well_formed, calls, coder, done, finishes, outcome, part, reads, request, says, tools,
};

fn finish(turn: &Turn) -> Finish {
    match outcome(turn) {
        Outcome::Finished { finish } => finish,
        other => panic!("not finished: {other:?}"),
    }
}

fn reason(turn: &Turn) -> StopReason {
    match outcome(turn) {
        Outcome::Stopped { reason } => reason,
        other => panic!("not stopped: {other:?}"),
    }
}

fn last_text(turn: &Turn) -> String {
    request(turn).messages.last().unwrap().text()
}

/// Answers, and executes whatever the answer calls for with the given result.
fn step(turn: &mut Turn, answer: &Answer, result: &str) {
    turn.answered(answer).unwrap();
    if let agents::builtin::Next::CallTools(calls) = turn.next() {
        for call in calls {
            turn.tool_done(done(&call, result)).unwrap();
        }
    }
}

#[test]
fn a_turn_reads_works_and_finishes() {
    let mut turn = Turn::begin(&coder());
    let first = request(&turn);
    assert!(first.system.starts_with("Role: coder\n"));
    assert!(first.messages.first().unwrap().text().contains("Fees are rounded to cents."));
    assert_well_formed(&first);

    turn.answered(&reads("a.py")).unwrap();
    let call = tools(&turn).remove(0);
    assert_eq!(call.name, "read");
    turn.tool_done(done(&call, "1\tx")).unwrap();
    let second = request(&turn);
    assert_eq!(second.messages.len(), 3);
    assert_well_formed(&second);

    turn.answered(&finishes()).unwrap();
    assert_eq!(finish(&turn), Finish::Work { summary: "All done.".to_owned() });
    assert_eq!(turn.model_calls(), 2);
}

#[test]
fn results_come_back_in_the_order_of_the_calls() {
    let mut turn = Turn::begin(&coder());
    let both = vec![part("a", "read", json!({ "path": "a" })), part("b", "read", json!({ "path": "b" }))];
    turn.answered(&answer(both)).unwrap();
    let mut waiting = tools(&turn);
    waiting.reverse();
    turn.tool_done(done(&waiting[0], "b")).unwrap();
    assert_eq!(tools(&turn).len(), 1, "only what is due");
    turn.tool_done(done(&waiting[1], "a")).unwrap();
    assert_well_formed(&request(&turn));
}

#[test]
fn calls_that_do_not_fit_are_answered_without_a_tool() {
    let cases = [
        (calls("read", json!({ "file": "a" })), "unknown field `file`"),
        (calls("fly", json!({})), "There is no tool `fly`"),
        (calls("read", json!("{\"path")), "not a JSON object"),
    ];
    for (wrong, part) in cases {
        let mut turn = Turn::begin(&coder());
        turn.answered(&wrong).unwrap();
        let request = request(&turn);
        assert_well_formed(&request);
        let Some(Part::ToolResult(ToolResult { text, failed: true, .. })) =
            request.messages.last().unwrap().parts.first()
        else {
            panic!("no failed result in {request:?}")
        };
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn finish_beside_other_calls_is_put_off() {
    let mut turn = Turn::begin(&coder());
    let both = vec![
        part("a", "run", json!({ "command": "make" })),
        part("b", "finish", json!({ "summary": "It should work." })),
    ];
    turn.answered(&answer(both)).unwrap();
    let waiting = tools(&turn);
    assert_eq!(waiting.len(), 1);
    turn.tool_done(done(&waiting[0], "fails")).unwrap();
    assert_well_formed(&request(&turn));
}

#[test]
fn ending_without_finish_is_told_once_and_then_taken() {
    let mut turn = Turn::begin(&coder());
    turn.answered(&says("I think I am done.")).unwrap();
    assert!(last_text(&turn).contains("call `finish`"));
    assert_well_formed(&request(&turn));
    turn.answered(&says("Rounded the fees.")).unwrap();
    assert_eq!(finish(&turn), Finish::Work { summary: "Rounded the fees.".to_owned() });
}

#[test]
fn a_review_without_a_verdict_is_none() {
    let mut brief = coder();
    brief.role = AgentRole::Reviewer;
    let mut turn = Turn::begin(&brief);
    turn.answered(&says("Looks good.")).unwrap();
    turn.answered(&says("Looks good to me.")).unwrap();
    assert_eq!(reason(&turn), StopReason::NoVerdict { text: "Looks good to me.".to_owned() });

    let mut turn = Turn::begin(&brief);
    turn.answered(&calls("finish", json!({ "verdict": "approve", "summary": "Good." }))).unwrap();
    let Finish::Review { verdict, .. } = finish(&turn) else { panic!("not a review") };
    assert_eq!(verdict, Verdict::Approve);
}

#[test]
fn silence_is_told_once_and_then_stopped() {
    let mut turn = Turn::begin(&coder());
    turn.answered(&answer(vec![])).unwrap();
    assert_well_formed(&request(&turn));
    turn.answered(&says("  \n")).unwrap();
    assert_eq!(reason(&turn), StopReason::NoResult);
}

#[test]
fn a_cut_answer_is_told_to_be_shorter() {
    let mut turn = Turn::begin(&coder());
    turn.answered(&Answer { stop: Stop::MaxTokens, ..says("I will now") }).unwrap();
    assert!(last_text(&turn).contains("was cut"));
}

#[test]
fn a_refusal_stops() {
    let mut turn = Turn::begin(&coder());
    turn.answered(&Answer { stop: Stop::Refusal, ..says("No.") }).unwrap();
    assert_eq!(reason(&turn), StopReason::Refused { text: "No.".to_owned() });
}

#[test]
fn a_question_waits_for_a_person_and_goes_on() {
    let mut turn = Turn::begin(&coder());
    turn.answered(&calls("ask", json!({ "question": "Which rate?", "options": ["Old", "New"] }))).unwrap();
    let asked =
        Outcome::Asked { question: "Which rate?".to_owned(), options: vec!["Old".to_owned(), "New".to_owned()] };
    assert_eq!(outcome(&turn), asked);
    turn.told("New").unwrap();
    let request = request(&turn);
    assert_well_formed(&request);
    let Some(Part::ToolResult(result)) = request.messages.last().unwrap().parts.first() else { panic!("no result") };
    assert_eq!(result.text, "New");
    assert!(turn.told("Old").is_err(), "nobody asks any more");
}

#[test]
fn circles_are_told_at_three_and_stopped_at_five() {
    let mut turn = Turn::begin(&coder());
    for round in 1..=4 {
        step(&mut turn, &reads("a.py"), "same");
        assert_eq!(last_text(&turn).contains("same result"), round == 3, "round {round}");
        assert_well_formed(&request(&turn));
    }
    step(&mut turn, &reads("a.py"), "same");
    assert_eq!(reason(&turn), StopReason::Loop { tool: "read".to_owned(), times: 5 });
}

#[test]
fn wrong_calls_in_circles_are_stopped_too() {
    let mut turn = Turn::begin(&coder());
    for _ in 0..5 {
        turn.answered(&calls("fly", json!({}))).unwrap();
    }
    assert_eq!(reason(&turn), StopReason::Loop { tool: "fly".to_owned(), times: 5 });
}

#[test]
fn calls_of_the_model_are_bounded() {
    let mut brief = coder();
    brief.limits.max_model_calls = 6;
    let mut turn = Turn::begin(&brief);
    for round in 1..=6 {
        if round == 4 {
            assert!(last_text(&turn).contains("You have 3 answers left."));
        }
        step(&mut turn, &reads(&format!("{round}.py")), "text");
    }
    assert_eq!(reason(&turn), StopReason::ModelCalls { limit: 6 });
    turn.allow_calls(6);
    assert_eq!(reason(&turn), StopReason::ModelCalls { limit: 6 }, "no more than before");
    turn.allow_calls(8);
    assert!(last_text(&turn).contains("with 2 more answers."));
    assert_well_formed(&request(&turn));
    step(&mut turn, &reads("7.py"), "text");
    step(&mut turn, &reads("8.py"), "text");
    assert_eq!(reason(&turn), StopReason::ModelCalls { limit: 8 });
}

#[test]
fn output_is_bounded_and_the_last_answer_still_counts() {
    let mut brief = coder();
    brief.limits.max_output_tokens = 1000;
    let usage = Some(TokenUsage { output: 600, reasoning: 500, ..TokenUsage::default() });
    let mut turn = Turn::begin(&brief);
    step(&mut turn, &Answer { usage, ..reads("a.py") }, "text");
    assert_eq!(reason(&turn), StopReason::OutputTokens { limit: 1000 });

    let mut turn = Turn::begin(&brief);
    turn.answered(&Answer { usage, ..finishes() }).unwrap();
    assert_eq!(finish(&turn).summary(), "All done.");
}

#[test]
fn unexpected_words_change_nothing() {
    let mut turn = Turn::begin(&coder());
    let before = turn.clone();
    assert!(turn.tool_done(ToolResult { call: "c1".into(), text: String::new(), failed: false }).is_err());
    assert!(turn.told("Yes").is_err());
    assert_eq!(turn, before);
    turn.answered(&reads("a.py")).unwrap();
    assert!(turn.answered(&reads("a.py")).is_err());
    assert!(turn.too_long().is_err());
    assert!(turn.tool_done(ToolResult { call: "other".into(), text: String::new(), failed: false }).is_err());
    let call = tools(&turn).remove(0);
    turn.tool_done(done(&call, "x")).unwrap();
    assert!(turn.tool_done(done(&call, "x")).is_err(), "told twice");
}

#[test]
fn old_results_are_cleared_before_anything_is_summed_up() {
    let mut brief = coder();
    brief.limits.context_tokens = 24_000;
    let mut turn = Turn::begin(&brief);
    let mut rounds = 0;
    // Until the first clearing: ten thousand bytes a result, about 3,400 tokens by the estimate.
    while !format!("{:?}", request(&turn)).contains("cleared to save room") {
        rounds += 1;
        assert!(rounds < 10, "never cleared");
        step(&mut turn, &reads(&format!("{rounds}.py")), &"x".repeat(10_000));
        assert_well_formed(&request(&turn));
    }
    let request = request(&turn);
    assert_eq!(request.messages.len(), 1 + 2 * rounds, "no message is gone");
    assert!(request.messages.first().unwrap().text().contains("Fees are rounded to cents."));
    assert!(format!("{:?}", request.messages.last()).contains("xxxx"), "the latest result stays");
}

#[test]
fn a_summary_takes_the_place_of_the_middle() {
    let mut brief = coder();
    brief.limits.context_tokens = 9_000;
    let mut turn = Turn::begin(&brief);
    let summing = |turn: &Turn| last_text(turn).contains("Sum up your work so far");
    let mut round = 0;
    while !summing(&turn) {
        round += 1;
        assert!(round < 30, "never summed up");
        step(&mut turn, &reads(&format!("{round}.py")), &"y".repeat(4_000));
    }
    assert_well_formed(&request(&turn));
    turn.answered(&says("Read all files; rounding happens in fees.py.")).unwrap();
    let request = request(&turn);
    assert_well_formed(&request);
    assert!(request.messages.len() <= 7);
    let first = request.messages.first().unwrap().text();
    assert!(first.contains("Fees are rounded to cents.") && first.contains("rounding happens in fees.py"), "{first}");
    turn.answered(&finishes()).unwrap();
    assert_eq!(finish(&turn).summary(), "All done.");
}

#[test]
fn a_provider_that_finds_it_too_long_gets_less() {
    let mut turn = Turn::begin(&coder());
    for round in 0..12 {
        step(&mut turn, &reads(&format!("{round}.py")), &"z".repeat(3_000));
    }
    let before = format!("{:?}", request(&turn)).len();
    turn.too_long().unwrap();
    let after = request(&turn);
    assert!(format!("{after:?}").len() < before);
    assert_well_formed(&after);
    // However often: it ends, and never without a reason.
    for _ in 0..20 {
        if turn.too_long().is_err() {
            break;
        }
    }
    assert!(matches!(reason(&turn), StopReason::Context { .. }));
}
