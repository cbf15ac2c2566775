use leptos::prelude::*;
use orchestrator::{audit::TAMPERING, db::UNFENCED_TABLES};

use super::marked;
use crate::{
    components::{fact_table::fact_table, icon::Icon},
    pages::pricing::dollars,
    plans::{CATALOGUE, Seat},
};

/// A section with words on the left and something to look at on the right.
fn split(
    id: &'static str,
    title: &'static str,
    text: &'static str,
    points: &'static [&'static str],
    side: AnyView,
) -> AnyView {
    let heading = format!("t-{id}");
    let points = (!points.is_empty()).then(|| {
        view! { <ul class="points">{points.iter().map(|point| view! { <li>{*point}</li> }).collect_view()}</ul> }
    });
    view! {
        <section class="section" id=id aria-labelledby=heading><div class="wrap split">
            <div class="split__text"><h2 id=heading.clone()>{title}</h2><p>{text}</p>{points}</div>
            {side}
        </div></section>
    }
    .into_any()
}

fn facts(caption: &'static str, heads: &'static [&'static str], rows: &'static [&'static [&'static str]]) -> AnyView {
    let rows = rows.iter().map(|row| row.iter().map(|cell| cell.into_any()).collect()).collect();
    fact_table(caption, heads, rows)
}

pub(super) fn start() -> AnyView {
    let table = facts(
        "What make start brings up",
        &["Part", "Out of the box", "Use your own"],
        &[
            &["Postgres", "Started beside the server, reachable from this machine only", "DATABASE_URL"],
            &["Object store", "A small S3 endpoint inside the server", "S3_ENDPOINT"],
            &["Mail", "An outbox page in development", "An SMTP server"],
        ],
    );
    split(
        "start",
        "One command from a bare machine.",
        "make start says what is missing and why before it installs it, builds the server, starts what it needs, and prints the address and what it chose.",
        &[
            "Each embedded part can be replaced by your own.",
            "Check it: muster doctor looks at each part and prints the repair beside each failure.",
        ],
        table,
    )
}

pub(super) fn isolation() -> AnyView {
    let side = view! {
        <div class="stack">
            <pre class="terminal">{UNFENCED_TABLES}"\n\n relname\n---------\n(0 rows)"</pre>
            {facts(
                "Two layers, each holding alone",
                &["Layer", "What it does"],
                &[
                    &["The query", "Names the team in each statement"],
                    &["The database", "Forces row-level security, also on the owner of the table"],
                ],
            )}
        </div>
    };
    split(
        "isolation",
        "Another team's data is not found.",
        "Not “forbidden”, which would tell you that it exists. Two layers keep teams apart, and the server refuses to start with a database role that could step around them.",
        &[
            "A test calls every route with the ids of another team.",
            "Check it: run the query in psql on your own database. It asks for tables of teams without that security.",
        ],
        side.into_any(),
    )
}

pub(super) fn audit() -> AnyView {
    let table = facts(
        "Audit log, a sample of three rows",
        &["What", "Who", "Hash", "Before it"],
        &[
            &["Changed a role", "Mira Okafor", "41d2", "8a0f"],
            &["Invited a member", "Mira Okafor", "8a0f", "3e77"],
            &["Created the team", "Jonas Lindqvist", "3e77", "c1b9"],
        ],
    );
    let side = view! {
        <div class="stack">
            {table}
            <pre class="terminal">{TAMPERING}"\n\n"<span class="muted">"$ "</span>"muster audit verify"</pre>
        </div>
    };
    split(
        "audit",
        "An audit log that shows edits.",
        "Changes to a team are written down in the same transaction as the change itself. Each row carries the hash of the one before it, so a row cannot be changed later without breaking the chain.",
        &[
            "The server may add rows and read them, not change them.",
            "Check it: the lines change each team's first row, as a superuser in psql; with a minus for the plus they undo it. The command names the row.",
        ],
        side.into_any(),
    )
}

pub(super) fn pages() -> AnyView {
    let table = facts(
        "Claims about the pages and how to check them",
        &["Claim", "Check it"],
        &[
            &["Forms work without JavaScript", "Turn it off and sign up"],
            &["Nothing is loaded from third parties", "The network panel names this host only"],
            &["No inline script is allowed", "Read the Content-Security-Policy header"],
            &["Light, dark and high contrast", "Choose at the foot of this page"],
        ],
    );
    split(
        "pages",
        "Pages that are just pages.",
        "The server sends whole pages. A link is a link, a form is a form, and the address says where you are. Small parts get livelier where a script may run.",
        &[],
        table,
    )
}

/// What this version does, and how somebody sees it for themselves.
const HERE: &[(&str, &str)] = &[
    (
        "Start with one command, embedded or with your own Postgres and S3",
        "Run make start, bare or with DATABASE_URL and S3_ENDPOINT set",
    ),
    ("Sign-up by e-mail code and password, sign-in, reset, sessions you can end", "Sign up, then open your account"),
    ("Teams, invitations and roles from reader to owner", "Invite an address under Members, with a role"),
    ("Isolation between teams by forced row-level security", "The query above, on your own database"),
    (
        "Audit log with a hash chain for each team",
        "Change a row in psql with the lines above, then run muster audit verify",
    ),
    (
        "Squads that plan, write, test and review in a sandbox, on the sample without any key",
        "Press Run the sample task on the dashboard",
    ),
    (
        "Your own models: Anthropic, OpenAI, Google, OpenRouter, Ollama and compatible servers, keys sealed",
        "Add one under Models and keys: it is tried by a real call",
    ),
    (
        "Budgets for team, project, squad and agent: a call that does not fit is refused before it is made",
        "Set a limit of 0.01 and start a run with a model of your own: it waits and says why",
    ),
    (
        "An emergency pause that stops calls and processes, and proves it",
        "Pause under Budgets while a squad works, and read what was stopped",
    ),
    (
        "Analytics: what each project, agent and model cost, what a merge cost, and what was spent for nothing",
        "Each row leads to its tasks, and the ledger under Budgets adds up to the same",
    ),
    (
        "An endpoint for your own programs, in the formats of OpenAI, Anthropic and Google",
        "Make a key under Model gateway and set the base URL of your client",
    ),
    (
        "Runs that go on where they were when the process is killed",
        "End the server with kill -9 while a squad works, and start it again",
    ),
    ("Review, merge, and git over HTTP with access tokens", "Make a token and git clone the project after a merge"),
    (
        "Light, dark and high contrast, with or without JavaScript",
        "Choose at the foot of this page; turn JavaScript off and sign up",
    ),
];

const MISSING: &[&str] =
    &["Agents from other makers", "Billing: nothing is charged", "Single sign-on, passkeys and a second factor"];

pub(super) fn scope() -> AnyView {
    let here = HERE.iter().map(|(text, check)| marked(Icon::Check, text, Some(*check))).collect_view();
    let missing = MISSING.iter().map(|text| marked(Icon::Clock, text, None)).collect_view();
    view! {
        <section class="section" id="scope" aria-labelledby="t-scope"><div class="wrap">
            <div class="section__head">
                <h2 id="t-scope">"What is here, and what is not"</h2>
                <p>"A line moves to the left when a test shows it. Under each stands how you see it yourself."</p>
            </div>
            <div class="scope">
                <div data-state="here"><h3>"In this version"</h3><ul class="scope__list">{here}</ul></div>
                <div><h3>"Not there yet"</h3><ul class="scope__list">{missing}</ul></div>
            </div>
        </div></section>
    }
    .into_any()
}

pub(super) fn prices() -> AnyView {
    let rows = CATALOGUE.plans.iter().map(|plan| {
        let seat = match plan.seat {
            Seat::Free => dollars(types::MicroUsd::ZERO),
            Seat::Paid { month, .. } => dollars(month),
            Seat::ByContract => "By contract".into_any(),
        };
        vec![plan.name.into_any(), plan.audience.into_any(), seat]
    });
    view! {
        <section class="section" aria-labelledby="t-price"><div class="wrap split">
            <div class="split__text">
                <h2 id="t-price">"Seats and sandbox time. Bring your own model keys."</h2>
                <p>"That is the plan. These are placeholder prices, and nothing is charged in this version. Self-hosting is free."</p>
                <p><a href="/pricing">"Prices, limits and what will count as usage"</a></p>
            </div>
            {fact_table("Plans in short", &["Plan", "For", "Seat, a month"], rows.collect())}
        </div></section>
    }
    .into_any()
}

const QUESTIONS: &[(&str, &str)] = &[
    (
        "What can I do with it today?",
        "Start it, sign up, invite your team, give out roles, and let a squad work on the sample program: it plans, edits, tests and reviews in a sandbox, and you merge what it did. The model of that run replays a recording, so it needs no key. For work on your own code, add a model of your own under Models and keys.",
    ),
    (
        "Does it send my data anywhere?",
        "Only where you tell it to. A self-hosted Muster talks to its own Postgres and object store, and to what you set up: a mail server, a trace collector, the hosts of your repositories, those that a project lets its commands reach, and the model providers, which are sent what their agents read. With the demo model nothing leaves the machine.",
    ),
    (
        "What does it need?",
        "Debian 12 or Ubuntu with Rust and git. make start installs the rest and says what and why first.",
    ),
];

pub(super) fn questions() -> AnyView {
    let items = QUESTIONS.iter().enumerate().map(|(index, (question, answer))| {
        view! { <details open=index == 0><summary>{*question}</summary><p>{*answer}</p></details> }
    });
    view! {
        <section class="section" aria-labelledby="t-faq"><div class="wrap split">
            <div class="split__text"><h2 id="t-faq">"Open questions, answered"</h2></div>
            <div class="faq">{items.collect_view()}</div>
        </div></section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layout::public::Public, pages::home::page};

    #[test]
    fn every_line_says_how_to_check_it() {
        assert!(HERE.iter().all(|(text, check)| text.len() > 20 && check.len() > 20));
        let html = page(&Public::default());
        assert_eq!(html.matches("<small>").count(), HERE.len(), "{html}");
    }
}
