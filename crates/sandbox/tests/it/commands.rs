use sandbox::Reason;

use crate::world::{World, run, say, shell};

#[tokio::test]
async fn a_command_runs_in_the_workspace() {
    let world = World::local();
    let spec = world.spec("first");
    std::fs::write(spec.workspace.join("hello.txt"), "hello").unwrap();
    let sandbox = world.create(&spec).await;
    assert_eq!(
        say(&sandbox, "pwd; cat hello.txt; echo done > out.txt; id -un; hostname; echo $HOME").await,
        "/work\nhelloagent\nmuster\n/home/agent"
    );
    assert_eq!(std::fs::read_to_string(spec.workspace.join("out.txt")).unwrap(), "done\n");
    let finished = run(&sandbox, &shell("echo a; echo b >&2; exit 7")).await;
    assert_eq!((finished.stdout, finished.stderr), (b"a\n".to_vec(), b"b\n".to_vec()));
    assert_eq!((finished.exit.code, finished.exit.reason), (Some(7), Reason::Finished));
    sandbox.destroy().await.unwrap();
    world.close().await;
}
