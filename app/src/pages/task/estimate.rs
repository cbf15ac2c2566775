use leptos::prelude::*;
use orchestrator::analytics::{Alike, Estimate, Spread};
use types::MicroUsd;

use super::Likely;
use crate::{
    components::{
        icon::{Icon, icon},
        money::amount_text,
    },
    pages::budgets::grouped,
};

/// What starting is likely to cost, beside the button that starts.
pub(super) fn line(likely: &Likely) -> AnyView {
    view! { <span class="taskhead__estimate">{icon(Icon::Coins)}<span>{words(likely)}</span></span> }.into_any()
}

fn words(likely: &Likely) -> String {
    let Some(found) = &likely.found else { return "No finished task to compare with yet".to_owned() };
    let squad = likely.squad.as_deref().unwrap_or("this squad");
    let which = match (found.alike, found.tasks) {
        (Alike::SquadInProject, count) => format!("{} of {squad} in this project", tasks(count)),
        (Alike::Squad, count) => format!("{} of {squad}", tasks(count)),
        (Alike::Team, 1) => "the only finished one of the team".to_owned(),
        (Alike::Team, count) => format!("{} of the team", tasks(count)),
    };
    let cost = if found.cost.high == 0 {
        format!("nothing and took {} tokens", range(&found.tokens, grouped))
    } else {
        range(&found.cost, |micros| amount_text(MicroUsd::from_micros(micros)))
    };
    let unknown = if found.unknown { ", in part at your rate for unknown prices" } else { "" };
    format!("{} cost {cost}{unknown} ({which})", subject(found))
}

const fn subject(found: &Estimate) -> &'static str {
    if found.tasks == 1 { "A similar task" } else { "Similar tasks" }
}

fn tasks(count: usize) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} finished tasks") }
}

fn range(spread: &Spread, text: impl Fn(i64) -> String) -> String {
    let [low, median, high] = [spread.low, spread.median, spread.high].map(text);
    if low == high { median } else { format!("about {low} to {high}, median {median}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likely(alike: Alike, tasks: usize, cost: [i64; 3], unknown: bool) -> String {
        let [low, median, high] = cost;
        let tokens = Spread { low: 1_000, median: 2_000, high: 3_000 };
        let found = Estimate { alike, tasks, cost: Spread { low, median, high }, tokens, unknown };
        words(&Likely { squad: Some("Crew".to_owned()), found: Some(found) })
    }

    #[test]
    fn an_estimate_says_what_it_compares() {
        let cents = [120_000, 180_000, 300_000];
        assert_eq!(
            likely(Alike::SquadInProject, 4, cents, false),
            "Similar tasks cost about $0.12 to $0.30, median $0.18 (4 finished tasks of Crew in this project)"
        );
        assert_eq!(
            likely(Alike::Team, 1, [50_000; 3], true),
            "A similar task cost $0.05, in part at your rate for unknown prices (the only finished one of the team)"
        );
        let free = likely(Alike::Squad, 3, [0; 3], false);
        assert!(
            free.contains("cost nothing and took about 1\u{202f}000 to 3\u{202f}000, median 2\u{202f}000 tokens"),
            "{free}"
        );
        assert_eq!(words(&Likely { squad: None, found: None }), "No finished task to compare with yet");
    }
}
