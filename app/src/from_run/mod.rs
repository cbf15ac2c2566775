//! What programs in the sandbox of a run are answered: model calls by the run's own key, and its project's repository to read.

mod bounds;

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::Body,
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header};
use http_body_util::{BodyExt, Limited};
use orchestrator::runs::Inside;
use sandbox::egress::{self, Service};
use tower::ServiceExt;
use types::{ProjectId, RunId, TeamId};

use self::bounds::{BOUNDS, Places, Runs, Use, timed};
use crate::{
    failure::{ForPrograms, words_for_failures},
    handlers::{git, llm},
    router::models,
    routes::Routes,
    state::App,
};

/// The run whose sandbox a request comes out of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FromRun {
    pub(crate) team: TeamId,
    pub(crate) run: RunId,
}

/// Answers requests out of sandboxes. Nothing but what stands in [`router`] is served there: no page, and nobody's session.
pub struct Answers {
    router: Router,
    runs: Runs,
}

impl Answers {
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { router: router(app), runs: Runs::new(BOUNDS) }
    }
}

impl Inside for Answers {
    fn service(&self, team: TeamId, run: RunId) -> Service {
        let (router, places) = (self.router.clone(), self.runs.places(run));
        let sending = self.runs.bounds.sending;
        Service::new(move |request: http::Request<egress::Body>| {
            let request = request.map(|body| Body::new(Limited::new(timed(body, sending), llm::LONGEST_REQUEST)));
            answer(router.clone(), Arc::clone(&places), FromRun { team, run }, request)
        })
    }

    /// The project's repository and, with a key of the run, what the clients of three vendors read.
    fn environment(&self, project: ProjectId, key: Option<&str>) -> BTreeMap<String, String> {
        let here = |path: &str| format!("{}{path}", sandbox::ORIGIN);
        let mut all = BTreeMap::from([("MUSTER_GIT_URL".to_owned(), here(&format!("/git/{project}.git")))]);
        let Some(key) = key else { return all };
        for (vendor, address, path) in [
            ("OPENAI", "OPENAI_BASE_URL", "/llm/openai/v1"),
            ("ANTHROPIC", "ANTHROPIC_BASE_URL", "/llm/anthropic"),
            ("GEMINI", "GOOGLE_GEMINI_BASE_URL", "/llm/gemini"),
        ] {
            all.insert(format!("{vendor}_API_KEY"), key.to_owned());
            all.insert(address.to_owned(), here(path));
        }
        all
    }
}

async fn answer(
    router: Router,
    places: Arc<Places>,
    from: FromRun,
    mut request: http::Request<Body>,
) -> http::Response<egress::Body> {
    let purpose = Use::of(request.uri().path());
    let Some(place) = places.take(purpose).await else {
        return busy(purpose, request.uri().path()).map(|body| body.map_err(Into::into).boxed_unsync());
    };
    request.extensions_mut().insert(from);
    let answered: Result<Response, Infallible> = router.oneshot(request).await;
    let Ok(response) = answered;
    // The place is free again when the answer is read, or nobody reads it.
    let held = move |frame| {
        let _place = &place;
        frame
    };
    response.map(|body| body.map_err(Into::into).map_frame(held).boxed_unsync())
}

/// All places of the run are taken, and were for a while.
fn busy(purpose: Use, path: &str) -> Response {
    match purpose {
        Use::Git => {
            let text = "This run asks git for too much at a time. Try again when some of it has ended.\n";
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")], text).into_response()
        }
        Use::Call => llm::too_many_at_once(path),
    }
}

fn router(app: App) -> Router {
    let (models, _table) = models(Routes::default()).build();
    models
        .route("/git/{repository}/info/refs", get(git::fetch))
        .route("/git/{repository}/git-upload-pack", post(git::fetch))
        .route("/git/{repository}/git-receive-pack", post(git::fetch))
        .fallback(nothing)
        .layer(from_fn(words_for_failures))
        .with_state(app)
}

async fn nothing() -> Response {
    let text = "Muster answers model calls under /llm/ and git under /git/ here, and nothing else.\n";
    let mut response = (StatusCode::NOT_FOUND, text).into_response();
    response.extensions_mut().insert(ForPrograms);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_key_a_command_is_told_of_the_repository_alone() {
        let project = ProjectId::new();
        let answers = Answers { router: Router::new(), runs: Runs::new(BOUNDS) };
        let told = answers.environment(project, None);
        assert_eq!(
            told.into_iter().collect::<Vec<_>>(),
            [("MUSTER_GIT_URL".to_owned(), format!("http://127.0.0.1:3128/git/{project}.git"))]
        );
        let told = answers.environment(project, Some("sk-1"));
        assert_eq!(told.len(), 7);
        assert_eq!(told["OPENAI_BASE_URL"], "http://127.0.0.1:3128/llm/openai/v1");
        assert_eq!(told["GEMINI_API_KEY"], "sk-1");
    }

    /// The status, how long to wait, and the answer.
    async fn ask(of: &(Router, Arc<Places>), path: &str) -> (u16, Option<String>, http::Response<egress::Body>) {
        let from = FromRun { team: TeamId::new(), run: RunId::new() };
        let request = http::Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = answer(of.0.clone(), Arc::clone(&of.1), from, request).await;
        let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), after, response)
    }

    #[tokio::test]
    async fn a_run_that_asks_for_too_much_at_a_time_waits_and_is_refused() {
        let bounds = bounds::Bounds { git: 1, calls: 1, wait: std::time::Duration::from_millis(20), ..BOUNDS };
        let router = Router::new().fallback(|| async { "told" });
        let (runs, run) = (Runs::new(bounds), RunId::new());
        let [one, other] = [runs.places(run), runs.places(run)].map(|places| (router.clone(), places));
        let (git, call) = ("/git/a.git/info/refs", "/llm/anthropic/v1/messages");
        let first = (ask(&one, git).await, ask(&one, call).await);
        assert_eq!((first.0.0, first.1.0), (200, 200));
        let (status, after, _) = ask(&other, git).await;
        assert_eq!((status, after.as_deref()), (503, Some("10")));
        let (status, after, response) = ask(&other, call).await;
        assert_eq!((status, after.as_deref()), (429, Some("10")));
        let said = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(said.contains("rate_limit_error"), "in the words of the client's vendor: {said}");
        drop(first);
        assert_eq!((ask(&other, git).await.0, ask(&other, call).await.0), (200, 200));
    }
}
