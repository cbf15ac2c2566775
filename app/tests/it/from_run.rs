//! Programs in the sandbox of a run, which ask Muster over the sandbox's only socket.

use std::{sync::Arc, time::Duration};

use app::from_run::Answers;
use demo_model::Script;
use forge::{Repository, Signature};
use gateway::{Kind, Provider};
use orchestrator::{
    Orchestrator, Origin, Scope, Settings,
    budgets::{BudgetSettings, EntryKind, LedgerEntry, LedgerFilter, Limit, Subject},
    models::{NewGatewayKey, ProviderSettings, WireFormat},
    runs::Inside,
    squads::{Holder, Template},
    testing::World,
    work::{NewTask, Source},
};
use sandbox::{Backend, Command, Image, Limits, Local, Sandbox, Spec, egress::Egress};
use tempfile::TempDir;
use test_needs::shim;
use time::macros::datetime;
use types::{AgentId, MicroUsd, ProjectId, RunId, SquadId};

use crate::client::Site;

const SCRIPT: &str = r#"{"models": ["demo", "m"], "conversations": [
    {"name": "stalled", "when": {"said": ["stall"]}, "turns": [{"text": "Half an answer.", "chunk": 2, "fault": {"kind": "stall", "seconds": 600}}]},
    {"name": "any", "turns": [{"text": "A whole answer.", "chunk": 3, "usage": {"uncached": 40, "cache_read": 0, "cache_write": 0, "output": 20, "reasoning": 0}}]}]}"#;

/// Asks a model and tells the status and the answer. Where it is told to stall, the first piece is enough.
const ASK: &str = r#"
import json, os, sys, urllib.error, urllib.request as requests
model, said, key = sys.argv[1:4]
body = {"model": model, "stream": True, "messages": [{"role": "user", "content": said}]}
headers = {"content-type": "application/json"}
if key:
    headers["authorization"] = "Bearer " + key
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
try:
    answer = requests.urlopen(requests.Request(url, json.dumps(body).encode(), headers))
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
    sys.exit()
pieces = []
for line in answer:
    if line.startswith(b"data: {"):
        for choice in json.loads(line[6:])["choices"]:
            pieces.append(choice["delta"].get("content") or "")
            if said == "stall" and pieces[-1]:
                print("begun with", pieces[-1])
                sys.exit()
print(answer.status, len(pieces) > 2, "".join(pieces))
"#;

/// A team with a run, and a sandbox as the run has it.
struct Crew {
    site: Site,
    scope: Scope,
    home: TempDir,
    project: ProjectId,
    squad: SquadId,
    agent: AgentId,
    run: RunId,
    key: String,
    sandbox: Sandbox,
}

async fn serve_model() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = demo_model::router(Script::parse(SCRIPT).expect("a script"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/v1")
}

async fn begin(muster: &Orchestrator, scope: &Scope, project: ProjectId, squad: SquadId) -> RunId {
    let task = NewTask::titled("One");
    let task = muster.create_task(&scope.can().expect("may"), project, &task).await.expect("a task").id;
    muster.start_run(&scope.can().expect("may"), task, Some(squad)).await.expect("a run")
}

impl Crew {
    async fn open() -> Self {
        // A socket's path may be about 100 bytes long, so the folder stands near the root.
        let home = tempfile::Builder::new().prefix("mi-").tempdir_in("/tmp").expect("a folder");
        let settings = Settings { data_dir: home.path().join("var"), ..Settings::default() };
        let model = serve_model().await;
        let demo = Provider::new(Kind::OpenAiChat, &model, None).expect("an address").internal();
        let rest = Duration::from_millis(50);
        let llm = app::Llm { demo: Some(demo), rest, ..app::Llm::default() };
        let site = Site::with(World::with(settings).await, llm);
        site.world.tell_of_writes(&["usage"]).await;
        let (_, scope) = site.world.team("quayside", &site.world.person("Mira").await).await;
        let muster = &site.world.muster;
        let settings = ProviderSettings {
            name: "Server".into(),
            kind: WireFormat::OpenAiChat,
            base_url: model,
            model: "m".into(),
        };
        muster.add_model_provider(&scope.can().expect("owner"), &settings, "sk-of-the-team").await.expect("added");
        let project = muster.create_project(&scope.can().expect("may"), "Parcels", &Source::Empty).await.expect("one");
        let squad = muster.form_squad(&scope.can().expect("may"), "Crew", Template::Solo).await.expect("a squad");
        let member = muster.squad(&scope.can().expect("may"), squad).await.expect("the squad").members.remove(0);
        let Holder::Agent(agent) = member.holder else { unreachable!("templates have agents alone") };
        let run = begin(muster, &scope, project, squad).await;
        let hour = time::Duration::hours(1);
        let key = muster.gateway_key_for_run(scope.team(), run, Some(agent.id), hour).await.expect("a key");
        let sandbox = open_sandbox(&home, &site, (&scope, project, run), &key).await;
        Self { site, scope, home, project, squad, agent: agent.id, run, key, sandbox }
    }

    fn muster(&self) -> &Orchestrator {
        &self.site.world.muster
    }

    /// What a script says, and whether it succeeded.
    async fn sh(&self, script: &str) -> (bool, String) {
        let key = uuid::Uuid::now_v7().to_string();
        let command = Command { timeout: Duration::from_secs(120), ..Command::new(key, ["sh", "-c", script]) };
        let done = self.sandbox.exec(&command).await.expect("begun").finish().await.expect("ended");
        (done.exit.code == Some(0), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).trim_end().to_owned())
    }

    async fn ask(&self, model: &str, said: &str, key: &str) -> String {
        let (well, told) = self.sh(&format!("python3 /work/ask.py {model} {said} '{key}'")).await;
        assert!(well, "{told}");
        told
    }

    /// The calls that were paid, once there are so many: an answer ends a moment before it is settled.
    async fn paid(&self, count: usize) -> Vec<LedgerEntry> {
        let filter = LedgerFilter { kind: Some(EntryKind::Settled), ..LedgerFilter::default() };
        let mut writes = self.site.world.writes(&["usage"]).await;
        let looking = async {
            loop {
                let found =
                    self.muster().ledger(&self.scope.can().expect("owner"), &filter, 100).await.expect("a ledger");
                if found.len() >= count {
                    return found;
                }
                writes.more().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), looking).await.expect("they are booked")
    }

    /// A repository for a project, with one file.
    async fn fill(&self, project: ProjectId, text: &str) {
        let folder = self.home.path().join(format!("files-{project}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("readme.md"), text).expect("written");
        let team = self.home.path().join("var/repositories").join(self.scope.team().to_string());
        std::fs::create_dir_all(&team).expect("a folder");
        let author = Signature::new("Tove", "tove@example.org", datetime!(2026-11-20 12:00 UTC));
        let (path, main) = (team.join(format!("{project}.git")), "main".parse().expect("a name"));
        Repository::import_files(path, &main, &folder, &author, "Begin").await.expect("a repository");
    }

    async fn end(self) {
        let differences = self.muster().reconcile(self.scope.team()).await.expect("books");
        assert!(differences.is_empty(), "{differences:?}");
        self.sandbox.destroy().await.expect("destroyed");
        self.site.end().await;
    }
}

async fn open_sandbox(
    home: &TempDir,
    site: &Site,
    (scope, project, run): (&Scope, ProjectId, RunId),
    key: &str,
) -> Sandbox {
    let workspace = home.path().join("work");
    std::fs::create_dir_all(&workspace).expect("a folder");
    std::fs::write(workspace.join("ask.py"), ASK).expect("written");
    let answers = Answers::new(site.app.clone());
    let spec = Spec {
        id: format!("inside-{run}"),
        workspace,
        state: home.path().join("box"),
        labels: Default::default(),
        limits: Limits::default(),
        image: Image::Host,
        egress: Some(Egress::new(Vec::new(), |_| {}).with(answers.service(scope.team(), run))),
        env: answers.environment(project, Some(key)),
    };
    let settings = sandbox::Settings { shim: shim(), registry: home.path().join("registry"), ..Default::default() };
    let backend: Arc<dyn Backend> = Arc::new(Local::new(settings));
    backend.create(&spec).await.expect("a sandbox")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_called_from_inside_and_counts_against_the_run_and_its_budgets() {
    let crew = Crew::open().await;
    assert_eq!(crew.ask("demo/demo", "hello", &crew.key).await, "200 True A whole answer.");
    // The rest never comes: what is read has passed as it came.
    assert_eq!(crew.ask("server/m", "stall", &crew.key).await, "begun with Ha");
    let paid = crew.paid(2).await;
    assert!(paid.iter().all(|entry| entry.run == Some(crew.run) && entry.agent.is_some()), "{paid:#?}");
    let (well, list) = crew.sh(r#"python3 -c 'import os, urllib.request as u; print(u.urlopen(u.Request(os.environ["ANTHROPIC_BASE_URL"] + "/v1/models", headers={"x-api-key": os.environ["ANTHROPIC_API_KEY"]})).read().decode())'"#).await;
    assert!(well && list.contains("server/m"), "{list}");

    let nothing = BudgetSettings { limit: Limit::Amount(MicroUsd::ZERO), ..BudgetSettings::default() };
    let subject = Subject { project: Some(crew.project), ..Subject::TEAM };
    crew.muster().set_budget(&crew.scope.can().expect("owner"), subject, &nothing).await.expect("a budget");
    let refused = crew.ask("server/m", "hello", &crew.key).await;
    assert!(refused.starts_with('4') && refused.contains("Parcels"), "{refused}");
    assert_eq!(crew.paid(2).await.len(), 2);
    crew.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_inside_a_key_of_the_run_alone_works_while_it_goes_on() {
    let crew = Crew::open().await;
    let (muster, hour) = (crew.muster(), time::Duration::hours(1));
    let other = begin(muster, &crew.scope, crew.project, crew.squad).await;
    let others = muster.gateway_key_for_run(crew.scope.team(), other, Some(crew.agent), hour).await.expect("a key");
    let new = NewGatewayKey { name: "nightly", project: None, life: hour };
    let (_, teams) = muster.create_gateway_key(&crew.scope.can().expect("owner"), &new).await.expect("a key");
    for key in [&others, &teams] {
        muster.caller(key, Origin::internal()).await.expect("it works elsewhere");
    }
    for key in ["", "sk-muster-none", &others, &teams] {
        let refused = crew.ask("demo/demo", "hello", key).await;
        assert!(refused.starts_with("401 "), "{refused}");
    }
    let checks = muster.gateway_key_for_run(crew.scope.team(), crew.run, None, hour).await.expect("a key");
    for key in [&crew.key, &checks] {
        assert!(crew.ask("demo/demo", "hello", key).await.starts_with("200 "));
    }
    let paid = crew.paid(2).await;
    assert_eq!(paid.iter().filter(|entry| entry.agent.is_none()).count(), 1, "{paid:#?}");
    muster.stop_run(&crew.scope.can().expect("may"), crew.run, "Enough.").await.expect("stopped");
    assert!(crew.ask("demo/demo", "hello", &crew.key).await.starts_with("401 "));
    crew.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runs_own_repository_can_be_read_from_inside_and_nothing_else() {
    let crew = Crew::open().await;
    let other = crew.muster().create_project(&crew.scope.can().expect("may"), "Other", &Source::Empty).await;
    let other = other.expect("a project");
    crew.fill(crew.project, "Hello\n").await;
    crew.fill(other, "Hidden\n").await;
    let (well, said) = crew.sh(r#"git ls-remote "$MUSTER_GIT_URL""#).await;
    assert!(well && said.contains("refs/heads/main"), "{said}");
    let clone = r#"git clone -q "$MUSTER_GIT_URL" copy && cat copy/readme.md && cd copy && git fetch -q"#;
    assert_eq!(crew.sh(clone).await, (true, "Hello".to_owned()));
    let push = "cd copy && git -c user.name=A -c user.email=a@b.example commit -q --allow-empty -m More && git push";
    let (well, said) = crew.sh(push).await;
    assert!(!well && said.contains("Nothing can be pushed out of a sandbox"), "{said}");
    for name in [other.to_string(), "other".to_owned(), "none".to_owned()] {
        let (well, said) = crew.sh(&format!("git ls-remote http://127.0.0.1:3128/git/{name}.git")).await;
        assert!(!well && said.contains("not found"), "{name}: {said}");
    }
    let (well, said) = crew.sh("git ls-remote http://127.0.0.1:3128/git/parcels.git").await;
    assert!(well, "{said}");
    let page = "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:3128/quayside\")'";
    let (well, said) = crew.sh(page).await;
    assert!(!well && said.contains("404"), "{said}");
    let (well, said) = crew.sh("timeout 5 bash -c 'exec 3<>/dev/tcp/1.1.1.1/80'").await;
    assert!(!well, "{said}");
    crew.muster().stop_run(&crew.scope.can().expect("may"), crew.run, "Enough.").await.expect("stopped");
    let (well, said) = crew.sh(r#"git ls-remote "$MUSTER_GIT_URL""#).await;
    assert!(!well && said.contains("not found"), "{said}");
    crew.end().await;
}
