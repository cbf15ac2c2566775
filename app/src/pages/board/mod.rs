//! The board of a project: a column per state, and the same tasks as a list.

mod card;
mod column;
mod filters;
mod list;

use leptos::prelude::*;
use time::OffsetDateTime;
use types::{Permission, TaskState};

pub use filters::{Filter, Sorting};

use super::projects::{Head, notice};
use crate::{
    assets,
    components::{
        button::Button,
        empty::{Empty, empty},
        error_summary::error_summary,
        icon::Icon,
        live,
        who::Who,
    },
    forms::Errors,
    layout::shell::{self, Frame, Shell},
    pages::Fragment,
};

/// How the tasks are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    #[default]
    Board,
    List,
}

impl View {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Board => "",
            Self::List => "/list",
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Board {
    pub project: Head,
    pub view: View,
    pub filter: Filter,
    /// One per state, in the order of [`TaskState::ALL`].
    pub columns: Vec<Column>,
    /// Sent with a new task of each column, in the order of [`TaskState::ALL`]: a form sent twice makes one task.
    pub keys: Vec<String>,
    /// What was typed into the quick line of a column that was refused.
    pub quick: Option<(TaskState, String)>,
    pub errors: Errors,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub state: TaskState,
    pub total: i64,
    pub matching: i64,
    pub cards: Vec<Card>,
}

#[derive(Clone, Debug)]
pub struct Card {
    pub number: i32,
    /// What people call it: “QUA-12”.
    pub key: String,
    pub id: String,
    pub title: String,
    pub priority: u8,
    pub labels: Vec<String>,
    pub assignee: Option<Who>,
    pub updated_at: OffsetDateTime,
    /// Whether this person may change it.
    pub changeable: bool,
    /// Where it can be moved.
    pub moves: Vec<TaskState>,
}

impl Board {
    fn total(&self) -> i64 {
        self.columns.iter().map(|column| column.total).sum()
    }

    fn matching(&self) -> i64 {
        self.columns.iter().map(|column| column.matching).sum()
    }

    /// The page as it stands, to come back to after a form.
    fn here(&self, shell: &Shell) -> String {
        shell.link(&format!("{}{}", self.project.path(self.view.path()), self.filter.query()))
    }

    fn open(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.state.ended())
    }

    /// The columns of what has ended; one of them is shown.
    fn ended(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.state.ended())
    }
}

#[must_use]
pub fn page(shell: &Shell, data: &Board) -> String {
    let writes = shell.may(Permission::WriteTasks) && !data.project.archived;
    let title = match data.view {
        View::Board => format!("Board of {}", data.project.name),
        View::List => format!("Tasks of {}", data.project.name),
    };
    // What is archived stands still.
    let follows = !data.project.archived;
    let live = follows.then(|| {
        let path = format!("{}/live{}", data.project.path(data.view.path()), data.filter.query());
        shell.link(&path)
    });
    let main = view! {
        <div class="boardpage" data-live=live data-now=live::stamp(shell.now)>
            <h1 class="visually-hidden">{title.clone()}</h1>
            {notice(shell, &data.project, shell.may(Permission::WriteProjects))}
            {error_summary(&data.errors)}
            {filters::bar(shell, data, writes)}
            {body(shell, data, writes)}
        </div>
        {(data.view == View::Board).then(|| view! { <script type="module" src=assets::url("board.js")></script> })}
    };
    let frame = Frame { wide: true, live: follows, ..Frame::default() };
    shell::framed(shell, &title, !data.errors.is_empty(), frame, main.into_any())
}

/// What of the page can change while somebody looks at it. A board that a filter has emptied has none of it.
#[must_use]
pub fn fragments(shell: &Shell, data: &Board) -> Vec<Fragment> {
    let mut parts = vec![Fragment::new("board-count", filters::count(data))];
    match data.view {
        View::List => parts.push(Fragment::new("task-list", list::list(shell, data))),
        View::Board => {
            parts.push(Fragment::new("board-pick", picks(data)));
            for column in &data.columns {
                parts.push(Fragment::new(format!("count-{}", column.state), column::count(column)));
                parts.push(Fragment::new(format!("cards-{}", column.state), column::cards(shell, data, column)));
            }
            if let Some(shown) = data.ended().find(|column| column.state == data.filter.ended) {
                parts.push(Fragment::new("ended-tabs", column::tabs(shell, data, shown)));
            }
        }
    }
    parts
}

fn body(shell: &Shell, data: &Board, writes: bool) -> AnyView {
    // A board stays a board while it is empty, so that its columns can be filled; a filter that fits nothing says so.
    if data.matching() == 0 && data.total() > 0 && data.errors.is_empty() {
        return nothing_found(shell, data);
    }
    match data.view {
        View::List if data.total() == 0 => nothing(),
        View::List => list::list(shell, data),
        View::Board => columns(shell, data, writes),
    }
}

fn nothing() -> AnyView {
    empty(Empty {
        title: "No tasks yet".to_owned(),
        text: "A task says what should be true at the end.".to_owned(),
        actions: Vec::new(),
    })
}

fn nothing_found(shell: &Shell, data: &Board) -> AnyView {
    let all = shell.link(&data.project.path(data.view.path()));
    empty(Empty {
        title: "No task fits these filters".to_owned(),
        text: format!("The project has {}.", tasks(data.total())),
        actions: vec![Button::new("Clear the filters").link(all)],
    })
}

fn tasks(count: i64) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

fn new_task(shell: &Shell, data: &Board) -> AnyView {
    Button::new("New task").primary().icon(Icon::Plus).link(shell.link(&data.project.path("/tasks/new")))
}

fn picks(data: &Board) -> AnyView {
    let picks = data.open().map(|column| {
        view! { <a href=format!("#c-{}", column.state)>{column.state.label()}" "<span>{column.matching}</span></a> }
    });
    let ended_count: i64 = data.ended().map(|column| column.matching).sum();
    view! {
        <nav class="pick" id="board-pick" aria-label="Columns">
            {picks.collect_view()}
            <a href="#c-ended">"Ended "<span>{ended_count}</span></a>
        </nav>
    }
    .into_any()
}

fn columns(shell: &Shell, data: &Board, writes: bool) -> AnyView {
    let open = data.open().map(|column| column::open(shell, data, column, writes));
    let ended = data.ended().find(|column| column.state == data.filter.ended);
    let ended = ended.map(|column| column::ended(shell, data, column));
    view! {
        {picks(data)}
        <div class="boardpage__scroll" tabindex="0" role="region" aria-label="Columns of the board">
            <div class="board" id="board" data-board=true data-sorted=data.filter.sort != Sorting::Manual>
                {open.collect_view()}
                {ended}
            </div>
        </div>
        <p class="visually-hidden" role="status" id="board-status"></p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    fn card(number: i32, title: &str, changeable: bool) -> Card {
        Card {
            number,
            key: format!("QUA-{number}"),
            id: format!("id-{number}"),
            title: title.to_owned(),
            priority: 8,
            labels: vec!["bug".to_owned()],
            assignee: Some(Who::person("Jonas Lindqvist")),
            updated_at: shell(BuiltinRole::Owner).now,
            changeable,
            moves: vec![TaskState::Todo, TaskState::Blocked],
        }
    }

    fn board(todo: &[Card]) -> Board {
        let count = i64::try_from(todo.len()).expect("few");
        let column = |state: &TaskState| {
            let first = *state == TaskState::Todo;
            let (count, cards) = if first { (count, todo.to_vec()) } else { (0, Vec::new()) };
            Column { state: *state, total: count, matching: count, cards }
        };
        let project = Head { id: "p1".to_owned(), name: "ledger".to_owned(), ..Head::default() };
        Board { project, columns: TaskState::ALL.iter().map(column).collect(), ..Board::default() }
    }

    #[test]
    fn every_column_and_card_can_be_reached_without_script() {
        let cards = [card(12, "Round half <even>", true), card(13, "x", true)];
        let html = page(&shell(BuiltinRole::Owner), &board(&cards));
        assert!(html.contains("Round half &lt;even&gt;") && html.contains(r#"href="/quayside/tasks/12""#), "{html}");
        assert!(html.contains(r#"action="/quayside/tasks/12/move""#) && html.contains(r#"value="BLOCKED""#), "{html}");
        assert!(html.contains(r#"value="after:id-13""#) && html.contains(r#"value="before:id-12""#), "{html}");
        for state in ["TODO", "IN_PROGRESS", "IN_REVIEW", "BLOCKED"] {
            assert!(html.contains(&format!(r#"id="c-{state}""#)), "{state}: {html}");
        }
        assert!(html.contains("ended=CANCELLED") && html.contains(r#"id="c-ended""#), "{html}");
    }

    #[test]
    fn what_a_person_may_not_change_has_no_forms() {
        let data = board(&[card(12, "theirs", false)]);
        let html = page(&shell(BuiltinRole::Contributor), &data);
        assert!(!html.contains("/tasks/12/move") && html.contains("/projects/p1/tasks"), "{html}");
        let html = page(&shell(BuiltinRole::Reader), &data);
        assert!(!html.contains(r#"method="post" action="/quayside/projects"#), "{html}");
    }

    #[test]
    fn cards_stay_where_they_are_while_sorted() {
        let mut sorted = board(&[card(12, "a", true), card(13, "b", true)]);
        sorted.filter.sort = Sorting::ByField;
        let html = page(&shell(BuiltinRole::Owner), &sorted);
        assert!(!html.contains("after:id-13") && html.contains("data-sorted"), "{html}");
    }

    #[test]
    fn an_empty_board_can_be_filled_and_an_empty_result_says_so() {
        let empty = page(&shell(BuiltinRole::Owner), &board(&[]));
        assert!(empty.contains(r#"id="line-TODO""#), "{empty}");
        let mut filtered = board(&[card(12, "a", true)]);
        filtered.columns[0].matching = 0;
        filtered.columns[0].cards.clear();
        let html = page(&shell(BuiltinRole::Owner), &filtered);
        assert!(html.contains("No task fits these filters") && html.contains("The project has 1 task."), "{html}");
    }

    #[test]
    fn a_quick_line_that_was_refused_comes_back_open() {
        let mut data = board(&[card(12, "a", true)]);
        data.quick = Some((TaskState::Blocked, "#only".to_owned()));
        data.errors.add("line-BLOCKED", "Say what should be true at the end.");
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains(r##"value="#only""##) && html.contains(r#"aria-invalid="true""#), "{html}");
        assert_eq!(html.matches(r#"<details open data-menu class="quick">"#).count(), 1, "{html}");
    }
}
