use tokio::net::TcpListener;

use crate::world::{World, fails, python, run, say, shell, text};

on_each_backend!(
    there_is_no_network,
    nothing_of_the_machine_is_readable,
    only_the_workspace_and_temporary_folders_are_writable,
    a_command_has_no_privileges_and_gains_none,
    a_command_cannot_speak_for_the_outside,
    sandboxes_do_not_see_each_other,
);

async fn there_is_no_network(world: World) {
    let (_, sandbox) = world.usual().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(say(&sandbox, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '").await, "lo");
    for host in ["127.0.0.1", "1.1.1.1", "169.254.169.254"] {
        let ended = run(&sandbox, &shell(&format!("timeout 5 bash -c 'exec 3<>/dev/tcp/{host}/{port}'"))).await;
        assert_ne!(ended.exit.code, Some(0), "{host}");
    }
    let families = "import socket\nfor family in (40, 38, 17):\n  try: socket.socket(family, socket.SOCK_STREAM); print('opened', family)\n  except OSError as error: print(error.errno)";
    assert_eq!(text(&run(&sandbox, &python(families)).await.stdout), "1\n1\n1", "EPERM for each family");
    world.close().await;
}

async fn nothing_of_the_machine_is_readable(world: World) {
    let (_, sandbox) = world.usual().await;
    let secret = world.folder.join("secret");
    std::fs::write(&secret, "a secret").unwrap();
    let secret = secret.display().to_string();
    for path in [
        secret.as_str(),
        "/root",
        "/home/root",
        "/etc/shadow",
        "/etc/ssl/private",
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/var/lib",
        "/boot",
        "/sys/kernel/security",
        "/proc/1/root/etc",
        "/proc/1/environ",
        "/proc/1/mem",
        "/proc/kcore",
    ] {
        assert!(
            fails(&sandbox, &format!("ls -d '{path}' >/dev/null 2>&1 && head -c 1 '{path}' && [ ! -d '{path}' ]"))
                .await,
            "{path} is readable"
        );
    }
    assert_eq!(say(&sandbox, "ls /home").await, "agent");
    assert!(!say(&sandbox, "cat /etc/passwd").await.contains("daemon"), "the machine's accounts are not shown");
    let ours = std::process::id();
    let seen = say(&sandbox, "ls /proc | grep -c '^[0-9]'").await;
    assert!(seen.parse::<u32>().unwrap() < 10, "{seen} processes beside {ours}");
    world.close().await;
}

async fn only_the_workspace_and_temporary_folders_are_writable(world: World) {
    let (_, sandbox) = world.usual().await;
    for path in ["/x", "/usr/x", "/etc/x", "/bin/x", "/run/x", "/run/muster-shim", "/dev/x", "/var/x", "/opt/x"] {
        assert!(fails(&sandbox, &format!("echo > {path}")).await, "{path} is writable");
    }
    // Only opened: a switch that can be reached must not be thrown by its test.
    for knob in ["kernel/core_pattern", "kernel/hostname", "vm/drop_caches"] {
        let opened = run(&sandbox, &python(&format!("open('/proc/sys/{knob}', 'r+').close()"))).await;
        assert_eq!(opened.exit.code, Some(1), "{knob} is writable");
    }
    let opened = run(&sandbox, &python("open('/proc/sysrq-trigger', 'w').close()")).await;
    assert_eq!(opened.exit.code, Some(1), "the kernel's emergency switch is writable");
    say(&sandbox, "for at in /work /tmp /var/tmp /home/agent /dev/shm; do echo > $at/x || exit 1; done").await;
    // A program made inside runs, wherever it was made.
    say(&sandbox, "for at in /work /tmp /home/agent; do printf '#!/bin/sh\\nexit 0' > $at/p; chmod +x $at/p; $at/p || exit 1; done").await;
    world.close().await;
}

async fn a_command_has_no_privileges_and_gains_none(world: World) {
    let (_, sandbox) = world.usual().await;
    let status = say(&sandbox, "cat /proc/self/status").await;
    for line in ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line} is missing in {status}");
    }
    for script in [
        "unshare -U true",
        "unshare -Un true",
        "unshare -m true",
        "mount -t tmpfs none /tmp",
        "chroot / true",
        "su -c true",
        "nsenter -t 1 -a true",
        "dmesg",
        "mknod /tmp/disk b 8 0",
        "chown 0 /tmp",
        "hostname other",
    ] {
        assert!(fails(&sandbox, script).await, "{script} works");
    }
    let kernel = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nfor call in (101, 321, 250, 425, 323, 165, 272, 435, 304, 0x40000000 + 39):\n  print(call, libc.syscall(call, 0, 0, 0, 0, 0), ctypes.get_errno() in (1, 38))";
    if cfg!(target_arch = "x86_64") {
        let said = text(&run(&sandbox, &python(kernel)).await.stdout);
        assert_eq!(said.lines().filter(|line| line.ends_with("-1 True")).count(), 10, "{said}");
    }
    world.close().await;
}

async fn a_command_cannot_speak_for_the_outside(world: World) {
    let (_, sandbox) = world.usual().await;
    say(&sandbox, "echo known").await;
    // The socket takes nobody from inside.
    let ask = "import socket\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(5)\ns.connect('/run/muster/control.sock')\ntry:\n  s.sendall(b'{\"ask\":\"ping\"}\\n')\n  print(len(s.recv(99)))\nexcept OSError: print(0)";
    let asked = run(&sandbox, &python(ask)).await;
    assert!(asked.exit.code != Some(0) || text(&asked.stdout) == "0", "{}", text(&asked.stdout));
    // What other commands said can be neither read nor changed, nor can the socket be replaced.
    for script in [
        "cat /run/muster/outbox/*/output",
        "echo > /run/muster/outbox/x",
        "rm -f /run/muster/control.sock",
        "mv /run/muster/control.sock /run/muster/c",
        "mv /run/muster/outbox /run/muster/o",
        "mkdir /run/muster/outbox/next-key",
    ] {
        assert!(fails(&sandbox, script).await, "{script} works");
    }
    // Nor can the first process be ended.
    run(&sandbox, &shell("kill -9 1; kill -TERM 1; kill -9 -1; true")).await;
    sandbox.ping().await.unwrap();
    assert_eq!(say(&sandbox, "echo alive").await, "alive");
    world.close().await;
}

async fn sandboxes_do_not_see_each_other(world: World) {
    let (one, first) = world.usual().await;
    let (_, second) = world.usual().await;
    std::fs::write(one.workspace.join("mine"), "").unwrap();
    say(&first, "echo > /tmp/mine; echo > /dev/shm/mine").await;
    assert!(fails(&second, "ls /work/mine || ls /tmp/mine || ls /dev/shm/mine").await);
    let server = python(
        "import socket,time\ns=socket.socket(); s.bind(('127.0.0.1',7777)); s.listen(); print('up',flush=True); time.sleep(60)",
    );
    let mut serving = first.exec(&server).await.unwrap();
    serving.next().await.unwrap();
    say(&first, "timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/7777'").await;
    assert!(fails(&second, "timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/7777'").await);
    world.close().await;
}
