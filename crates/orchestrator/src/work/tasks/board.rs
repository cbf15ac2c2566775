use time::OffsetDateTime;
use types::{AgentId, ProjectId, SquadId, TaskId, TaskState, TeamId, UserId};

use super::{Assignee, state};
use crate::{Can, Orchestrator, Result, grants::ReadTasks};

/// Which tasks of a project to show, and how. The default shows all in their own order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// A part of the title, or the number.
    pub text: Option<String>,
    pub label: Option<String>,
    pub assignee: Option<AssigneeFilter>,
    /// At least so urgent.
    pub priority: Option<i16>,
    pub sort: Sort,
    /// Show all cards of this column; others show the first 50.
    pub whole: Option<TaskState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssigneeFilter {
    Nobody,
    Is(Assignee),
}

/// The order of cards within a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// As people arranged them.
    #[default]
    Manual,
    Priority,
    Updated,
    Newest,
}

impl Sort {
    pub const ALL: &[Self] = &[Self::Manual, Self::Priority, Self::Updated, Self::Newest];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Priority => "priority",
            Self::Updated => "updated",
            Self::Newest => "newest",
        }
    }

    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Manual => "As arranged",
            Self::Priority => "Most urgent first",
            Self::Updated => "Last changed first",
            Self::Newest => "Newest first",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|sort| sort.as_str() == text)
    }
}

/// A project's tasks by state.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// One per state, in the order of [`TaskState::ALL`].
    pub columns: Vec<Column>,
    /// Labels in use, by name.
    pub labels: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub state: TaskState,
    /// All tasks in this state.
    pub total: i64,
    /// Those that the filter lets through; `cards` may be fewer.
    pub matching: i64,
    pub cards: Vec<Card>,
}

#[derive(Clone, Debug)]
pub struct Card {
    pub id: TaskId,
    pub number: i32,
    pub title: String,
    pub priority: i16,
    pub labels: Vec<String>,
    pub assignee: Option<(Assignee, String)>,
    pub created_by: UserId,
    pub updated_at: OffsetDateTime,
}

/// Cards a column shows before it is asked for more, and at most.
const FIRST: i64 = 50;
const MOST: i64 = 1_000;

impl Orchestrator {
    /// The board of a project.
    ///
    /// # Errors
    /// When the database does not answer. A project that is not the team's has an empty board.
    pub async fn board(&self, scope: &Can<ReadTasks>, project: ProjectId, filter: &TaskFilter) -> Result<Board> {
        let (person, agent, squad, nobody) = match filter.assignee {
            Some(AssigneeFilter::Is(who)) => (who.person(), who.agent(), who.squad(), false),
            Some(AssigneeFilter::Nobody) => (None, None, None, true),
            None => (None, None, None, false),
        };
        let text: Option<String> = filter.text.as_ref().map(|text| text.trim().chars().take(200).collect());
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query_file!(
            "src/work/tasks/board.sql",
            scope.team() as TeamId,
            project as ProjectId,
            text.filter(|text| !text.is_empty()),
            filter.label,
            person as Option<UserId>,
            squad as Option<SquadId>,
            nobody,
            filter.priority,
            filter.sort.as_str(),
            FIRST,
            filter.whole.map(TaskState::as_str),
            MOST,
            agent as Option<AgentId>,
        )
        .fetch_all(&mut *tx)
        .await?;
        let totals = sqlx::query!(
            r#"SELECT state, count(*) AS "count!" FROM tasks
               WHERE team_id = $1 AND project_id = $2 AND deleted_at IS NULL GROUP BY state"#,
            scope.team() as TeamId,
            project as ProjectId
        )
        .fetch_all(&mut *tx)
        .await?;
        let labels = sqlx::query_scalar!(
            r#"SELECT DISTINCT label AS "label!" FROM tasks, unnest(labels) AS label
               WHERE team_id = $1 AND project_id = $2 AND deleted_at IS NULL ORDER BY 1 LIMIT 200"#,
            scope.team() as TeamId,
            project as ProjectId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut columns: Vec<Column> = TaskState::ALL
            .iter()
            .map(|state| Column {
                state: *state,
                total: totals.iter().find(|row| row.state == state.as_str()).map_or(0, |row| row.count),
                matching: 0,
                cards: Vec::new(),
            })
            .collect();
        for row in rows {
            let standing = state(&row.state)?;
            let assignee = Assignee::from_columns(row.assignee_user, row.assignee_agent, row.assignee_squad)
                .zip(row.assignee_name);
            let card = Card {
                id: row.id,
                number: row.number,
                title: row.title,
                priority: row.priority,
                labels: row.labels,
                assignee,
                created_by: row.created_by,
                updated_at: row.updated_at,
            };
            if let Some(column) = columns.iter_mut().find(|column| column.state == standing) {
                column.matching = row.matching;
                column.cards.push(card);
            }
        }
        Ok(Board { columns, labels })
    }
}
