//! Pages of a team that keep up with its work: what has changed of them is drawn again and sent.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response, Sse,
    sse::{Event, KeepAlive},
};
use futures::{Stream, StreamExt as _, future::BoxFuture, stream};
use orchestrator::{Grant, runs::TeamWatch};
use serde_json::json;

use crate::{failure::Failure, pages::Fragment, request::Inside, state::App};

/// A look although nobody called: a notification may be lost with its connection, and a permission may have been taken away.
const LOOK: Duration = Duration::from_secs(15);
/// Between two looks, so that a busy squad costs each watcher one a second.
const CALM: Duration = Duration::from_secs(1);

/// Draws the parts of a page that can change.
pub(super) trait Draw<G: Grant>: Send + 'static {
    fn draw<'a>(&'a self, app: &'a App, member: &'a Inside<G>) -> BoxFuture<'a, Result<Vec<Fragment>, Failure>>;
}

struct Following<G: Grant, D> {
    app: App,
    member: Inside<G>,
    page: D,
    watch: TeamWatch,
    /// What the browser has.
    sent: HashMap<String, String>,
    begun: bool,
    ended: bool,
}

/// Sends the page's parts, once at the beginning and then as they change, for as long as this person may see it and this
/// process stays.
pub(super) fn follow<G: Grant>(app: App, member: Inside<G>, page: impl Draw<G> + Sync) -> Response {
    // Watching begins before the first look, so that nothing falls between.
    let watch = app.muster.watch_team(member.scope());
    let leaving = app.leaving.clone().cancelled_owned();
    let state = Following { app, member, page, watch, sent: HashMap::new(), begun: false, ended: false };
    Sse::new(events(state).take_until(leaving))
        .keep_alive(KeepAlive::new().interval(LOOK).text("still here"))
        .into_response()
}

fn events<G: Grant, D: Draw<G> + Sync>(state: Following<G, D>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(state, |mut state| async move {
        if state.ended {
            return None;
        }
        let event = state.next().await;
        Some((Ok(event), state))
    })
}

impl<G: Grant, D: Draw<G>> Following<G, D> {
    async fn next(&mut self) -> Event {
        loop {
            if self.begun {
                tokio::select! {
                    () = self.watch.heard() => tokio::time::sleep(CALM).await,
                    () = tokio::time::sleep(LOOK) => {}
                }
                self.watch.catch_up();
            }
            self.begun = true;
            match self.look().await {
                Ok(changed) if changed.is_empty() => {}
                Ok(changed) => {
                    return Event::default().event("patch").data(serde_json::Value::from(changed).to_string());
                }
                Err(failure) => {
                    // The browser connects again, and finds out whether it still may.
                    tracing::debug!(?failure, "a stream ends");
                    self.ended = true;
                    return Event::default().comment("bye");
                }
            }
        }
    }

    async fn look(&mut self) -> Result<Vec<serde_json::Value>, Failure> {
        self.member.renew(&self.app).await?;
        let mut changed = Vec::new();
        for Fragment { target, html } in self.page.draw(&self.app, &self.member).await? {
            if self.sent.get(&target) != Some(&html) {
                changed.push(json!({ "target": target, "place": "replace", "html": html }));
                self.sent.insert(target, html);
            }
        }
        Ok(changed)
    }
}
