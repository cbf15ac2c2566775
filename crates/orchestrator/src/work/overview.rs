use sqlx::PgConnection;

use super::{Progress, Project, Task, onboarding, projects, tasks};
use crate::{
    Can, Orchestrator, Result, Scope,
    audit::{self, Entry, Filter},
    budgets::BudgetSignal,
    grants::{ReadBudgets, ReadProjects, ReadTasks, ReadTeam},
    runs::{self, RunLine},
};

/// What a team's first page shows, and what stands around it. A part that the person may not see is empty.
#[derive(Clone, Debug)]
pub struct Overview {
    pub progress: Progress,
    /// Not archived, newest first. At most 200.
    pub projects: Vec<Project>,
    /// Newest first. At most 100.
    pub tasks: Vec<Task>,
    /// Newest first.
    pub runs: Vec<RunLine>,
    /// What happened lately, newest first.
    pub activity: Vec<Entry>,
    pub signal: BudgetSignal,
}

/// What every page of a team says beside its own subject. A part that the person may not see is empty.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    pub budget: BudgetSignal,
    /// Runs that wait for a person.
    pub waiting: u32,
}

impl Orchestrator {
    /// Reads what stands around a page. Runs that wait are counted among the newest `runs`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn signals(&self, scope: &Scope, runs: i64) -> Result<Signals> {
        let mut tx = self.db().team(scope).await?;
        let budget = self.signal_for(&mut tx, scope).await?;
        let waiting = match scope.can::<ReadTasks>() {
            Ok(can) => runs::count_waiting(&mut tx, &can, runs).await?,
            Err(_denied) => 0,
        };
        tx.commit().await?;
        Ok(Signals { budget, waiting })
    }

    /// Reads what the inbox shows in one transaction: the newest `runs`, and what is to be known of budgets.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn inbox(&self, scope: &Can<ReadTasks>, runs: i64) -> Result<(Vec<RunLine>, BudgetSignal)> {
        let mut tx = self.db().team(scope).await?;
        let budget = self.signal_for(&mut tx, scope).await?;
        let runs = runs::list(&mut tx, scope, None, runs).await?;
        tx.commit().await?;
        Ok((runs, budget))
    }

    async fn signal_for(&self, connection: &mut PgConnection, scope: &Scope) -> Result<BudgetSignal> {
        match scope.can::<ReadBudgets>() {
            Ok(can) => self.signal(connection, &can).await,
            Err(_denied) => Ok(BudgetSignal::default()),
        }
    }

    /// Reads a team's first page in one transaction. `runs` and `activity` bound their lists.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn overview(&self, scope: &Can<ReadTeam>, runs: i64, activity: i64) -> Result<Overview> {
        let mut tx = self.db().team(scope).await?;
        let progress = onboarding::progress(&mut tx, scope).await?;
        let projects = match scope.can::<ReadProjects>() {
            Ok(can) => projects::current(&mut tx, &can).await?,
            Err(_denied) => Vec::new(),
        };
        let (tasks, runs) = match scope.can::<ReadTasks>() {
            Ok(can) => (tasks::newest(&mut tx, &can).await?, runs::list(&mut tx, &can, None, runs).await?),
            Err(_denied) => (Vec::new(), Vec::new()),
        };
        let activity = audit::without_origins(audit::entries(&mut tx, scope, &Filter::default(), activity).await?);
        let signal = self.signal_for(&mut tx, scope).await?;
        tx.commit().await?;
        Ok(Overview { progress, projects, tasks, runs, activity, signal })
    }
}
