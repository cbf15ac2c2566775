mod needs;
mod runs;

use leptos::prelude::*;
use time::OffsetDateTime;
use types::Permission;

pub use self::{
    needs::{Need, NeedKind},
    runs::{Finished, Running},
};
use crate::{
    components::{
        avatar::person,
        bar::progress,
        button::Button,
        clock,
        empty::{Empty, empty},
        icon::{Icon, icon},
        section::{page_head, section},
        status::State,
        table::{cell, row, table},
        time::relative,
    },
    document::fragment,
    layout::shell::{self, Frame, Shell},
    pages::task::Live,
};

/// What a team sees first.
#[derive(Clone, Debug, Default)]
pub struct Dashboard {
    /// Whether to offer the sample task, which needs no model key: until the team's first run.
    pub sample: bool,
    /// None once every step is done.
    pub checklist: Option<Checklist>,
    /// What waits for this person; the longest wait first.
    pub needs: Vec<Need>,
    pub running: Vec<Running>,
    /// The newest first.
    pub finished: Vec<Finished>,
    pub projects: Vec<Project>,
    pub tasks: Vec<Task>,
    /// The newest first.
    pub activity: Vec<Activity>,
    pub live: Option<Live>,
}

/// The steps of setting up, ticked from what really exists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checklist {
    pub project: bool,
    pub squad: bool,
    pub task: bool,
    pub invited: bool,
}

#[derive(Clone, Debug)]
pub struct Project {
    pub name: String,
    /// Where its code is: a git address, or the words “Sample”.
    pub source: String,
    pub tasks: usize,
    pub created_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct Task {
    /// The short id that people say: “QUA-1”.
    pub number: String,
    pub title: String,
    pub project: String,
    pub state: State,
    pub created_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct Activity {
    pub who: String,
    /// What they did, after the name: “invited felix@quayside.example”.
    pub what: String,
    pub at: OffsetDateTime,
}

#[must_use]
pub fn page(shell: &Shell, data: &Dashboard) -> String {
    // A new team sees what to do first; what runs comes with its first run.
    let at_work = !(data.needs.is_empty() && data.running.is_empty() && data.finished.is_empty());
    let (url, after) =
        (data.live.as_ref().map(|live| shell.link(&live.path)), data.live.as_ref().map(|live| live.after));
    let now = shell.now.format(&time::format_description::well_known::Rfc3339).ok();
    let main = view! {
        <div class="pile" data-gap="large" data-live=url data-after=after data-now=now>
            {page_head("Dashboard", &summary(data), data.live.is_some().then(|| indicator(shell)))}
            <div class="cols">
                <div class="pile" data-gap="large">
                    {data.sample.then(|| sample(shell))}
                    {data.checklist.map(|steps| checklist(shell, steps, !data.sample))}
                    {at_work.then(|| needs_section(shell, data))}
                    {at_work.then(|| running_section(shell, data))}
                    {at_work.then(|| finished_section(shell, data))}
                    {section("tasks", "Tasks", Some(data.tasks.len()), None, tasks(shell, &data.tasks))}
                    {section("projects", "Projects", Some(data.projects.len()), None, projects(shell, &data.projects))}
                </div>
                {section("activity", "Activity", None, audit_link(shell), activity(shell, &data.activity))}
            </div>
        </div>
    };
    let frame = Frame { live: data.live.is_some(), ..Frame::default() };
    shell::framed(shell, "Dashboard", false, frame, main.into_any())
}

/// What waits, for the event stream; its target is “needs-you”.
#[must_use]
pub fn needs_fragment(shell: &Shell, data: &Dashboard) -> String {
    fragment(false, needs_section(shell, data))
}

/// What runs, for the event stream; its target is “running-now”.
#[must_use]
pub fn running_fragment(shell: &Shell, data: &Dashboard) -> String {
    fragment(false, running_section(shell, data))
}

/// What finished, for the event stream; its target is “finished-runs”.
#[must_use]
pub fn finished_fragment(shell: &Shell, data: &Dashboard) -> String {
    fragment(false, finished_section(shell, data))
}

fn needs_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let body = section("needs", "Needs you", Some(data.needs.len()), None, needs::list(shell, &data.needs));
    view! { <div id="needs-you">{body}</div> }.into_any()
}

fn running_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let body = section("running", "Running now", Some(data.running.len()), None, runs::running(shell, &data.running));
    view! { <div id="running-now">{body}</div> }.into_any()
}

fn finished_section(shell: &Shell, data: &Dashboard) -> AnyView {
    let body = section("finished", "Finished", None, None, runs::finished(shell, &data.finished));
    view! { <div id="finished-runs">{body}</div> }.into_any()
}

fn indicator(shell: &Shell) -> AnyView {
    view! {
        <span class="live" id="live" data-state="still">{icon(Icon::Dot)}<span data-live-word=true>"As of "{clock::of_day(shell.now)}</span></span>
        <p class="visually-hidden" id="live-said" role="status"></p>
        <noscript>{Button::new("Refresh").small().link(shell.path.clone())}</noscript>
    }
    .into_any()
}

/// One press from nothing to a merged change.
fn sample(shell: &Shell) -> AnyView {
    view! {
        <section class="offer" aria-labelledby="sample-title">
            <div>
                <h2 id="sample-title">"Watch a squad work"</h2>
                <p>"A squad fixes a small real program in a sandbox: it plans, edits, breaks a test, repairs it, is reviewed. The model is “Demo model: replays a recording”, so this needs no key and costs nothing."</p>
            </div>
            <form method="post" action=shell.link("/sample")>
                {Button::new("Run the sample task").primary().icon(Icon::Play).busy("Starting…").submit()}
            </form>
        </section>
    }
    .into_any()
}

fn summary(data: &Dashboard) -> String {
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let stock = format!("{}, {}", count(data.projects.len(), "project"), count(data.tasks.len(), "task"));
    let waiting = match data.needs.len() {
        0 => None,
        1 => Some("1 thing waits for you".to_owned()),
        more => Some(format!("{more} things wait for you")),
    };
    let running = match data.running.len() {
        0 => None,
        1 => Some("1 task runs".to_owned()),
        more => Some(format!("{more} tasks run")),
    };
    [waiting, running, Some(stock)].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn audit_link(shell: &Shell) -> Option<AnyView> {
    let link = || view! { <a class="section__more" href=shell.link("/audit")>"Audit log"</a> }.into_any();
    shell.may(Permission::ReadAudit).then(link)
}

fn checklist(shell: &Shell, steps: Checklist, lead: bool) -> AnyView {
    let setup = shell.link("/onboarding");
    let members = shell.link("/members");
    let lines = [
        (true, "Name the team", "People and work belong to it.", setup.clone(), ""),
        (
            steps.project,
            "Bring code, or take the sample",
            "A project says where the code is.",
            setup.clone(),
            "Add a project",
        ),
        (steps.squad, "Muster a squad", "Who plans, writes, tests and reviews.", setup.clone(), "Muster a squad"),
        (steps.task, "Write the first task", "Say what should be true at the end.", setup, "Write a task"),
        (steps.invited, "Invite a teammate", "Reviews want a second pair of eyes.", members, "Invite"),
    ];
    let done = lines.iter().map(|line| u32::from(line.0)).sum::<u32>();
    // One primary action on the page: the first step that is open, unless something before it leads.
    let first = lines.iter().position(|line| !line.0).filter(|_| lead);
    let rows = lines.into_iter().enumerate().map(|(at, (ticked, title, why, href, verb))| {
        let button = if Some(at) == first { Button::new(verb).small().primary() } else { Button::new(verb).small() };
        let (state, sign, said) =
            if ticked { ("done", Icon::CircleCheck, " (done)") } else { ("open", Icon::Circle, "") };
        view! {
            <li data-state=state>
                {icon(sign)}
                <span><b>{title}<span class="visually-hidden">{said}</span></b><small>{why}</small></span>
                {(!ticked).then(|| button.link(href))}
            </li>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section class="checklist" aria-labelledby="setup">
            <div class="checklist__head">
                <h2 id="setup">{format!("Set up {}", shell.team_name())}</h2>
                <p>{format!("{done} of 5 done")}</p>
                {progress(&format!("{done} of 5 steps done"), done, 5)}
            </div>
            <ol>{rows}</ol>
        </section>
    }
    .into_any()
}

fn tasks(shell: &Shell, tasks: &[Task]) -> AnyView {
    if tasks.is_empty() {
        return empty(Empty {
            title: "No tasks yet".to_owned(),
            text: "A task says what should be true at the end. It is kept here as to do; this version does not run it."
                .to_owned(),
            actions: setup(shell, Permission::WriteTasks, "Write a task"),
        });
    }
    let rows = tasks.iter().map(|task| {
        let name = view! { <span class="table__name"><span class="id">{task.number.clone()}</span><span>{task.title.clone()}</span></span> };
        let cells = vec![
            cell("State", task.state.view()),
            cell("Project", task.project.clone().into_any()),
            cell("Written", relative(task.created_at, shell.now)),
        ];
        row(name.into_any(), cells)
    });
    table("Tasks", &["Task", "State", "Project", "Written"], rows.collect())
}

fn projects(shell: &Shell, projects: &[Project]) -> AnyView {
    if projects.is_empty() {
        return empty(Empty {
            title: "No projects yet".to_owned(),
            text: "A project is where the code of a task comes from: a git address of yours, or the sample.".to_owned(),
            actions: setup(shell, Permission::WriteProjects, "Add a project"),
        });
    }
    let rows = projects.iter().map(|project| {
        let source = view! { <span class="id" data-wrap=true>{project.source.clone()}</span> };
        let cells = vec![
            cell("Code", source.into_any()),
            cell("Tasks", project.tasks.to_string().into_any()),
            cell("Added", relative(project.created_at, shell.now)),
        ];
        row(project.name.clone().into_any(), cells)
    });
    table("Projects", &["Project", "Code", "Tasks", "Added"], rows.collect())
}

fn setup(shell: &Shell, needs: Permission, verb: &str) -> Vec<AnyView> {
    shell.may(needs).then(|| Button::new(verb).link(shell.link("/onboarding"))).into_iter().collect()
}

fn activity(shell: &Shell, list: &[Activity]) -> AnyView {
    if list.is_empty() {
        return view! { <p class="lede">"Nothing has happened yet. What people do here is listed as they do it."</p> }
            .into_any();
    }
    let lines = list.iter().map(|one| {
        view! {
            <li>
                {person(&one.who)}
                <span><b>{one.who.clone()}</b>" "{one.what.clone()}</span>
                {relative(one.at, shell.now)}
            </li>
        }
    });
    view! { <ul class="feed">{lines.collect_view()}</ul> }.into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    #[test]
    fn the_checklist_counts_what_is_done_and_leads_to_what_is_not() {
        let steps = Checklist { project: true, ..Checklist::default() };
        let html = page(&shell(BuiltinRole::Owner), &Dashboard { checklist: Some(steps), ..Dashboard::default() });
        assert!(html.contains("2 of 5 done"), "{html}");
        assert_eq!(html.matches(r#"data-kind="primary""#).count(), 1, "{html}");
        assert!(!html.contains(">Add a project</a></li>"), "{html}");
        assert!(html.contains(r#"href="/quayside/members""#), "{html}");
    }

    #[test]
    fn readers_are_not_asked_to_do_what_they_may_not() {
        let html = page(&shell(BuiltinRole::Reader), &Dashboard::default());
        assert!(html.contains("No tasks yet") && !html.contains("Write a task"), "{html}");
    }

    #[test]
    fn the_word_for_one_is_singular() {
        let task = Task {
            number: "QUA-1".to_owned(),
            title: "Fees round half to even".to_owned(),
            project: "ledger".to_owned(),
            state: State::Todo,
            created_at: shell(BuiltinRole::Owner).now,
        };
        let html = page(&shell(BuiltinRole::Owner), &Dashboard { tasks: vec![task], ..Dashboard::default() });
        assert!(html.contains("0 projects, 1 task<") && html.contains("QUA-1") && html.contains("To do"), "{html}");
    }

    fn busy() -> Dashboard {
        let now = shell(BuiltinRole::Owner).now;
        let need = |kind| Need {
            task: "QUA-1".to_owned(),
            path: "/tasks/QUA-1".to_owned(),
            title: "Run a <migration>".to_owned(),
            why: "coder-1 asks".to_owned(),
            since: now - time::Duration::minutes(2),
            kind,
        };
        let running = Running {
            task: "QUA-2".to_owned(),
            path: "/tasks/QUA-2".to_owned(),
            title: "Round fees".to_owned(),
            squad: "Ledger core".to_owned(),
            state: State::Running,
            who: None,
            step: "Plan".to_owned(),
            started_at: now - time::Duration::seconds(138),
            cost: types::MicroUsd::from_micros(139_100),
            cap: Some(types::MicroUsd::from_cents(800)),
            can_stop: true,
        };
        Dashboard {
            needs: vec![
                need(NeedKind::Approval { id: "a1".to_owned(), command: None, expires_at: None }),
                need(NeedKind::Question { id: "q1".to_owned(), options: vec!["Yes".to_owned(), "No".to_owned()] }),
                need(NeedKind::Failed { may_retry: true }),
            ],
            running: vec![running],
            ..Dashboard::default()
        }
    }

    #[test]
    fn what_waits_can_be_answered_in_place() {
        let html = needs_fragment(&shell(BuiltinRole::Owner), &busy());
        for action in ["approvals/a1", "questions/q1", "retry"] {
            assert!(html.contains(&format!(r#"action="/quayside/tasks/QUA-1/{action}""#)), "{action} {html}");
        }
        assert!(html.contains(r#"name="answer" value="Yes""#) && html.contains("Run a &lt;migration&gt;"), "{html}");
    }

    #[test]
    fn what_runs_can_be_stopped_with_a_reason() {
        let html = running_fragment(&shell(BuiltinRole::Owner), &busy());
        assert!(
            html.contains(r#"action="/quayside/tasks/QUA-2/stop""#) && html.contains(r#"popovertarget="stop-QUA-2""#),
            "{html}"
        );
        assert!(html.contains("$0.1391") && html.contains("of $8.00") && html.contains(">2:18<"), "{html}");
        let html = page(&shell(BuiltinRole::Owner), &busy());
        assert!(html.contains("3 things wait for you · 1 task runs"), "{html}");
    }

    #[test]
    fn a_new_team_has_one_primary_action_the_sample() {
        let data = Dashboard { sample: true, checklist: Some(Checklist::default()), ..Dashboard::default() };
        let html = page(&shell(BuiltinRole::Owner), &data);
        assert!(html.contains(r#"action="/quayside/sample""#) && html.contains("replays a recording"), "{html}");
        assert_eq!(html.matches(r#"data-kind="primary""#).count(), 1, "{html}");
        assert!(!html.contains("Running now"), "{html}");
    }
}
