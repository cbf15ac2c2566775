//! What commands in a run's sandbox find on this side, and the key that they get.

use std::{collections::BTreeMap, sync::Arc};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use orchestrator::{
    Orchestrator, Origin,
    runs::{Gate, Inside},
    squads::Template,
    work::{Commands, ProjectSettings},
};
use sandbox::egress::{Body, Service};
use types::{ProjectId, RunId, TeamId};

use super::{
    at_once::{create, finish, shell},
    scripted::{Scripted, when},
};

/// Says whose sandbox asks, and who the key that it shows is of.
struct Porter(Orchestrator);

impl Inside for Porter {
    fn service(&self, team: TeamId, run: RunId) -> Service {
        let muster = self.0.clone();
        Service::new(move |request: Request<Body>| {
            let muster = muster.clone();
            async move {
                let key = request.headers()["x-key"].to_str().expect("text").to_owned();
                let key = match muster.caller(&key, Origin::internal()).await {
                    Ok(caller) => format!("{:?} {:?}", caller.spender.run, caller.spender.agent),
                    Err(error) => format!("{error:?}"),
                };
                let said = format!("asked by {team} {run}; key of {key}");
                Response::new(Full::from(said).map_err(|never| match never {}).boxed_unsync())
            }
        })
    }

    fn environment(&self, project: ProjectId, key: Option<&str>) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([("PROJECT".to_owned(), project.to_string())]);
        all.extend(key.map(|key| ("KEY".to_owned(), key.to_owned())));
        all
    }
}

/// Asks, and tells of its environment.
const ASK: &str = "python3 -c 'import os, urllib.request as u; \
    print(u.urlopen(u.Request(\"http://127.0.0.1:3128/\", headers={\"x-key\": os.environ.get(\"KEY\", \"none\")})).read().decode())' \
    && env | grep -E '^(KEY|PROJECT)='";

/// A lone coder who asks, and then the project's test, which does.
async fn asking(models_inside: bool) -> Scripted {
    let turns = [shell(ASK), create("fees.txt", "1\n"), finish("Fees.")];
    let commands = Commands { setup: None, build: None, test: Some(ASK.into()) };
    let mut site = Scripted::new(Template::Solo, &[], commands, &[when("ask", &["Role: coder\n"], &[], &turns)]).await;
    let muster = &site.yard.world.muster;
    let made = muster.project(&site.yard.scope.can().expect("may"), site.project).await.expect("the project");
    assert!(!made.models_inside, "nobody gets a key unasked");
    let settings = ProjectSettings {
        name: made.name,
        description: made.description,
        default_branch: made.default_branch,
        commands: made.commands,
        egress_allow: made.egress_allow,
        models_inside,
        allowed_models: made.allowed_models,
        limits: made.limits,
    };
    muster.update_project(&site.yard.scope.can().expect("may"), site.project, &settings).await.expect("settings");
    site.yard.shop.inside = Some(Arc::new(Porter(muster.clone())));
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_a_key_of_its_run_and_agent_which_is_kept_nowhere() {
    let site = asking(true).await;
    site.start().await;
    let engine = site.yard.work().await;
    let run = site.until_gate(Gate::Merge).await;
    let agent = site.squad().await.agents().next().expect("a coder").id;

    let asked = format!("asked by {} {}; key of Some({:?})", site.yard.scope.team(), run.id, run.id);
    let hidden = "KEY=sk-muster-[hidden]\n";
    let log = site.kept(&run, "test-1.log").await;
    assert!(log.starts_with(&format!("{asked} None\n")) && log.contains(hidden), "{log}");
    assert!(log.contains(&format!("PROJECT={}\n", site.project)), "{log}");
    let can = site.yard.scope.can().expect("may");
    let journal = site.yard.world.muster.journal(&can, run.id, 0, 1_000).await.expect("a journal");
    let journal = serde_json::to_string(&journal.iter().map(|entry| &entry.body).collect::<Vec<_>>()).expect("JSON");
    assert!(journal.contains(&format!("{asked} Some({agent:?})")), "{journal}");
    let keys = journal.matches("sk-muster-").count();
    assert!(keys > 1 && keys == journal.matches("sk-muster-[hidden]").count(), "{journal}");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_projects_wish_no_key_is_inside() {
    let site = asking(false).await;
    site.start().await;
    let engine = site.yard.work().await;
    let run = site.until_gate(Gate::Merge).await;
    let log = site.kept(&run, "test-1.log").await;
    let asked = format!("asked by {} {}; key of SignedOut\n", site.yard.scope.team(), run.id);
    assert_eq!(log, format!("{asked}PROJECT={}\n", site.project));
    engine.shut_down().await;
}
