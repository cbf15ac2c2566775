use types::{MicroUsd, ProjectId, SquadId, TaskId, TeamId};

use crate::{Can, Error, Orchestrator, Result, grants::ReadTasks};

/// As many finished tasks make a narrower comparison better than a wider one.
const ENOUGH: usize = 3;

/// Which finished tasks were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alike {
    SquadInProject,
    Squad,
    Team,
}

/// A finished task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    pub same_project: bool,
    pub same_squad: bool,
    /// All its attempts together, as budgets count it.
    pub counted: MicroUsd,
    pub tokens: i64,
    /// Whether a part of it is counted at the rate for unknown prices.
    pub unknown: bool,
}

/// Where four of five values lie, and the middle one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    pub low: i64,
    pub median: i64,
    pub high: i64,
}

/// What a task is likely to cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub alike: Alike,
    /// How many finished tasks it is drawn from.
    pub tasks: usize,
    /// In millionths of a US dollar.
    pub cost: Spread,
    pub tokens: Spread,
    /// Whether a price was not known, so that the team's rate is in it.
    pub unknown: bool,
}

/// The 10th, 50th and 90th percentile, by linear interpolation between the ordered values (type 7 of Hyndman and Fan, "Sample
/// quantiles in statistical packages", 1996). None of nothing.
#[must_use]
pub fn spread(values: &[i64]) -> Option<Spread> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let last = i128::try_from(sorted.len().checked_sub(1)?).ok()?;
    let at = |percent: i128| {
        let place = last * percent;
        let below = usize::try_from(place / 100).ok()?;
        let (low, high) = (*sorted.get(below)?, *sorted.get(below + 1).or_else(|| sorted.get(below))?);
        let between = (i128::from(high) - i128::from(low)) * (place % 100);
        i64::try_from(i128::from(low) + (between + 50) / 100).ok()
    };
    Some(Spread { low: at(10)?, median: at(50)?, high: at(90)? })
}

/// Compares with the narrowest group that has enough finished tasks: the squad's in the project, the squad's, the team's. With
/// fewer, all of the team's count. None where nothing is finished.
#[must_use]
pub fn estimate(past: &[Past]) -> Option<Estimate> {
    let group = |alike: Alike, project: bool| {
        let near = past.iter().copied().filter(|one| one.same_squad && (one.same_project || !project));
        let near: Vec<Past> = near.collect();
        (near.len() >= ENOUGH).then_some((alike, near))
    };
    let narrow = group(Alike::SquadInProject, true).or_else(|| group(Alike::Squad, false));
    let (alike, group) = narrow.unwrap_or_else(|| (Alike::Team, past.to_vec()));
    let of = |value: fn(&Past) -> i64| spread(&group.iter().map(value).collect::<Vec<_>>());
    Some(Estimate {
        alike,
        tasks: group.len(),
        cost: of(|one| one.counted.micros())?,
        tokens: of(|one| one.tokens)?,
        unknown: group.iter().any(|one| one.unknown),
    })
}

impl Orchestrator {
    /// What a task is likely to cost, from what the team's finished tasks did: if the squad that is named works on it, or the one
    /// that would where nobody names one. None where nothing is finished yet, or no squad is there.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign task.
    pub async fn task_estimate(
        &self,
        scope: &Can<ReadTasks>,
        task: TaskId,
        squad: Option<SquadId>,
    ) -> Result<Option<Estimate>> {
        let squad = match squad {
            Some(squad) => squad,
            None => match self.squad_for(scope, task).await {
                Ok(squad) => squad,
                Err(Error::Refused(_)) => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        let mut tx = self.db().team(scope).await?;
        let project = sqlx::query_scalar!(
            r#"SELECT project_id AS "project: ProjectId" FROM tasks WHERE team_id = $1 AND id = $2 AND deleted_at IS NULL"#,
            scope.team() as TeamId,
            task as TaskId,
        )
        .fetch_one(&mut *tx)
        .await?;
        let rows = sqlx::query_file!(
            "src/analytics/estimate.sql",
            scope.team() as TeamId,
            project as ProjectId,
            squad as SquadId,
            task as TaskId,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let past: Vec<Past> = rows
            .into_iter()
            .map(|row| Past {
                same_project: row.project,
                same_squad: row.squad,
                counted: MicroUsd::from_micros(row.counted),
                tokens: row.tokens,
                unknown: row.unknown,
            })
            .collect();
        Ok(estimate(&past))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(same_squad: bool, same_project: bool, micros: i64) -> Past {
        let counted = MicroUsd::from_micros(micros);
        Past { same_project, same_squad, counted, tokens: micros * 2, unknown: micros == 7 }
    }

    #[test]
    fn four_of_five_lie_between_low_and_high() {
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[5]), Some(Spread { low: 5, median: 5, high: 5 }));
        assert_eq!(spread(&[30, 10]), Some(Spread { low: 12, median: 20, high: 28 }));
        let hundred: Vec<i64> = (0..=100).rev().collect();
        assert_eq!(spread(&hundred), Some(Spread { low: 10, median: 50, high: 90 }));
        let wide = spread(&[i64::MIN, i64::MAX]).unwrap();
        assert!(wide.low < wide.median && wide.median < wide.high, "{wide:?}");
    }

    #[test]
    fn the_narrowest_group_with_enough_tasks_is_compared() {
        assert_eq!(estimate(&[]), None);
        let near = [past(true, true, 10), past(true, true, 20), past(true, true, 30)];
        let far = [past(true, false, 100), past(false, true, 1_000), past(false, false, 7)];
        let of = |list: &[Past]| estimate(list).map(|found| (found.alike, found.tasks, found.cost.median));
        assert_eq!(of(&[near.as_slice(), &far].concat()), Some((Alike::SquadInProject, 3, 20)));
        assert_eq!(of(&[&near[..2], &far].concat()), Some((Alike::Squad, 3, 20)));
        assert_eq!(of(&[&near[..1], &far].concat()), Some((Alike::Team, 4, 55)));
        assert_eq!(of(&far[2..]), Some((Alike::Team, 1, 7)), "one is better than none, and its number is told");
        assert!(estimate(&far).unwrap().unknown && !estimate(&near).unwrap().unknown);
    }
}
