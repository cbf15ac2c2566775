use leptos::prelude::*;
use orchestrator::squads::SquadDetail;
use types::Stage;

use super::letters;
use crate::components::{
    avatar,
    icon::{Icon, icon},
};

/// The way of a task through the squad, as a list.
pub(super) fn stages(squad: &SquadDetail) -> AnyView {
    let stages = Stage::ALL.iter().map(|stage| stage_of(squad, *stage));
    view! { <ol class="stages">{stages.collect_view()}</ol> }.into_any()
}

fn stage_of(squad: &SquadDetail, stage: Stage) -> AnyView {
    let agents = squad.agents_in(stage);
    let agents = agents.map(|agent| avatar::agent(letters(agent.settings.role, &agent.settings.name)));
    view! {
        <li class="stage">
            <h3>{stage.label()}<span class="avatars">{agents.collect_view()}</span></h3>
            <span class="stage__bound">{bound(squad, stage)}</span>
            <p>{sentence(squad, stage)}</p>
            {missing(squad, stage)}
            {gate(squad, stage)}
        </li>
    }
    .into_any()
}

fn bound(squad: &SquadDetail, stage: Stage) -> Option<String> {
    let most = match stage {
        Stage::Verify => squad.rules.bounds.max_iterations,
        Stage::Review => squad.rules.bounds.max_reworks,
        Stage::Plan | Stage::Implement | Stage::Deliver => return None,
    };
    Some(if most == 0 { "never back".to_owned() } else { format!("back {most} × at most") })
}

fn names(squad: &SquadDetail, stage: Stage) -> String {
    let names: Vec<&str> = squad.agents_in(stage).map(|agent| agent.settings.name.as_str()).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn sentence(squad: &SquadDetail, stage: Stage) -> String {
    let names = names(squad, stage);
    match (stage, names.is_empty()) {
        (Stage::Plan, true) => "Left out: the task itself is the plan.".to_owned(),
        (Stage::Plan, false) => format!("Reading the code without writing; a plan is handed over. By {names}."),
        (Stage::Implement, true) => "Nobody writes the change.".to_owned(),
        (Stage::Implement, false) => format!("The change is written and kept after each step. By {names}."),
        (Stage::Verify, true) => {
            "The project's checks run, without an agent. On a failure the work goes back.".to_owned()
        }
        (Stage::Verify, false) => {
            format!("The project's checks run. On a failure the work goes back to Implement. By {names}.")
        }
        (Stage::Review, true) => "Left out: no agent reviews the change.".to_owned(),
        (Stage::Review, false) => format!("Comments on lines, then passed on or sent back to Implement. By {names}."),
        (Stage::Deliver, true) => "The change is committed and merged.".to_owned(),
        (Stage::Deliver, false) => format!("The change is summed up, committed and merged. By {names}."),
    }
}

/// A stage that names a role nobody has: no run can start.
fn missing(squad: &SquadDetail, stage: Stage) -> Option<AnyView> {
    let role = squad.rules.roles(stage).first()?;
    squad.agents_in(stage).next().is_none().then(|| {
        let text = format!("No {role} in the squad: no run can start. Add one, or change the stage.");
        view! { <p class="gate">{icon(Icon::TriangleAlert)}<span>{text}</span></p> }.into_any()
    })
}

fn gate(squad: &SquadDetail, stage: Stage) -> Option<AnyView> {
    let gates = squad.rules.gates;
    let text = match stage {
        Stage::Plan if gates.plan => "A person approves the plan before anything is written.",
        Stage::Deliver if gates.merge => "A person approves the change before it is merged.",
        _ => return None,
    };
    Some(view! { <p class="gate">{icon(Icon::Lock)}<span><b>"Gate: "</b>{text}</span></p> }.into_any())
}
