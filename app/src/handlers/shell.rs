//! What stands around a signed-in page, gathered from the scope.

use orchestrator::{
    Grant,
    accounts::SignedIn,
    budgets::{BudgetSignal, Subject},
    teams::{Joined, Role, Team},
    work::Signals,
};
use types::PermissionSet;

use super::words::task_key;
use crate::{
    components::{
        banner::{Banner, Tone},
        breadcrumb::Crumb,
        toast::Flash,
    },
    failure::Failure,
    layout::shell::{Section, Shell, TeamLink},
    request::{Inside, Member, Visitor},
    state::App,
};

/// The newest runs of a team, among which pages look for those that wait for a person.
pub(super) const RUNS: i64 = 200;

fn link(joined: &Joined) -> TeamLink {
    TeamLink { name: joined.team.name.clone(), slug: joined.team.slug.clone() }
}

/// The shell of a page in a team. `page` is the page's own name in the breadcrumb.
pub(super) async fn inside<G: Grant>(
    app: &App,
    member: &Inside<G>,
    section: Section,
    page: &str,
) -> Result<Shell, Failure> {
    let signals = app.muster.signals(member.scope(), RUNS).await?;
    Ok(with_signals(app, member, section, page, &signals))
}

/// As [`inside`], where the page has read what stands around it.
pub(super) fn with_signals<G: Grant>(
    app: &App,
    member: &Inside<G>,
    section: Section,
    page: &str,
    signals: &Signals,
) -> Shell {
    let mut shell = around(app, &member.who, &member.visitor, &member.joined, page);
    enter(&mut shell, &member.team, &member.role);
    shell.section = section;
    shell.needs = signals.waiting;
    money(member, &signals.budget, &mut shell);
    if let Some(number) = member.visitor.flash.as_deref().and_then(deleted_task) {
        let undo = Some(member.link(&format!("/tasks/{number}/undelete")));
        shell.flash =
            Some(Flash { undo, ..Flash::done(format!("{} is deleted.", task_key(&member.team.slug, number))) });
    }
    shell
}

/// What every page says about money: a limit that is near, and what is paused.
fn money<G: Grant>(member: &Inside<G>, signal: &BudgetSignal, shell: &mut Shell) {
    shell.budget_step = signal.step;
    shell.banners.extend(signal.pauses.iter().map(|pause| {
        Banner {
            tone: Tone::Warning,
            lead: if pause.subject == Subject::TEAM { "All work is paused." } else { "A part of the work is paused." }
                .to_owned(),
            text: pause.reason.clone(),
            action: Some(("See the pause".to_owned(), member.link("/budgets/pauses"))),
        }
    }));
}

/// The shell of a page that failed inside a team. A word for the next page waits for one that can be shown.
pub(crate) fn failed(app: &App, member: &Member, page: &str) -> Shell {
    let Member { who, visitor, entered } = member;
    let mut shell = around(app, who, visitor, &entered.joined, page);
    enter(&mut shell, &entered.team, &entered.role);
    shell.flash = None;
    shell
}

/// The shell of a page of the account, outside any team.
pub(super) async fn outside(app: &App, who: &SignedIn, visitor: &Visitor, page: &str) -> Result<Shell, Failure> {
    let teams = app.muster.teams(who).await?;
    Ok(around(app, who, visitor, &teams, page))
}

fn enter(shell: &mut Shell, team: &Team, role: &Role) {
    shell.team = Some(TeamLink { name: team.name.clone(), slug: team.slug.clone() });
    shell.role = role.name().to_owned();
    shell.permissions = role.permissions();
}

fn around(app: &App, who: &SignedIn, visitor: &Visitor, teams: &[Joined], page: &str) -> Shell {
    Shell {
        team: None,
        teams: teams.iter().map(link).collect(),
        user_name: who.user.name.clone(),
        user_email: who.user.email.clone(),
        role: String::new(),
        permissions: PermissionSet::NONE,
        section: Section::Other,
        crumbs: vec![Crumb::new(page, visitor.path.clone())],
        appearance: visitor.appearance,
        banners: Vec::new(),
        flash: visitor.flash.as_deref().and_then(words).map(Flash::done),
        path: visitor.path.clone(),
        commands: Vec::new(),
        needs: 0,
        budget_step: 0,
        now: app.muster.clock().now(),
        outbox: app.settings.outbox.as_ref().map(|_| "/outbox".to_owned()),
    }
}

/// The number in the word that follows a deletion.
fn deleted_task(flash: &str) -> Option<i32> {
    flash.strip_prefix("task_deleted:")?.parse().ok()
}

/// The sentence for a word that the page before left. A word nobody left on purpose says nothing.
fn words(flash: &str) -> Option<&'static str> {
    Some(match flash {
        "name_changed" => "Your name is changed.",
        "password_changed" => "Your password is changed. Your other sessions have ended.",
        "session_ended" => "The session has ended.",
        "sessions_ended" => "All your other sessions have ended.",
        "invited" => "The invitation is on its way.",
        "invited_again" => "A new link is on its way. The old one no longer works.",
        "invitation_revoked" => "The invitation is taken back.",
        "role_changed" => "The role is changed.",
        "member_removed" => "The person is no longer in the team.",
        "left" => "You have left the team.",
        "role_created" => "The role is there to be given.",
        "role_deleted" => "The role is deleted.",
        "token_revoked" => "The token no longer works.",
        "model_works" => "The provider answered.",
        "model_does_not_work" => "Saved, but the trial call failed. The reason stands beside the provider.",
        "model_default" => "The default is changed.",
        "model_removed" => "The provider is removed and its key destroyed.",
        "gateway_key_revoked" => "The key no longer works.",
        "model_price_agreed" => "The price is saved. It holds for calls from now on.",
        "model_price_forgotten" => "The agreed price is removed. The public one holds again.",
        "model_name_saved" => "The name is saved.",
        "model_name_removed" => "The name is removed.",
        "team_renamed" => "The team is renamed.",
        "content_kept" => "Requests and answers of model calls are kept from now on.",
        "content_not_kept" => "Requests and answers of model calls are no longer kept.",
        "project_added" => "The project is added.",
        "squad_formed" => "The squad is formed.",
        "squad_saved" => "Saved. It holds for runs started from now on.",
        "squad_archived" => "The squad is archived. Its runs go on; no new ones start.",
        "squad_restored" => "The squad is back.",
        "agent_added" => "The agent is in the squad.",
        "person_added" => "The person is in the squad.",
        "squad_member_removed" => "The member is out of the squad.",
        "agent_type_saved" => "The agent type is saved.",
        "agent_type_on" => "The agent type is on.",
        "agent_type_off" => "The agent type is off.",
        "task_added" => "The task is on the board.",
        "run_started" => "The squad begins. What it does appears here.",
        "run_reverted" => "The merge is taken back. The task is open again.",
        "task_reopened" => "The task is open again.",
        "credential_kept" => "The user name and the token are kept. The next run uses them.",
        "credential_removed" => {
            "The user name and the token are destroyed here. Revoke the token at the git server too."
        }
        "run_stopped" => "The run is stopped. Nothing it wrote is merged.",
        "run_approved" => "Approved. The change is merged now.",
        "run_sent_back" => "Sent back. The squad works on your comment.",
        "run_decided" => "Decided. The run goes on.",
        "budget_set" => "The budget holds from now on. Runs that waited for it try again.",
        "budget_removed" => "The budget is removed.",
        "rate_set" => "The rate holds for calls from now on.",
        "budget_asked" => "Asked. Whoever may change budgets has a mail.",
        "budget_granted" => "Granted. The new limit holds from now on.",
        "budget_declined" => "Declined. The limit stays as it is.",
        "paused" => "Paused. No model call begins from now on.",
        "resumed" => "Resumed. Each run goes on at its step.",
        "project_saved" => "The settings are saved.",
        "project_archived" => "The project is archived.",
        "project_restored" => "The project is restored.",
        "task_saved" => "The task is saved.",
        "task_moved" => "The task is moved.",
        "task_restored" => "The task is back.",
        "skipped" => "Skipped. You find it again on the dashboard.",
        _ => return None,
    })
}

/// Where this installation is reached, without the scheme: `muster.example`.
pub(super) fn host(app: &App) -> String {
    let url = &app.muster.settings().public_url;
    url.split_once("://").map_or(url.as_str(), |(_, host)| host).to_owned()
}
