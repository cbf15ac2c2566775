use leptos::prelude::*;
use orchestrator::squads::SquadDetail;
use types::Stage;

/// Height of a stage's box, and from one box to the next.
const BOX: usize = 32;
const STEP: usize = 52;

/// The stages of the squad as boxes with arrows, from top to bottom; the ways back at the sides.
pub(super) fn diagram(squad: &SquadDetail) -> AnyView {
    let used = |stage: &Stage| match stage {
        Stage::Plan | Stage::Review => squad.agents_in(*stage).next().is_some(),
        Stage::Implement | Stage::Verify | Stage::Deliver => true,
    };
    let shown: Vec<Stage> = Stage::ALL.iter().copied().filter(used).collect();
    let height = STEP * (shown.len() - 1) + BOX + 14;
    let boxes = shown.iter().enumerate().map(|(at, stage)| stage_box(squad, *stage, top(at)));
    let arrows = (1..shown.len()).map(|at| arrow(squad, shown[at - 1], shown[at], top(at)));
    let top_of = |stage: Stage| shown.iter().position(|shown| *shown == stage).map(top);
    let back = [
        back(top_of(Stage::Verify), top_of(Stage::Implement), squad.rules.bounds.max_iterations, Side::Right),
        back(top_of(Stage::Review), top_of(Stage::Implement), squad.rules.bounds.max_reworks, Side::Left),
    ];
    view! {
        <div class="box squad__flow">
            <svg class="flow" viewBox=format!("0 0 342 {height}") role="img" aria-label=words(squad, &shown)>
                {boxes.collect_view()}
                {arrows.collect_view()}
                {back.into_iter().collect_view()}
            </svg>
        </div>
    }
    .into_any()
}

fn top(at: usize) -> usize {
    6 + STEP * at
}

/// What the drawing says, for those who do not see it.
fn words(squad: &SquadDetail, shown: &[Stage]) -> String {
    let names: Vec<&str> = shown.iter().map(|stage| stage.label()).collect();
    let bounds = squad.rules.bounds;
    let mut text = format!("{}.", names.join(", "));
    if bounds.max_iterations > 0 {
        text += &format!(" Verify goes back to Implement at most {} times.", bounds.max_iterations);
    }
    if bounds.max_reworks > 0 && shown.contains(&Stage::Review) {
        text += &format!(" Review goes back to Implement at most {} times.", bounds.max_reworks);
    }
    text
}

fn stage_box(squad: &SquadDetail, stage: Stage, y: usize) -> AnyView {
    let human = (stage == Stage::Deliver && squad.rules.gates.merge).then_some("human");
    view! {
        <rect x="96" y=y.to_string() width="150" height=BOX.to_string() rx="5" data-kind=human></rect>
        <text x="108" y=(y + 20).to_string() data-start=true>{stage.label()}</text>
        <text x="234" y=(y + 20).to_string() data-sub=true data-end=true>{who(squad, stage)}</text>
    }
    .into_any()
}

/// Short, since the box is small.
fn who(squad: &SquadDetail, stage: Stage) -> String {
    let agents: Vec<_> = squad.agents_in(stage).collect();
    match (stage, agents.as_slice()) {
        (Stage::Verify, []) => "checks".to_owned(),
        (_, []) => "Muster".to_owned(),
        (_, [one]) => one.settings.role.to_string(),
        (_, several) => {
            let role = several[0].settings.role;
            let same = several.iter().all(|agent| agent.settings.role == role);
            if same { format!("{} {role}s", several.len()) } else { format!("{} agents", several.len()) }
        }
    }
}

/// From one box to the next, with the gate between them.
fn arrow(squad: &SquadDetail, from: Stage, to: Stage, y: usize) -> AnyView {
    let gate = match (from, to) {
        (Stage::Plan, _) if squad.rules.gates.plan => Some("gate: person"),
        (_, Stage::Deliver) if squad.rules.gates.merge => Some("gate: person"),
        (Stage::Verify, _) => Some("checks pass"),
        _ => None,
    };
    let gate =
        gate.map(|text| view! { <text x="182" y=(y - 7).to_string() data-sub=true data-start=true>{text}</text> });
    view! {
        <path d=format!("M171 {}v15", y + BOX - STEP)></path>
        <path class="head" d=format!("M171 {y}l-3.5 -6h7z")></path>
        {gate}
    }
    .into_any()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// A dashed way back to an earlier box, with its bound.
fn back(from: Option<usize>, to: Option<usize>, most: i32, side: Side) -> Option<AnyView> {
    let (from, to) = (from?, to?);
    if most == 0 {
        return None;
    }
    let middle = usize::midpoint(from, to) + BOX / 2;
    // The two ways end apart from each other, so that their heads can be told.
    let (start, end) = (from + BOX / 2, to + if side == Side::Right { 22 } else { 16 });
    let (line, head, x, anchor, word) = match side {
        Side::Right => {
            (format!("M246 {start}h26V{end}h-20"), format!("M246 {end}l6 -3.5v7z"), "280", "start", "fails,")
        }
        Side::Left => (format!("M96 {start}h-26V{end}h20"), format!("M96 {end}l-6 -3.5v7z"), "62", "end", "changes,"),
    };
    let (starts, ends) = (anchor == "start", anchor == "end");
    Some(
        view! {
            <path data-kind="back" d=line></path>
            <path class="head" d=head></path>
            <text x=x y=(middle - 2).to_string() data-sub=true data-start=starts data-end=ends>{word}</text>
            <text x=x y=(middle + 12).to_string() data-sub=true data-start=starts data-end=ends>{format!("at most {most}")}</text>
        }
        .into_any(),
    )
}
