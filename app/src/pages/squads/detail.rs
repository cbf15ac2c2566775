use leptos::prelude::*;
use orchestrator::squads::{Person, SquadDetail};
use types::Permission;

use super::{count, diagram::diagram, members, stages::stages};
use crate::{
    components::{
        banner::{Banner, Tone, framed},
        button::Button,
        error_summary::error_summary,
        icon::Icon,
        section::{page_head, section},
        time::relative,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// A squad, and what its page needs besides.
#[derive(Clone, Debug)]
pub struct Detail {
    pub squad: SquadDetail,
    /// People of the team who are not in the squad; empty where the reader may not know them.
    pub others: Vec<Person>,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &Detail) -> String {
    let squad = &data.squad;
    let manages = shell.may(Permission::ManageSquads) && squad.archived_at.is_none();
    let agents = count(squad.agents().count(), "agent", "agents");
    let people = count(squad.people().count(), "person", "people");
    let at_once = squad.rules.bounds.max_concurrent_runs;
    let runs = if at_once == 1 { "one run at a time".to_owned() } else { format!("up to {at_once} runs at once") };
    let edit =
        manages.then(|| Button::new("Edit squad").primary().icon(Icon::Pencil).link(link(shell, squad, "/edit")));
    let name = squad.settings.name.clone();
    let body = view! { {members::table(shell, squad, manages)}{manages.then(|| members::add(shell, data))} };
    let main = view! {
        {page_head(&name, &format!("{agents}, {people}, {runs}"), edit)}
        {archived(shell, squad)}
        {error_summary(&data.errors)}
        {text(&squad.settings.description)}
        {section("members", "Members, in hand-off order", Some(squad.members.len()), None, body.into_any())}
        <div class="cols">
            <div class="pile" data-gap="large">
                {section("stages", "Stages and gates", None, None, stages(squad))}
                {instructions(squad)}
            </div>
            <div class="pile" data-gap="large">
                {section("diagram", "As a diagram", None, None, diagram(squad))}
                {section("rules", "Rules", None, None, facts(shell, squad))}
            </div>
        </div>
    };
    shell::page(shell, &name, !data.errors.is_empty(), main.into_any())
}

/// An address of the squad. `path` starts with a slash, or is empty for its page.
pub(super) fn link(shell: &Shell, squad: &SquadDetail, path: &str) -> String {
    shell.link(&format!("/squads/{}{path}", squad.id))
}

fn text(description: &str) -> Option<AnyView> {
    (!description.is_empty()).then(|| view! { <p class="lede">{description.to_owned()}</p> }.into_any())
}

fn archived(shell: &Shell, squad: &SquadDetail) -> Option<AnyView> {
    let at = squad.archived_at?;
    let banner = Banner {
        tone: Tone::Info,
        lead: "This squad is archived.".to_owned(),
        text: format!("Since {}. No new runs start.", crate::components::time::full(at)),
        action: None,
    };
    let back = shell.may(Permission::ManageSquads).then(|| {
        view! { <form method="post" action=link(shell, squad, "/restore")>{Button::new("Bring it back").busy("Bringing back…").submit()}</form> }
            .into_any()
    });
    Some(framed(&banner, back))
}

fn instructions(squad: &SquadDetail) -> Option<AnyView> {
    let text = &squad.settings.instructions;
    (!text.is_empty()).then(|| {
        let body = view! { <pre class="squad__text">{text.clone()}</pre> };
        section("instructions", "What all its agents are told", None, None, body.into_any())
    })
}

fn facts(shell: &Shell, squad: &SquadDetail) -> AnyView {
    let bounds = squad.rules.bounds;
    view! {
        <dl class="facts">
            <dt>"At once"</dt><dd>{count(usize::try_from(bounds.max_concurrent_runs).unwrap_or_default(), "run", "runs")}</dd>
            <dt>"Checks fail"</dt><dd>{times(bounds.max_iterations)}</dd>
            <dt>"Review"</dt><dd>{times(bounds.max_reworks)}</dd>
            <dt>"Started as"</dt><dd>{squad.template.name()}</dd>
            <dt>"Formed"</dt><dd>{relative(squad.created_at, shell.now)}" by "{squad.created_by.clone()}</dd>
        </dl>
    }
    .into_any()
}

fn times(most: i32) -> String {
    match most {
        0 => "never sends the work back".to_owned(),
        1 => "sends the work back once at most".to_owned(),
        _ => format!("sends the work back {most} times at most"),
    }
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::super::tests::detail;
    use super::*;
    use crate::layout::shell::tests::shell;

    fn data() -> Detail {
        Detail { squad: detail(), others: Vec::new(), errors: Errors::new() }
    }

    #[test]
    fn readers_see_everything_and_change_nothing() {
        let html = page(&shell(BuiltinRole::Reader), &data());
        for shown in ["coder-2", "Mira Okafor", "A person approves the change", "Ledger &lt;core&gt;"] {
            assert!(html.contains(shown), "{shown}: {html}");
        }
        for action in ["/move", "/remove", "/edit\"", "/agents\"", "/people"] {
            assert!(!html.contains(action), "{action}");
        }
    }

    #[test]
    fn the_first_cannot_go_up_nor_the_last_down() {
        let html = page(&shell(BuiltinRole::Owner), &data());
        assert_eq!(html.matches(r#"value="up""#).count(), 3, "{html}");
        assert_eq!(html.matches(r#"value="down""#).count(), 3, "{html}");
        assert!(!html.contains("Move lead up") && !html.contains("Move Mira Okafor down"), "{html}");
    }

    #[test]
    fn an_archived_squad_can_only_be_brought_back() {
        let archived_at = Some(shell(BuiltinRole::Owner).now);
        let data = Detail { squad: SquadDetail { archived_at, ..detail() }, ..data() };
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains("/restore") && !html.contains("/edit\"") && !html.contains("/move"), "{html}");
    }

    #[test]
    fn a_stage_without_an_agent_says_so() {
        let html = page(&shell(BuiltinRole::Owner), &data());
        assert!(html.contains("No reviewer in the squad"), "{html}");
    }
}
