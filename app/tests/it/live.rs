use std::time::Duration;

use futures::StreamExt as _;
use http::StatusCode;
use orchestrator::work::{NewTask, Source};

use crate::client::{Browser, Site};

/// The stream of a page, read piece by piece.
struct Stream {
    body: axum::body::BodyDataStream,
    read: String,
}

impl Stream {
    async fn open(browser: &Browser, site: &Site, path: &str) -> Self {
        let response = browser.open(site, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let kind = response.headers()["content-type"].to_str().expect("a kind");
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self { body: response.into_body().into_data_stream(), read: String::new() }
    }

    /// The next message that draws something.
    async fn next(&mut self) -> Option<String> {
        let reading = async {
            loop {
                if let Some(end) = self.read.find("\n\n") {
                    let message: String = self.read.drain(..end + 2).collect();
                    if message.contains("event: patch") {
                        return Some(message);
                    }
                    continue;
                }
                match self.body.next().await {
                    Some(piece) => self.read.push_str(&String::from_utf8_lossy(&piece.expect("a piece"))),
                    None => return None,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(40), reading).await.expect("in time")
    }
}

/// A team with a project and a task, and somebody who passes on what happens.
async fn at_work(site: &Site) -> (Browser, String, tokio::task::JoinHandle<()>) {
    let mut mira = Browser::sign_up(site, "Mira", "Quayside").await;
    let muster = site.world.muster.clone();
    let hearing = tokio::spawn(async move {
        if let Err(error) = muster.hear_runs().await {
            panic!("{error}");
        }
    });
    let page = mira.post(site, "/quayside/projects", "source=empty&name=ledger").await;
    mira.post(site, &format!("{}/tasks", page.location), "line=first").await;
    (mira, page.location, hearing)
}

#[tokio::test]
async fn a_board_and_the_dashboard_are_told_what_changed_and_nothing_else() {
    let site = Site::open().await;
    let (mut mira, board, hearing) = at_work(&site).await;
    let mut cards = Stream::open(&mira, &site, &format!("{board}/live?q=first")).await;
    let mut dashboard = Stream::open(&mira, &site, "/quayside/live").await;
    let whole = cards.next().await.expect("the board as it is");
    assert!(whole.contains("cards-TODO") && whole.contains("/quayside/tasks/1"), "{whole}");
    assert!(dashboard.next().await.expect("the dashboard").contains("all-tasks"));

    // Another team's work is nobody's business.
    let mut hanna = Browser::sign_up(&site, "Hanna", "Harbour").await;
    let page = hanna.post(&site, "/harbour/projects", "source=empty&name=secret").await;
    hanna.post(&site, &format!("{}/tasks", page.location), "line=first+of+theirs").await;
    mira.post(&site, "/quayside/tasks/1/move", "to=BLOCKED").await;
    let change = cards.next().await.expect("the move");
    assert!(change.contains("cards-BLOCKED") && change.contains("count-TODO"), "{change}");
    assert!(!change.contains("cards-IN_REVIEW") && !change.contains("theirs"), "{change}");
    let change = dashboard.next().await.expect("the move");
    assert!(change.contains("Blocked") && !change.contains("theirs") && !change.contains("all-projects"), "{change}");
    hearing.abort();
    site.end().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_session_or_the_permission() {
    let site = Site::open().await;
    let (mut mira, board, hearing) = at_work(&site).await;
    let jonas = Browser::sign_up(&site, "Jonas", "Harbour").await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let signed_in = site.world.sign_in("Jonas").await;
    site.world.join(&owner, &signed_in, "reader").await;
    let path = format!("{board}/live");
    let mut theirs = Stream::open(&jonas, &site, &path).await;
    let mut mine = Stream::open(&mira, &site, &path).await;
    for stream in [&mut theirs, &mut mine] {
        stream.next().await.expect("the board");
    }
    site.world.muster.remove_member(&owner.can().expect("owner"), signed_in.user.id).await.expect("removed");
    mira.post(&site, "/sign-out", "").await;
    let project = site
        .world
        .muster
        .create_project(&owner.can().expect("owner"), "other", &Source::Empty)
        .await
        .expect("a project");
    site.world.muster.create_task(&owner.can().expect("owner"), project, &NewTask::titled("x")).await.expect("a task");
    assert_eq!(theirs.next().await, None, "who was removed hears nothing more");
    assert_eq!(mine.next().await, None, "who signed out hears nothing more");
    hearing.abort();
    site.end().await;
}
