use axum::extract::{Query, State};
use orchestrator::{
    Error,
    budgets::{EntryKind, LedgerEntry, LedgerFilter, Subject},
    grants::ReadBudgets,
};
use serde::Deserialize;
use time::{Date, macros::format_description};

use super::{Answer, again, below, html, id};
use crate::{
    components::{pagination::Pages, select::Choice},
    failure::{Failure, encode},
    forms::Errors,
    pages::budgets::ledger::{self as view, Choices, Filter, Ledger},
    request::Inside,
    state::App,
};

/// Entries of a page.
const PAGE: i64 = 50;

/// What an address of the ledger names, as it was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LedgerQuery {
    task: String,
    project: String,
    squad: String,
    agent: String,
    model: String,
    kind: String,
    from: String,
    to: String,
    /// One day alone, for links.
    day: String,
    before: Option<String>,
}

impl LedgerQuery {
    /// What it asks for; a field that cannot be read is told in `errors`. What no list offers is not found.
    fn read(&self, errors: &mut Errors) -> Result<LedgerFilter, Error> {
        let model = self.model.trim();
        let task = self.task.trim().trim_start_matches('#');
        let (from, to) = self.days(errors);
        let filter = LedgerFilter {
            task: (!task.is_empty()).then(|| errors.whole("task", task)),
            project: chosen(&self.project)?,
            squad: chosen(&self.squad)?,
            agent: chosen(&self.agent)?,
            model: (!model.is_empty()).then(|| model.to_owned()),
            kind: EntryKind::parse(&self.kind),
            from,
            to,
            before: self.before.as_deref().map(str::parse).transpose()?,
        };
        if filter.kind.is_none() && !self.kind.is_empty() {
            errors.add("kind", "Choose one of the entries.");
        }
        Ok(filter)
    }

    fn days(&self, errors: &mut Errors) -> (Option<Date>, Option<Date>) {
        let mut day = |field: &'static str, text: &str| {
            let (text, form) = (text.trim(), format_description!("[year]-[month]-[day]"));
            let read = (!text.is_empty()).then(|| Date::parse(text, form));
            read.and_then(|read| read.map_err(|_| errors.add(field, "Enter a day as 2026-11-21.")).ok())
        };
        let one = day("from", &self.day);
        let (from, to) = (one.or(day("from", &self.from)), one.or(day("to", &self.to)));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            errors.add("to", "The last day comes before the first.");
        }
        (from, to)
    }

    /// For a file, which has no form that could say what is wrong.
    pub(super) fn filter(&self) -> Result<LedgerFilter, Error> {
        let mut errors = Errors::new();
        let filter = self.read(&mut errors)?;
        if errors.is_empty() { Ok(filter) } else { Err(Error::Invalid(errors.iter().cloned().collect())) }
    }

    fn address(&self) -> String {
        let fields = [
            ("task", &self.task),
            ("project", &self.project),
            ("squad", &self.squad),
            ("agent", &self.agent),
            ("model", &self.model),
            ("kind", &self.kind),
            ("from", &self.from),
            ("to", &self.to),
            ("day", &self.day),
        ];
        let set = fields.iter().filter(|(_, value)| !value.trim().is_empty());
        set.map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
    }

    fn typed(self) -> Filter {
        let or_day = |text: String| if text.is_empty() { self.day.clone() } else { text };
        Filter {
            from: or_day(self.from),
            to: or_day(self.to),
            task: self.task,
            project: self.project,
            squad: self.squad,
            agent: self.agent,
            model: self.model,
            kind: self.kind,
        }
    }
}

fn chosen<I: std::str::FromStr>(text: &str) -> Result<Option<I>, Error> {
    (!text.is_empty()).then(|| id(text)).transpose()
}

pub(crate) async fn ledger(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(query): Query<LedgerQuery>,
) -> Answer {
    let mut errors = Errors::new();
    let filter = query.read(&mut errors)?;
    let entries = if errors.is_empty() { Some(app.muster.ledger(&member, &filter, PAGE).await?) } else { None };
    let shell = below(&app, &member, "Ledger").await?;
    let data = Ledger {
        choices: choices(&app, &member).await?,
        pages: entries.as_ref().map(|entries| pages(&member, &query, entries)),
        query: query.address(),
        entries: entries.unwrap_or_default(),
        filter: query.typed(),
        errors,
    };
    let page = view::page(&shell, &data);
    if data.errors.is_empty() { html(page) } else { again(page) }
}

/// What may stand in the ledger, with what is archived.
async fn choices(app: &App, member: &Inside<ReadBudgets>) -> Result<Choices, Failure> {
    let parts = app.muster.ledger_parts(member).await?;
    let list = |first: &str, id: fn(&Subject) -> Option<String>| {
        let rest = parts.iter().filter_map(|part| Some(Choice::new(id(&part.subject)?, &part.name)));
        std::iter::once(Choice::new("", first)).chain(rest).collect()
    };
    Ok(Choices {
        projects: list("All projects", |subject| Some(subject.project?.to_string())),
        squads: list("All squads", |subject| Some(subject.squad.filter(|_| subject.agent.is_none())?.to_string())),
        agents: list("All agents", |subject| Some(subject.agent?.to_string())),
    })
}

fn pages(member: &Inside<ReadBudgets>, query: &LedgerQuery, entries: &[LedgerEntry]) -> Pages {
    let filter = query.address();
    let full = i64::try_from(entries.len()).is_ok_and(|count| count == PAGE);
    let older = entries.last().filter(|_| full).map(|entry| entry.place);
    let count = entries.len();
    Pages {
        shown: if count == 1 { "1 row".to_owned() } else { format!("{count} rows") },
        newer: query.before.as_ref().map(|_| member.link(&format!("/budgets/ledger?{filter}"))),
        older: older.map(|place| member.link(&format!("/budgets/ledger?{filter}&before={place}"))),
    }
}
