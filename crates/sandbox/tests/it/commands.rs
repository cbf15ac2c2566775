use std::time::{Duration, Instant};

use sandbox::{Command, Event, Reason, Stream};

use crate::world::{World, eventually, fails, mentions, run, say, shell, text, unique};

on_each_backend!(
    a_command_runs_in_the_workspace,
    ends_are_told_exactly,
    input_and_environment_arrive,
    a_command_runs_once_and_can_be_followed_from_anywhere,
    a_command_that_takes_too_long_ends_with_all_it_started,
    a_command_that_says_too_much_ends,
    a_command_can_be_killed,
    nothing_is_left_of_a_command,
    impossible_commands_are_refused,
);

async fn a_command_runs_in_the_workspace(world: World) {
    let spec = world.spec("first");
    std::fs::write(spec.workspace.join("hello.txt"), "hello\n").unwrap();
    std::fs::create_dir(spec.workspace.join("deep")).unwrap();
    let sandbox = world.create(&spec).await;
    let said = say(&sandbox, "pwd; cat hello.txt; echo done > out.txt; id -un; hostname; echo $HOME").await;
    assert_eq!(said, "/work\nhello\nagent\nmuster\n/home/agent");
    assert_eq!(std::fs::read_to_string(spec.workspace.join("out.txt")).unwrap(), "done\n");
    let deep = Command { cwd: Some("deep".to_owned()), ..shell("pwd; echo > made-inside; chmod 600 made-inside") };
    assert_eq!(text(&run(&sandbox, &deep).await.stdout), "/work/deep");
    let outside = Command { cwd: Some("../etc".to_owned()), ..shell("pwd") };
    assert_eq!(run(&sandbox, &outside).await.exit.code, Some(126));
    // What was written inside is ours to remove.
    std::fs::remove_file(spec.workspace.join("deep/made-inside")).unwrap();
    world.close().await;
}

async fn ends_are_told_exactly(world: World) {
    let (_, sandbox) = world.usual().await;
    let both = run(&sandbox, &shell("echo a; echo b >&2; exit 7")).await;
    assert_eq!((text(&both.stdout), text(&both.stderr)), ("a".to_owned(), "b".to_owned()));
    assert_eq!((both.exit.code, both.exit.reason, both.exit.output_bytes), (Some(7), Reason::Finished, 4));
    let missing = run(&sandbox, &Command::new("missing", ["no-such-program"])).await;
    assert_eq!(missing.exit.code, Some(127));
    assert!(text(&missing.stderr).contains("no-such-program"));
    let folder = run(&sandbox, &Command::new("folder", ["/usr"])).await;
    assert_eq!(folder.exit.code, Some(126));
    let signalled = run(&sandbox, &shell("kill -SEGV $$")).await;
    assert_eq!((signalled.exit.code, signalled.exit.signal, signalled.exit.reason), (None, Some(11), Reason::Finished));
    world.close().await;
}

async fn input_and_environment_arrive(world: World) {
    let mut spec = world.spec("input");
    spec.env.insert("COLOUR".to_owned(), "green".to_owned());
    let sandbox = world.create(&spec).await;
    let mut command = shell("wc -c; echo $COLOUR $SHAPE");
    command.stdin = vec![b'x'; 3 << 20];
    command.env.insert("SHAPE".to_owned(), "a round one".to_owned());
    assert_eq!(text(&run(&sandbox, &command).await.stdout), "3145728\ngreen a round one");
    // A command that does not read is not held up by its input.
    let deaf = Command { stdin: vec![b'x'; 3 << 20], ..shell("exit 3") };
    assert_eq!(run(&sandbox, &deaf).await.exit.code, Some(3));
    assert!(!say(&sandbox, "env").await.contains("CARGO"), "our own environment stays outside");
    world.close().await;
}

async fn a_command_runs_once_and_can_be_followed_from_anywhere(world: World) {
    let (spec, sandbox) = world.usual().await;
    let once = Command::new(
        "once",
        ["sh", "-c", "echo ran >> count; echo hello; until [ -e go ]; do sleep 0.02; done; echo world"],
    );
    let mut first = sandbox.exec(&once).await.unwrap();
    let Some(Event::Output { offset: 0, bytes, .. }) = first.next().await.unwrap() else { panic!("no output") };
    assert_eq!(bytes, b"hello\n");
    drop(first);
    let second = sandbox.exec_from(&once, 6).await.unwrap();
    let third = sandbox.follow("once", 2).await.unwrap();
    std::fs::write(spec.workspace.join("go"), "").unwrap();
    assert_eq!(second.finish().await.unwrap().stdout, b"world\n");
    let whole = third.finish().await.unwrap();
    assert_eq!(whole.stdout, b"llo\nworld\n");
    let again = run(&sandbox, &once).await;
    assert_eq!((text(&again.stdout).as_str(), again.exit.clone()), ("hello\nworld", whole.exit));
    assert_eq!(std::fs::read_to_string(spec.workspace.join("count")).unwrap(), "ran\n");
    assert!(sandbox.follow("unknown", 0).await.unwrap().finish().await.is_err());
    world.close().await;
}

async fn a_command_that_takes_too_long_ends_with_all_it_started(world: World) {
    let (_, sandbox) = world.usual().await;
    let begin = Instant::now();
    let mut slow = shell(
        "setsid sleep 71.5 & (setsid sh -c 'trap \"\" TERM; sleep 71.5' &) ; trap '' TERM; echo begun; sleep 71.5; sleep 71.5",
    );
    slow.timeout = Duration::from_millis(300);
    let ended = run(&sandbox, &slow).await;
    assert_eq!((ended.exit.reason, text(&ended.stdout).as_str()), (Reason::TimedOut, "begun"));
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(fails(&sandbox, "cat /proc/*/cmdline | tr '\\0' ' ' | grep -q '[s]leep 71.5'").await);
    world.close().await;
}

async fn a_command_that_says_too_much_ends(world: World) {
    let (_, sandbox) = world.usual().await;
    let loud = Command { max_output_bytes: 100_000, ..shell("yes") };
    let ended = run(&sandbox, &loud).await;
    assert_eq!(
        (ended.exit.reason, ended.stdout.len(), ended.exit.output_bytes),
        (Reason::OutputLimit, 100_000, 100_000)
    );
    let fits = Command { max_output_bytes: 4, ..shell("echo abc") };
    assert_eq!(run(&sandbox, &fits).await.exit.reason, Reason::Finished);
    world.close().await;
}

async fn a_command_can_be_killed(world: World) {
    let (_, sandbox) = world.usual().await;
    let sleeper = shell("echo ready; sleep 100");
    let mut running = sandbox.exec(&sleeper).await.unwrap();
    assert!(matches!(running.next().await.unwrap(), Some(Event::Output { stream: Stream::Stdout, .. })));
    sandbox.kill(&sleeper.key).await.unwrap();
    assert_eq!(running.finish().await.unwrap().exit.reason, Reason::Killed);
    sandbox.kill(&sleeper.key).await.unwrap();
    sandbox.kill("unknown").await.unwrap();
    world.close().await;
}

async fn nothing_is_left_of_a_command(world: World) {
    let (_, sandbox) = world.usual().await;
    // Orphans that end at once, and one that would stay.
    say(&sandbox, "for i in 1 2 3 4 5 6 7 8; do (true & true &) ; done; setsid sleep 72.5 >/dev/null 2>&1 &").await;
    let processes = || async { say(&sandbox, "grep -h '^State' /proc/[0-9]*/status 2>/dev/null | sort").await };
    let seen = processes().await;
    assert!(!seen.contains('Z'), "{seen}");
    assert!(fails(&sandbox, "cat /proc/*/cmdline | tr '\\0' ' ' | grep -q '[s]leep 72.5'").await);
    assert_eq!(sandbox.stats().await.unwrap().running_commands, 0);
    world.close().await;
}

async fn impossible_commands_are_refused(world: World) {
    let (_, sandbox) = world.usual().await;
    for command in [
        Command::new("../x", ["true"]),
        Command::new("", ["true"]),
        Command::new(unique("k"), Vec::<String>::new()),
        Command::new(unique("k"), ["a\0b"]),
        Command { env: [("A=B".to_owned(), String::new())].into(), ..shell("true") },
    ] {
        assert!(sandbox.exec(&command).await.unwrap().finish().await.is_err(), "{command:?}");
    }
    sandbox.ping().await.unwrap();
    let folder = world.folder.clone();
    world.close().await;
    assert!(eventually(|| mentions(&folder), Vec::is_empty).await.is_empty());
}
