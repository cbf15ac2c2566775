use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command as Process, Stdio},
};

use sandbox::{Choice, Command, Error, Image, Reason, Settings, Spec, pick};
use test_needs::{Need, passed_over};

use crate::world::{World, run, say, settings, shell, text, unique};

on_each_backend!(
    a_sandbox_outlives_the_process_that_made_it,
    names_are_taken_once_and_free_again,
    destroying_leaves_only_the_workspace,
    what_cannot_be_made_leaves_nothing,
    a_probe_says_what_holds_each_limit,
);

const MAKER: &str = "MUSTER_TEST_MAKER";

/// Not a test of its own: a process that makes a sandbox, starts a command in it, and is killed.
#[tokio::test]
async fn maker() {
    let Some(told) = std::env::var_os(MAKER) else { return };
    let told = told.into_string().unwrap();
    let (backend, rest) = told.split_once(' ').unwrap();
    let (id, folder) = rest.split_once(' ').unwrap();
    let folder = PathBuf::from(folder);
    let world = if backend == "docker" { World::docker_in(folder).await.unwrap() } else { World::local_in(folder) };
    let mut spec = world.spec("made");
    spec.id = id.to_owned();
    let sandbox = world.create(&spec).await;
    let mut running = sandbox.exec(&slow()).await.unwrap();
    running.next().await.unwrap();
    println!("\nworkspace {}", spec.workspace.display());
    std::future::pending::<()>().await;
}

fn slow() -> Command {
    Command::new("slow", ["sh", "-c", "echo ran >> count; echo first; until [ -e go ]; do sleep 0.02; done; echo last"])
}

async fn a_sandbox_outlives_the_process_that_made_it(world: World) {
    let id = unique("orphan");
    let mut maker = Process::new(std::env::current_exe().unwrap());
    maker.args(["life::maker", "--exact", "--nocapture"]);
    maker.env(MAKER, format!("{} {id} {}", world.backend.name(), world.folder.display()));
    let mut maker = maker.env("MUSTER_SHIM", test_needs::shim()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(maker.stdout.take().unwrap()).lines().map(Result::unwrap);
    let workspace = lines.find_map(|line| line.strip_prefix("workspace ").map(PathBuf::from)).unwrap();
    maker.kill().unwrap();
    maker.wait().unwrap();

    let listed = world.backend.list().await.unwrap();
    let found = listed.iter().find(|found| found.id == id).expect("found again");
    assert!(found.running && found.labels["purpose"] == "test" && found.created_us > 1_600_000_000_000_000);
    let sandbox = world.backend.attach(&id, None).await.unwrap().expect("runs on");
    // Asked again, as a process would that does not know how far the other came.
    let again = sandbox.exec(&slow()).await.unwrap();
    std::fs::write(workspace.join("go"), "").unwrap();
    let ended = again.finish().await.unwrap();
    assert_eq!((text(&ended.stdout).as_str(), ended.exit.reason), ("first\nlast", Reason::Finished));
    assert_eq!(std::fs::read_to_string(workspace.join("count")).unwrap(), "ran\n");
    world.close().await;
}

async fn names_are_taken_once_and_free_again(world: World) {
    let (spec, sandbox) = world.usual().await;
    assert!(matches!(world.backend.create(&spec).await, Err(Error::Exists(_))));
    assert_eq!(say(&sandbox, "echo alive").await, "alive", "the first is not disturbed");
    sandbox.destroy().await.unwrap();
    world.backend.destroy(&spec.id).await.unwrap();
    assert!(world.backend.attach(&spec.id, None).await.unwrap().is_none());
    let again = world.create(&spec).await;
    assert_eq!(say(&again, "echo alive").await, "alive");
    assert!(world.backend.attach("../etc", None).await.is_err());
    world.close().await;
}

async fn destroying_leaves_only_the_workspace(world: World) {
    let (spec, sandbox) = world.usual().await;
    let endless =
        sandbox.exec(&shell("setsid sleep 100 & echo here > kept; mkdir -p a/b; chmod 0 a; sleep 100")).await.unwrap();
    while !spec.workspace.join("a").exists() {
        tokio::task::yield_now().await;
    }
    sandbox.destroy().await.unwrap();
    assert!(endless.finish().await.is_err());
    assert!(!spec.state.exists());
    assert_eq!(std::fs::read_to_string(spec.workspace.join("kept")).unwrap(), "here\n");
    world.close().await;
}

async fn what_cannot_be_made_leaves_nothing(world: World) {
    let missing = Spec { workspace: world.folder.join("nowhere"), ..world.spec("missing") };
    assert!(world.backend.create(&missing).await.is_err());
    let image = Spec { image: Image::Named("registry.invalid/no/such:image".to_owned()), ..world.spec("image") };
    let Err(Error::Trouble(trouble)) = world.backend.create(&image).await else { panic!("a made-up image") };
    assert!(!trouble.fix.is_empty());
    assert!(world.backend.list().await.unwrap().is_empty());
    assert!(!missing.state.exists() && !image.state.exists());
    world.close().await;
}

async fn a_probe_says_what_holds_each_limit(world: World) {
    let probe = world.backend.probe().await.unwrap();
    let limits: Vec<_> = probe.holds.iter().map(|(limit, _)| *limit).collect();
    assert_eq!(limits, ["processors", "memory", "processes", "disk", "time"]);
    assert!(probe.to_string().contains("limits: "), "{probe}");
    println!("{probe}");
    assert!(world.backend.list().await.unwrap().is_empty());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_whose_maker_was_killed_before_it_knew_the_first_process_is_ended() {
    let world = World::local();
    let (spec, _sandbox) = world.usual().await;
    let path = world.folder.join("registry").join(format!("{}.json", spec.id));
    let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    if record["groups"].as_array().is_some_and(Vec::is_empty) {
        passed_over(Need::ControlGroups, "this machine lets us make no control groups");
    } else {
        record["first"] = serde_json::Value::Null;
        std::fs::write(&path, record.to_string()).unwrap();
        assert!(world.backend.attach(&spec.id, None).await.unwrap().is_none(), "nobody knows it");
        world.backend.destroy(&spec.id).await.unwrap();
    }
    world.close().await;
}

#[tokio::test]
async fn without_docker_the_local_backend_is_taken_and_never_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let no_docker = Settings { docker_socket: Some(folder.path().join("none.sock")), ..settings(folder.path()) };
    assert_eq!(pick(&no_docker).await.unwrap().name(), "local");
    let only_docker = Settings { choice: Choice::Docker, ..no_docker.clone() };
    let trouble = pick(&only_docker).await.unwrap_err();
    assert!(trouble.what.contains("Docker does not answer"), "{trouble}");
    let neither = Settings { shim: folder.path().join("no-shim"), ..no_docker };
    let trouble = pick(&neither).await.unwrap_err();
    assert!(trouble.what.contains("Docker") && trouble.what.contains("Local"), "{trouble}");
}

#[tokio::test]
async fn commands_of_two_sandboxes_may_share_a_key() {
    let world = World::local();
    let ((_, one), (_, two)) = (world.usual().await, world.usual().await);
    let command = Command::new("same", ["sh", "-c", "echo $$ >> ran; echo ran"]);
    for sandbox in [&one, &two] {
        assert_eq!(text(&run(sandbox, &command).await.stdout), "ran");
    }
    world.close().await;
}
