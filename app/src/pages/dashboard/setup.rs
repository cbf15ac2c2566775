use leptos::prelude::*;

use super::Checklist;
use crate::{
    components::{
        bar::progress,
        button::Button,
        icon::{Icon, icon},
    },
    layout::shell::Shell,
};

/// One press from nothing to a merged change. `leads`: it is what the page is for.
pub(crate) fn sample(shell: &Shell, leads: bool) -> AnyView {
    let button = Button::new("Run the sample task").icon(Icon::Play).busy("Starting…");
    let button = if leads { button.primary() } else { button };
    view! {
        <section class="offer" aria-labelledby="sample-title">
            <div>
                <h2 id="sample-title">"Watch a squad work"</h2>
                <p>"A squad fixes a small real program in a sandbox: it plans, edits, breaks a test, repairs it, is reviewed. The model is “Demo model: replays a recording”, so this needs no key and costs nothing."</p>
            </div>
            <form method="post" action=shell.link("/sample")>
                {button.submit()}
            </form>
        </section>
    }
    .into_any()
}

pub(super) fn checklist(shell: &Shell, steps: Checklist, lead: bool) -> AnyView {
    let setup = shell.link("/onboarding");
    let members = shell.link("/members");
    let lines = [
        (true, "Name the team", "People and work belong to it.", setup.clone(), ""),
        (
            steps.project,
            "Bring code, or take the sample",
            "A project says where the code is.",
            setup.clone(),
            "Add a project",
        ),
        (steps.squad, "Muster a squad", "Who plans, writes, tests and reviews.", setup.clone(), "Muster a squad"),
        (steps.task, "Write the first task", "Say what should be true at the end.", setup, "Write a task"),
        (steps.invited, "Invite a teammate", "Reviews want a second pair of eyes.", members, "Invite"),
    ];
    let done = lines.iter().map(|line| u32::from(line.0)).sum::<u32>();
    // One primary action on the page: the first step that is open, unless something before it leads.
    let first = lines.iter().position(|line| !line.0).filter(|_| lead);
    let rows = lines.into_iter().enumerate().map(|(at, (ticked, title, why, href, verb))| {
        let button = if Some(at) == first { Button::new(verb).small().primary() } else { Button::new(verb).small() };
        let (state, sign, said) =
            if ticked { ("done", Icon::CircleCheck, " (done)") } else { ("open", Icon::Circle, "") };
        view! {
            <li data-state=state>
                {icon(sign)}
                <span><b>{title}<span class="visually-hidden">{said}</span></b><small>{why}</small></span>
                {(!ticked).then(|| button.link(href))}
            </li>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section class="checklist" aria-labelledby="setup">
            <div class="checklist__head">
                <h2 id="setup">{format!("Set up {}", shell.team_name())}</h2>
                <p>{format!("{done} of 5 done")}</p>
                {progress(&format!("{done} of 5 steps done"), done, 5)}
            </div>
            <ol>{rows}</ol>
        </section>
    }
    .into_any()
}
