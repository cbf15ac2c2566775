use axum::{
    Form,
    extract::{Path, State},
};
use orchestrator::{
    Error, Grant,
    grants::{ReadProjects, ReadTasks, WriteTasks},
    work::{Assignee, Place, Project, TaskDetail, TaskEdit},
};
use serde::Deserialize;
use types::{ProjectId, TaskState};
use uuid::Uuid;

use super::{
    board::moves,
    projects::{ProjectPath, head, shell_under},
    require,
};
use crate::{
    components::{select::Choice, who::Who},
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, html, words::task_key},
    pages::task_form::{EditTask, Input, NewTask, edit_page, new_page},
    request::{Inside, safe_path},
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct TaskPath {
    number: String,
}

impl TaskPath {
    fn number(&self) -> Result<i32, Error> {
        self.number.parse().map_err(|_| Error::NotFound)
    }
}

/// Where a form said it came from, when that is inside the team; otherwise the board.
pub(super) fn back<G: Grant>(member: &Inside<G>, back: &str, project: ProjectId) -> String {
    let inside = safe_path(back).filter(|path| path.starts_with(&member.link("/")));
    inside.map_or_else(|| member.link(&format!("/projects/{project}")), str::to_owned)
}

/// The avatar of somebody who is assigned.
pub(super) fn who(assignee: Assignee, name: &str) -> Who {
    let capitals = |text: &str| {
        let words = text.split(|character: char| !character.is_alphanumeric()).filter_map(|word| word.chars().next());
        words.take(2).collect::<String>().to_uppercase()
    };
    match assignee {
        Assignee::Person(_) => Who::person(name),
        Assignee::Agent(_) | Assignee::Squad(_) => Who::agent(name, capitals(name)),
    }
}

async fn choices<G: Grant>(app: &App, member: &Inside<G>) -> Result<Vec<Choice>, Failure> {
    let assignable = app.muster.assignable(&require::<_, ReadTasks>(member)?).await?;
    Ok(assignable.into_iter().map(|(who, name)| Choice::new(who.to_string(), name)).collect())
}

/// What the fields of a form mean.
pub(super) struct Fields {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) acceptance: String,
    pub(super) priority: i16,
    pub(super) labels: Vec<String>,
    pub(super) assignee: Option<Assignee>,
}

pub(super) fn fields(input: &Input) -> Result<Fields, Error> {
    let assignee = match input.assignee.as_str() {
        "" => None,
        text => Some(Assignee::parse(text).ok_or_else(|| {
            Error::Invalid(vec![types::FieldError {
                field: "assignee".to_owned(),
                message: "Choose somebody from the list.".to_owned(),
            }])
        })?),
    };
    Ok(Fields {
        title: input.title.clone(),
        description: input.description.clone(),
        acceptance: input.acceptance.clone(),
        // What is no number is out of range, and refused with the range beside its field.
        priority: input.priority.trim().parse().unwrap_or(-1),
        labels: input.labels.split(',').map(str::to_owned).collect(),
        assignee,
    })
}

fn input_of(task: &TaskDetail) -> Input {
    Input {
        title: task.title.clone(),
        description: task.description.clone(),
        acceptance: task.acceptance.clone(),
        priority: task.priority.to_string(),
        labels: task.labels.join(", "),
        assignee: task.assignee.as_ref().map(|(who, _)| who.to_string()).unwrap_or_default(),
    }
}

pub(super) async fn draw_new<G: Grant>(
    app: &App,
    member: &Inside<G>,
    project: &Project,
    input: Input,
    key: Uuid,
    errors: Errors,
) -> Result<String, Failure> {
    let shell = shell_under(app, member, Some(project), "New task").await?;
    let data =
        NewTask { project: head(project), input, key: key.to_string(), assignees: choices(app, member).await?, errors };
    Ok(new_page(&shell, &data))
}

pub(crate) async fn new_task(
    member: Inside<WriteTasks>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
) -> Answer {
    let project = app.muster.project(&require::<_, ReadProjects>(&member)?, path.id()?).await?;
    let input = Input { priority: "5".to_owned(), ..Input::default() };
    html(draw_new(&app, &member, &project, input, Uuid::now_v7(), Errors::new()).await?)
}

/// A task and its project, as far as the person may see them.
async fn found<G: Grant>(app: &App, member: &Inside<G>, path: &TaskPath) -> Result<(TaskDetail, Project), Failure> {
    let task = app.muster.task(&require::<_, ReadTasks>(member)?, path.number()?).await?;
    let project = app.muster.project(&require::<_, ReadProjects>(member)?, task.project_id).await?;
    Ok((task, project))
}

pub(crate) async fn edit_task_page(
    member: Inside<WriteTasks>,
    State(app): State<App>,
    Path(path): Path<TaskPath>,
) -> Answer {
    let (task, project) = found(&app, &member, &path).await?;
    if !task.changeable {
        return Err(Error::Denied(types::Permission::WriteAnyTask).into());
    }
    html(draw_edit(&app, &member, &task, &project, None).await?)
}

async fn draw_edit(
    app: &App,
    member: &Inside<WriteTasks>,
    task: &TaskDetail,
    project: &Project,
    refused: Option<(EditForm, Errors)>,
) -> Result<String, Failure> {
    let key = task_key(&member.team.slug, task.number);
    let shell = shell_under(app, member, Some(project), &format!("Edit {key}")).await?;
    let (typed, errors) = match refused {
        Some((form, errors)) => (Some(form), errors),
        None => (None, Errors::new()),
    };
    let stale = typed.as_ref().is_some_and(|form| form.revision != task.revision);
    let data = EditTask {
        number: task.number,
        key,
        // The next save is one over what is shown beside it.
        revision: task.revision,
        moves: moves(task.state).into_iter().filter(|to| *to != task.state).collect(),
        theirs: stale.then(|| input_of(task)),
        input: typed.map_or_else(|| input_of(task), EditForm::into_input),
        assignees: choices(app, member).await?,
        errors,
    };
    Ok(edit_page(&shell, &data))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EditForm {
    title: String,
    description: String,
    acceptance: String,
    priority: String,
    labels: String,
    assignee: String,
    revision: i32,
}

impl EditForm {
    fn into_input(self) -> Input {
        Input {
            title: self.title,
            description: self.description,
            acceptance: self.acceptance,
            priority: self.priority,
            labels: self.labels,
            assignee: self.assignee,
        }
    }
}

pub(crate) async fn edit_task(
    member: Inside<WriteTasks>,
    State(app): State<App>,
    Path(path): Path<TaskPath>,
    Form(form): Form<EditForm>,
) -> Answer {
    let (task, project) = found(&app, &member, &path).await?;
    let edit = fields(&form.clone().into_input()).map(|fields| TaskEdit {
        title: fields.title,
        description: fields.description,
        acceptance: fields.acceptance,
        priority: fields.priority,
        labels: fields.labels,
        assignee: fields.assignee,
        revision: form.revision,
    });
    let saved = match edit {
        Ok(edit) => app.muster.edit_task(&member, task.id, &edit).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => done(&app, &member.link(&format!("/tasks/{}", task.number)), "task_saved"),
        Err(error) => {
            let errors = form_errors(error)?;
            // Read again: what refused the edit may be newer than what was read before it.
            let (task, _) = found(&app, &member, &path).await?;
            again(draw_edit(&app, &member, &task, &project, Some((form, errors))).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct MoveForm {
    #[serde(default)]
    to: String,
    /// `top`, `bottom`, or `before:` or `after:` and a task's id.
    #[serde(default)]
    place: String,
    #[serde(default)]
    back: String,
}

fn place(text: &str) -> Result<Place, Error> {
    let task = |id: &str| id.parse().map_err(|_| Error::NotFound);
    match text.split_once(':') {
        Some(("before", id)) => Ok(Place::Before(task(id)?)),
        Some(("after", id)) => Ok(Place::After(task(id)?)),
        _ if text == "bottom" => Ok(Place::Bottom),
        _ => Ok(Place::Top),
    }
}

pub(crate) async fn move_task(
    member: Inside<WriteTasks>,
    State(app): State<App>,
    Path(path): Path<TaskPath>,
    Form(form): Form<MoveForm>,
) -> Answer {
    let task = app.muster.task_by_number(&require::<_, ReadTasks>(&member)?, path.number()?).await?;
    let to = TaskState::parse(&form.to).ok_or(Error::NotFound)?;
    app.muster.move_task(&member, task.id, to, place(&form.place)?).await?;
    done(&app, &back(&member, &form.back, task.project), "task_moved")
}

#[derive(Deserialize)]
pub(crate) struct BackForm {
    #[serde(default)]
    back: String,
}

pub(crate) async fn delete_task(
    member: Inside<WriteTasks>,
    State(app): State<App>,
    Path(path): Path<TaskPath>,
    Form(form): Form<BackForm>,
) -> Answer {
    let task = app.muster.task_by_number(&require::<_, ReadTasks>(&member)?, path.number()?).await?;
    app.muster.delete_task(&member, task.id).await?;
    done(&app, &back(&member, &form.back, task.project), &format!("task_deleted:{}", task.number))
}

pub(crate) async fn undelete_task(
    member: Inside<WriteTasks>,
    State(app): State<App>,
    Path(path): Path<TaskPath>,
) -> Answer {
    let task = app.muster.task_by_number(&require::<_, ReadTasks>(&member)?, path.number()?).await?;
    let task = app.muster.undelete_task(&member, task.id).await?;
    done(&app, &member.link(&format!("/projects/{}", task.project)), "task_restored")
}
