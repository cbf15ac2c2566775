use leptos::prelude::*;
use orchestrator::squads::Template;

use crate::{
    components::{
        bar::progress,
        button::Button,
        error_summary::error_summary,
        field::Field,
        icon::{Icon, icon},
        section::page_head,
    },
    forms::Errors,
    layout::shell::{self, Shell},
    pages::dashboard::setup::sample,
};

/// How far one step is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    #[default]
    Open,
    /// With what came of it: “Sample: payments”.
    Done(String),
    Skipped,
}

/// Setting up a team: name, code, squad, first task.
#[derive(Clone, Debug, Default)]
pub struct Onboarding {
    /// Where this installation is reached, without scheme: “muster.example”.
    pub host: String,
    /// Whether the first step, which is always done, is open again.
    pub renaming: bool,
    pub project: Progress,
    pub squad: Progress,
    pub task: Progress,
    pub input: Input,
    pub errors: Errors,
    /// Sent with the first task: the same form sent twice makes one task.
    pub key: String,
    /// Whether to offer the sample task: until the team's first run.
    pub sample: bool,
}

/// What was typed, in the names of the fields.
#[derive(Clone, Debug, Default)]
pub struct Input {
    pub name: String,
    pub slug: String,
    pub url: String,
    /// The value of a [`Template`]; the first one when empty.
    pub template: String,
    pub title: String,
}

/// What a step is about, whatever its state.
struct Leg {
    number: u32,
    id: &'static str,
    title: &'static str,
    about: &'static str,
    /// The fields of its form: an error in one of them opens it.
    fields: &'static [&'static str],
}

const LEGS: [Leg; 3] = [
    Leg {
        number: 2,
        id: "project",
        title: "Bring code, or take the sample",
        about: "A project says where the code is.",
        fields: &["url", "source"],
    },
    Leg {
        number: 3,
        id: "squad",
        title: "Muster a squad",
        about: "Who plans, writes, tests and reviews.",
        fields: &["template"],
    },
    Leg {
        number: 4,
        id: "task",
        title: "Write the first task",
        about: "Say what should be true at the end.",
        fields: &["title"],
    },
];

#[must_use]
pub fn page(shell: &Shell, data: &Onboarding) -> String {
    let states = [&data.project, &data.squad, &data.task];
    let done = 1 + states.iter().map(|state| u32::from(**state != Progress::Open)).sum::<u32>();
    let now = states.iter().position(|state| **state == Progress::Open);
    let bodies = [project_form(shell, data), squad_form(shell, data), task_form(shell, data)];
    let legs = LEGS.iter().zip(states).zip(bodies).enumerate().map(|(at, ((leg, state), body))| {
        let wrong = leg.fields.iter().any(|field| data.errors.of(field).is_some());
        if wrong || (now == Some(at) && !data.renaming) { open(leg, body) } else { folded(leg, state, body) }
    });
    let sub = match now {
        Some(at) => {
            format!("Step {} of 4. Every step but the first can be skipped; the dashboard keeps the list.", at + 2)
        }
        None => "Every step is done or skipped. The dashboard keeps what is left.".to_owned(),
    };
    let leave =
        if now.is_some() { Button::new("Finish later").plain() } else { Button::new("Open the dashboard").primary() };
    let main = view! {
        {page_head(&format!("Set up {}", shell.team_name()), &sub, Some(leave.link(shell.link(""))))}
        {error_summary(&data.errors)}
        {progress(&format!("{done} of 4 steps done"), done, 4)}
        {data.sample.then(|| sample(shell, false))}
        <ol class="journey">
            <li>{team_leg(shell, data)}</li>
            {legs.map(|leg| view! { <li>{leg}</li> }).collect_view()}
        </ol>
    };
    shell::page(shell, "Set up", !data.errors.is_empty(), main.into_any())
}

fn open(leg: &Leg, body: AnyView) -> AnyView {
    view! {
        <section class="leg" data-state="now" aria-labelledby=leg.id aria-current="step">
            <div class="leg__head">
                <span class="leg__no">{leg.number}</span>
                <h2 id=leg.id>{leg.title}</h2>
                <p>{leg.about}</p>
                <span class="status" data-state="running">"Now"</span>
            </div>
            <div class="leg__body">{body}</div>
        </section>
    }
    .into_any()
}

fn folded(leg: &Leg, state: &Progress, body: AnyView) -> AnyView {
    if let Progress::Done(result) = state {
        return done(leg.id, leg.title, result.clone(), None);
    }
    let skipped = (*state == Progress::Skipped).then_some("Skipped. ");
    view! {
        <details class="leg" data-state="later">
            <summary class="leg__head">
                <span class="leg__no">{leg.number}</span>
                <h2>{leg.title}</h2>
                <span class="leg__sub">{skipped}{leg.about}</span>
                {icon(Icon::ChevronRight)}
            </summary>
            <div class="leg__body">{body}</div>
        </details>
    }
    .into_any()
}

fn done(id: &'static str, title: &'static str, result: String, change: Option<AnyView>) -> AnyView {
    view! {
        <section class="leg" data-state="done" aria-labelledby=id>
            <div class="leg__head">
                <span class="leg__no">{icon(Icon::Check)}</span>
                <h2 id=id>{title}<span class="visually-hidden">" (done)"</span></h2>
                <p>{result}</p>
                {change}
            </div>
        </section>
    }
    .into_any()
}

fn team_leg(shell: &Shell, data: &Onboarding) -> AnyView {
    let wrong = ["name", "slug"].iter().any(|field| data.errors.of(field).is_some());
    if data.renaming || wrong {
        let leg =
            Leg { number: 1, id: "team", title: "Name the team", about: "People and work belong to it.", fields: &[] };
        return open(&leg, team_form(shell, data));
    }
    let address = format!("{}, at {}{}", shell.team_name(), data.host, shell.link(""));
    let change = Button::new("Change").small().about("the team's name").link(shell.link("/onboarding?change=team"));
    done("team", "Name the team", address, Some(change))
}

fn team_form(shell: &Shell, data: &Onboarding) -> AnyView {
    view! {
        <form class="form" method="post" action=shell.link("/onboarding/team")>
            {super::teams::fields(&data.host, &data.input.name, &data.input.slug, &data.errors)}
            <div class="cluster">{Button::new("Save the name").busy("Saving…").submit()}</div>
        </form>
    }
    .into_any()
}

fn project_form(shell: &Shell, data: &Onboarding) -> AnyView {
    let url = Field::new("url", "Git address")
        .value(&data.input.url)
        .hint("For example https://git.example/team/ledger.git. Kept with the project; nothing is fetched yet.")
        .error(data.errors.of("url"))
        .max_length(500)
        .view();
    let action = shell.link("/onboarding/project");
    view! {
        <form class="sample" method="post" action=action.clone()>
            <input type="hidden" name="source" value="sample"/>
            <h3>"Take the sample, no repository needed"</h3>
            <p>"A small payments service with a failing test: enough to see how projects, squads and tasks fit together."</p>
            <div class="cluster">{Button::new("Take the sample").primary().icon(Icon::FlaskConical).busy("Adding…").submit()}</div>
        </form>
        <p class="or">"or bring your own"</p>
        <form class="form" method="post" action=action>
            <input type="hidden" name="source" value="git"/>
            {url}
            <div class="cluster">{Button::new("Add this project").busy("Adding…").submit()}{skip_button("project")}</div>
        </form>
        <p class="lede"><a class="link" href=shell.link("/projects/new")>"Upload an archive, or start empty"</a></p>
        {skip(shell, "project")}
    }
    .into_any()
}

fn squad_form(shell: &Shell, data: &Onboarding) -> AnyView {
    let typed = data.input.template.as_str();
    let choices = Template::ALL.iter().enumerate().map(|(at, template)| {
        let chosen = if typed.is_empty() { at == 0 } else { typed == template.as_str() };
        view! {
            <label class="check choice">
                <input type="radio" name="template" value=template.as_str() checked=chosen/>
                <span>{template.name()}<small>{template.purpose()}</small></span>
            </label>
        }
    });
    let choices = choices.collect_view();
    let error = data.errors.of("template").map(|text| view! { <p class="field__error">{text.to_owned()}</p> });
    view! {
        <form class="pile" method="post" action=shell.link("/onboarding/squad")>
            <fieldset id="template"><legend class="visually-hidden">"Squad"</legend>{error}<div class="choices">{choices}</div></fieldset>
            <p class="lede">"Members, models and limits can be changed afterwards, under Squads."</p>
            <div class="cluster">{Button::new("Muster this squad").primary().busy("Mustering…").submit()}{skip_button("squad")}</div>
        </form>
        {skip(shell, "squad")}
    }
    .into_any()
}

fn task_form(shell: &Shell, data: &Onboarding) -> AnyView {
    let title = Field::new("title", "What should be true at the end?")
        .value(&data.input.title)
        .hint("For example: a transfer over the daily limit is answered with 422 and the amount that is left.")
        .error(data.errors.of("title"))
        .max_length(200)
        .required()
        .view();
    view! {
        <form class="form" method="post" action=shell.link("/onboarding/task")>
            <input type="hidden" name="key" value=data.key.clone()/>
            {title}
            <p class="lede">"The task is kept as to do."</p>
            <div class="cluster">{Button::new("Keep this task").primary().busy("Saving…").submit()}{skip_button("task")}</div>
        </form>
        {skip(shell, "task")}
    }
    .into_any()
}

/// The form that skips a step; its button stands beside that of the step's own form.
fn skip(shell: &Shell, step: &'static str) -> AnyView {
    view! {
        <form id=format!("skip-{step}") method="post" action=shell.link("/onboarding/skip") hidden=true>
            <input type="hidden" name="step" value=step/>
        </form>
    }
    .into_any()
}

fn skip_button(step: &'static str) -> AnyView {
    view! {
        <button class="button" type="submit" form=format!("skip-{step}") data-kind="plain" data-size="md">"Skip this step"</button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use types::BuiltinRole;

    use super::*;
    use crate::layout::shell::tests::shell;

    fn html(data: &Onboarding) -> String {
        page(&shell(BuiltinRole::Owner), data)
    }

    #[test]
    fn the_first_open_step_is_the_one_now() {
        let data =
            Onboarding { project: Progress::Skipped, host: "muster.example".to_owned(), ..Onboarding::default() };
        let html = html(&data);
        assert!(html.contains("Step 3 of 4") && html.contains("2 of 4 steps done"), "{html}");
        assert_eq!(html.matches(r#"aria-current="step""#).count(), 1, "{html}");
        assert!(html.contains("Quayside, at muster.example/quayside") && html.contains("Skipped. "), "{html}");
    }

    #[test]
    fn an_error_opens_its_step_and_keeps_what_was_typed() {
        let mut errors = Errors::new();
        errors.add("title", "Say what should be true.");
        let input = Input { title: "  <x> ".to_owned(), ..Input::default() };
        let html = html(&Onboarding { input, errors, ..Onboarding::default() });
        assert!(html.contains("<title>Error: "), "{html}");
        assert!(html.contains(r#"aria-invalid="true""#) && html.contains("&lt;x&gt;"), "{html}");
    }

    #[test]
    fn nothing_is_promised_that_does_not_run_yet() {
        let text = html(&Onboarding::default()).to_lowercase();
        for word in ["minutes", "seconds", "run the", "sandbox"] {
            assert!(!text.contains(word), "{word}");
        }
    }

    #[test]
    fn every_step_but_the_first_can_be_skipped() {
        let html = html(&Onboarding::default());
        for step in ["project", "squad", "task"] {
            assert!(html.contains(&format!(r#"name="step" value="{step}""#)), "{step}");
        }
        assert!(!html.contains(r#"name="step" value="team""#));
    }
}
