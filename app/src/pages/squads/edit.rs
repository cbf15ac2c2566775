use leptos::prelude::*;
use orchestrator::squads::{Rules, SquadDetail};
use serde::Deserialize;
use types::{AgentRole, SquadId, Stage};

use crate::{
    components::{
        button::Button,
        dialog::{Confirm, confirm},
        error_summary::error_summary,
        field::Field,
        icon::{Icon, icon},
        section::{page_head, section},
        text_area::TextArea,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// Name, texts and rules of a squad, as they stand or as they were typed.
#[derive(Clone, Debug)]
pub struct Edit {
    pub id: SquadId,
    /// The squad's name as it is.
    pub title: String,
    pub texts: Texts,
    pub rules: RulesInput,
    pub errors: Errors,
}

/// The form of name and texts.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Texts {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub instructions: String,
}

/// The form of stages, gates and bounds.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RulesInput {
    #[serde(default)]
    pub plan: Vec<String>,
    #[serde(default)]
    pub implement: Vec<String>,
    #[serde(default)]
    pub verify: Vec<String>,
    #[serde(default)]
    pub review: Vec<String>,
    #[serde(default)]
    pub deliver: Vec<String>,
    #[serde(default)]
    pub approve_plan: Option<String>,
    #[serde(default)]
    pub approve_merge: Option<String>,
    #[serde(default)]
    pub max_iterations: String,
    #[serde(default)]
    pub max_reworks: String,
    #[serde(default)]
    pub max_concurrent_runs: String,
}

impl RulesInput {
    #[must_use]
    pub fn of(&self, stage: Stage) -> &[String] {
        match stage {
            Stage::Plan => &self.plan,
            Stage::Implement => &self.implement,
            Stage::Verify => &self.verify,
            Stage::Review => &self.review,
            Stage::Deliver => &self.deliver,
        }
    }
}

impl From<&Rules> for RulesInput {
    fn from(rules: &Rules) -> Self {
        let roles = |stage| rules.roles(stage).iter().map(ToString::to_string).collect();
        let on = |on: bool| on.then(|| "yes".to_owned());
        Self {
            plan: roles(Stage::Plan),
            implement: roles(Stage::Implement),
            verify: roles(Stage::Verify),
            review: roles(Stage::Review),
            deliver: roles(Stage::Deliver),
            approve_plan: on(rules.gates.plan),
            approve_merge: on(rules.gates.merge),
            max_iterations: rules.bounds.max_iterations.to_string(),
            max_reworks: rules.bounds.max_reworks.to_string(),
            max_concurrent_runs: rules.bounds.max_concurrent_runs.to_string(),
        }
    }
}

impl From<&SquadDetail> for Edit {
    fn from(squad: &SquadDetail) -> Self {
        let settings = squad.settings.clone();
        Self {
            id: squad.id,
            title: settings.name.clone(),
            texts: Texts {
                name: settings.name,
                description: settings.description,
                instructions: settings.instructions,
            },
            rules: RulesInput::from(&squad.rules),
            errors: Errors::new(),
        }
    }
}

#[must_use]
pub fn page(shell: &Shell, data: &Edit) -> String {
    let title = format!("Edit {}", data.title);
    let main = view! {
        {page_head(&title, "What you save holds for runs started afterwards. Runs under way keep what they started with.", None)}
        {error_summary(&data.errors)}
        {section("about", "Name and texts", None, None, texts(shell, data))}
        {section("how", "Stages, gates and bounds", None, None, rules(shell, data))}
        {section("archive", "Archive", None, None, archive(shell, data))}
    };
    shell::page(shell, &title, !data.errors.is_empty(), main.into_any())
}

fn link(shell: &Shell, data: &Edit, path: &str) -> String {
    shell.link(&format!("/squads/{}{path}", data.id))
}

fn texts(shell: &Shell, data: &Edit) -> AnyView {
    let error = |field: &str| data.errors.of(field).map(str::to_owned);
    let name =
        Field::new("name", "Name").value(&data.texts.name).error(data.errors.of("name")).max_length(80).required();
    let description = TextArea {
        name: "description",
        label: "Description",
        value: data.texts.description.clone(),
        error: error("description"),
        max_length: Some(1000),
        ..TextArea::default()
    };
    let instructions = TextArea {
        name: "instructions",
        label: "Instructions for all its agents",
        value: data.texts.instructions.clone(),
        hint: Some(
            "Told to every agent of the squad, before its own instructions. AGENTS.md of the project counts too.",
        ),
        error: error("instructions"),
        rows: 6,
        max_length: Some(20_000),
    };
    view! {
        <form class="form" method="post" action=link(shell, data, "/settings")>
            {name.view()}
            {description.view()}
            {instructions.view()}
            <div class="cluster">{Button::new("Save texts").primary().busy("Saving…").submit()}</div>
        </form>
    }
    .into_any()
}

const fn meaning(stage: Stage) -> &'static str {
    match stage {
        Stage::Plan => "Nobody: the stage is left out.",
        Stage::Implement => "At least one role.",
        Stage::Verify => "Nobody: the project's checks run alone.",
        Stage::Review => "Nobody: no agent reviews.",
        Stage::Deliver => "Nobody: Muster sums up, commits and merges.",
    }
}

fn rules(shell: &Shell, data: &Edit) -> AnyView {
    let stages = Stage::ALL.iter().map(|stage| stage_roles(data, *stage)).collect_view();
    let gate = |name: &'static str, label: &'static str, on: bool| {
        view! {
            <label class="check"><input type="checkbox" name=name value="yes" checked=on/><span>{label}</span></label>
        }
    };
    let bound = |name: &'static str, label: &'static str, value: &str, least, most| {
        Field::new(name, label).number(least, most).value(value).error(data.errors.of(name)).required().view()
    };
    let input = &data.rules;
    view! {
        <form class="pile" method="post" action=link(shell, data, "/rules")>
            <div class="squad__stages">{stages}</div>
            <fieldset class="field">
                <legend class="field__label">"Gates: where a run waits for a person"</legend>
                <div class="pile" data-gap="small">
                    {gate("approve_plan", "A person approves the plan before anything is written", input.approve_plan.is_some())}
                    {gate("approve_merge", "A person approves the change before it is merged", input.approve_merge.is_some())}
                </div>
            </fieldset>
            <div class="squad__numbers">
                {bound("max_iterations", "Failed checks send the work back at most", &input.max_iterations, 0, 20)}
                {bound("max_reworks", "Reviews send the work back at most", &input.max_reworks, 0, 20)}
                {bound("max_concurrent_runs", "Runs at once, at most", &input.max_concurrent_runs, 1, 100)}
            </div>
            <div class="cluster">{Button::new("Save rules").busy("Saving…").submit()}</div>
        </form>
    }
    .into_any()
}

fn stage_roles(data: &Edit, stage: Stage) -> AnyView {
    let chosen = data.rules.of(stage);
    let roles = AgentRole::ALL.iter().map(|role| {
        let checked = chosen.iter().any(|chosen| chosen == role.as_str());
        view! {
            <label class="check">
                <input type="checkbox" name=stage.as_str() value=role.as_str() checked=checked/>
                <span>{role.label()}</span>
            </label>
        }
    });
    let roles = roles.collect_view();
    let (error_id, hint_id) = (format!("{stage}-error"), format!("{stage}-hint"));
    let error = data.errors.of(stage.as_str()).map(|text| {
        view! { <p class="field__error" id=error_id.clone()>{icon(Icon::CircleAlert)}<span>{text.to_owned()}</span></p> }
    });
    let described = if error.is_some() { format!("{error_id} {hint_id}") } else { hint_id.clone() };
    view! {
        <fieldset class="field" id=stage.as_str() tabindex="-1" aria-describedby=described>
            <legend class="field__label">{format!("{}: who works in it", stage.label())}</legend>
            {error}
            <div class="cluster">{roles}</div>
            <p class="field__hint" id=hint_id>{meaning(stage)}</p>
        </fieldset>
    }
    .into_any()
}

fn archive(shell: &Shell, data: &Edit) -> AnyView {
    view! {
        <p class="lede">"An archived squad starts no new runs. It can be brought back."</p>
        <div class="cluster">{Button::new("Archive the squad").danger().opens("archive-squad")}</div>
        {confirm(Confirm {
            id: "archive-squad",
            question: format!("Archive {}?", data.title),
            consequence: "Runs under way go on; no new ones start. Its name becomes free. You can bring it back.".to_owned(),
            action: link(shell, data, "/archive"),
            verb: "Archive",
            keep: "Keep the squad".to_owned(),
        })}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::super::tests::detail;
    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn the_form_shows_the_rules_as_they_are() {
        let squad = detail();
        let html = page(&shell(BuiltinRole::Owner), &Edit::from(&squad));
        for ticked in [r#"name="implement" value="coder" checked"#, r#"name="approve_merge" value="yes" checked"#] {
            assert!(html.contains(ticked), "{ticked}: {html}");
        }
        assert_eq!(html.matches(" checked").count(), 4, "{html}");
        assert!(html.contains(r#"name="max_iterations" type="number" value="3""#), "{html}");
    }

    #[test]
    fn what_was_typed_comes_back_with_its_error() {
        let mut errors = Errors::new();
        errors.add("implement", "Choose who implements.");
        let rules = RulesInput { max_reworks: "many".to_owned(), ..RulesInput::default() };
        let html = page(&shell(BuiltinRole::Owner), &Edit { rules, errors, ..Edit::from(&detail()) });
        assert!(html.contains(r#"id="implement-error""#) && html.contains(r#"value="many""#), "{html}");
        assert!(!html.contains(" checked") && html.contains(r##"href="#implement""##), "{html}");
    }
}
