use leptos::prelude::*;

use crate::{
    components::{button::Button, error_summary::error_summary, field::Field, icon::Icon, section::page_head},
    forms::Errors,
    layout::shell::{self, Shell},
};

/// Where the code of a new project comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    #[default]
    Git,
    Archive,
    Sample,
    Empty,
}

impl From {
    pub const ALL: &[Self] = &[Self::Git, Self::Archive, Self::Sample, Self::Empty];

    /// The value in the address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Archive => "archive",
            Self::Sample => "sample",
            Self::Empty => "empty",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Git => "Git repository",
            Self::Archive => "Archive",
            Self::Sample => "Sample",
            Self::Empty => "Empty",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|from| from.as_str() == text)
    }
}

/// The form of a new project.
#[derive(Clone, Debug, Default)]
pub struct NewProject {
    pub from: From,
    pub name: String,
    pub url: String,
    /// The user name for a private repository, as it was typed.
    pub user: String,
    /// Whether a folder of the server may be named.
    pub local: bool,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &NewProject) -> String {
    let choices = From::ALL.iter().map(|from| {
        let href = shell.link(&format!("/projects/new?source={}", from.as_str()));
        view! { <a href=href aria-current=(*from == data.from).then_some("page")>{from.label()}</a> }
    });
    let main = view! {
        {page_head("New project", "A project is code and a board of tasks for it.", None)}
        {error_summary(&data.errors)}
        <nav class="tabs" aria-label="Where the code comes from">{choices.collect_view()}</nav>
        {form(shell, data)}
    };
    shell::page(shell, "New project", !data.errors.is_empty(), main.into_any())
}

fn name(data: &NewProject, hint: &'static str) -> Field {
    Field::new("name", "Name").value(&data.name).hint(hint).error(data.errors.of("name")).max_length(80)
}

fn form(shell: &Shell, data: &NewProject) -> AnyView {
    let add = |word: &'static str| Button::new(word).primary().busy("Adding…").submit();
    let fields = match data.from {
        From::Git => git(data),
        From::Sample => view! {
            <p class="lede">"A small program with a failing test and a missing feature, to see a squad at work without a repository of your own."</p>
            {name(data, "Empty: Sample.").view()}
        }
        .into_any(),
        From::Empty => view! {
            <p class="lede">"A repository without a commit. The first task of a squad fills it."</p>
            {name(data, "For example ledger-api.").required().view()}
        }
        .into_any(),
        From::Archive => return upload(shell, data),
    };
    view! {
        <form class="form" method="post" action=shell.link("/projects")>
            <input type="hidden" name="source" value=data.from.as_str()/>
            {fields}
            <div class="cluster">{add("Add the project")}</div>
        </form>
    }
    .into_any()
}

fn git(data: &NewProject) -> AnyView {
    let hint = if data.local {
        "An https address, or a folder of this server: file:///srv/git/ledger.git."
    } else {
        "The address you would clone: https://git.example/team/ledger.git. Without user name or password."
    };
    let url = Field::new("url", "Git address").value(&data.url).hint(hint).error(data.errors.of("url"));
    view! {
        {url.max_length(500).required().view()}
        {name(data, "Empty: the last part of the address.").view()}
        {credential(&data.user, &data.errors)}
    }
    .into_any()
}

/// What Muster is let into a private repository by. The token is never written back into a page.
pub(super) fn credential(user: &str, errors: &Errors) -> AnyView {
    let name = Field::new("credential_user", "User name, for a private repository")
        .value(user)
        .hint("Some servers take any name with a token; then leave it empty.")
        .error(errors.of("credential_user"))
        .autocomplete("off")
        .max_length(200);
    let token = Field::new("credential_token", "Token")
        .password()
        .hint("One that may read and write this repository. It is kept sealed and never shown again.")
        .error(errors.of("credential_token"))
        .autocomplete("new-password")
        .max_length(1_000);
    view! { {name.view()}{token.view()} }.into_any()
}

fn upload(shell: &Shell, data: &NewProject) -> AnyView {
    let error = data.errors.of("archive").map(|text| {
        view! {
            <p class="field__error" id="archive-error">{crate::components::icon::icon(Icon::CircleAlert)}<span>{text.to_owned()}</span></p>
        }
    });
    let described = if error.is_some() { "archive-error archive-hint" } else { "archive-hint" };
    let invalid = error.is_some().then_some("true");
    view! {
        <form class="form" method="post" action=shell.link("/projects/upload") enctype="multipart/form-data">
            {name(data, "Empty: the name of the file.").view()}
            <div class="field">
                <label class="field__label" for="archive">"Archive"</label>
                {error}
                <input
                    class="input"
                    id="archive"
                    name="archive"
                    type="file"
                    accept=".zip,.tar,.tgz,.tar.gz"
                    required=true
                    aria-invalid=invalid
                    aria-describedby=described
                />
                <p class="field__hint" id="archive-hint">"A .zip, .tar, .tar.gz or .tgz file of at most 32 MiB. Its files become the first commit."</p>
            </div>
            <div class="cluster">{Button::new("Upload and add").primary().busy("Uploading…").submit()}</div>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn each_source_has_its_form_and_its_place_in_the_address() {
        for from in From::ALL {
            let html = page(&shell(BuiltinRole::Owner), &NewProject { from: *from, ..NewProject::default() });
            assert_eq!(
                html.matches(r#"aria-current="page""#).count(),
                1 + 2,
                "the tab, and Projects in both navigations: {html}"
            );
            assert_eq!(html.contains("multipart/form-data"), *from == From::Archive, "{html}");
            assert!(html.contains(&format!("source={}", from.as_str())), "{html}");
        }
    }

    #[test]
    fn an_error_keeps_what_was_typed() {
        let mut errors = Errors::new();
        errors.add("url", "Use an address that starts with https://.");
        let data = NewProject { url: "ssh://x".to_owned(), errors, ..NewProject::default() };
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains("<title>Error: ") && html.contains(r#"value="ssh://x""#), "{html}");
    }
}
