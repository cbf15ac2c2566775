use leptos::prelude::*;

use super::{Approval, Outcome, Place, Question};
use crate::components::{
    button::Button,
    clock,
    icon::{Icon, icon},
};

pub(super) fn approval(seq: i64, who: &str, ask: &Approval, place: Place) -> AnyView {
    let left = ask.expires_at.filter(|_| !closed(&ask.outcome)).map(|end| {
        view! { <span class="approval__left">"denied by itself in "{clock::until(end, place.now)}</span> }
    });
    let command = ask.command.clone().map(|command| {
        view! { <pre class="approval__cmd" tabindex="0" role="region" aria-label="Command"><code>{command}</code></pre> }
    });
    let facts = ask.facts.iter().map(|(name, value)| view! { <dt>{name.clone()}</dt><dd>{value.clone()}</dd> });
    let facts = (!ask.facts.is_empty()).then(|| view! { <dl class="facts">{facts.collect_view()}</dl> });
    let action = format!("{}/approvals/{}", place.base, ask.id);
    let body = view! { {command}{facts}{outcome(&ask.outcome, || decide(seq, action))} }.into_any();
    framed(seq, &format!("{who} {}", ask.title), left.map(IntoAny::into_any), &ask.outcome, body)
}

pub(super) fn question(seq: i64, who: &str, ask: &Question, place: Place) -> AnyView {
    let action = format!("{}/questions/{}", place.base, ask.id);
    let body =
        view! { <p class="approval__text">{ask.text.clone()}</p>{outcome(&ask.outcome, || answer(seq, ask, &action))} };
    framed(seq, &format!("{who} asks"), None, &ask.outcome, body.into_any())
}

fn closed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Closed(_))
}

fn framed(seq: i64, title: &str, left: Option<AnyView>, outcome: &Outcome, body: AnyView) -> AnyView {
    let id = format!("ask-{seq}");
    let labelled = id.clone();
    view! {
        <section class="approval" aria-labelledby=labelled data-closed=closed(outcome)>
            <div class="approval__head"><h3 id=id>{title.to_owned()}</h3>{left}</div>
            <div class="approval__body">{body}</div>
        </section>
    }
    .into_any()
}

fn outcome(outcome: &Outcome, form: impl FnOnce() -> AnyView) -> AnyView {
    match outcome {
        Outcome::Yours => form(),
        Outcome::Open => view! { <p class="small muted">"Waits for somebody who may answer this."</p> }.into_any(),
        Outcome::Closed(text) => {
            view! { <p class="approval__outcome">{icon(Icon::CircleCheck)}<span>{text.clone()}</span></p> }.into_any()
        }
    }
}

fn decide(seq: i64, action: String) -> AnyView {
    let reason = format!("reason-{seq}");
    view! {
        <div class="approval__actions">
            <form method="post" action=action.clone()>
                <input type="hidden" name="decision" value="allow"/>
                {Button::new("Allow once").primary().small().busy("Allowing…").submit()}
            </form>
            <details class="approval__deny">
                <summary class="button">"Deny with reason…"</summary>
                <form method="post" action=action>
                    <input type="hidden" name="decision" value="deny"/>
                    <label for=reason.clone()>"Reason, which the agent reads"</label>
                    <textarea class="input" id=reason name="reason" required=true maxlength="2000"></textarea>
                    {Button::new("Deny").danger().small().busy("Denying…").submit()}
                </form>
            </details>
        </div>
    }
    .into_any()
}

fn answer(seq: i64, ask: &Question, action: &str) -> AnyView {
    let field = format!("answer-{seq}");
    let options = ask.options.iter().map(|option| {
        view! { <button class="button" type="submit" name="answer" value=option.clone()>{option.clone()}</button> }
    });
    let options = (!ask.options.is_empty()).then(|| {
        view! { <form class="approval__actions" method="post" action=action.to_owned()>{options.collect_view()}</form> }
    });
    view! {
        {options}
        <form class="approval__answer" method="post" action=action.to_owned()>
            <label for=field.clone()>{if ask.options.is_empty() { "Your answer" } else { "Or in your own words" }}</label>
            <textarea class="input" id=field name="answer" required=true maxlength="4000"></textarea>
            {Button::new("Answer").small().primary().busy("Answering…").submit()}
        </form>
    }
    .into_any()
}
