use axum::extract::State;
use futures::future::BoxFuture;
use orchestrator::{
    budgets::{BudgetSignal, Subject},
    grants::ReadTasks,
    work::Signals,
};
use types::Permission;

use super::{
    at_work::AtWork,
    live::{Draw, follow},
};
use crate::{
    failure::Failure,
    handlers::{Answer, html, shell},
    layout::shell::{Section, Shell},
    pages::{
        Fragment,
        inbox::{self as view, Inbox, Warning},
    },
    request::Inside,
    state::App,
};

pub(crate) async fn inbox(member: Inside<ReadTasks>, State(app): State<App>) -> Answer {
    let (shell, data) = gather(&app, &member).await?;
    html(view::page(&shell, &data))
}

struct Live;

impl Draw<ReadTasks> for Live {
    fn draw<'a>(
        &'a self,
        app: &'a App,
        member: &'a Inside<ReadTasks>,
    ) -> BoxFuture<'a, Result<Vec<Fragment>, Failure>> {
        Box::pin(async move {
            let (mut shell, data) = gather(app, member).await?;
            // Where forms come back to: the page, and not its stream.
            shell.path = member.link("/inbox");
            Ok(view::fragments(&shell, &data))
        })
    }
}

pub(crate) async fn inbox_live(member: Inside<ReadTasks>, State(app): State<App>) -> Answer {
    Ok(follow(app, member, Live))
}

async fn gather(app: &App, member: &Inside<ReadTasks>) -> Result<(Shell, Inbox), Failure> {
    let (runs, budget) = app.muster.inbox(member, shell::RUNS).await?;
    let may_run = member.scope().permissions().contains(Permission::ExecuteRuns);
    let needs = AtWork::of(&member.team.slug, runs, may_run, app.muster.clock().now()).needs;
    let signals = Signals { budget, waiting: u32::try_from(needs.len()).unwrap_or(u32::MAX) };
    let shell = shell::with_signals(app, member, Section::Inbox, "Inbox", &signals);
    Ok((shell, Inbox { needs, warnings: warnings(&signals.budget) }))
}

fn warnings(signal: &BudgetSignal) -> Vec<Warning> {
    let near = (signal.step > 0).then(|| {
        let (title, text) = if signal.step >= 100 {
            ("A limit is reached".to_owned(), "Calls under it wait until it is raised, or until its period ends.")
        } else {
            (format!("{} % of a limit is used", signal.step), "Calls go on until it is reached; then they wait.")
        };
        Warning { title, text: text.to_owned(), path: "/budgets", verb: "See the budgets" }
    });
    let paused = signal.pauses.iter().map(|pause| Warning {
        title: if pause.subject == Subject::TEAM { "All work is paused" } else { "A part of the work is paused" }
            .to_owned(),
        text: pause.reason.clone(),
        path: "/budgets/pauses",
        verb: "See the pauses",
    });
    near.into_iter().chain(paused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_near_goes_on_and_one_that_is_reached_waits() {
        let at = |step| warnings(&BudgetSignal { step, pauses: Vec::new() });
        assert_eq!(at(0), Vec::new());
        assert!(at(80)[0].title.contains("80 %") && at(80)[0].text.contains("go on"));
        assert!(at(100)[0].title.contains("reached") && at(100)[0].text.contains("wait until"));
    }
}
