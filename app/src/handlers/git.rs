//! Git clients: clone, fetch and push over HTTP, proven by an access token; and programs in a run's sandbox, which clone and
//! fetch their project.

use std::io;

use axum::{
    Extension,
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use forge::{Exchange, GitError, PushRules, Service};
use futures::TryStreamExt;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT, WWW_AUTHENTICATE},
    request::Parts,
};
use orchestrator::{
    Code, Error, Grant, Origin, Scope,
    grants::{ReadFiles, WriteFiles},
};
use serde::Deserialize;
use tokio_util::io::StreamReader;
use types::Permission;
use uuid::Uuid;

use crate::{
    failure::{Failure, ForPrograms},
    from_run::FromRun,
    request::{ClientAddr, RequestId},
    state::App,
};

/// The largest push, in bytes.
const MAX_PUSH: u64 = 2 << 30;

#[derive(Deserialize)]
pub(crate) struct RepositoryPath {
    team: String,
    repository: String,
}

/// Answers each request of a clone, a fetch or a push.
pub(crate) async fn exchange(State(app): State<App>, Path(path): Path<RepositoryPath>, request: Request) -> Response {
    finish(answer(&app, &path, request).await)
}

/// Answers a clone or a fetch out of a run's sandbox, of the run's own project. No token is asked for: the sandbox's socket
/// says whose request it is.
pub(crate) async fn fetch(
    State(app): State<App>,
    Extension(from): Extension<FromRun>,
    Path(repository): Path<String>,
    request: Request,
) -> Response {
    finish(answer_run(&app, from, &repository, request).await)
}

fn finish(answer: Result<Response, Error>) -> Response {
    let mut response = match answer {
        Ok(response) => response,
        Err(Error::SignedOut) => {
            let challenge = HeaderValue::from_static("Basic realm=\"Muster\", charset=\"UTF-8\"");
            let text = "Enter any user name, and an access token of this team as the password.\n";
            (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)], text).into_response()
        }
        Err(error @ (Error::Internal(_) | Error::Unreachable(_))) => return Failure::from(error).into_response(),
        Err(error) => {
            let told = error.for_user();
            let status = StatusCode::from_u16(told.situation.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, format!("{}\n", told.message)).into_response()
        }
    };
    response.extensions_mut().insert(ForPrograms);
    response
}

async fn answer(app: &App, path: &RepositoryPath, request: Request) -> Result<Response, Error> {
    // A body may not be shared between threads, so it stands apart from what is asked about.
    let (request, body) = request.into_parts();
    let token = token(&request.headers).ok_or(Error::SignedOut)?;
    let (service, tail) = service(&request).ok_or(Error::NotFound)?;
    let scope = app.muster.enter_by_token(&token, &path.team, origin(&request)).await?;
    let code = app.muster.code(&permitted::<ReadFiles>(app, &scope, &request).await?, name(&path.repository)).await?;
    let push = match service {
        Service::Fetch => None,
        Service::Push => Some(rules(app, &scope, &code, &request).await?),
    };
    transfer(&code, (request, body), tail, scope.user()?.to_string(), push).await
}

async fn answer_run(app: &App, from: FromRun, repository: &str, request: Request) -> Result<Response, Error> {
    let (request, body) = request.into_parts();
    let (service, tail) = service(&request).ok_or(Error::NotFound)?;
    let code = app.muster.code_of_run(from.team, from.run, name(repository)).await?;
    if matches!(service, Service::Push) {
        return Err(Error::Refused(
            "Nothing can be pushed out of a sandbox. What is changed in the workspace is delivered when the run ends."
                .into(),
        ));
    }
    transfer(&code, (request, body), tail, from.run.to_string(), None).await
}

fn name(repository: &str) -> &str {
    repository.strip_suffix(".git").unwrap_or(repository)
}

/// Lets git answer, and passes on what it says as it says it.
async fn transfer(
    code: &Code,
    (request, body): (Parts, Body),
    tail: String,
    user: String,
    push: Option<PushRules>,
) -> Result<Response, Error> {
    let exchange = Exchange {
        method: request.method.to_string(),
        path: tail,
        query: request.uri.query().unwrap_or_default().to_owned(),
        content_type: text(&request.headers, &CONTENT_TYPE),
        content_length: text(&request.headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        content_encoding: text(&request.headers, &CONTENT_ENCODING),
        protocol: text(&request.headers, &HeaderName::from_static("git-protocol")),
        user,
        push,
    };
    let body = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    let served = code.repository.serve(exchange, body).await.map_err(|error| match error {
        GitError::NotFound(_) => Error::NotFound,
        other => Error::Internal(Box::new(other)),
    })?;
    let mut response = Response::new(Body::from_stream(served.body));
    *response.status_mut() = StatusCode::from_u16(served.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in served.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// What is asked for, and the part of the path behind the repository.
fn service(request: &Parts) -> Option<(Service, String)> {
    let path = request.uri.path();
    let tail = ["/info/refs", "/git-upload-pack", "/git-receive-pack"].into_iter().find(|tail| path.ends_with(tail))?;
    let service = Service::of(request.method.as_str(), tail, request.uri.query().unwrap_or_default())?;
    Some((service, tail.to_owned()))
}

/// The permission of a token's holder; a refusal is written to the team's log.
async fn permitted<G: Grant>(app: &App, scope: &Scope, request: &Parts) -> Result<orchestrator::Can<G>, Error> {
    match scope.can::<G>() {
        Ok(can) => Ok(can),
        Err(denied) => {
            let asked_for = format!("{} {}", request.method, request.uri.path());
            app.muster.record_refusal(scope, G::PERMISSION, &asked_for).await?;
            Err(denied)
        }
    }
}

async fn rules(app: &App, scope: &Scope, code: &Code, request: &Parts) -> Result<PushRules, Error> {
    let can = permitted::<WriteFiles>(app, scope, request).await?;
    if code.copy {
        return Err(Error::Refused(
            "This is a copy of a repository elsewhere. Push to where it comes from; Muster fetches it from there."
                .into(),
        ));
    }
    if request.method == Method::POST {
        app.muster.record_push(&can, code).await?;
    }
    let may_rewrite = scope.permissions().contains(Permission::ManageTeam);
    Ok(PushRules { max_bytes: MAX_PUSH, protected: (!may_rewrite).then(|| code.default_branch.clone()) })
}

/// Git sends a token as the password of any user (RFC 7617); other programs as a bearer (RFC 6750).
fn token(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn origin(request: &Parts) -> Origin {
    Origin {
        request_id: request.extensions.get::<RequestId>().map_or_else(Uuid::now_v7, |id| id.0),
        ip: request.extensions.get::<ClientAddr>().map(|addr| addr.0),
        user_agent: text(&request.headers, &USER_AGENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_as_a_password_or_a_bearer() {
        let read = |value: &str| token(&HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]));
        assert_eq!(read(&format!("Basic {}", STANDARD.encode("ada:mst_x"))).as_deref(), Some("mst_x"));
        assert_eq!(read(&format!("basic {}", STANDARD.encode(":mst_x"))).as_deref(), Some("mst_x"));
        assert_eq!(read("Bearer mst_x").as_deref(), Some("mst_x"));
        for bad in ["Basic %%%", "Digest x", "mst_x", &format!("Basic {}", STANDARD.encode("mst_x"))] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
