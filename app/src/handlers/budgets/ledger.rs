use axum::extract::{Query, State};
use orchestrator::{
    Error,
    budgets::{EntryKind, LedgerEntry, LedgerFilter},
    grants::ReadBudgets,
};
use serde::Deserialize;
use time::{Date, macros::format_description};

use super::{Answer, below, html};
use crate::{
    components::{pagination::Pages, select::Choice},
    failure::{Failure, encode},
    pages::budgets::ledger::{self as view, Filter, Ledger},
    request::Inside,
    state::App,
};

/// Entries of a page.
const PAGE: i64 = 50;

#[derive(Deserialize)]
pub(crate) struct LedgerQuery {
    #[serde(default)]
    task: String,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    day: String,
    before: Option<String>,
}

impl LedgerQuery {
    /// What can be read of it; a field that means nothing filters nothing.
    pub(super) fn filter(&self) -> Result<LedgerFilter, Error> {
        let model = self.model.trim();
        Ok(LedgerFilter {
            task: self.task.trim().trim_start_matches('#').parse().ok(),
            agent: self.agent.parse().ok(),
            model: (!model.is_empty()).then(|| model.to_owned()),
            kind: EntryKind::parse(&self.kind),
            day: Date::parse(self.day.trim(), format_description!("[year]-[month]-[day]")).ok(),
            before: self.before.as_deref().map(str::parse).transpose()?,
        })
    }

    fn address(&self) -> String {
        let fields = [
            ("task", &self.task),
            ("agent", &self.agent),
            ("model", &self.model),
            ("kind", &self.kind),
            ("day", &self.day),
        ];
        let set = fields.iter().filter(|(_, value)| !value.trim().is_empty());
        set.map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
    }
}

pub(crate) async fn ledger(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(query): Query<LedgerQuery>,
) -> Answer {
    let entries = app.muster.ledger(&member, &query.filter()?, PAGE).await?;
    let shell = below(&app, &member, "Ledger").await?;
    let data = Ledger {
        agents: agents(&app, &member).await?,
        pages: pages(&member, &query, &entries),
        query: query.address(),
        entries,
        filter: Filter { task: query.task, agent: query.agent, model: query.model, kind: query.kind, day: query.day },
    };
    html(view::page(&shell, &data))
}

/// Agents by squad, as far as the person may see squads.
async fn agents(app: &App, member: &Inside<ReadBudgets>) -> Result<Vec<Choice>, Failure> {
    let mut choices = vec![Choice::new("", "All agents")];
    if let Some(manage) = member.also() {
        let parts = app.muster.budget_parts(&manage).await?;
        choices
            .extend(parts.into_iter().filter_map(|part| Some(Choice::new(part.subject.agent?.to_string(), part.name))));
    }
    Ok(choices)
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
