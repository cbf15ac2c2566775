use islands::{Command, Palette};
use leptos::prelude::*;
use types::Permission;

use super::shell::Shell;
use crate::{
    appearance::{Contrast, Theme},
    failure::encode,
};

/// The command palette: commands of the page first, then places, teams, looks and the account.
pub(super) fn palette(shell: &Shell) -> Option<AnyView> {
    shell.team.as_ref()?;
    let search = shell.link("/search");
    let palette = view! { <Palette commands=commands(shell) search_url=search.clone() search_page=search/> };
    Some(palette.into_any())
}

fn commands(shell: &Shell) -> Vec<Command> {
    let mut commands = shell.commands.clone();
    commands.extend(shell.sections().map(|section| {
        let keys = section.keys().unwrap_or_default().to_uppercase();
        Command::link("Go to", section.name(), shell.link(section.path())).keys(&keys)
    }));
    if shell.may(Permission::ReadBudgets) {
        for (words, by) in [("Spending by agent", "agent"), ("Spending by model", "model"), ("Spending by day", "day")]
        {
            let path = shell.link(&format!("/analytics?by={by}"));
            commands.push(Command::link("Analytics", words, path).alias(&["cost", "tokens", "waste"]));
        }
    }
    if shell.may(Permission::ManageBudgets) {
        let pause = Command::link("Budgets", "Emergency pause", shell.link("/budgets/pauses"));
        commands.push(pause.alias(&["stop all work", "halt", "kill", "resume"]));
    }
    if shell.may(Permission::ReadSquads) {
        commands.push(Command::link("Go to", "Agent types", shell.link("/agent-types")).alias(&["image", "container"]));
    }
    if shell.may(Permission::WriteProjects) {
        let new = Command::link("Projects", "Add a project", shell.link("/projects/new"));
        commands.push(new.alias(&["new project", "repository", "git", "archive"]));
    }
    if shell.may(Permission::ManageSquads) {
        commands
            .push(Command::link("Squads", "Form a squad", shell.link("/squads/new")).alias(&["new squad", "agents"]));
    }
    commands.push(Command::link("Go to", "Your account", "/account").alias(&["profile", "password"]));
    commands.push(Command::link("Go to", "Sessions", "/account/sessions").alias(&["devices"]));
    if shell.teams.len() > 1 {
        commands.push(Command::page("Teams", "Switch team", "Switch team"));
    }
    commands.extend(shell.teams.iter().map(|team| Command::link("Switch team", &team.name, format!("/{}", team.slug))));
    commands.push(Command::link("Teams", "New team", "/teams/new"));
    commands.extend(Theme::ALL.iter().map(|theme| {
        Command::post(
            "Look",
            &format!("Use the {} theme", theme.as_str()),
            look(shell, *theme, shell.appearance.contrast),
        )
    }));
    let (words, other) = match shell.appearance.contrast {
        Contrast::Normal => ("Use high contrast", Contrast::More),
        Contrast::More => ("Use normal contrast", Contrast::Normal),
    };
    commands.push(Command::post("Look", words, look(shell, shell.appearance.theme, other)));
    commands.push(Command::post("Account", "Sign out", "/sign-out").alias(&["log out"]));
    commands
}

fn look(shell: &Shell, theme: Theme, contrast: Contrast) -> String {
    let next = encode(&shell.path);
    format!("/appearance?theme={}&contrast={}&next={next}", theme.as_str(), contrast.as_str())
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn a_look_keeps_the_other_choice_and_comes_back() {
        let shell = Shell { path: "/quayside/audit?q=a&b".to_owned(), ..shell(BuiltinRole::Owner) };
        let hrefs: Vec<_> = commands(&shell).into_iter().map(|command| command.href).collect();
        let light = "/appearance?theme=light&contrast=normal&next=/quayside/audit%3Fq%3Da%26b";
        assert!(hrefs.iter().any(|href| href == light), "{hrefs:?}");
    }

    #[test]
    fn commands_of_the_page_come_first_and_forbidden_places_not_at_all() {
        let own = Command::link("Members", "Invite a teammate", "/quayside/members#email");
        let shell = Shell { commands: vec![own.clone()], ..shell(BuiltinRole::Reader) };
        let commands = commands(&shell);
        assert_eq!(commands.first(), Some(&own));
        assert!(!commands.iter().any(|command| command.href.ends_with("/audit")));
    }

    #[test]
    fn whoever_may_pause_work_finds_the_pause() {
        let finds = |role| commands(&shell(role)).iter().any(|command| command.href == "/quayside/budgets/pauses");
        assert!(finds(BuiltinRole::Owner) && !finds(BuiltinRole::Reader));
    }
}
