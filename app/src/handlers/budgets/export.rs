//! The ledger for other programs, as a stream: it may be longer than memory.

use std::io;

use axum::{
    body::Body,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use orchestrator::{
    Can,
    budgets::{LedgerEntry, LedgerFilter},
    grants::ReadBudgets,
};
use time::format_description::well_known::Rfc3339;
use types::MicroUsd;

use super::{Answer, ledger::LedgerQuery};
use crate::{handlers::csv::cell, request::Inside, state::App};

/// Entries read at once.
const PIECE: i64 = 1000;

const COLUMNS: &str = "time,entry,call,project,project_id,task,run,squad,squad_id,agent,agent_id,role,provider,model,held_usd,cost_usd,counted_usd,input_uncached,\
                       input_cache_read,input_cache_write,output,reasoning,estimated,price_source\r\n";

pub(crate) async fn csv(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(query): Query<LedgerQuery>,
) -> Answer {
    let kind =
        [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, r#"attachment; filename="ledger.csv""#)];
    let body = rows(&app, (*member).clone(), query.filter()?, COLUMNS, csv_line);
    Ok((kind, body).into_response())
}

pub(crate) async fn json_lines(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(query): Query<LedgerQuery>,
) -> Answer {
    let kind = [(CONTENT_TYPE, "application/jsonl"), (CONTENT_DISPOSITION, r#"attachment; filename="ledger.jsonl""#)];
    Ok((kind, rows(&app, (*member).clone(), query.filter()?, "", json_line)).into_response())
}

fn rows(
    app: &App,
    can: Can<ReadBudgets>,
    filter: LedgerFilter,
    head: &'static str,
    line: fn(&LedgerEntry) -> String,
) -> Response {
    let begin = (app.clone(), can, Some(filter), head);
    let pieces = stream::try_unfold(begin, move |(app, can, filter, head)| async move {
        let Some(filter) = filter else { return Ok::<_, io::Error>(None) };
        let entries = app.muster.ledger(&can, &filter, PIECE).await.map_err(io::Error::other)?;
        let full = i64::try_from(entries.len()).is_ok_and(|count| count == PIECE);
        let next = entries.last().filter(|_| full).map(|entry| LedgerFilter { before: Some(entry.place), ..filter });
        let text = std::iter::once(head.to_owned()).chain(entries.iter().map(line)).collect::<String>();
        Ok(Some((text, (app, can, next, ""))))
    });
    Body::from_stream(pieces).into_response()
}

fn moment(entry: &LedgerEntry) -> String {
    entry.at.format(&Rfc3339).unwrap_or_default()
}

fn csv_line(entry: &LedgerEntry) -> String {
    let dollars = |amount: Option<MicroUsd>| amount.map(|amount| amount.dollars(6)).unwrap_or_default();
    let used = entry.used.as_ref();
    let count = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let cells = [
        moment(entry),
        entry.kind.as_str().to_owned(),
        entry.reservation.to_string(),
        cell(entry.project.as_deref().unwrap_or_default()),
        entry.project_id.map(|id| id.to_string()).unwrap_or_default(),
        count(entry.task.as_ref().map(|(number, _)| i64::from(*number))),
        entry.run.map(|run| run.to_string()).unwrap_or_default(),
        cell(entry.squad.as_deref().unwrap_or_default()),
        entry.squad_id.map(|id| id.to_string()).unwrap_or_default(),
        cell(entry.agent.as_deref().unwrap_or_default()),
        entry.agent_id.map(|id| id.to_string()).unwrap_or_default(),
        cell(entry.role.as_deref().unwrap_or_default()),
        cell(&entry.provider),
        cell(&entry.model),
        entry.held.dollars(6),
        dollars(used.and_then(|used| used.cost)),
        dollars(used.map(|used| used.counted)),
        count(used.map(|used| used.uncached)),
        count(used.map(|used| used.cache_read)),
        count(used.map(|used| used.cache_write)),
        count(used.map(|used| used.output)),
        count(used.map(|used| used.reasoning)),
        used.map(|used| used.estimated.to_string()).unwrap_or_default(),
        cell(used.map(|used| used.price_source.as_str()).unwrap_or_default()),
    ];
    cells.join(",") + "\r\n"
}

fn json_line(entry: &LedgerEntry) -> String {
    let used = entry.used.as_ref().map(|used| {
        serde_json::json!({
            "cost_micro_usd": used.cost,
            "counted_micro_usd": used.counted,
            "input_uncached": used.uncached,
            "input_cache_read": used.cache_read,
            "input_cache_write": used.cache_write,
            "output": used.output,
            "reasoning": used.reasoning,
            "estimated": used.estimated,
            "price_source": used.price_source,
        })
    });
    let line = serde_json::json!({
        "time": moment(entry),
        "entry": entry.kind.as_str(),
        "call": entry.reservation,
        "project": entry.project,
        "project_id": entry.project_id,
        "task": entry.task.as_ref().map(|(number, _)| number),
        "run": entry.run,
        "squad": entry.squad,
        "squad_id": entry.squad_id,
        "agent": entry.agent,
        "agent_id": entry.agent_id,
        "role": entry.role,
        "provider": entry.provider,
        "model": entry.model,
        "held_micro_usd": entry.held,
        "used": used,
    });
    format!("{line}\n")
}
