//! The forms of a task: a new one, and what one says.

use leptos::prelude::*;
use types::TaskState;

use super::projects::Head;
use crate::{
    components::{
        button::Button,
        error_summary::error_summary,
        field::Field,
        markdown::markdown,
        section::{page_head, section},
        select::{Choice, row_select, select},
        text_area::TextArea,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// What the fields of the form say, in their names.
#[derive(Clone, Debug, Default)]
pub struct Input {
    pub title: String,
    pub description: String,
    pub acceptance: String,
    pub priority: String,
    /// Parted by commas.
    pub labels: String,
    /// The text form of an assignee; empty for nobody.
    pub assignee: String,
}

/// A new task of a project.
#[derive(Clone, Debug, Default)]
pub struct NewTask {
    pub project: Head,
    pub input: Input,
    /// The same form sent twice makes one task.
    pub key: String,
    pub assignees: Vec<Choice>,
    pub errors: Errors,
}

/// An edit of a task.
#[derive(Clone, Debug, Default)]
pub struct EditTask {
    pub number: i32,
    /// What people call it: “QUA-12”.
    pub key: String,
    /// The revision that this edit is of.
    pub revision: i32,
    pub input: Input,
    /// What somebody else made of the task meanwhile.
    pub theirs: Option<Input>,
    pub assignees: Vec<Choice>,
    /// Where it can be moved.
    pub moves: Vec<TaskState>,
    pub errors: Errors,
}

#[must_use]
pub fn new_page(shell: &Shell, data: &NewTask) -> String {
    let board = shell.link(&data.project.path(""));
    let main = view! {
        {page_head("New task", &format!("In {}, as to do.", data.project.name), None)}
        {error_summary(&data.errors)}
        <form class="form" data-wide=true method="post" action=shell.link(&data.project.path("/tasks"))>
            <input type="hidden" name="key" value=data.key.clone()/>
            <input type="hidden" name="form" value="full"/>
            {fields(&data.input, &data.assignees, &data.errors)}
            <div class="cluster">{Button::new("Add the task").primary().busy("Adding…").submit()}{Button::new("Cancel").plain().link(board)}</div>
        </form>
    };
    shell::page(shell, "New task", !data.errors.is_empty(), main.into_any())
}

#[must_use]
pub fn edit_page(shell: &Shell, data: &EditTask) -> String {
    let task = shell.link(&format!("/tasks/{}", data.number));
    let action = format!("{task}/edit");
    let main = view! {
        {page_head(&format!("Edit {}", data.key), "", None)}
        {error_summary(&data.errors)}
        <form class="form" data-wide=true method="post" action=action>
            <input type="hidden" name="revision" value=data.revision.to_string()/>
            {fields(&data.input, &data.assignees, &data.errors)}
            <div class="cluster">{Button::new("Save the task").primary().busy("Saving…").submit()}{Button::new("Cancel").plain().link(task)}</div>
        </form>
        {data.theirs.as_ref().map(theirs)}
        {section("elsewhere", "Move or delete", None, None, elsewhere(shell, data))}
    };
    shell::page(shell, &format!("Edit {}", data.key), !data.errors.is_empty(), main.into_any())
}

/// What can be done with a task besides saying something else.
fn elsewhere(shell: &Shell, data: &EditTask) -> AnyView {
    let path = |verb: &str| shell.link(&format!("/tasks/{}/{verb}", data.number));
    let moves: Vec<Choice> = data.moves.iter().map(|to| Choice::new(to.as_str(), to.label())).collect();
    let list = row_select("to".to_owned(), "to", format!("Move {} to", data.key), &moves, "");
    view! {
        <div class="pile">
            <form class="cluster" method="post" action=path("move")>
                <input type="hidden" name="back" value=shell.link(&format!("/tasks/{}", data.number))/>
                {list}
                {Button::new("Move").busy("Moving…").submit()}
            </form>
            <form method="post" action=path("delete")>{Button::new("Delete the task").danger().busy("Deleting…").submit()}</form>
        </div>
    }
    .into_any()
}

/// What the task says now, beside an edit of an older one.
fn theirs(input: &Input) -> AnyView {
    let body = view! {
        <h3>{input.title.clone()}</h3>
        {markdown(&input.description)}
        {(!input.acceptance.is_empty()).then(|| markdown(&input.acceptance))}
        <p class="section__note">{format!("Priority {}. Labels: {}.", input.priority, if input.labels.is_empty() { "none" } else { &input.labels })}</p>
    };
    section("theirs", "What the task says now", None, None, view! { <div class="pile">{body}</div> }.into_any())
}

fn fields(input: &Input, assignees: &[Choice], errors: &Errors) -> AnyView {
    let priorities: Vec<Choice> = (0..=10)
        .rev()
        .map(|level: u8| {
            let word = match level {
                10 => " (most urgent)",
                8 => " (high)",
                5 => " (medium)",
                2 => " (low)",
                0 => " (least)",
                _ => "",
            };
            Choice::new(level.to_string(), format!("{level}{word}"))
        })
        .collect();
    let people: Vec<Choice> = std::iter::once(Choice::new("", "Nobody")).chain(assignees.iter().cloned()).collect();
    let description = TextArea {
        name: "description",
        label: "Description",
        value: input.description.clone(),
        hint: Some("Markdown. What is wrong or missing, and where; what you know that the code does not say."),
        error: errors.of("description").map(str::to_owned),
        max_length: Some(20_000),
        rows: 10,
    }
    .view();
    let acceptance = TextArea {
        name: "acceptance",
        label: "Acceptance criteria",
        value: input.acceptance.clone(),
        hint: Some("One per line: what has to hold before it is done. Reviewers check each."),
        error: errors.of("acceptance").map(str::to_owned),
        max_length: Some(10_000),
        rows: 5,
    }
    .view();
    view! {
        {Field::new("title", "What should be true at the end?").value(&input.title).error(errors.of("title")).max_length(500).required().view()}
        {description}
        {acceptance}
        <div class="tools">
            {select("assignee", "Assignee", &people, &input.assignee, errors.of("assignee"))}
            {select("priority", "Priority", &priorities, &input.priority, errors.of("priority"))}
        </div>
        {Field::new("labels", "Labels").value(&input.labels).hint("Parted by commas: bug, api.").error(errors.of("labels")).max_length(700).view()}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn an_edit_that_met_another_shows_both() {
        let mine = Input { title: "Mine".to_owned(), priority: "8".to_owned(), ..Input::default() };
        let theirs = Input { title: "Theirs".to_owned(), description: "*new*".to_owned(), ..Input::default() };
        let mut errors = Errors::new();
        errors.add("", "Somebody changed this task while you did.");
        let data =
            EditTask { number: 12, revision: 3, input: mine, theirs: Some(theirs), errors, ..EditTask::default() };
        let html = edit_page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains(r#"value="Mine""#) && html.contains("Theirs") && html.contains("<em>new</em>"), "{html}");
        assert!(html.contains(r#"name="revision" value="3""#) && html.contains("<title>Error: "), "{html}");
        assert!(html.contains(r#"<option value="8" selected"#), "{html}");
    }

    #[test]
    fn a_new_task_carries_its_key() {
        let data = NewTask { key: "k-1".to_owned(), ..NewTask::default() };
        assert!(new_page(&shell(BuiltinRole::Owner), &data).contains(r#"name="key" value="k-1""#));
    }
}
