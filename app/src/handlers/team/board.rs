use axum::{
    Form,
    extract::{Path, Query, State},
};
use futures::future::BoxFuture;
use orchestrator::{
    Error, Grant,
    grants::{ReadProjects, ReadTasks, WriteTasks},
    work::{Assignee, AssigneeFilter, Card, Column, NewTask, Project, Sort, TaskFilter, may_move},
};
use serde::Deserialize;
use types::{Permission, ProjectId, TaskState, UserId};
use uuid::Uuid;

use super::{
    live::{Draw, follow},
    projects::{ProjectPath, head, shell_under},
    require,
    tasks::{back, draw_new, who},
};
use crate::{
    components::select::Choice,
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, html, words::task_key},
    layout::shell::Shell,
    pages::{
        Fragment,
        board::{self as view, Board, Filter, Sorting, View},
        task_form::Input,
    },
    request::Inside,
    state::App,
};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BoardQuery {
    q: String,
    label: String,
    assignee: String,
    priority: String,
    sort: String,
    ended: String,
    whole: String,
}

impl BoardQuery {
    fn filter(&self) -> TaskFilter {
        let text = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        TaskFilter {
            text: text(&self.q),
            label: text(&self.label),
            assignee: match self.assignee.as_str() {
                "nobody" => Some(AssigneeFilter::Nobody),
                other => Assignee::parse(other).map(AssigneeFilter::Is),
            },
            priority: self.priority.parse().ok(),
            sort: Sort::parse(&self.sort).unwrap_or_default(),
            whole: TaskState::parse(&self.whole),
        }
    }

    /// What the page says about the filter: only what was understood.
    fn shown(&self, filter: &TaskFilter, labels: Vec<String>, assignable: &[(Assignee, String)]) -> Filter {
        let mut assignees = vec![Choice::new("nobody", "Nobody")];
        assignees.extend(assignable.iter().map(|(who, name)| Choice::new(who.to_string(), name)));
        Filter {
            text: filter.text.clone().unwrap_or_default(),
            label: filter.label.clone().unwrap_or_default(),
            assignee: match filter.assignee {
                Some(AssigneeFilter::Nobody) => "nobody".to_owned(),
                Some(AssigneeFilter::Is(who)) => who.to_string(),
                None => String::new(),
            },
            priority: filter.priority.map(|level| level.to_string()).unwrap_or_default(),
            sort_value: if filter.sort == Sort::Manual { String::new() } else { filter.sort.as_str().to_owned() },
            sort: if filter.sort == Sort::Manual { Sorting::Manual } else { Sorting::ByField },
            ended: TaskState::parse(&self.ended).filter(|state| state.ended()).unwrap_or(TaskState::Completed),
            whole: filter.whole,
            labels,
            assignees,
            sorts: Sort::ALL
                .iter()
                .map(|sort| Choice::new(if *sort == Sort::Manual { "" } else { sort.as_str() }, sort.label()))
                .collect(),
        }
    }
}

/// A quick line that was refused, with what is wrong with it.
struct Refused {
    state: TaskState,
    line: String,
    errors: Errors,
}

async fn draw<G: Grant>(
    app: &App,
    member: &Inside<G>,
    project: &Project,
    shown: (View, &BoardQuery),
    refused: Option<Refused>,
) -> Result<String, Failure> {
    let (shell, data) = gather(app, member, project, shown, refused).await?;
    Ok(view::page(&shell, &data))
}

async fn gather<G: Grant>(
    app: &App,
    member: &Inside<G>,
    project: &Project,
    (view, query): (View, &BoardQuery),
    refused: Option<Refused>,
) -> Result<(Shell, Board), Failure> {
    let reader = require::<_, ReadTasks>(member)?;
    let filter = query.filter();
    let board = app.muster.board(&reader, project.id, &filter).await?;
    let assignable = app.muster.assignable(&reader).await?;
    let name = if view == View::Board { "Board" } else { "List" };
    let shell = shell_under(app, member, Some(project), name).await?;
    let (quick, errors) = match refused {
        Some(refused) => (Some((refused.state, refused.line)), refused.errors),
        None => (None, Errors::new()),
    };
    let permissions = member.scope().permissions();
    let all = permissions.contains(Permission::WriteAnyTask);
    let own = permissions.contains(Permission::WriteTasks).then_some(member.who.user.id);
    let data = Board {
        project: head(project),
        view,
        filter: query.shown(&filter, board.labels, &assignable),
        columns: board.columns.into_iter().map(|column| column_of(&member.team.slug, column, all, own)).collect(),
        keys: TaskState::ALL.iter().map(|_| Uuid::now_v7().to_string()).collect(),
        quick,
        errors,
    };
    Ok((shell, data))
}

/// A board as its address says, to be drawn again.
struct Live {
    project: ProjectId,
    view: View,
    query: BoardQuery,
}

impl Draw<ReadTasks> for Live {
    fn draw<'a>(
        &'a self,
        app: &'a App,
        member: &'a Inside<ReadTasks>,
    ) -> BoxFuture<'a, Result<Vec<Fragment>, Failure>> {
        Box::pin(async move {
            let project = app.muster.project(&require::<_, ReadProjects>(member)?, self.project).await?;
            let (shell, data) = gather(app, member, &project, (self.view, &self.query), None).await?;
            Ok(view::fragments(&shell, &data))
        })
    }
}

async fn keep_up(app: App, member: Inside<ReadTasks>, path: &ProjectPath, (view, query): (View, BoardQuery)) -> Answer {
    let project = app.muster.project(&require::<_, ReadProjects>(&member)?, path.id()?).await?.id;
    Ok(follow(app, member, Live { project, view, query }))
}

pub(crate) async fn board_live(
    member: Inside<ReadTasks>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
    Query(query): Query<BoardQuery>,
) -> Answer {
    keep_up(app, member, &path, (View::Board, query)).await
}

pub(crate) async fn list_live(
    member: Inside<ReadTasks>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
    Query(query): Query<BoardQuery>,
) -> Answer {
    keep_up(app, member, &path, (View::List, query)).await
}

fn column_of(slug: &str, column: Column, all: bool, own: Option<UserId>) -> view::Column {
    let (state, total, matching) = (column.state, column.total, column.matching);
    view::Column {
        state,
        total,
        matching,
        cards: column.cards.into_iter().map(|card| card_of(slug, state, card, all, own)).collect(),
    }
}

fn card_of(slug: &str, state: TaskState, card: Card, all: bool, own: Option<UserId>) -> view::Card {
    let assigned = card.assignee.as_ref().map(|(who, _)| *who);
    let mine = own.is_some_and(|me| me == card.created_by || assigned == Some(Assignee::Person(me)));
    view::Card {
        number: card.number,
        key: task_key(slug, card.number),
        id: card.id.to_string(),
        title: card.title,
        priority: u8::try_from(card.priority).unwrap_or_default(),
        labels: card.labels,
        assignee: card.assignee.map(|(assignee, name)| who(assignee, &name)),
        updated_at: card.updated_at,
        changeable: all || mine,
        moves: moves(state),
    }
}

/// Where a person may put a task.
pub(super) fn moves(from: TaskState) -> Vec<TaskState> {
    TaskState::ALL.iter().copied().filter(|to| may_move(from, *to)).collect()
}

async fn show(app: &App, member: &Inside<ReadTasks>, path: &ProjectPath, view: View, query: &BoardQuery) -> Answer {
    let project = app.muster.project(&require::<_, ReadProjects>(member)?, path.id()?).await?;
    html(draw(app, member, &project, (view, query), None).await?)
}

pub(crate) async fn board(
    member: Inside<ReadTasks>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
    Query(query): Query<BoardQuery>,
) -> Answer {
    show(&app, &member, &path, View::Board, &query).await
}

pub(crate) async fn task_list(
    member: Inside<ReadTasks>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
    Query(query): Query<BoardQuery>,
) -> Answer {
    show(&app, &member, &path, View::List, &query).await
}

/// The form of a new task: one line on the board, or all its fields on a page of their own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewTaskForm {
    form: String,
    line: String,
    state: String,
    title: String,
    description: String,
    acceptance: String,
    priority: String,
    labels: String,
    assignee: String,
    #[serde(deserialize_with = "crate::handlers::key")]
    key: Option<Uuid>,
    back: String,
}

impl NewTaskForm {
    fn input(&self) -> Input {
        Input {
            title: self.title.clone(),
            description: self.description.clone(),
            acceptance: self.acceptance.clone(),
            priority: self.priority.clone(),
            labels: self.labels.clone(),
            assignee: self.assignee.clone(),
        }
    }

    fn state(&self) -> TaskState {
        TaskState::parse(&self.state).unwrap_or(TaskState::Todo)
    }

    fn task(&self) -> Result<NewTask, Error> {
        if self.form != "full" {
            return Ok(NewTask { state: self.state(), ..NewTask::quick(&self.line) }.keyed(self.key));
        }
        let fields = super::tasks::fields(&self.input())?;
        Ok(NewTask {
            title: fields.title,
            description: fields.description,
            acceptance: fields.acceptance,
            priority: fields.priority,
            labels: fields.labels,
            assignee: fields.assignee,
            state: TaskState::Todo,
            key: self.key,
        })
    }
}

pub(crate) async fn create_task(
    member: Inside<WriteTasks>,
    State(app): State<App>,
    Path(path): Path<ProjectPath>,
    Form(form): Form<NewTaskForm>,
) -> Answer {
    let project = app.muster.project(&require::<_, ReadProjects>(&member)?, path.id()?).await?;
    let made = match form.task() {
        Ok(task) => app.muster.create_task(&member, project.id, &task).await,
        Err(error) => Err(error),
    };
    let full = form.form == "full";
    match made {
        Ok(task) if full => done(&app, &member.link(&format!("/tasks/{}", task.number)), "task_added"),
        Ok(task) => done(&app, &back(&member, &form.back, task.project), "task_added"),
        Err(error) if full => {
            let errors = form_errors(error)?;
            let key = form.key.unwrap_or_else(Uuid::now_v7);
            again(draw_new(&app, &member, &project, form.input(), key, errors).await?)
        }
        Err(error) => {
            let state = form.state();
            let mut errors = Errors::new();
            let field = format!("line-{state}");
            form_errors(error)?.iter().for_each(|error| errors.add(field.clone(), error.message.clone()));
            let refused = Refused { state, line: form.line, errors };
            again(draw(&app, &member, &project, (View::Board, &BoardQuery::default()), Some(refused)).await?)
        }
    }
}
