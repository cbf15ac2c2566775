use types::ProjectId;

use crate::{
    Can, Error, Orchestrator, Result,
    grants::{ExecuteRuns, ManageSquads, ReadProjects, ReadSquads, WriteProjects, WriteTasks},
    squads::Template,
    work::{NewTask, Source},
};

impl Orchestrator {
    /// Lets a full squad work on the sample, making what of it is missing: the project, the squad, the task. Returns the
    /// task's number.
    ///
    /// # Errors
    /// [`Error::Denied`] when the role lacks one of the permissions that this takes.
    pub async fn run_sample(&self, scope: &Can<ExecuteRuns>) -> Result<i32> {
        let project = self.sample_project(scope).await?;
        let squads = self.squads(&scope.can::<ReadSquads>()?).await?;
        let squad = match squads.first() {
            Some(squad) => squad.id,
            None => self.form_squad(&scope.can::<ManageSquads>()?, "Full squad", Template::Full).await?,
        };
        let wanted = agents::sample::ASSIGNMENT;
        let task = NewTask {
            description: wanted.description.into(),
            acceptance: wanted.acceptance.into(),
            ..NewTask::titled(wanted.title)
        };
        let task = self.create_task(&scope.can::<WriteTasks>()?, project, &task).await?;
        self.start_run(scope, task.id, Some(squad)).await?;
        Ok(task.number)
    }

    async fn sample_project(&self, scope: &Can<ExecuteRuns>) -> Result<ProjectId> {
        let projects = self.projects(&scope.can::<ReadProjects>()?).await?;
        if let Some(project) = projects.iter().find(|project| project.source == crate::work::SourceKind::Sample) {
            return Ok(project.id);
        }
        let may = scope.can::<WriteProjects>()?;
        match self.create_project(&may, agents::sample::NAME, &Source::Sample).await {
            // Somebody's own project has the name.
            Err(Error::Invalid(_)) => self.create_project(&may, "Muster's sample", &Source::Sample).await,
            made => made,
        }
    }
}
