use leptos::prelude::*;
use time::OffsetDateTime;
use types::MicroUsd;

use crate::{
    components::{clock, money::fine, status::State, who::Who},
    document::fragment,
};

/// One stretch of a run on its clock: work of an agent, or the wait for a person.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done: “Implement”.
    pub name: String,
    pub who: Who,
    /// Which time round, where it was done more than once: “2 of 3”.
    pub iteration: Option<String>,
    /// `Queued`, `Running`, `NeedsYou` (waits for a person), `Done`, `Failed`, `Cancelled`.
    pub state: State,
    pub started_at: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
    pub cost: MicroUsd,
    /// Whether this was a wait for a person: drawn hollow, so that it is never mistaken for work.
    pub wait: bool,
}

/// The steps beside the stream, for the event stream; its target is “steps”.
#[must_use]
pub fn steps_fragment(steps: &[Step], now: OffsetDateTime) -> String {
    fragment(false, section(steps, now))
}

pub(super) fn section(steps: &[Step], now: OffsetDateTime) -> AnyView {
    if steps.is_empty() {
        return view! { <section class="side__section" id="steps" hidden=true></section> }.into_any();
    }
    let clock = Clock::of(steps, now);
    let lines = steps.iter().map(|step| line(step, &clock, now)).collect_view();
    view! {
        <section class="side__section" id="steps" aria-labelledby="steps-title">
            <div class="section__head"><h2 id="steps-title">"Steps"</h2><span class="section__count">{clock::words(clock.length())}</span></div>
            <ol class="timeline">{lines}</ol>
            {key(steps)}
        </section>
    }
    .into_any()
}

/// What the lanes are drawn against: from the first start to the last end.
struct Clock {
    start: OffsetDateTime,
    end: OffsetDateTime,
}

impl Clock {
    fn of(steps: &[Step], now: OffsetDateTime) -> Self {
        let start = steps.iter().filter_map(|step| step.started_at).min().unwrap_or(now);
        let running = steps.iter().any(|step| step.started_at.is_some() && step.ended_at.is_none());
        let last = steps.iter().filter_map(|step| step.ended_at).max();
        Self { start, end: last.filter(|_| !running).unwrap_or(now).max(start) }
    }

    fn length(&self) -> time::Duration {
        self.end - self.start
    }

    /// A moment's place in per mille of the clock.
    fn place(&self, at: OffsetDateTime) -> i128 {
        let whole = self.length().whole_milliseconds().max(1);
        ((at - self.start).whole_milliseconds() * 1_000 / whole).clamp(0, 1_000)
    }
}

fn line(step: &Step, clock: &Clock, now: OffsetDateTime) -> AnyView {
    let iteration = step.iteration.as_ref().map(|which| format!(" {which}"));
    let elapsed = step.started_at.map(|start| match step.ended_at {
        Some(end) => clock::span(end - start),
        None => clock::since(start, now),
    });
    let cost = (!step.wait && step.started_at.is_some()).then(|| fine(step.cost));
    view! {
        <li data-state=(step.state == State::Running).then_some("running")>
            {step.state.sign()}
            <span class="timeline__name">{step.name.clone()}{iteration}" "<small>{step.who.name().to_owned()}</small></span>
            <span class="timeline__clock">{elapsed}</span>
            <span class="timeline__cost">{cost}</span>
            {lane(step, clock)}
        </li>
    }
    .into_any()
}

fn lane(step: &Step, clock: &Clock) -> AnyView {
    let bar = step.started_at.map(|start| {
        let from = clock.place(start);
        // A short step is still seen.
        let width = (clock.place(step.ended_at.unwrap_or(clock.end)) - from).max(8);
        let from = from.min(1_000 - width);
        let kind = match step.state {
            State::Failed => "fail",
            _ if step.wait || step.state == State::NeedsYou => "wait",
            State::Running => "live",
            _ => "work",
        };
        view! { <rect class=kind x=percent(from) width=percent(width) height="6" rx="1"></rect> }
    });
    view! { <svg class="timeline__lane" aria-hidden="true"><rect class="track" width="100%" height="6" rx="1"></rect>{bar}</svg> }
        .into_any()
}

fn percent(mille: i128) -> String {
    format!("{}.{}%", mille / 10, mille % 10)
}

fn key(steps: &[Step]) -> AnyView {
    let uses = |kind: fn(&Step) -> bool| steps.iter().any(kind);
    let words = [
        (true, "work", "work"),
        (uses(|step| step.wait || step.state == State::NeedsYou), "wait", "waits for a person"),
        (uses(|step| step.state == State::Failed), "fail", "failed"),
        (uses(|step| step.state == State::Running), "live", "now"),
    ];
    let shown = words.into_iter().filter(|(shown, ..)| *shown).map(|(_, kind, word)| {
        view! { <span><svg class="timeline__lane" aria-hidden="true"><rect class=kind width="12" height="6" rx="1"></rect></svg>{word}</span> }
    });
    view! { <p class="timeline__key">{shown.collect_view()}</p> }.into_any()
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-19 14:08 UTC);

    fn step(from: i64, to: Option<i64>) -> Step {
        Step {
            name: "Plan".to_owned(),
            who: Who::agent("architect", "A"),
            iteration: None,
            state: if to.is_some() { State::Done } else { State::Running },
            started_at: Some(START + Duration::seconds(from)),
            ended_at: to.map(|to| START + Duration::seconds(to)),
            cost: MicroUsd::from_micros(211_800),
            wait: false,
        }
    }

    #[test]
    fn lanes_lie_on_one_clock_and_inside_it() {
        let steps = [step(0, Some(50)), step(50, Some(100)), step(100, None)];
        let html = steps_fragment(&steps, START + Duration::seconds(200));
        assert!(html.contains(r#"x="25.0%" width="25.0%""#) && html.contains(r#"x="50.0%" width="50.0%""#), "{html}");
        assert!(html.contains("$0.2118") && html.contains(">3:20<") && html.contains("data-since"), "{html}");
    }

    #[test]
    fn a_step_without_length_is_seen_and_stays_inside() {
        let html = steps_fragment(&[step(0, Some(100)), step(100, Some(100))], START + Duration::hours(9));
        assert!(html.contains(r#"x="99.2%" width="0.8%""#), "{html}");
    }
}
