use axum::extract::{Query, State};
use orchestrator::{
    audit::{Broken, Entry, Filter, PAGE, Verdict},
    grants::ReadAudit,
};
use serde::Deserialize;

use crate::{
    components::{pagination::Pages, select::Choice},
    failure::encode,
    handlers::{Answer, html, shell, words},
    layout::shell::Section,
    pages::team::audit as view,
    request::Inside,
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct AuditQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    what: String,
    before: Option<i64>,
}

pub(crate) async fn audit(
    member: Inside<ReadAudit>,
    State(app): State<App>,
    Query(query): Query<AuditQuery>,
) -> Answer {
    let filled = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let filter = Filter {
        text: filled(&query.q),
        action: filled(&query.what),
        actor: query.who.parse().ok(),
        before: query.before,
    };
    let verdict = app.muster.verify_audit(&member).await?;
    let entries = app.muster.audit_log(&member, &filter).await?;
    let people = match member.also() {
        Some(can) => app.muster.members(&can).await?,
        None => Vec::new(),
    };
    let shell = shell::inside(&app, &member, Section::Audit, "Audit log").await?;
    let everybody = std::iter::once(Choice::new("", "Everybody"));
    let data = view::Audit {
        verdict: told(&verdict, shell.now),
        people: everybody
            .chain(people.iter().map(|person| Choice::new(person.user.to_string(), &person.name)))
            .collect(),
        actions: words::KINDS.iter().map(|(value, label)| Choice::new(*value, *label)).collect(),
        pages: pages(&member, &query, &entries),
        entries: entries.into_iter().map(row).collect(),
        filter: view::Filter { q: query.q, who: query.who, what: query.what },
    };
    html(view::page(&shell, &data))
}

fn told(verdict: &Verdict, at: time::OffsetDateTime) -> view::Verdict {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    match verdict {
        Verdict::Whole { entries } => view::Verdict::Intact { rows: count(*entries), at },
        Verdict::Broken(Broken { seq, why }) => {
            view::Verdict::Broken { row: count(*seq), why: format!("{}.", words::capital(why)), at }
        }
    }
}

fn row(entry: Entry) -> view::Entry {
    let mut details = words::details(&entry);
    details.extend(entry.ip.clone().map(|ip| ("address".to_owned(), ip)));
    details.extend(entry.user_agent.clone().map(|agent| ("client".to_owned(), agent)));
    view::Entry {
        seq: u64::try_from(entry.seq).unwrap_or(0),
        at: entry.at,
        what: words::capital(words::phrase(&entry.action)),
        target: words::target(&entry),
        who: entry.actor.unwrap_or_else(|| "Somebody".to_owned()),
        action: entry.action,
        details,
        request_id: Some(entry.request_id.to_string()),
        hash: entry.hash,
        previous: entry.previous,
    }
}

fn pages(member: &Inside<ReadAudit>, query: &AuditQuery, entries: &[Entry]) -> Pages {
    let address = |before: Option<i64>| {
        let before = before.map(|seq| format!("&before={seq}")).unwrap_or_default();
        let filter = format!("q={}&who={}&what={}", encode(&query.q), encode(&query.who), encode(&query.what));
        member.link(&format!("/audit?{filter}{before}"))
    };
    let full = i64::try_from(entries.len()).is_ok_and(|count| count == PAGE);
    let (first, last) = (entries.last().map_or(0, |entry| entry.seq), entries.first().map_or(0, |entry| entry.seq));
    Pages {
        shown: if entries.is_empty() { "No rows".to_owned() } else { format!("Rows {first} to {last}") },
        newer: query.before.map(|_| address(None)),
        older: (full && first > 1).then(|| address(Some(first))),
    }
}
