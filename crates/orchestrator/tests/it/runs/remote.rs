//! A repository elsewhere that lets nobody in without a user name and a token.

use std::{
    io::Cursor,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use forge::{Exchange, PushRules, Repository, Service, Signature};
use futures::stream;
use orchestrator::{
    runs::RunState,
    squads::Template,
    work::{RepositoryCredential, Source},
};
use time::macros::datetime;
use tokio::net::TcpListener;

use super::{failover::git, yard::Yard};

/// Git's smart HTTP over one repository, behind a user name and a token.
struct Host {
    folder: PathBuf,
    authorization: String,
    lost: Lost,
}

/// Where connections end too early, each once.
type Lost = Arc<Mutex<Vec<Loss>>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Before anything is sent.
    Fetch,
    /// Before the pushed commits are taken.
    Push,
    /// When they are taken, and before that is said.
    Pushed,
}

impl Host {
    fn loses(&self, loss: Loss) -> bool {
        let mut lost = self.lost.lock().expect("nobody panicked");
        let at = lost.iter().position(|one| *one == loss);
        at.map(|at| lost.remove(at)).is_some()
    }
}

/// An answer that ends in its middle.
fn cut_off() -> Response {
    let ended: Result<Bytes, _> = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    Response::new(Body::from_stream(stream::once(std::future::ready(ended))))
}

async fn answer(State(host): State<Arc<Host>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if header("authorization").as_deref() != Some(&host.authorization) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.headers_mut().insert("www-authenticate", "Basic realm=\"git\"".parse().expect("a value"));
        return response;
    }
    let path = parts.uri.path().strip_prefix("/parcels.git").expect("the repository").to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let service = Service::of(parts.method.as_str(), &path, &query);
    let pushes = path.ends_with("git-receive-pack");
    if (service == Some(Service::Fetch) && host.loses(Loss::Fetch)) || (pushes && host.loses(Loss::Push)) {
        return cut_off();
    }
    let body: Bytes = axum::body::to_bytes(body, 1 << 26).await.expect("a body");
    let exchange = Exchange {
        method: parts.method.to_string(),
        path,
        query,
        content_type: header("content-type"),
        content_length: Some(body.len() as u64),
        content_encoding: header("content-encoding"),
        protocol: header("git-protocol"),
        user: "ada".into(),
        push: (service == Some(Service::Push)).then_some(PushRules { max_bytes: 1 << 26, protected: None }),
    };
    let repository = Repository::open(&host.folder).expect("a repository");
    let served = repository.serve(exchange, Cursor::new(body.to_vec())).await.expect("served");
    if pushes && host.loses(Loss::Pushed) {
        // Taken when the answer is read to its end.
        axum::body::to_bytes(Body::from_stream(served.body), 1 << 26).await.expect("an answer");
        return cut_off();
    }
    let mut headers = HeaderMap::new();
    for (name, value) in served.headers {
        headers.insert(name.parse::<axum::http::HeaderName>().expect("a name"), value.parse().expect("a value"));
    }
    let mut response = Response::new(Body::from_stream(served.body));
    *response.status_mut() = StatusCode::from_u16(served.status).expect("a status");
    *response.headers_mut() = headers;
    response
}

/// A repository with the sample's code and its address.
async fn host(yard: &Yard, token: &str) -> (Repository, String, Lost) {
    let files = yard.data.path().join("origin-files");
    for file in agents::sample::FILES {
        let path = files.join(file.path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, file.text).expect("written");
    }
    let folder = yard.data.path().join("origin.git");
    let author = Signature::new("Tove", "tove@example.org", datetime!(2026-11-20 12:00 UTC));
    let main = "main".parse().expect("a name");
    let made = Repository::import_files(&folder, &main, &files, &author, "Begin").await.expect("a repository");
    let authorization = format!("Basic {}", STANDARD.encode(format!("ada:{token}")));
    let lost = Lost::default();
    let router =
        Router::new().fallback(answer).with_state(Arc::new(Host { folder, authorization, lost: Arc::clone(&lost) }));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/parcels.git", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (made.0, url, lost)
}

fn credential(token: &str) -> RepositoryCredential {
    RepositoryCredential::parse("ada", token).expect("a credential").expect("one")
}

const TOKEN: &str = "glpat-abcdefghijklmnopq";

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_said_and_a_right_one_fetches_pushes_and_merges() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (origin, url, _) = host(&yard, TOKEN).await;
    let can = yard.scope.can().expect("may");
    let wrong = credential("glpat-thisisnotthetoken");
    let project =
        muster.create_project_with(&can, "Parcels", &Source::Git { url }, Some(&wrong)).await.expect("a project");
    let task = yard.task_in(project, Template::Full).await;
    let engine = yard.work().await;
    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a run");
    let failed = yard.until(task, |run| !run.state.alive()).await;
    let (sentence, remedy) = failed.failure.clone().expect("a reason");
    assert!(failed.state == RunState::Failed && sentence.contains("refused the user name or the token"), "{sentence}");
    assert!(remedy.contains("project's settings"), "{remedy}");

    muster.keep_credential(&can, project, &credential(TOKEN)).await.expect("replaced");
    let shown = muster.project(&yard.scope.can().expect("may"), project).await.expect("a project").credential;
    assert_eq!(shown.map(|hint| (hint.user, hint.hint)), Some(("ada".to_owned(), "glpat-…nopq".to_owned())));
    let waiting = yard.reviewable(task).await;
    let branch = waiting.branch.clone().expect("a branch");
    let pushed = origin.branch(&branch.parse().expect("a name")).await.expect("the origin");
    assert!(pushed.is_some(), "{branch} is at the origin");
    let merged = yard.approve(task, &waiting).await;
    let merge = merged.merge.clone().unwrap_or_else(|| panic!("merged: {merged:#?}"));
    assert_eq!(origin.resolve("main").await.expect("a branch").to_string(), merge.commit);

    let undo = muster.revert(&yard.scope.can().expect("may"), merged.id).await.expect("taken back");
    assert_eq!(origin.resolve("main").await.expect("a branch").to_string(), undo);
    muster.remove_credential(&can, project).await.expect("removed");
    assert!(secrets(&yard).await.is_empty(), "nothing is left of either token");
    found_nowhere(&yard);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_goes_on_where_connections_end_too_early() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (origin, url, lost) = host(&yard, TOKEN).await;
    let can = yard.scope.can().expect("may");
    let source = Source::Git { url };
    let project =
        muster.create_project_with(&can, "Parcels", &source, Some(&credential(TOKEN))).await.expect("a project");
    let task = yard.task_in(project, Template::Full).await;
    let engine = yard.work().await;
    let waiting = yard.reviewable(task).await;
    lost.lock().expect("nobody panicked").extend([Loss::Fetch, Loss::Push, Loss::Pushed]);
    let merged = yard.approve(task, &waiting).await;
    let merge = merged.merge.clone().unwrap_or_else(|| panic!("merged: {merged:#?}"));
    assert!(lost.lock().expect("nobody panicked").is_empty(), "each was tried again");
    assert_eq!(origin.resolve("main").await.expect("a branch").to_string(), merge.commit);
    assert_eq!(git(origin.path(), &["rev-list", "--merges", "--count", "main"]), "1", "one merge");
    assert_eq!(merged.steps.iter().filter(|step| step.kind == "merge").count(), 1, "in one step");
    engine.shut_down().await;
}

async fn secrets(yard: &Yard) -> Vec<String> {
    let mut all = yard.world.superuser().await;
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT purpose FROM secrets").fetch_all(&mut all).await.expect("the rows");
    rows.into_iter().map(|row| row.0).collect()
}

/// Git's own files do not hold the token.
fn found_nowhere(yard: &Yard) {
    let mut folders = vec![yard.data.path().join("repositories")];
    let coded = STANDARD.encode(format!("ada:{TOKEN}"));
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
                assert!(!text.contains(TOKEN) && !text.contains(&coded), "{}", path.display());
            }
        }
    }
}
