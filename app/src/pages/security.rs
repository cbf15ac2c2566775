use leptos::prelude::*;

use crate::{
    components::fact_table::fact_table,
    layout::public::{Public, public_page},
};

/// What is done today, what stands behind it, and how somebody can see for themselves.
const DONE: &[(&str, &str, &str)] = &[
    (
        "Teams cannot see each other",
        "Row-level security is forced on every table that belongs to a team, and each query names the team as well. The server refuses to start as a database superuser, owner or bypass role.",
        "Ask for another team's address: you get “not found”. In psql, list the tables with a team_id that do not force row security: there is none.",
    ),
    (
        "The audit log shows edits",
        "Each row carries the hash of the one before, one chain for each team. The server may add and read rows, not change them.",
        "muster audit verify",
    ),
    (
        "Passwords",
        "Stored as argon2id hashes. Common and leaked passwords are refused from a list that ships with the server.",
        "Try to choose a password from such a list.",
    ),
    (
        "Sessions",
        "A random id in a host-only cookie that scripts cannot read, a new one at each sign-in, with an idle and an absolute end. You can see and end your sessions.",
        "Look at the cookie in the tools of your browser.",
    ),
    (
        "No address is given away",
        "Sign-up and reset answer alike for known and unknown addresses. Tries are limited.",
        "Ask for a reset with an address that has no account.",
    ),
    (
        "Requests from other sites",
        "A request that changes something is refused unless it comes from this site.",
        "Send a form from another origin: it is refused.",
    ),
    (
        "Scripts and third parties",
        "The content security policy allows no inline script. Public pages hold no script at all, and fonts and styles come from this host.",
        "Read the headers with curl -sI, or the network panel.",
    ),
    (
        "Agents work in a sandbox",
        "What agents write runs in a sandbox of Docker or bubblewrap: no network but what the project's allow-list names, no files of the machine but its programs and the folders that the operator adds, no privileges, limits on memory, processes and time. Without either, nothing runs.",
        "muster doctor names the sandbox and tries it.",
    ),
    (
        "Keys are sealed",
        "Model keys and git tokens are encrypted under a key of the team, bound to their team and row; that key is wrapped by the installation's master key. Pages show a hint, logs nothing, and a sandbox never holds a model key.",
        "Add a key under Models and keys, then look for it in a dump of the database.",
    ),
];

const MISSING: &[&str] = &[
    "Second factor, passkeys and single sign-on",
    "Audit heads signed and stored apart: the chain shows edits, but not that its newest rows were cut off",
    "An independent review, and certificates",
];

/// `contact` is where to report a weakness, as configured by the operator.
#[must_use]
pub fn page(chrome: &Public, contact: Option<&str>) -> String {
    let rows = DONE.iter().map(|(what, how, check)| vec![what.into_any(), how.into_any(), check.into_any()]).collect();
    let main = view! {
        <div class="wrap page-end">
            <div class="page-intro">
                <h1>"What is done, and how to check it"</h1>
                <p>"Only what this version does is listed. What it lacks follows, in the same words."</p>
            </div>
            {fact_table("Security measures", &["What", "How", "Check it"], rows)}
        </div>
        <section class="section" aria-labelledby="t-missing"><div class="wrap split">
            <div class="split__text"><h2 id="t-missing">"Not there yet"</h2></div>
            <ul class="points">{MISSING.iter().map(|item| view! { <li>{*item}</li> }).collect_view()}</ul>
        </div></section>
        {report(contact)}
        {processors()}
    };
    let about = "What Muster does for security today, how to check each point, and how to report a weakness.";
    public_page(chrome, "Security", about, main.into_any())
}

fn report(contact: Option<&str>) -> AnyView {
    let text = match contact {
        Some(address) => format!("Write to {address} with what you did, what happened and what you expected."),
        None => "Whoever runs this installation has not named a contact yet. Tell the person who gave you its address."
            .to_owned(),
    };
    view! {
        <section class="section" id="report" aria-labelledby="t-report"><div class="wrap split">
            <div class="split__text"><h2 id="t-report">"Report a vulnerability"</h2></div>
            <div class="prose">
                <p>{text}</p>
                <p>"Use an account and data of your own, and stop when you see somebody else's. Please leave time for a repair before you publish."</p>
            </div>
        </div></section>
    }
    .into_any()
}

fn processors() -> AnyView {
    view! {
        <section class="section" aria-labelledby="t-processors"><div class="wrap split">
            <div class="split__text"><h2 id="t-processors">"Sub-processors"</h2></div>
            <div class="prose">
                <p>"None, unless the operator adds them: a self-hosted Muster keeps its data in its own Postgres and object store."</p>
                <p>"It sends mail through the server that the operator sets up, traces to a collector only when one is configured, to the hosts of a team's repositories their branches, and to its model providers what the agents that use them read. Commands in a sandbox reach the hosts on their project's allow-list."</p>
            </div>
        </div></section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_says_how_to_check_it() {
        assert!(DONE.iter().all(|(_, how, check)| how.len() > 20 && check.len() > 10));
        let html = page(&Public::default(), Some("security@quayside.example"));
        assert!(html.contains("muster audit verify") && html.contains("security@quayside.example"), "{html}");
        assert!(html.contains(r#"id="report""#), "the footer links there");
    }
}
