use std::{path::Path, process::Command};

use http::StatusCode;
use orchestrator::{Settings, teams::NewToken, testing::World, work::Source};
use tempfile::TempDir;
use time::Duration;
use types::{Permission, PermissionSet};

use crate::client::{Browser, Site};

/// The website on a port of this machine, with a team, an empty project called “Ledger Book” and a folder to work in.
struct Hosted {
    site: Site,
    home: TempDir,
    port: u16,
}

const READ: &[Permission] = &[Permission::ReadFiles];
const WRITE: &[Permission] = &[Permission::ReadFiles, Permission::WriteFiles];

impl Hosted {
    async fn open() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let settings = Settings { data_dir: home.path().join("var"), ..Settings::default() };
        let site = Site::over(World::with(settings).await);
        let mira = site.world.person("Mira").await;
        let (_, scope) = site.world.team("quayside", &mira).await;
        let can = scope.can().expect("owner");
        site.world.muster.create_project(&can, "Ledger Book", &Source::Empty).await.expect("a project");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("address").port();
        let router = site.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { site, home, port }
    }

    async fn token(&self, person: &str, scopes: &[Permission]) -> String {
        let scope = self.site.world.scope(&self.site.world.sign_in(person).await, "quayside").await;
        let new = NewToken { name: "git", scopes: PermissionSet::of(scopes), life: Duration::days(30) };
        self.site.world.muster.create_token(&scope.can().expect("member"), &new).await.expect("a token").1
    }

    fn address(&self, token: &str, tail: &str) -> String {
        format!("http://ada:{token}@127.0.0.1:{}/git/{tail}", self.port)
    }

    fn ledger(&self, token: &str) -> String {
        self.address(token, "quayside/ledger-book.git")
    }

    /// Git as a person runs it, away from the threads of the server.
    async fn git(&self, folder: &str, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Ada", "-c", "user.email=ada@quayside.example", "-c", "init.defaultBranch=main"]);
        command.args(args).current_dir(self.home.path().join(folder));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "/bin/false");
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("joined").expect("git runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.home.path().join(file), text).expect("written");
    }

    fn file(&self, file: &str) -> String {
        std::fs::read_to_string(Path::new(self.home.path()).join(file)).expect("a file")
    }

    /// A clone with one commit, pushed.
    async fn begun(&self, token: &str) {
        self.git("", &["clone", "-q", &self.ledger(token), "work"]).await.expect("cloned while empty");
        self.write("work/readme.md", "Hello\n");
        self.git("work", &["add", "."]).await.expect("added");
        self.git("work", &["commit", "-qm", "Begin"]).await.expect("committed");
        self.git("work", &["push", "-q", "origin", "HEAD:main"]).await.expect("pushed");
    }

    async fn actions(&self) -> Vec<String> {
        let owner = self.site.world.scope(&self.site.world.sign_in("Mira").await, "quayside").await;
        let log = self.site.world.muster.audit_log(&owner.can().expect("owner"), &Default::default()).await;
        log.expect("a log").into_iter().map(|entry| entry.action).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_clones_fetches_and_pushes() {
    let hosted = Hosted::open().await;
    let write = hosted.token("Mira", WRITE).await;
    hosted.begun(&write).await;
    let read = hosted.token("Mira", READ).await;
    hosted.git("", &["clone", "-q", &hosted.ledger(&read), "second"]).await.expect("cloned");
    assert_eq!(hosted.file("second/readme.md"), "Hello\n");
    // More than fits into one buffer of git's client, so that it is sent in chunks.
    let long: String = (0..200_000).map(|n| format!("{n} {}\n", n * 7919)).collect();
    hosted.write("work/long.txt", &long);
    hosted.git("work", &["add", "."]).await.expect("added");
    hosted.git("work", &["commit", "-qm", "More"]).await.expect("committed");
    hosted.git("work", &["push", "-q", "origin", "HEAD:main"]).await.expect("pushed");
    hosted.git("second", &["pull", "-q"]).await.expect("pulled");
    assert!(hosted.file("second/long.txt") == long);
    let refused = hosted.git("second", &["push", "origin", "main:other"]).await.expect_err("read only");
    assert!(refused.contains("403"), "{refused}");
    let actions = hosted.actions().await;
    for action in ["token.created", "repository.push_received", "permission.refused"] {
        assert!(actions.iter().any(|written| written == action), "{action}: {actions:?}");
    }
    hosted.site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_living_token_of_the_team_opens_it() {
    let hosted = Hosted::open().await;
    let write = hosted.token("Mira", WRITE).await;
    hosted.begun(&write).await;
    let tried = async |address: String| hosted.git("", &["ls-remote", &address]).await;
    tried(hosted.ledger(&write)).await.expect("opens");
    let wrong = tried(hosted.ledger("mst_wrong")).await.expect_err("refused");
    assert!(wrong.contains("Authentication failed"), "{wrong}");
    tried(format!("http://127.0.0.1:{}/git/quayside/ledger-book.git", hosted.port)).await.expect_err("no token");
    // Somebody of another team, with a token of theirs.
    let hanna = hosted.site.world.person("Hanna").await;
    let (_, harbour) = hosted.site.world.team("harbour", &hanna).await;
    let new = NewToken { name: "git", scopes: PermissionSet::of(READ), life: Duration::days(1) };
    let can = harbour.can().expect("owner");
    let (foreign_id, foreign) = hosted.site.world.muster.create_token(&can, &new).await.expect("a token");
    for address in [hosted.ledger(&foreign), hosted.address(&foreign, "no-such-team/ledger-book.git")] {
        let missing = tried(address).await.expect_err("refused");
        assert!(missing.contains("not found"), "{missing}");
    }
    tried(hosted.address(&write, "quayside/no-such.git")).await.expect_err("no such project");
    // Revoked, and expired.
    hosted.site.world.muster.revoke_token(&can, foreign_id).await.expect("revoked");
    let revoked = tried(hosted.address(&foreign, "harbour/x.git")).await.expect_err("refused");
    assert!(revoked.contains("Authentication failed"), "{revoked}");
    hosted.site.world.clock.advance(Duration::days(31));
    let expired = tried(hosted.ledger(&write)).await.expect_err("refused");
    assert!(expired.contains("Authentication failed"), "{expired}");
    hosted.site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_branch_and_hidden_refs_are_guarded() {
    let hosted = Hosted::open().await;
    let owner = hosted.token("Mira", WRITE).await;
    hosted.begun(&owner).await;
    let jonas = hosted.site.world.person("Jonas").await;
    let scope = hosted.site.world.scope(&hosted.site.world.sign_in("Mira").await, "quayside").await;
    hosted.site.world.join(&scope, &jonas, "executor").await;
    let token = hosted.token("Jonas", WRITE).await;
    let to = hosted.ledger(&token);
    hosted.git("work", &["push", "-q", &to, "HEAD:topic"]).await.expect("a branch of one's own");
    let hidden = hosted.git("work", &["push", &to, "HEAD:refs/muster/x"]).await.expect_err("hidden");
    assert!(hidden.contains("hidden ref"), "{hidden}");
    hosted.git("work", &["commit", "-q", "--amend", "-m", "Other"]).await.expect("amended");
    let forced = hosted.git("work", &["push", "--force", &to, "HEAD:main"]).await.expect_err("rewritten");
    assert!(forced.contains("cannot be rewritten"), "{forced}");
    let removed = hosted.git("work", &["push", &to, ":main"]).await.expect_err("removed");
    assert!(removed.contains("cannot be removed"), "{removed}");
    hosted.git("work", &["push", "-q", &to, ":topic"]).await.expect("a branch of one's own");
    let narrow =
        hosted.git("work", &["push", "-f", &hosted.ledger(&owner), "HEAD:main"]).await.expect_err("not granted");
    assert!(narrow.contains("cannot be rewritten"), "{narrow}");
    let whole = hosted.token("Mira", &[Permission::ReadFiles, Permission::WriteFiles, Permission::ManageTeam]).await;
    hosted.git("work", &["push", "-qf", &hosted.ledger(&whole), "HEAD:main"]).await.expect("an owner may");
    hosted.site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_at_the_same_time_all_arrive() {
    let hosted = Hosted::open().await;
    let token = hosted.token("Mira", WRITE).await;
    hosted.begun(&token).await;
    let to = hosted.ledger(&token);
    let names: Vec<String> = (0..4).map(|n| format!("HEAD:refs/heads/b{n}")).collect();
    let push = async |name: &str| hosted.git("work", &["push", "-q", &to, name]).await;
    let (a, b, c, d) = tokio::join!(push(&names[0]), push(&names[1]), push(&names[2]), push(&names[3]));
    for pushed in [a, b, c, d] {
        pushed.expect("pushed");
    }
    let listed = hosted.git("work", &["ls-remote", &to, "refs/heads/*"]).await.expect("listed");
    assert_eq!(listed.lines().count(), 5, "{listed}");
    hosted.site.end().await;
}

#[tokio::test]
async fn tokens_are_made_and_revoked_on_their_page() {
    let site = Site::open().await;
    let mut mira = Browser::sign_up(&site, "Mira", "Quayside").await;
    let page = mira.post(&site, "/quayside/tokens", "name=&access=read&life=30").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("Say what the token is for."), "{}", page.body);
    let page = mira.post(&site, "/quayside/tokens", "name=laptop&access=write&life=9999").await;
    assert!(page.body.contains("Choose how long the token works") && page.body.contains("laptop"), "{}", page.body);
    let page = mira.post(&site, "/quayside/tokens", "name=laptop&access=write&life=30").await;
    assert_eq!(page.status, StatusCode::OK);
    let secret = page.body.split("mst_").nth(1).and_then(|rest| rest.get(..65)).expect("shown once");
    let page = mira.get(&site, "/quayside/tokens").await;
    assert!(page.body.contains("laptop") && !page.body.contains(secret), "{}", page.body);
    let revoke = page.body.split("/tokens/").find_map(|rest| rest.split_once("/revoke")).expect("a form").0.to_owned();
    let page = mira.post(&site, &format!("/quayside/tokens/{revoke}/revoke"), "").await;
    assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/quayside/tokens"));
    let page = mira.get(&site, "/quayside/tokens").await;
    assert!(page.body.contains("The token no longer works.") && page.body.contains("No tokens yet"), "{}", page.body);
    site.end().await;
}
