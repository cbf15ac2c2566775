use app::{
    components::{status::State, who::Who},
    pages::task::{
        entry::{Approval, Body, Edit, Entry, Outcome, Question, Tool, ToolState},
        plan::{PlanState, PlanStep},
        steps::Step,
    },
};
use time::Duration;

use super::{ago, changes, coder, usd};
use crate::NOW;

const OUTPUT: &str = "\u{1b}[32m    Finished\u{1b}[0m `test` profile in 21.40s\n\u{1b}[32m    Starting\u{1b}[0m \u{1b}[1m42\u{1b}[0m tests across \u{1b}[1m6\u{1b}[0m binaries\n\u{1b}[32m        PASS\u{1b}[0m \u{1b}[2m[   0.214s]\u{1b}[0m ledger limit::accepts_up_to_the_limit\n\u{1b}[32m        PASS\u{1b}[0m \u{1b}[2m[   0.381s]\u{1b}[0m ledger limit::two_parallel_transfers_cannot_both_pass\n\u{1b}[31m        FAIL\u{1b}[0m \u{1b}[2m[   0.198s]\u{1b}[0m ledger \u{1b}[1mlimit::resets_at_local_midnight\u{1b}[0m\n\u{1b}[32m     Summary\u{1b}[0m \u{1b}[2m[  38.204s]\u{1b}[0m 42 tests run: 41 passed, \u{1b}[31m1 failed\u{1b}[0m";

pub(super) fn plan() -> Vec<PlanStep> {
    let step = |title: &str, state, note: &str| PlanStep { title: title.to_owned(), state, note: note.to_owned() };
    vec![
        step("Table daily_limits with one row per account and day", PlanState::Done, "coder-2 · 4:06"),
        step("Lock and check the day inside the posting transaction", PlanState::Done, "coder-1 · 9:41"),
        step("Answer 422 with the amount left", PlanState::Done, "coder-1"),
        step("Count days in the time zone of the account", PlanState::Waits, "coder-1"),
        step("Property tests over random days and zones", PlanState::Now, "tester"),
        step("Page in the API reference", PlanState::Open, "coder-2"),
    ]
}

pub(super) fn steps() -> Vec<Step> {
    let step = |name: &str, who: Who, from: i64, to: Option<i64>, cost| Step {
        name: name.to_owned(),
        who,
        iteration: None,
        state: if to.is_some() { State::Done } else { State::Running },
        started_at: Some(ago(1_427 - from)),
        ended_at: to.map(|to| ago(1_427 - to)),
        cost: usd(cost),
        wait: false,
    };
    let mira = Who::person("Mira");
    let approve = Step { wait: true, ..step("Approve plan", mira, 211, Some(319), 0) };
    let verify = Step { state: State::Failed, ..step("Verify", Who::agent("tester", "T"), 900, Some(1_023), 41_200) };
    let fix = Step {
        iteration: Some("2 of 3".to_owned()),
        state: State::NeedsYou,
        ..step("Fix", coder(), 1_023, None, 450_500)
    };
    vec![
        step("Prepare", Who::Muster, 0, Some(19), 0),
        step("Plan", Who::agent("architect", "A"), 19, Some(211), 211_800),
        approve,
        step("Implement", coder(), 319, Some(900), 1_106_400),
        step("Implement", Who::agent("coder-2", "C2"), 319, Some(565), 312_700),
        verify,
        fix,
        step("Tests", Who::agent("tester", "T"), 1_279, None, 38_800),
    ]
}

pub(super) fn entries() -> Vec<Entry> {
    let entry = |seq, seconds, who, body| Entry { seq, at: ago(seconds), who, body };
    let text = "<p>The check now sits in the transaction that posts the entries. It locks the row of the account and day first, so two parallel transfers cannot both pass. Reversals give the amount back to the day they came from.</p>";
    let message =
        Body::Message { html: text.to_owned(), model: Some("claude-sonnet-4.5".to_owned()), cost: Some(usd(18_600)) };
    let thought = Body::Thought {
        text: "The day has to be the account's own.\nIts zone stands in accounts.tz, which may be empty for old rows."
            .to_owned(),
    };
    let cost = Body::Cost {
        what: "Step implement closed".to_owned(),
        amount: usd(1_419_100),
        note: "412 k tokens in, 78 % from cache · 18 k out · 2 agents".to_owned(),
    };
    let failed = Body::Error {
        title: "1 of 42 tests failed".to_owned(),
        text: "Expected a transfer at 00:10 in Lisbon to open a new day. It was counted on the day before, because the day was taken in UTC.".to_owned(),
        more: Some(("tests/limit.rs:118".to_owned(), "#e-1308".to_owned())),
    };
    let edit = Body::Edit(Edit {
        path: "src/transfers/post.rs".to_owned(),
        additions: 3,
        deletions: 1,
        hunks: vec![changes::small()],
        more: Some("/changes#f2".to_owned()),
    });
    vec![
        entry(1_301, 1_208, Who::agent("architect", "A"), Body::Plan { version: 2, steps: plan() }),
        entry(
            1_302,
            1_100,
            Who::person("Mira Okafor"),
            Body::State { text: "approved the plan after 1:48. Hand-off to coder-1 and coder-2".to_owned() },
        ),
        entry(1_303, 657, coder(), message),
        entry(
            1_304,
            651,
            coder(),
            tool(
                "Read",
                "src/transfers/post.rs, src/limits.rs and 4 more",
                ToolState::Done("6 files".to_owned()),
                300,
                "pub async fn post_transfer(\n    pool: &PgPool,",
            ),
        ),
        entry(
            1_305,
            569,
            coder(),
            tool(
                "Search",
                "\"booked_at\" in src/**",
                ToolState::Done("11 hits".to_owned()),
                100,
                "src/transfers/post.rs:12: booked_at",
            ),
        ),
        entry(1_306, 560, coder(), thought),
        entry(
            1_307,
            538,
            Who::Muster,
            Body::Gap { text: "Connection lost for 38 s. 14 entries loaded since, none missing".to_owned() },
        ),
        entry(1_308, 519, Who::Muster, cost),
        entry(1_309, 434, coder(), command()),
        entry(1_310, 396, Who::agent("tester", "T"), failed),
        entry(1_312, 250, coder(), edit),
        entry(1_311, 64, coder(), approval()),
        entry(1_313, 40, Who::agent("lead", "L"), question()),
        entry(1_314, 16, Who::agent("tester", "T"), tool("Write", "tests/limit_zones.rs", ToolState::Running, 0, "")),
    ]
}

fn tool(name: &str, target: &str, state: ToolState, millis: i64, output: &str) -> Body {
    Body::Tool(Tool {
        name: name.to_owned(),
        target: target.to_owned(),
        took: (state != ToolState::Running).then(|| Duration::milliseconds(millis)),
        state,
        output: output.to_owned(),
        full: None,
    })
}

fn command() -> Body {
    Body::Command(Tool {
        name: "Run".to_owned(),
        target: "cargo nextest run -p ledger limit::".to_owned(),
        state: ToolState::Failed("exit 100".to_owned()),
        took: Some(Duration::milliseconds(38_249)),
        output: OUTPUT.to_owned(),
        full: Some("/quayside/tasks/QUA-142/artifacts".to_owned()),
    })
}

fn approval() -> Body {
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Body::Approval(Approval {
        id: "a1".to_owned(),
        title: "asks to run a migration on a shared database".to_owned(),
        command: Some("sqlx migrate run --database-url $LEDGER_TEST_URL".to_owned()),
        facts: vec![
            fact("Why", "The column accounts.tz must exist before the midnight test can pass."),
            fact("Effect", "Adds 1 column to ledger_test. Two other runs use this database: QUA-139, QUA-148."),
            fact("May approve", "Mira Okafor, Jonas Lindqvist"),
        ],
        expires_at: Some(NOW + Duration::seconds(828)),
        outcome: Outcome::Yours,
    })
}

fn question() -> Body {
    Body::Question(Question {
        id: "q1".to_owned(),
        text: "Does a reversed transfer count on the day it was made, or on the day it was reversed?".to_owned(),
        options: vec!["Day made".to_owned(), "Day reversed".to_owned()],
        outcome: Outcome::Closed("Mira Okafor: Day made".to_owned()),
    })
}
