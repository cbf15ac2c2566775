//! What programs in the sandbox of a run are answered: model calls by the run's own key, and its project's repository to read.

use std::{collections::BTreeMap, convert::Infallible};

use axum::{
    Router,
    body::Body,
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use orchestrator::runs::Inside;
use sandbox::egress::{self, Service};
use tower::ServiceExt;
use types::{ProjectId, RunId, TeamId};

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
pub struct Answers(Router);

impl Answers {
    #[must_use]
    pub fn new(app: App) -> Self {
        Self(router(app))
    }
}

impl Inside for Answers {
    fn service(&self, team: TeamId, run: RunId) -> Service {
        let router = self.0.clone();
        Service::new(move |request| answer(router.clone(), FromRun { team, run }, request))
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

async fn answer(router: Router, from: FromRun, request: http::Request<egress::Body>) -> http::Response<egress::Body> {
    let mut request = request.map(|body| Body::new(Limited::new(body, llm::LONGEST_REQUEST)));
    request.extensions_mut().insert(from);
    let answered: Result<Response, Infallible> = router.oneshot(request).await;
    let Ok(response) = answered;
    response.map(|body| body.map_err(Into::into).boxed_unsync())
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
        let answers = Answers(Router::new());
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
}
