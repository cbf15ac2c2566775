use std::{io::Cursor, path::Path, process::Command};

use forge::{Exchange, GitError, HiddenRef, PushRules};
use futures::StreamExt as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::world::{World, git, main_branch, write_all};

/// The least of an HTTP server: one request per connection, bodies by length or in chunks.
async fn serve(world: &World, rules: Option<PushRules>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/r.git", listener.local_addr().unwrap());
    let repository = world.repository.clone();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (repository, rules) = (repository.clone(), rules.clone());
            tokio::spawn(async move { answer(connection, &repository, rules).await });
        }
    });
    address
}

async fn answer(connection: TcpStream, repository: &forge::Repository, push: Option<PushRules>) {
    let mut connection = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let Some(first) = lines.first().map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>()) else { return };
    let header = |name: &str| {
        lines.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let (path, query) = first[1].split_once('?').unwrap_or((&first[1], ""));
    let content_length = header("content-length").map(|length| length.parse().unwrap());
    if header("expect").is_some() {
        connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    }
    let body = read_body(&mut connection, content_length, header("transfer-encoding").is_some()).await;
    let exchange = Exchange {
        method: first[0].clone(),
        path: path.strip_prefix("/r.git").unwrap().to_owned(),
        query: query.to_owned(),
        content_type: header("content-type"),
        content_length,
        content_encoding: header("content-encoding"),
        protocol: header("git-protocol"),
        user: "ada".into(),
        push,
    };
    let head = match repository.serve(exchange, Cursor::new(body)).await {
        Ok(served) => {
            let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", served.status);
            served.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
            connection.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
            let mut body = served.body;
            while let Some(chunk) = body.next().await {
                connection.write_all(&chunk.unwrap()).await.unwrap();
            }
            return;
        }
        Err(GitError::NotFound(_)) => "HTTP/1.1 403 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        Err(error) => panic!("{error}"),
    };
    connection.write_all(head.as_bytes()).await.unwrap();
}

async fn read_body(connection: &mut BufReader<TcpStream>, length: Option<u64>, chunked: bool) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(length) = length {
        connection.take(length).read_to_end(&mut body).await.unwrap();
    }
    if !chunked {
        return body;
    }
    loop {
        let mut size = String::new();
        connection.read_line(&mut size).await.unwrap();
        let size = u64::from_str_radix(size.trim(), 16).unwrap();
        connection.take(size).read_to_end(&mut body).await.unwrap();
        connection.read_line(&mut String::new()).await.unwrap();
        if size == 0 {
            return body;
        }
    }
}

/// Git as a client, away from the async threads; what it printed to both.
async fn client(folder: &Path, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=T", "-c", "user.email=t@example.org"]).args(args).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}

fn rules() -> Option<PushRules> {
    Some(PushRules { max_bytes: 1 << 20, protected: Some(main_branch()) })
}

#[tokio::test]
async fn clients_clone_fetch_and_push() {
    let (world, base) = World::with(&[("a", "1\n")]).await;
    world.repository.set_hidden(&HiddenRef::new("runs/1").unwrap(), base).await.unwrap();
    let address = serve(&world, rules()).await;
    let home = world.home.path();
    client(home, &["clone", "-q", &address, "one"]).await.unwrap();
    let shown = client(home, &["ls-remote", &address]).await.unwrap();
    assert!(shown.contains("refs/heads/main") && !shown.contains("muster"), "hidden refs are not shown: {shown}");
    let work = home.join("one");
    // Enough to be sent in chunks and compressed.
    let many: String = (0..60_000).map(|n| format!("{n}\n")).collect();
    write_all(&work, &[("b", &many)]);
    git(&work, &["add", "."]);
    git(&work, &["commit", "-qm", "more"]);
    client(&work, &["push", "-q", "origin", "main", "main:refs/heads/topic/x"]).await.unwrap();
    assert_eq!(world.read("topic/x", "b").await, many);
    client(home, &["clone", "-q", "--depth=1", "--branch=topic/x", &address, "two"]).await.unwrap();
    client(&home.join("two"), &["fetch", "-q"]).await.unwrap();
    assert!(home.join("two/b").exists());
    // Protocol version 0 too.
    client(home, &["-c", "protocol.version=0", "clone", "-q", &address, "three"]).await.unwrap();
}

#[tokio::test]
async fn some_pushes_are_refused() {
    let (world, _) = World::with(&[("a", "1\n")]).await;
    let address = serve(&world, rules()).await;
    let home = world.home.path();
    client(home, &["clone", "-q", &address, "one"]).await.unwrap();
    let work = home.join("one");
    let hidden = client(&work, &["push", "origin", "main:refs/muster/runs/9"]).await.unwrap_err();
    assert!(hidden.contains("deny updating a hidden ref"), "{hidden}");
    let gone = client(&work, &["push", "origin", ":main"]).await.unwrap_err();
    assert!(gone.contains("cannot be removed"), "{gone}");
    git(&work, &["commit", "-q", "--amend", "-m", "other"]);
    let rewritten = client(&work, &["push", "--force", "origin", "main"]).await.unwrap_err();
    assert!(rewritten.contains("cannot be rewritten"), "{rewritten}");
    client(&work, &["push", "-q", "origin", "main:topic"]).await.unwrap();
    client(&work, &["push", "-q", "origin", ":topic"]).await.unwrap();
    std::fs::write(work.join("big"), noise(2 << 20)).unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "-qm", "big"]);
    assert!(client(&work, &["push", "-q", "origin", "main:big"]).await.is_err(), "over the limit of a push");
    assert_eq!(world.repository.branches().await.unwrap().len(), 1);
    let closed = serve(&world, None).await;
    assert!(client(&work, &["push", "-q", &closed, "main:x"]).await.is_err());
    client(home, &["clone", "-q", &closed, "two"]).await.unwrap();
}

/// Bytes that do not compress, the same each time (a 64-bit xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(step).take(length).collect()
}

#[tokio::test]
async fn pushes_at_the_same_time_all_arrive() {
    let (world, _) = World::with(&[("a", "1\n")]).await;
    let address = serve(&world, rules()).await;
    let home = world.home.path();
    let pushing = (0..5).map(|n| {
        let (address, home) = (address.clone(), home.to_path_buf());
        async move {
            let name = format!("w{n}");
            client(&home, &["clone", "-q", &address, &name]).await.unwrap();
            let work = home.join(&name);
            write_all(&work, &[(&name, "x\n")]);
            git(&work, &["add", "."]);
            git(&work, &["commit", "-qm", "x"]);
            client(&work, &["push", "-q", "origin", &format!("main:{name}")]).await.unwrap();
        }
    });
    futures::future::join_all(pushing).await;
    assert_eq!(world.repository.branches().await.unwrap().len(), 6);
    assert!(git(world.repository.path(), &["fsck", "--strict"]).is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_takes_git_with_it() {
    let (world, _) = World::with(&[("a", "1\n")]).await;
    let exchange = Exchange {
        method: "GET".into(),
        path: "/info/refs".into(),
        query: "service=git-upload-pack".into(),
        content_type: None,
        content_length: None,
        content_encoding: None,
        protocol: None,
        user: "ada".into(),
        push: None,
    };
    let served = world.repository.serve(exchange.clone(), tokio::io::empty()).await.unwrap();
    assert_eq!(served.status, 200);
    drop(served);
    // Removing waits until nothing holds the repository any more.
    let stray = Exchange { path: "/HEAD".into(), ..exchange };
    assert!(matches!(world.repository.serve(stray, tokio::io::empty()).await, Err(GitError::NotFound(_))));
    world.repository.clone().remove().await.unwrap();
}
