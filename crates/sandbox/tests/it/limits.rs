use std::time::{Duration, Instant};

use sandbox::{Command, Error, Limits, Reason, Sandbox, Spec};

use crate::world::{World, eventually, python, run, say, shell, text};

const MIB: u64 = 1 << 20;

on_each_backend!(
    a_bomb_of_processes_is_held,
    a_memory_hog_is_ended_and_the_sandbox_lives,
    processors_are_shared_out,
    children_that_nobody_waits_for_have_no_more_of_the_processors,
    the_workspace_cannot_be_filled,
    temporary_folders_have_a_size,
    the_wall_time_ends_the_sandbox,
);

async fn with(world: &World, limits: Limits) -> (Spec, Sandbox) {
    let spec = Spec { limits, ..world.spec("limited") };
    let sandbox = world.create(&spec).await;
    (spec, sandbox)
}

async fn a_bomb_of_processes_is_held(world: World) {
    let (_, sandbox) = with(&world, Limits { pids: 40, ..Limits::default() }).await;
    let bomb = Command { timeout: Duration::from_secs(3), ..shell("b() { b | b & }; b; sleep 2; b; wait; sleep 20") };
    let ended = run(&sandbox, &bomb).await;
    assert!(ended.exit.code != Some(0) || !ended.stderr.is_empty(), "{:?}", ended.exit);
    assert!(sandbox.stats().await.unwrap().processes <= 40);
    assert_eq!(say(&sandbox, "echo alive").await, "alive");
    world.close().await;
}

async fn a_memory_hog_is_ended_and_the_sandbox_lives(world: World) {
    let (_, sandbox) = with(&world, Limits { memory_bytes: 64 * MIB, ..Limits::default() }).await;
    let hog = python("b = []\nwhile True: b.append(bytearray(1 << 20))");
    let ended = run(&sandbox, &hog).await;
    assert_eq!(ended.exit.reason, Reason::OutOfMemory, "{:?}", ended.exit);
    assert_eq!(say(&sandbox, "echo alive").await, "alive");
    let fine = run(&sandbox, &shell("exit 3")).await;
    assert_eq!(fine.exit.reason, Reason::Finished, "an earlier end is not blamed again");
    world.close().await;
}

async fn processors_are_shared_out(world: World) {
    let (_, sandbox) = with(&world, Limits { cpu_millis: 500, ..Limits::default() }).await;
    let begin = Instant::now();
    run(&sandbox, &shell("for i in 1 2 3 4; do timeout 2 sh -c 'while :; do :; done' & done; wait")).await;
    let (wall, used) = (begin.elapsed(), Duration::from_millis(sandbox.stats().await.unwrap().cpu_ms));
    assert!(used < wall.mul_f64(0.75), "{used:?} of processors in {wall:?}");
    assert!(used > Duration::from_millis(100), "{used:?}");
    world.close().await;
}

/// Two lines of children that take 20 ms of a processor each and leave no trace in their parents. Tells how much they took,
/// and of what time, in milliseconds.
const FORGETFUL: &str = r#"
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
begin, count, read = time.monotonic(), 0, []
while time.monotonic() - begin < 8:
    while len(read) < 2:
        end, kept = os.pipe()
        if os.fork() == 0:
            while time.process_time() < 0.02: pass
            os._exit(0)
        os.close(kept)
        count += 1
        read.append(end)
    os.read(read[0], 1)
    os.close(read.pop(0))
print(count * 20, int((time.monotonic() - begin) * 1000))
"#;

async fn children_that_nobody_waits_for_have_no_more_of_the_processors(world: World) {
    let (_, sandbox) = with(&world, Limits { cpu_millis: 500, ..Limits::default() }).await;
    let told = text(&run(&sandbox, &python(FORGETFUL)).await.stdout);
    let (used, wall) = told.split_once(' ').unwrap();
    let (used, wall): (u64, u64) = (used.parse().unwrap(), wall.parse().unwrap());
    assert!(used > 0 && used < wall, "{used} of {wall} ms");
    world.close().await;
}

async fn the_workspace_cannot_be_filled(world: World) {
    let (spec, sandbox) = with(&world, Limits { disk_bytes: 20 * MIB, ..Limits::default() }).await;
    let one = run(&sandbox, &shell("exec head -c 1G /dev/zero > large")).await;
    assert_eq!(one.exit.reason, Reason::LimitReached, "{:?}", one.exit);
    assert!(std::fs::metadata(spec.workspace.join("large")).unwrap().len() <= 20 * MIB);
    let many = "rm large; i=0; while :; do head -c 1M /dev/zero > part$i; i=$((i+1)); sleep 0.05; done";
    let ended = run(&sandbox, &shell(many)).await;
    assert_eq!(ended.exit.reason, Reason::LimitReached, "{:?}", ended.exit);
    // Cleaning up is still possible.
    say(&sandbox, "rm part*; echo small > small").await;
    let held = || async { sandbox.stats().await.unwrap().disk_bytes };
    let end = Instant::now() + Duration::from_secs(10);
    while held().await > MIB && Instant::now() < end {
        say(&sandbox, "sleep 0.3").await;
    }
    assert!(held().await <= MIB, "{} bytes", held().await);
    world.close().await;
}

async fn temporary_folders_have_a_size(world: World) {
    let (_, sandbox) = with(&world, Limits { temporary_bytes: 4 * MIB, ..Limits::default() }).await;
    for at in ["/tmp", "/home/agent"] {
        let ended = run(&sandbox, &shell(&format!("head -c 8M /dev/zero > {at}/large"))).await;
        assert_ne!(ended.exit.code, Some(0), "{at}");
    }
    world.close().await;
}

async fn the_wall_time_ends_the_sandbox(world: World) {
    let (spec, sandbox) = with(&world, Limits { wall: Duration::from_secs(2), ..Limits::default() }).await;
    let sleeper = shell("echo begun; sleep 60");
    let ended = run(&sandbox, &sleeper).await;
    assert_eq!(ended.exit.reason, Reason::LimitReached);
    let gone = || async { matches!(sandbox.ping().await, Err(Error::Gone(_))) };
    let end = Instant::now() + Duration::from_secs(10);
    while !gone().await && Instant::now() < end {
        tokio::task::yield_now().await;
    }
    assert!(gone().await);
    assert!(world.backend.attach(&spec.id, None).await.unwrap().is_none());
    let listed = world.backend.list().await.unwrap();
    assert_eq!(listed.iter().filter(|found| found.id == spec.id).count(), 1, "until it is destroyed");
    let state = spec.state.clone();
    world.close().await;
    assert!(eventually(|| state.exists(), |there| !there).await.eq(&false));
}
