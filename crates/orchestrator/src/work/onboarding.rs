use sqlx::PgConnection;
use types::{TeamId, UserId};

use crate::{
    Can, Orchestrator, Result,
    audit::{self, Happening},
    grants::{ReadTeam, WriteProjects},
};

/// A step of a team's first set-up. Naming the team is the step that cannot be skipped, and is done by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Project,
    Squad,
    Task,
    Invite,
}

impl Step {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Squad => "squad",
            Self::Task => "task",
            Self::Invite => "invite",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Project, Self::Squad, Self::Task, Self::Invite].into_iter().find(|step| step.as_str() == text)
    }
}

/// How far the set-up is, read off what is really there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub project: bool,
    pub squad: bool,
    pub task: bool,
    pub invite: bool,
    pub project_skipped: bool,
    pub squad_skipped: bool,
    pub task_skipped: bool,
    pub invite_skipped: bool,
}

impl Progress {
    /// The first step of the set-up page that is neither done nor skipped.
    #[must_use]
    pub fn next(&self) -> Option<Step> {
        [
            (Step::Project, self.project || self.project_skipped),
            (Step::Squad, self.squad || self.squad_skipped),
            (Step::Task, self.task || self.task_skipped),
        ]
        .into_iter()
        .find_map(|(step, settled)| (!settled).then_some(step))
    }

    /// Whether nothing is left to show on the dashboard's checklist.
    #[must_use]
    pub const fn finished(&self) -> bool {
        self.project && self.squad && self.task && (self.invite || self.invite_skipped)
    }
}

impl Orchestrator {
    /// How far the team's set-up is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn onboarding(&self, scope: &Can<ReadTeam>) -> Result<Progress> {
        let mut tx = self.db().team(scope).await?;
        let progress = progress(&mut tx, scope).await?;
        tx.commit().await?;
        Ok(progress)
    }

    /// Leaves a step of the set-up out. Doing it later still counts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn skip_step(&self, scope: &Can<WriteProjects>, step: Step) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let skipped = sqlx::query!(
            "INSERT INTO onboarding_skips (team_id, step, skipped_by, skipped_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            scope.team() as TeamId,
            step.as_str(),
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        if skipped.rows_affected() > 0 {
            let what = Happening {
                action: "onboarding.skipped",
                target_kind: "step",
                target_id: step.as_str().to_owned(),
                details: serde_json::json!({}),
            };
            audit::append(&mut tx, scope, now, what).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

pub(super) async fn progress(connection: &mut PgConnection, scope: &Can<ReadTeam>) -> Result<Progress> {
    Ok(sqlx::query_as!(
        Progress,
        r#"SELECT EXISTS (SELECT FROM projects WHERE team_id = $1) AS "project!",
                  EXISTS (SELECT FROM squads WHERE team_id = $1) AS "squad!",
                  EXISTS (SELECT FROM tasks WHERE team_id = $1 AND deleted_at IS NULL) AS "task!",
                  (EXISTS (SELECT FROM invitations WHERE team_id = $1 AND revoked_at IS NULL)
                   OR (SELECT count(*) FROM memberships WHERE team_id = $1) > 1) AS "invite!",
                  coalesce(bool_or(step = 'project'), false) AS "project_skipped!",
                  coalesce(bool_or(step = 'squad'), false) AS "squad_skipped!",
                  coalesce(bool_or(step = 'task'), false) AS "task_skipped!",
                  coalesce(bool_or(step = 'invite'), false) AS "invite_skipped!"
           FROM onboarding_skips WHERE team_id = $1"#,
        scope.team() as TeamId
    )
    .fetch_one(connection)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_is_the_first_unsettled_one() {
        let none = Progress::default();
        assert_eq!(none.next(), Some(Step::Project));
        assert_eq!(Progress { project_skipped: true, ..none }.next(), Some(Step::Squad));
        assert_eq!(Progress { project: true, squad: true, task: true, ..none }.next(), None);
        assert!(!Progress { project: true, squad: true, task: true, ..none }.finished());
    }
}
