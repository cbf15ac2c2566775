use leptos::prelude::*;

use crate::{
    components::{
        button::Button,
        empty::{Empty, empty},
        error_summary::error_summary,
        field::Field,
        icon::Icon,
        role::role,
        section::page_head,
        table::{cell, row, table},
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// A team of the person, with their role in it.
#[derive(Clone, Debug)]
pub struct Membership {
    pub name: String,
    pub slug: String,
    pub role: String,
}

/// All teams of a person, to choose one.
#[must_use]
pub fn page(shell: &Shell, teams: &[Membership]) -> String {
    let new = Button::new("New team").primary().icon(Icon::Plus).link("/teams/new");
    let list = if teams.is_empty() {
        empty(Empty {
            title: "You are in no team yet".to_owned(),
            text: "A team holds people, projects and what they may spend. Make one, or open the invitation that was sent to you.".to_owned(),
            actions: vec![Button::new("New team").primary().icon(Icon::Plus).link("/teams/new")],
        })
    } else {
        list(teams)
    };
    let main = view! { {page_head("Your teams", "", (!teams.is_empty()).then_some(new))}{list} };
    shell::page(shell, "Your teams", false, main.into_any())
}

pub(super) fn list(teams: &[Membership]) -> AnyView {
    let rows = teams.iter().map(|team| {
        let name = view! { <a class="link" href=format!("/{}", team.slug)>{team.name.clone()}</a> };
        let slug = view! { <span class="id">{format!("/{}", team.slug)}</span> };
        row(name.into_any(), vec![cell("Role", role(&team.role)), cell("Address", slug.into_any())])
    });
    table("Your teams", &["Team", "Your role", "Address"], rows.collect())
}

/// The form for a new team.
#[derive(Clone, Debug, Default)]
pub struct NewTeam {
    pub host: String,
    pub name: String,
    pub slug: String,
    pub errors: Errors,
}

#[must_use]
pub fn new_page(shell: &Shell, form: &NewTeam) -> String {
    let main = view! {
        {page_head("New team", "You will be its owner. Others join by your invitation.", None)}
        {error_summary(&form.errors)}
        <form class="form" method="post" action="/teams/new">
            {fields(&form.host, &form.name, &form.slug, &form.errors)}
            <div class="cluster">{Button::new("Make the team").primary().busy("Making…").submit()}</div>
        </form>
    };
    shell::page(shell, "New team", !form.errors.is_empty(), main.into_any())
}

/// Name and address of a team.
pub(super) fn fields(host: &str, name: &str, slug: &str, errors: &Errors) -> AnyView {
    let name = Field::new("name", "Name of the team")
        .value(name)
        .hint("As people say it. It can be changed later.")
        .error(errors.of("name"))
        .autocomplete("organization")
        .max_length(60)
        .required()
        .view();
    let slug = Field::new("slug", "Address")
        .value(slug)
        .hint(format!("{host}/address. Small letters, digits and hyphens, 2 to 40 of them. Empty: made from the name."))
        .error(errors.of("slug"))
        .max_length(40)
        .view();
    view! { {name}{slug} }.into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn a_person_without_teams_is_led_to_make_one() {
        let lone = Shell { team: None, teams: Vec::new(), ..shell(BuiltinRole::Reader) };
        let html = page(&lone, &[]);
        assert!(html.contains("You are in no team yet") && html.contains(r#"href="/teams/new""#), "{html}");
    }

    #[test]
    fn a_taken_address_is_told_beside_it() {
        let mut errors = Errors::new();
        errors.add("slug", "This address is taken.");
        let form = NewTeam { name: "Quayside".to_owned(), slug: "quayside".to_owned(), errors, ..NewTeam::default() };
        let html = new_page(&shell(BuiltinRole::Owner), &form);
        assert!(
            html.contains(r##"<a href="#slug">This address is taken."##) && html.contains(r#"id="slug-error""#),
            "{html}"
        );
        assert!(html.contains(r#"value="quayside""#), "{html}");
    }
}
