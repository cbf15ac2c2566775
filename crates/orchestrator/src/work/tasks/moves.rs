use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ProjectId, TaskId, TaskState, TeamId};

use super::{Existing, TaskChange, announce, changeable};
use crate::{Can, Error, Orchestrator, Result, Scope, grants::WriteTasks, runs};

/// The distance between neighbours that leaves room for moves between them.
const GAP: f64 = 1_024.0;

/// Where a task goes within its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Top,
    Bottom,
    /// Above this task of the column.
    Before(TaskId),
    /// Below this task of the column.
    After(TaskId),
}

/// Whether a person may put a task that stands in `from` into `to`.
///
/// Open columns lead anywhere but to Failed, which only a run decides. What has ended is reopened to To do, where its
/// work starts over; a failed task can also be given up.
#[must_use]
pub const fn may_move(from: TaskState, to: TaskState) -> bool {
    use TaskState as S;
    match (from, to) {
        (S::Todo | S::InProgress | S::InReview | S::Blocked, S::Failed) => false,
        (S::Todo | S::InProgress | S::InReview | S::Blocked, _) => true,
        (S::Failed, S::Todo | S::Cancelled | S::Failed) => true,
        (S::Completed, S::Todo | S::Completed) => true,
        (S::Cancelled, S::Todo | S::Cancelled) => true,
        (S::Completed | S::Failed | S::Cancelled, _) => false,
    }
}

/// The number between two neighbours; `None` when there is none left.
fn between(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    let middle = match (above, below) {
        (None, None) => 0.0,
        (None, Some(below)) => below - GAP,
        (Some(above), None) => above + GAP,
        (Some(above), Some(below)) => f64::midpoint(above, below),
    };
    let fits = above.is_none_or(|above| above < middle) && below.is_none_or(|below| middle < below);
    fits.then_some(middle)
}

/// A column of a board.
#[derive(Clone, Copy)]
struct Lane {
    project: ProjectId,
    state: TaskState,
}

/// The positions around a place, the moved task itself left out.
async fn neighbours(
    tx: &mut PgConnection,
    scope: &Scope,
    lane: Lane,
    moved: TaskId,
    place: Place,
) -> Result<(Option<f64>, Option<f64>)> {
    let (anchor, before) = match place {
        Place::Top => (None, true),
        Place::Bottom => (None, false),
        Place::Before(task) => (Some(task), true),
        Place::After(task) => (Some(task), false),
    };
    let positions = sqlx::query!(
        r#"SELECT id AS "id: TaskId", position FROM tasks
           WHERE team_id = $1 AND project_id = $2 AND state = $3 AND id <> $4 AND deleted_at IS NULL
           ORDER BY position, number DESC"#,
        scope.team() as TeamId,
        lane.project as ProjectId,
        lane.state.as_str(),
        moved as TaskId,
    )
    .fetch_all(tx)
    .await?;
    let at = match anchor {
        None if before => 0,
        None => positions.len(),
        Some(task) => {
            let found = positions.iter().position(|row| row.id == task);
            found.ok_or(Error::NotFound)? + usize::from(!before)
        }
    };
    let above = at.checked_sub(1).and_then(|above| positions.get(above)).map(|row| row.position);
    Ok((above, positions.get(at).map(|row| row.position)))
}

/// Spreads a column's positions out again.
async fn respace(tx: &mut PgConnection, scope: &Scope, lane: Lane) -> Result<()> {
    sqlx::query!(
        "UPDATE tasks SET position = ranked.rank * 1024.0
         FROM (SELECT id, row_number() OVER (ORDER BY position, number DESC) AS rank FROM tasks
               WHERE team_id = $1 AND project_id = $2 AND state = $3 AND deleted_at IS NULL) ranked
         WHERE tasks.team_id = $1 AND tasks.id = ranked.id",
        scope.team() as TeamId,
        lane.project as ProjectId,
        lane.state.as_str(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn position(tx: &mut PgConnection, scope: &Scope, lane: Lane, moved: TaskId, place: Place) -> Result<f64> {
    let (above, below) = neighbours(tx, scope, lane, moved, place).await?;
    if let Some(position) = between(above, below) {
        return Ok(position);
    }
    respace(tx, scope, lane).await?;
    let (above, below) = neighbours(tx, scope, lane, moved, place).await?;
    between(above, below).ok_or_else(|| Error::internal("a column without room after spreading it out"))
}

/// Puts a locked task into a state and place, and tells everybody. The rules are the caller's; `why` is kept with the
/// history.
async fn put(
    tx: &mut PgConnection,
    scope: &Scope,
    now: OffsetDateTime,
    task: &Existing,
    (to, place, why): (TaskState, Place, Option<&str>),
) -> Result<()> {
    // Moves within one board wait for each other: two at once could take the same place.
    sqlx::query!(
        "SELECT id FROM projects WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE",
        scope.team() as TeamId,
        task.project as ProjectId
    )
    .fetch_one(&mut *tx)
    .await?;
    let lane = Lane { project: task.project, state: to };
    let position = position(tx, scope, lane, task.id, place).await?;
    sqlx::query!(
        "UPDATE tasks SET state = $3, position = $4, updated_at = CASE WHEN state = $3 THEN updated_at ELSE $5 END
         WHERE team_id = $1 AND id = $2",
        scope.team() as TeamId,
        task.id as TaskId,
        to.as_str(),
        position,
        now,
    )
    .execute(&mut *tx)
    .await?;
    let change = TaskChange {
        from: Some(task.state.to_string()),
        to: Some(to.to_string()),
        details: serde_json::json!({ "why": why }),
        ..task.change(if task.state == to { "reordered" } else { "moved" })
    };
    announce(tx, scope, now, change).await
}

impl Orchestrator {
    /// Moves a task to a column, or to another place in its own.
    ///
    /// # Errors
    /// [`Error::Refused`] for a move that [`may_move`] does not allow and while a run is going on, which moves its task itself; [`Error::NotFound`] for a task that is not the
    /// team's or a neighbour that is not in that column, [`Error::Denied`] for a task of somebody else.
    pub async fn move_task(&self, scope: &Can<WriteTasks>, task: TaskId, to: TaskState, place: Place) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let task = changeable(&mut tx, scope, task, false).await?;
        if task.state != to && runs::alive(&mut tx, scope, task.id).await? {
            return Err(Error::Refused("A squad is working on this task. Stop its run first, then move it.".into()));
        }
        if !may_move(task.state, to) {
            return Err(Error::Refused(refusal(task.state, to)));
        }
        put(&mut tx, scope, now, &task, (to, place, None)).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn refusal(from: TaskState, to: TaskState) -> String {
    if to == TaskState::Failed {
        "Only a run decides that a task has failed. Cancel it instead.".into()
    } else {
        format!("A task that is {} starts over in To do. Move it there first.", from.label().to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use TaskState as S;

    use super::*;

    #[test]
    fn the_table_of_moves() {
        // Rows: from; columns: to, in the order of the board.
        let allowed = [
            (S::Todo, [true, true, true, true, true, false, true]),
            (S::InProgress, [true, true, true, true, true, false, true]),
            (S::InReview, [true, true, true, true, true, false, true]),
            (S::Blocked, [true, true, true, true, true, false, true]),
            (S::Completed, [true, false, false, false, true, false, false]),
            (S::Failed, [true, false, false, false, false, true, true]),
            (S::Cancelled, [true, false, false, false, false, false, true]),
        ];
        for (from, row) in allowed {
            let found: Vec<bool> = S::ALL.iter().map(|to| may_move(from, *to)).collect();
            assert_eq!(found, row, "{from}");
        }
    }

    #[test]
    fn a_place_lies_strictly_between_its_neighbours_or_nowhere() {
        assert_eq!(between(None, None), Some(0.0));
        assert_eq!(between(None, Some(0.0)), Some(-GAP));
        assert_eq!(between(Some(0.0), None), Some(GAP));
        assert_eq!(between(Some(0.0), Some(1.0)), Some(0.5));
        assert_eq!(between(Some(1.0), Some(1.0)), None);
        let close = 1.0_f64.next_up();
        assert_eq!(between(Some(1.0), Some(close)), None);
    }
}
