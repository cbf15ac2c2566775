use leptos::prelude::*;

use super::{Head, notice};
use crate::{
    components::{
        button::Button,
        dialog::{Confirm, confirm},
        error_summary::error_summary,
        field::Field,
        section::{page_head, section},
        text_area::TextArea,
    },
    forms::Errors,
    layout::shell::{self, Shell},
    pages::squads::agent::allowed_models,
};

/// The settings of a project, as its form holds them.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub project: Head,
    pub input: Input,
    /// Whether the commands were read off the files and nobody has changed them.
    pub detected: bool,
    /// Of a project with a git address.
    pub access: Option<Access>,
    pub errors: Errors,
}

/// How Muster is let into the repository.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub url: String,
    /// The user name, which may be empty, and what may be shown of the token.
    pub kept: Option<(String, String)>,
    /// The user name as it was typed.
    pub user: String,
}

/// What the form's fields say, in their names.
#[derive(Clone, Debug, Default)]
pub struct Input {
    pub name: String,
    pub description: String,
    pub default_branch: String,
    pub setup_command: String,
    pub build_command: String,
    pub test_command: String,
    /// One host per line.
    pub egress_allow: String,
    pub models_inside: bool,
    /// One pattern per line.
    pub allowed_models: String,
    pub cpu_millis: String,
    pub memory_mb: String,
    pub pids: String,
    pub disk_mb: String,
    pub wall_minutes: String,
}

#[must_use]
pub fn page(shell: &Shell, data: &Settings) -> String {
    let board = Button::new("Open the board").link(shell.link(&data.project.path("")));
    let main = view! {
        {notice(shell, &data.project, true)}
        {page_head(&format!("Settings of {}", data.project.name), "Runs that start later use what is saved here.", Some(board))}
        {error_summary(&data.errors)}
        <form class="form" method="post" action=shell.link(&data.project.path("/settings"))>
            {section("general", "General", None, None, general(data))}
            {section("commands", "Commands", None, None, commands(data))}
            {section("network", "Network", None, None, network(data))}
            {section("models", "Models", None, None, allowed_models(&data.input.allowed_models, data.errors.of("allowed_models")))}
            {section("limits", "Limits of a sandbox", None, None, limits(data))}
            <div class="cluster">{Button::new("Save the settings").primary().busy("Saving…").submit()}</div>
        </form>
        {data.access.as_ref().map(|one| section("access", "Access to the repository", None, None, access(shell, data, one)))}
        {(!data.project.archived).then(|| section("archive", "Archive", None, None, archive(shell, data)))}
    };
    shell::page(shell, "Project settings", !data.errors.is_empty(), main.into_any())
}

fn field(data: &Settings, name: &'static str, label: &'static str, value: &str) -> Field {
    Field::new(name, label).value(value).error(data.errors.of(name))
}

fn general(data: &Settings) -> AnyView {
    let input = &data.input;
    let description = TextArea {
        name: "description",
        label: "What it is",
        value: input.description.clone(),
        hint: Some("Agents read it at the start of a task."),
        error: data.errors.of("description").map(str::to_owned),
        max_length: Some(2_000),
        rows: 3,
    }
    .view();
    view! {
        <div class="pile">
            {field(data, "name", "Name", &input.name).max_length(80).required().view()}
            {description}
            {field(data, "default_branch", "Default branch", &input.default_branch)
                .hint("Work starts from it and is merged into it.").max_length(200).required().view()}
        </div>
    }
    .into_any()
}

fn commands(data: &Settings) -> AnyView {
    let input = &data.input;
    let said = if data.detected {
        "Read off the files of the repository. What you change here stays as you set it."
    } else {
        "Each is run by a shell at the root of the workspace. Leave empty what there is nothing to run for."
    };
    let line = |name, label, value: &str| field(data, name, label, value).max_length(1_000).view();
    view! {
        <div class="pile">
            <p class="lede">{said}</p>
            {line("setup_command", "Set up", &input.setup_command)}
            {line("build_command", "Build", &input.build_command)}
            {line("test_command", "Test", &input.test_command)}
        </div>
    }
    .into_any()
}

fn network(data: &Settings) -> AnyView {
    let hosts = TextArea {
        name: "egress_allow",
        label: "Hosts a sandbox may reach",
        value: data.input.egress_allow.clone(),
        hint: Some(
            "One per line: packages.example, *.mirror.example, git.example:8443. Empty: none, which is the safest.",
        ),
        error: data.errors.of("egress_allow").map(str::to_owned),
        max_length: Some(20_000),
        rows: 4,
    }
    .view();
    view! {
        <div class="pile">
            {hosts}
            <label class="check">
                <input type="checkbox" name="models_inside" value="yes" checked=data.input.models_inside/>
                <span>
                    "Commands may call models"
                    <small>
                        "Tests and scripts in a sandbox get a key that ends with the run. Its calls count against the run and stop at its budgets."
                    </small>
                </span>
            </label>
        </div>
    }
    .into_any()
}

fn limits(data: &Settings) -> AnyView {
    let input = &data.input;
    let number = |name, label, value: &str, hint: &'static str, least, most| {
        field(data, name, label, value).number(least, most).hint(hint).required().view()
    };
    view! {
        <div class="pile">
            <p class="field__hint">"Coders who write at the same time have a sandbox each, and each has all of this."</p>
            {number("cpu_millis", "Processor", &input.cpu_millis, "Thousandths of one: 2000 is two.", 100, 64_000)}
            {number("memory_mb", "Memory", &input.memory_mb, "MiB.", 128, 262_144)}
            {number("disk_mb", "Disk", &input.disk_mb, "MiB.", 64, 1_048_576)}
            {number("pids", "Processes", &input.pids, "At a time, threads included.", 16, 32_768)}
            {number("wall_minutes", "Time", &input.wall_minutes, "Minutes a run may take.", 1, 1_440)}
        </div>
    }
    .into_any()
}

fn access(shell: &Shell, data: &Settings, access: &Access) -> AnyView {
    let action = shell.link(&data.project.path("/credential"));
    let save = if access.kept.is_some() { "Replace the token" } else { "Keep the token" };
    let kept = access.kept.as_ref().map(|(user, hint)| {
        let user = if user.is_empty() { "any user name" } else { user };
        let ask = Confirm {
            id: "remove-credential",
            question: format!("Remove the token of {}?", data.project.name),
            consequence: "It is destroyed here, and runs reach the repository only if it is public. It stays valid at the git server until you revoke it there.".to_owned(),
            action: shell.link(&data.project.path("/credential/remove")),
            verb: "Remove the token",
            keep: "Keep it".to_owned(),
        };
        view! {
            <div class="cluster">
                <p>"Token "<code>{hint.clone()}</code>{format!(" of {user}")}</p>
                {Button::new("Remove…").danger().small().about("the token").opens("remove-credential")}
            </div>
            {confirm(ask)}
        }
    });
    view! {
        <div class="pile">
            <p class="lede">"The code comes from "<code>{access.url.clone()}</code>", and changes go there."</p>
            {kept}
            <form class="form" method="post" action=action>
                {super::new::credential(&access.user, &data.errors)}
                <div class="cluster">{Button::new(save).busy("Saving…").submit()}</div>
            </form>
        </div>
    }
    .into_any()
}

fn archive(shell: &Shell, data: &Settings) -> AnyView {
    let ask = Confirm {
        id: "archive-project",
        question: format!("Archive {}?", data.project.name),
        consequence:
            "It leaves the list and takes no new tasks. Its tasks and history are kept, and it can be restored."
                .to_owned(),
        action: shell.link(&data.project.path("/archive")),
        verb: "Archive",
        keep: "Keep it".to_owned(),
    };
    view! {
        <p class="lede">"An archived project leaves the list. Nothing is deleted."</p>
        <div class="cluster">{Button::new("Archive the project").danger().opens("archive-project")}</div>
        {confirm(ask)}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn errors_stand_beside_their_fields_and_input_stays() {
        let mut errors = Errors::new();
        errors.add("egress_allow", "“https://x” is no host.");
        errors.add("pids", "Use a number from 16 to 32768.");
        let input = Input { egress_allow: "https://x".to_owned(), pids: "lots".to_owned(), ..Input::default() };
        let html = page(&shell(BuiltinRole::Owner), &Settings { input, errors, ..Settings::default() });
        assert!(html.contains(r#"id="pids-error""#) && html.contains(r#"id="egress_allow-error""#), "{html}");
        assert!(html.contains("https://x</textarea>") && html.contains(r#"value="lots""#), "{html}");
    }

    #[test]
    fn models_in_a_sandbox_are_off_unless_chosen() {
        let box_of = |models_inside| {
            let input = Input { models_inside, ..Input::default() };
            let html = page(&shell(BuiltinRole::Owner), &Settings { input, ..Settings::default() });
            html.split('<').find(|tag| tag.contains(r#"name="models_inside""#)).map(str::to_owned)
        };
        assert!(box_of(false).is_some_and(|tag| !tag.contains("checked")));
        assert!(box_of(true).is_some_and(|tag| tag.contains("checked")));
    }

    #[test]
    fn a_kept_token_is_hinted_at_and_can_be_replaced_or_removed() {
        let access = Access {
            url: "https://git.example/ledger.git".to_owned(),
            kept: Some(("ada".to_owned(), "glpat-…nopq".to_owned())),
            user: "ada".to_owned(),
        };
        let project = Head { id: "p1".to_owned(), ..Head::default() };
        let settings = Settings { project, access: Some(access), ..Settings::default() };
        let html = page(&shell(BuiltinRole::Owner), &settings);
        assert!(html.contains("glpat-…nopq") && html.contains("Replace the token"), "{html}");
        assert!(
            html.contains("/projects/p1/credential/remove") && !html.contains(r#"type="password" value"#),
            "{html}"
        );
    }

    #[test]
    fn an_archived_project_offers_its_way_back() {
        let project = Head { id: "p1".to_owned(), name: "ledger".to_owned(), archived: true, ..Head::default() };
        let html = page(&shell(BuiltinRole::Owner), &Settings { project, ..Settings::default() });
        assert!(html.contains("/projects/p1/restore") && !html.contains("/projects/p1/archive"), "{html}");
    }
}
