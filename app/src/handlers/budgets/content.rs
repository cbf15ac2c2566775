use axum::extract::{Path, State};
use http::{HeaderValue, header::CACHE_CONTROL};
use orchestrator::{
    Error,
    grants::{ReadBudgets, ReadFiles},
};
use serde::Deserialize;
use types::{Permission, ReservationId};

use super::{Answer, below, html, id};
use crate::{pages::budgets::content::page, request::Inside, state::App};

#[derive(Deserialize)]
pub(crate) struct CallPath {
    call: String,
}

/// What was asked and answered in one call. Who reads it is written down, so it stays in no cache.
pub(crate) async fn content(member: Inside<ReadBudgets>, State(app): State<App>, Path(path): Path<CallPath>) -> Answer {
    let call: ReservationId = id(&path.call)?;
    let files = member.also::<ReadFiles>().ok_or(Error::Denied(Permission::ReadFiles))?;
    let content = app.muster.call_content(&member, &files, call).await?;
    let shell = below(&app, &member, "A model call").await?;
    let mut answer = html(page(&shell, &content))?;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}
