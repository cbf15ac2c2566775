use axum::extract::State;
use orchestrator::grants::ExecuteRuns;

use crate::{
    handlers::{Answer, done},
    request::Inside,
    state::App,
};

/// One button: the sample project, a full squad, the sample task, and its run.
pub(crate) async fn run_sample(member: Inside<ExecuteRuns>, State(app): State<App>) -> Answer {
    let number = app.muster.run_sample(&member).await?;
    done(&app, &format!("/{}/tasks/{number}", member.team.slug), "run_started")
}
