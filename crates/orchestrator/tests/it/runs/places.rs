//! How many runs go on at the same time: of a project, of a team, and as a budget says.

use std::{path::PathBuf, time::Duration};

use orchestrator::{
    Can, Scope,
    budgets::{BudgetSettings, Subject},
    grants::ManageBudgets,
    runs::{EngineLimits, Gate, RunState, RunView},
    squads::Template,
    work::{NewTask, Source},
};
use types::{ProjectId, RunId, SquadId};

use super::{
    at_once::{finish, playing, wait},
    folders::{comes, open},
    limits::alone,
    yard::Yard,
};

/// Two teams with a squad each; whatever runs waits in a command until the test lets it go.
struct Places {
    yard: Yard,
    other_team: Scope,
}

struct Started<'a> {
    scope: &'a Scope,
    run: RunId,
}

impl Places {
    async fn new() -> Self {
        let yard = playing(&alone(&[wait("here"), finish("Done.")])).await;
        let bob = yard.world.person("Bob").await;
        let (_, other_team) = yard.world.team("harbour", &bob).await;
        for scope in [&yard.scope, &other_team] {
            let can = scope.can().expect("may");
            yard.world.muster.form_squad(&can, "Crew", Template::Solo).await.expect("a squad");
        }
        Self { yard, other_team }
    }

    async fn project(&self, scope: &Scope, name: &str) -> ProjectId {
        let can = scope.can().expect("may");
        self.yard.world.muster.create_project(&can, name, &Source::Empty).await.expect("a project")
    }

    /// A run that waits for an engine.
    async fn start<'a>(&self, scope: &'a Scope, project: ProjectId) -> Started<'a> {
        self.start_with(scope, project, None).await
    }

    async fn start_with<'a>(&self, scope: &'a Scope, project: ProjectId, squad: Option<SquadId>) -> Started<'a> {
        let muster = &self.yard.world.muster;
        // They are handed over in the order of their times.
        self.yard.world.clock.advance(time::Duration::SECOND);
        let task = NewTask::titled("Wait");
        let task = muster.create_task(&scope.can().expect("may"), project, &task).await.expect("a task").id;
        let run = muster.start_run(&scope.can().expect("may"), task, squad).await.expect("a run");
        Started { scope, run }
    }

    async fn look(&self, started: &Started<'_>) -> RunView {
        self.yard.world.muster.run(&started.scope.can().expect("may"), started.run).await.expect("a run")
    }

    fn pipe(&self, started: &Started<'_>) -> PathBuf {
        self.yard.data.path().join("workspaces").join(started.run.to_string()).join("go")
    }

    /// Its command has begun.
    async fn goes(&self, started: &Started<'_>) {
        if tokio::time::timeout(Duration::from_secs(120), comes(&self.pipe(started))).await.is_err() {
            panic!("it does not go on: {:#?}", self.look(started).await);
        }
    }

    async fn to_its_gate(&self, started: &Started<'_>) {
        open(self.pipe(started)).await;
        let mut writes = self.yard.world.writes(&["runs", "approvals"]).await;
        let waiting = async {
            loop {
                let run = self.look(started).await;
                if run.state != RunState::Queued && run.state != RunState::Running {
                    return run;
                }
                writes.more().await;
            }
        };
        let run = tokio::time::timeout(Duration::from_secs(120), waiting).await.expect("it comes to its gate");
        assert_eq!(run.waits_for.as_ref().map(|waits| waits.gate), Some(Gate::Merge), "{run:#?}");
    }

    /// The second has no place beside the first, and gets it when that one is at its gate. The third, which comes after both,
    /// has a place of its own; when it goes on, the second was looked at.
    async fn one_after_the_other(&self, limits: EngineLimits, [first, second, third]: [Started<'_>; 3]) {
        let engine = self.yard.work_within(limits).await;
        self.goes(&first).await;
        self.goes(&third).await;
        assert_eq!(self.look(&second).await.state, RunState::Queued);
        self.to_its_gate(&first).await;
        self.goes(&second).await;
        self.to_its_gate(&second).await;
        self.to_its_gate(&third).await;
        engine.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projects_runs_wait_for_a_place_and_another_projects_do_not() {
    let places = Places::new().await;
    let team = &places.yard.scope;
    let (parcels, letters) = (places.project(team, "Parcels").await, places.project(team, "Letters").await);
    let first = places.start(team, parcels).await;
    let second = places.start(team, parcels).await;
    let third = places.start(team, letters).await;
    let limits = EngineLimits { runs_per_project: 1, ..EngineLimits::default() };
    places.one_after_the_other(limits, [first, second, third]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teams_runs_wait_for_a_place_and_another_teams_do_not() {
    let places = Places::new().await;
    let (team, other) = (&places.yard.scope, &places.other_team);
    let (parcels, letters) = (places.project(team, "Parcels").await, places.project(team, "Letters").await);
    let ships = places.project(other, "Ships").await;
    let first = places.start(team, parcels).await;
    let second = places.start(team, letters).await;
    let third = places.start(other, ships).await;
    let limits = EngineLimits { runs_per_team: 1, ..EngineLimits::default() };
    places.one_after_the_other(limits, [first, second, third]).await;
}

/// One run at once, of a part of the first team.
async fn one_at_once(places: &Places, subject: Subject) {
    let can: Can<ManageBudgets> = places.yard.scope.can().expect("an owner");
    let settings = BudgetSettings { concurrent_runs: Some(1), ..BudgetSettings::default() };
    places.yard.world.muster.set_budget(&can, subject, &settings).await.expect("a budget");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projects_budget_says_how_many_runs_go_on_at_once() {
    let places = Places::new().await;
    let team = &places.yard.scope;
    let (parcels, letters) = (places.project(team, "Parcels").await, places.project(team, "Letters").await);
    one_at_once(&places, Subject { project: Some(parcels), ..Subject::TEAM }).await;
    let first = places.start(team, parcels).await;
    let second = places.start(team, parcels).await;
    let third = places.start(team, letters).await;
    places.one_after_the_other(EngineLimits::default(), [first, second, third]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teams_budget_says_how_many_runs_go_on_at_once() {
    let places = Places::new().await;
    let (team, other) = (&places.yard.scope, &places.other_team);
    let (parcels, letters) = (places.project(team, "Parcels").await, places.project(team, "Letters").await);
    let ships = places.project(other, "Ships").await;
    one_at_once(&places, Subject::TEAM).await;
    let first = places.start(team, parcels).await;
    let second = places.start(team, letters).await;
    let third = places.start(other, ships).await;
    places.one_after_the_other(EngineLimits::default(), [first, second, third]).await;
}

/// The limit is on the first of two squads, or on its agent: it covers the runs of that squad, in any project.
async fn one_of_a_squad(limited: impl AsyncFnOnce(&Places, SquadId) -> Subject) {
    let places = Places::new().await;
    let (team, muster) = (&places.yard.scope, &places.yard.world.muster);
    let crew = muster.squads(&team.can().expect("may")).await.expect("squads")[0].id;
    let other = muster.form_squad(&team.can().expect("may"), "Other crew", Template::Solo).await.expect("a squad");
    let (parcels, letters) = (places.project(team, "Parcels").await, places.project(team, "Letters").await);
    one_at_once(&places, limited(&places, crew).await).await;
    let first = places.start_with(team, parcels, Some(crew)).await;
    let second = places.start_with(team, letters, Some(crew)).await;
    let third = places.start_with(team, parcels, Some(other)).await;
    places.one_after_the_other(EngineLimits::default(), [first, second, third]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_squads_budget_says_how_many_runs_go_on_at_once() {
    one_of_a_squad(async |_, squad| Subject { squad: Some(squad), ..Subject::TEAM }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_budget_says_how_many_runs_of_its_squad_go_on_at_once() {
    one_of_a_squad(async |places, squad| {
        let can = places.yard.scope.can().expect("may");
        let plan = places.yard.world.muster.squad_plan(&can, squad).await.expect("a plan");
        Subject { agent: Some(plan.agents[0].id), ..Subject::TEAM }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_begin_together_in_a_new_project_share_its_repository() {
    let places = Places::new().await;
    let project = places.project(&places.yard.scope, "Parcels").await;
    let mut started = Vec::new();
    for _ in 0..3 {
        started.push(places.start(&places.yard.scope, project).await);
    }
    let engine = places.yard.work().await;
    for one in &started {
        places.goes(one).await;
        places.to_its_gate(one).await;
    }
    engine.shut_down().await;
}
