use std::time::Duration;

use futures::StreamExt as _;
use http::StatusCode;
use orchestrator::{
    Scope,
    squads::Template,
    work::{NewTask, Source},
};
use types::RunId;

use crate::client::{Browser, Site};

/// The stream of a page, read piece by piece.
struct Stream {
    body: axum::body::BodyDataStream,
    read: String,
}

impl Stream {
    async fn open(browser: &Browser, site: &Site, path: &str) -> Self {
        Self::resume(browser, site, path, &[]).await
    }

    async fn resume(browser: &Browser, site: &Site, path: &str, headers: &[(&str, &str)]) -> Self {
        let response = browser.open(site, path, headers).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let kind = response.headers()["content-type"].to_str().expect("a kind");
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self { body: response.into_body().into_data_stream(), read: String::new() }
    }

    /// The next message that draws something.
    async fn next(&mut self) -> Option<String> {
        self.next_of("patch").await
    }

    async fn next_of(&mut self, event: &str) -> Option<String> {
        let wanted = format!("event: {event}\n");
        let reading = async {
            loop {
                if let Some(end) = self.read.find("\n\n") {
                    let message: String = self.read.drain(..end + 2).collect();
                    if message.contains(&wanted) {
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

impl Stream {
    /// Reads on until this has come, and returns all that came with it.
    async fn until(&mut self, wanted: &str) -> String {
        let reading = async {
            while !self.read.contains(wanted) {
                let piece = self.body.next().await.expect("more").expect("a piece");
                self.read.push_str(&String::from_utf8_lossy(&piece));
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(40), reading).await.is_ok(), "{wanted}: {}", self.read);
        std::mem::take(&mut self.read)
    }
}

impl Stream {
    /// The numbers of the entries that come until the last one has, and the number that the browser then remembers.
    async fn entries(&mut self, last: i64) -> (Vec<i64>, String) {
        let mut numbers = Vec::new();
        loop {
            let message = self.next_of("entry").await.expect("more entries");
            let line = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).expect("a line").trim();
            let changes: Vec<serde_json::Value> = serde_json::from_str(line("data:")).expect("a list");
            for change in changes.iter().filter(|change| change["target"] == "stream") {
                let html = change["html"].as_str().expect("text");
                let number = html.split_once(r#"id="e-"#).and_then(|(_, rest)| rest.split_once('"'));
                numbers.push(number.expect("an entry").0.parse().expect("a number"));
            }
            if numbers.contains(&last) {
                return (numbers, line("id:").to_owned());
            }
        }
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

/// A run that nobody carries out.
async fn run_of_the_first_task(site: &Site, owner: &Scope) -> RunId {
    let muster = &site.world.muster;
    muster.form_squad(&owner.can().expect("owner"), "Crew", Template::Solo).await.expect("a squad");
    let task = muster.task(&owner.can().expect("owner"), 1).await.expect("the task").id;
    muster.start_run(&owner.can().expect("owner"), task, None).await.expect("a run")
}

#[tokio::test]
async fn a_board_and_the_dashboard_are_told_what_changed_and_nothing_else() {
    let site = Site::open().await;
    let (mut mira, board, hearing) = at_work(&site).await;
    let mut cards = Stream::open(&mira, &site, &format!("{board}/live?q=first")).await;
    let mut dashboard = Stream::open(&mira, &site, "/quayside/live").await;
    let whole = cards.next().await.expect("the board as it is");
    assert!(whole.contains("cards-TODO") && whole.contains("/quayside/tasks/1"), "{whole}");
    let whole = dashboard.next().await.expect("the dashboard");
    assert!(whole.contains("all-tasks") && whole.contains("1 project, 1 task<"), "{whole}");
    let mut inbox = Stream::open(&mira, &site, "/quayside/inbox/live").await;
    let whole = inbox.next().await.expect("the inbox");
    for part in ["head-line", "needs-count", "needs-you", "warnings", "Nothing waits for you"] {
        assert!(whole.contains(part), "{part}: {whole}");
    }

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
    assert!(!change.contains("head-line"), "as many as before: {change}");
    mira.post(&site, &format!("{board}/tasks"), "line=second").await;
    let change = dashboard.next().await.expect("another task");
    assert!(change.contains("head-line") && change.contains("1 project, 2 tasks<"), "{change}");
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

#[tokio::test]
async fn every_stream_ends_when_the_server_leaves() {
    let site = Site::open().await;
    let (mira, board, hearing) = at_work(&site).await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    run_of_the_first_task(&site, &owner).await;
    let mut streams = Vec::new();
    for (path, begun) in [
        ("/quayside/live", "event: patch"),
        (&format!("{board}/live"), "event: patch"),
        ("/quayside/tasks/1/live", "event: entry"),
    ] {
        let mut stream = Stream::open(&mira, &site, path).await;
        stream.until(begun).await;
        streams.push((path.to_owned(), stream));
    }
    site.leaving.cancel();
    for (path, mut stream) in streams {
        let ended =
            tokio::time::timeout(Duration::from_secs(60), async { while stream.body.next().await.is_some() {} }).await;
        assert!(ended.is_ok(), "{path} goes on although the server leaves");
    }
    hearing.abort();
    site.end().await;
}

#[tokio::test]
async fn half_an_answer_is_shown_as_text_and_again_from_its_beginning() {
    let site = Site::open().await;
    let (mira, _, hearing) = at_work(&site).await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let run = run_of_the_first_task(&site, &owner).await;
    let tell = async |payload: String| site.world.call_out("muster_typing", &payload).await;
    let call = "0199a000-0000-7000-8000-000000000001";
    let mut page = Stream::open(&mira, &site, "/quayside/tasks/1/live").await;
    page.until("event: entry").await;
    tell(format!("{run}\n{call}\n0\nRoza\nI read <img src=x onerror=alert(1)>")).await;
    let shown = page.until("onerror").await;
    assert!(shown.contains("I read &lt;img src=x") && !shown.contains("<img"), "{shown}");
    tell(format!("{run}\n{call}\n37\nRoza\n and the tests")).await;
    page.until("and the tests").await;
    // A browser that connects again has all of it, and of the journal only what it lacks.
    let mut again = Stream::open(&mira, &site, "/quayside/tasks/1/live?after=1000").await;
    let shown = again.until("and the tests").await;
    assert!(shown.contains("I read &lt;img"), "{shown}");
    tell(format!("{run}\n{call}")).await;
    for stream in [&mut page, &mut again] {
        stream.until("hidden").await;
    }
    hearing.abort();
    site.end().await;
}

#[tokio::test]
async fn a_browser_that_connects_again_gets_what_it_lacks_once_and_in_order() {
    let site = Site::open().await;
    let (mira, _, hearing) = at_work(&site).await;
    let owner = site.world.scope(&site.world.sign_in("Mira").await, "quayside").await;
    let run = run_of_the_first_task(&site, &owner).await;
    // The first line says who started the run.
    site.world.note(&owner, run, &["two", "three"]).await;
    // A browser asks for the address that it was given first, and adds what it remembers.
    let path = "/quayside/tasks/1/live?after=1";
    let mut page = Stream::open(&mira, &site, path).await;
    let (numbers, remembered) = page.entries(3).await;
    assert_eq!((numbers, remembered.as_str()), (vec![2, 3], "3"));
    drop(page);

    site.world.note(&owner, run, &["four", "five"]).await;
    let mut again = Stream::resume(&mira, &site, path, &[("last-event-id", &remembered)]).await;
    let (numbers, remembered) = again.entries(5).await;
    assert_eq!((numbers, remembered.as_str()), (vec![4, 5], "5"), "neither again nor left out");
    site.world.note(&owner, run, &["six"]).await;
    assert_eq!(again.entries(6).await, (vec![6], "6".to_owned()), "and on from there");

    let mut strange = Stream::resume(&mira, &site, path, &[("last-event-id", "yesterday")]).await;
    assert_eq!(strange.entries(6).await.0, [2, 3, 4, 5, 6], "what is no number is not remembered");
    hearing.abort();
    site.end().await;
}
