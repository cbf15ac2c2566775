//! The stream of a run: what happens is sent as the page would draw it.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Path, Query, State},
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use http::HeaderMap;
use orchestrator::{
    Error,
    grants::ReadTasks,
    runs::{Half, RunView, TypingWatch, Watch},
};
use serde::Deserialize;
use serde_json::json;
use types::Permission;

use super::{
    fold::{Change, Fold},
    gather::{HeadForm, Seen, may, now, step},
    pages::Number,
};
use crate::{
    handlers::{Answer, shell},
    layout::shell::{Section, Shell},
    pages::task::{
        actions_fragment, cost_fragment,
        entry::{Place, entry_fragment},
        facts_fragment, held_fragment,
        plan::plan_fragment,
        revert_fragment, state_fragment,
        steps::steps_fragment,
        stream::typing_fragment,
    },
    request::Inside,
    state::App,
};

/// Lines read at once.
const BATCH: i64 = 500;
/// A look at the rows although nobody called: the notification may have been lost with its connection.
const LOOK: Duration = Duration::from_secs(15);
/// Between two messages, so that a flood is drawn at most ten times a second.
const CALM: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
pub(crate) struct From {
    after: Option<i64>,
}

struct Streaming {
    app: App,
    member: Inside<ReadTasks>,
    shell: Shell,
    number: i32,
    run: RunView,
    watch: Watch,
    typing: TypingWatch,
    /// What the browser was last shown of answers that are being written.
    halves: Vec<Half>,
    /// Whether the rows may have something new.
    stale: bool,
    fold: Fold,
    /// The last line that the fold has.
    read: i64,
    /// The last line that the browser has.
    sent: i64,
    ended: bool,
}

pub(crate) async fn live(
    member: Inside<ReadTasks>,
    State(app): State<App>,
    Path((_, number)): Number,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Answer {
    let seen = Seen::load(&app, &member, number).await?;
    let run = seen.run.ok_or(Error::NotFound)?;
    let shell = shell::inside(&app, &member, Section::Other, "").await?;
    // What the browser itself remembers is newer than what the page was loaded with.
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let sent = resumed.or(from.after).unwrap_or(0);
    let fold = Fold::new(may(member.scope(), Permission::ExecuteRuns));
    // Watching begins before the first look, so that nothing falls between.
    let watch = app.muster.watch(run.id);
    let typing = app.muster.watch_typing(run.id);
    let leaving = app.leaving.clone().cancelled_owned();
    let state = Streaming {
        app,
        member,
        shell,
        number,
        run,
        watch,
        typing,
        halves: Vec::new(),
        stale: true,
        fold,
        read: 0,
        sent,
        ended: false,
    };
    let keep = KeepAlive::new().interval(LOOK).text("still here");
    Ok(Sse::new(events(state).take_until(leaving)).keep_alive(keep).into_response())
}

fn events(state: Streaming) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(state, |mut state| async move {
        if state.ended {
            return None;
        }
        let event = state.next().await;
        Some((Ok(event), state))
    })
}

impl Streaming {
    /// The next message: what is new, drawn; or the word that nothing more comes.
    async fn next(&mut self) -> Event {
        loop {
            let found = if self.stale { self.look().await } else { self.look_at_halves().await };
            match found {
                Ok(Some(event)) => return event,
                Ok(None) if self.stale && self.run.state.alive() => {
                    self.stale = false;
                    continue;
                }
                Ok(None) if self.stale => {
                    self.ended = true;
                    return Event::default().event("end").data("{}");
                }
                Ok(None) => {}
                Err(error) => {
                    // The browser connects again, and finds out whether it still may.
                    tracing::debug!(%error, "a stream ends");
                    self.ended = true;
                    return Event::default().comment("bye");
                }
            }
            tokio::select! {
                () = self.watch.heard() => {
                    tokio::time::sleep(CALM).await;
                    self.stale = true;
                }
                () = self.typing.heard() => {
                    tokio::time::sleep(CALM).await;
                    self.stale = self.watch.heard().now_or_never().is_some();
                }
                () = tokio::time::sleep(LOOK) => self.stale = true,
            }
        }
    }

    async fn look(&mut self) -> orchestrator::Result<Option<Event>> {
        self.member.renew(&self.app).await?;
        let can = self.member.scope().can::<ReadTasks>()?;
        let mut drawn = Vec::new();
        loop {
            let lines = self.app.muster.journal(&can, self.run.id, self.read, BATCH).await?;
            let Some(last) = lines.last().map(|line| line.seq) else { break };
            for line in &lines {
                for change in self.fold.take(line) {
                    if line.seq > self.sent {
                        drawn.extend(self.draw(&change));
                    }
                }
            }
            self.read = last;
        }
        let run = self.app.muster.run(&can, self.run.id).await?;
        let changed = run.state != self.run.state || run.steps.len() != self.run.steps.len() || self.read > self.sent;
        self.run = run;
        if !changed {
            return Ok(None);
        }
        drawn.extend(self.surroundings().await?);
        drawn.extend(self.new_halves());
        self.sent = self.sent.max(self.read);
        let data = serde_json::Value::from(drawn).to_string();
        Ok(Some(Event::default().id(self.sent.to_string()).event("entry").data(data)))
    }

    /// Only what is being written, while the rows have nothing new.
    async fn look_at_halves(&mut self) -> orchestrator::Result<Option<Event>> {
        let Some(drawn) = self.new_halves() else { return Ok(None) };
        self.member.renew(&self.app).await?;
        // Without a number: a browser that connects again is told of the journal from where it was, and of this anew.
        let data = serde_json::Value::from(vec![drawn]).to_string();
        Ok(Some(Event::default().event("patch").data(data)))
    }

    fn new_halves(&mut self) -> Option<serde_json::Value> {
        let now = self.typing.now();
        if now == self.halves {
            return None;
        }
        let written: Vec<_> = now.iter().map(|half| (half.agent.as_str(), half.text.as_str())).collect();
        let html = typing_fragment(&written);
        self.halves = now;
        Some(json!({ "target": "typing", "place": "replace", "html": html }))
    }

    fn draw(&self, change: &Change) -> Option<serde_json::Value> {
        let base = self.shell.link(&format!("/tasks/{}", self.number));
        let place = Place { base: &base, now: now(&self.app) };
        let (at, how) = match change {
            Change::Added(at) => (*at, "append"),
            Change::Changed(at) => (*at, "replace"),
        };
        let entry = self.fold.entries.get(at)?;
        let target = if how == "append" { "stream".to_owned() } else { format!("e-{}", entry.seq) };
        Some(json!({ "target": target, "place": how, "html": entry_fragment(entry, place) }))
    }

    /// What stands around the stream: state, plan, steps, cost.
    async fn surroundings(&self) -> orchestrator::Result<Vec<serde_json::Value>> {
        let can = self.member.scope().can::<ReadTasks>()?;
        let task = self.app.muster.task(&can, self.number).await?;
        let seen = Seen { task, run: Some(self.run.clone()) };
        let Ok(head) = seen.head(&self.app, &self.member, HeadForm::default()).await else { return Ok(Vec::new()) };
        let steps: Vec<_> = self.run.steps.iter().map(step).collect();
        let whole = |target: &str, html: String| json!({ "target": target, "place": "replace", "html": html });
        Ok(vec![
            whole("task-state", state_fragment(&head)),
            whole("task-actions", actions_fragment(&self.shell, &head)),
            whole("task-facts", facts_fragment(&self.shell, &head)),
            whole("task-held", held_fragment(&self.shell, &head)),
            whole("task-revert", revert_fragment(&self.shell, &head)),
            whole("plan", plan_fragment(&seen.plan())),
            whole("steps", steps_fragment(&steps, now(&self.app))),
            whole("cost", cost_fragment(&head, None)),
        ])
    }
}
