//! Git over HTTP (gitprotocol-http(5)) by `git http-backend`, run as a CGI program (RFC 3875).

use std::{io, path::Path, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::ChildStdout,
    sync::oneshot,
};

use crate::{
    GitError, PushRules, Repository, Result,
    git::{Git, Running, drain},
    lock::{self, Held},
};

/// The longest that one exchange may take.
const LONGEST: Duration = Duration::from_secs(3600);
const MAX_HEADERS: u64 = 16 << 10;
/// What one client may take of this machine: one processor, and so much memory for comparing files and for what is found.
const PACKING: [(&str, &str); 3] =
    [("pack.threads", "1"), ("pack.windowMemory", "64m"), ("pack.deltaCacheSize", "32m")];

/// What a request of a git client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Clone and fetch.
    Fetch,
    Push,
}

impl Service {
    /// Reads the part of the address behind the repository. `None` for everything but git's smart protocol: single files of
    /// the repository are never served.
    #[must_use]
    pub fn of(method: &str, path: &str, query: &str) -> Option<Self> {
        match (method, path) {
            ("GET", "/info/refs") => match query.split('&').find_map(|pair| pair.strip_prefix("service="))? {
                "git-upload-pack" => Some(Self::Fetch),
                "git-receive-pack" => Some(Self::Push),
                _ => None,
            },
            ("POST", "/git-upload-pack") => Some(Self::Fetch),
            ("POST", "/git-receive-pack") => Some(Self::Push),
            _ => None,
        }
    }
}

/// A request of a git client. Who may send it has been decided before.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    /// Behind the repository: `/info/refs`, `/git-upload-pack`, `/git-receive-pack`.
    pub path: String,
    pub query: String,
    pub content_type: Option<String>,
    pub content_length: Option<u64>,
    pub content_encoding: Option<String>,
    /// The `Git-Protocol` header.
    pub protocol: Option<String>,
    /// Named in the reflog.
    pub user: String,
    /// `None`: nothing may be pushed.
    pub push: Option<PushRules>,
}

/// The answer, its body still to be read. Dropping the body ends the exchange and git with it.
pub struct Served {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: stream::BoxStream<'static, io::Result<Bytes>>,
}

impl Repository {
    /// Answers a request of a git client, streaming in both directions. Hidden refs are neither shown nor accepted.
    ///
    /// # Errors
    /// [`GitError::NotFound`] for a request that is not of the protocol, or a push where none is allowed.
    pub async fn serve(&self, exchange: Exchange, body: impl AsyncRead + Send + Unpin + 'static) -> Result<Served> {
        let service = Service::of(&exchange.method, &exchange.path, &exchange.query);
        let service = service.ok_or_else(|| GitError::NotFound("such address".into()))?;
        if service == Service::Push {
            if exchange.push.is_none() {
                return Err(GitError::NotFound("such address".into()));
            }
            lock::clear_if_any(self.path()).await?;
        }
        let held = lock::shared(self.path()).await?;
        let mut running = Running::start(self.backend(&exchange).await?)?;
        let (stdin, stdout, stderr) = running.pipes();
        let feeding = tokio::spawn(feed(body, stdin));
        let complaints = tokio::spawn(drain(stderr, MAX_HEADERS));
        let mut stdout = BufReader::new(stdout.ok_or_else(|| GitError::io("serving", io::ErrorKind::BrokenPipe))?);
        let answer = tokio::time::timeout(LONGEST, headers(&mut stdout)).await;
        let answer = answer.map_err(|_| GitError::Timeout { what: "The exchange".into(), limit: LONGEST })?;
        let (status, headers) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                drop(running);
                feeding.abort();
                let said = complaints.await.ok().and_then(std::result::Result::ok).unwrap_or_default();
                tracing::error!(said = %String::from_utf8_lossy(&said), "git http-backend gave no answer");
                return Err(error);
            }
        };
        let (ended, end) = oneshot::channel();
        tokio::spawn(keep(Kept { running, _held: held, feeding, complaints }, end));
        Ok(Served { status, headers, body: Box::pin(read_on(stdout, ended)) })
    }

    async fn backend(&self, exchange: &Exchange) -> Result<std::process::Command> {
        let name = self.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let root = self.path().parent().unwrap_or(Path::new("/"));
        let mut git = Git::new("http-backend")
            .input(Vec::new())
            .env("GIT_PROJECT_ROOT", root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", format!("/{name}{}", exchange.path))
            .env("REQUEST_METHOD", &exchange.method)
            .env("QUERY_STRING", &exchange.query)
            .env("REMOTE_USER", &exchange.user)
            .env("REMOTE_ADDR", "muster")
            .setting("http.getanyfile", "false")
            .setting("http.uploadpack", "true")
            .setting("http.receivepack", if exchange.push.is_some() { "true" } else { "false" })
            .setting("uploadpack.allowFilter", "true")
            .setting("receive.fsckObjects", "true")
            .setting("receive.autogc", "false")
            .setting("receive.advertiseAtomic", "true");
        for (key, value) in PACKING {
            git = git.setting(key, value);
        }
        let header = [
            ("CONTENT_TYPE", exchange.content_type.clone()),
            ("CONTENT_LENGTH", exchange.content_length.map(|length| length.to_string())),
            ("HTTP_CONTENT_ENCODING", exchange.content_encoding.clone()),
            ("GIT_PROTOCOL", exchange.protocol.clone()),
        ];
        for (name, value) in header {
            if let Some(value) = value {
                git = git.env(name, value);
            }
        }
        if let Some(rules) = &exchange.push {
            git = git.setting("receive.maxInputSize", rules.max_bytes.to_string());
            if let Some(branch) = &rules.protected {
                let hooks = self.hooks().await?;
                git = git.setting("core.hooksPath", hooks.display().to_string()).env("MUSTER_PROTECTED", branch.full());
            }
        }
        Ok(git.command())
    }
}

/// What must live as long as the exchange.
struct Kept {
    running: Running,
    _held: Held,
    feeding: tokio::task::JoinHandle<()>,
    complaints: tokio::task::JoinHandle<io::Result<Vec<u8>>>,
}

/// Waits for git to end; ends it when the client is gone or the time is over.
async fn keep(mut kept: Kept, end: oneshot::Receiver<()>) {
    let finished = async {
        // An error means that the body was dropped before its end: nobody reads on.
        if end.await.is_err() {
            return None;
        }
        kept.running.wait().await.ok()
    };
    match tokio::time::timeout(LONGEST, finished).await {
        Ok(Some(status)) if !status.success() => {
            let said = kept.complaints.await.ok().and_then(std::result::Result::ok).unwrap_or_default();
            tracing::debug!(%status, said = %String::from_utf8_lossy(&said), "git http-backend failed");
        }
        Ok(_) => {}
        Err(_) => tracing::warn!("a git exchange took too long and was ended"),
    }
    kept.feeding.abort();
}

async fn feed(mut body: impl AsyncRead + Unpin, stdin: Option<tokio::process::ChildStdin>) {
    let Some(mut stdin) = stdin else { return };
    // Either side may end early; git tells the client what is missing.
    if let Err(error) = tokio::io::copy(&mut body, &mut stdin).await {
        tracing::debug!(%error, "the body of a git request broke off");
    }
}

/// `Name: value` lines until an empty one; `Status: 404 Not Found` is the answer's status.
async fn headers(stdout: &mut BufReader<ChildStdout>) -> Result<(u16, Vec<(String, String)>)> {
    let failed = |error: io::Error| GitError::io("reading git's answer", error);
    let (mut status, mut found, mut left) = (200, Vec::new(), MAX_HEADERS);
    loop {
        let mut line = String::new();
        let count = stdout.take(left).read_line(&mut line).await.map_err(failed)?;
        left = left.saturating_sub(count as u64);
        if count == 0 {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        match line.trim_end().split_once(':') {
            None if line.trim_end().is_empty() => return Ok((status, found)),
            None => return Err(failed(io::ErrorKind::InvalidData.into())),
            Some((name, value)) if name.eq_ignore_ascii_case("status") => {
                status = value.trim().get(..3).and_then(|code| code.parse().ok()).unwrap_or(500);
            }
            Some((name, value)) => found.push((name.trim().to_owned(), value.trim().to_owned())),
        }
    }
}

fn read_on(stdout: BufReader<ChildStdout>, ended: oneshot::Sender<()>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some((stdout, ended)), |state| async move {
        let (mut stdout, ended) = state?;
        let mut chunk = BytesMut::with_capacity(32 << 10);
        match stdout.read_buf(&mut chunk).await {
            Ok(0) => {
                if ended.send(()).is_err() {
                    tracing::debug!("the exchange was given up before its end");
                }
                None
            }
            Ok(_) => Some((Ok(chunk.freeze()), Some((stdout, ended)))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_smart_protocol_is_served() {
        let of = Service::of;
        assert_eq!(of("GET", "/info/refs", "service=git-upload-pack"), Some(Service::Fetch));
        assert_eq!(of("GET", "/info/refs", "a=b&service=git-receive-pack"), Some(Service::Push));
        assert_eq!(of("POST", "/git-upload-pack", ""), Some(Service::Fetch));
        assert_eq!(of("POST", "/git-receive-pack", ""), Some(Service::Push));
        for (method, path, query) in [
            ("GET", "/info/refs", ""),
            ("GET", "/info/refs", "service=git-upload-archive"),
            ("GET", "/HEAD", ""),
            ("GET", "/objects/info/packs", ""),
            ("GET", "/git-upload-pack", ""),
            ("POST", "/info/refs", "service=git-upload-pack"),
            ("GET", "/../other.git/info/refs", "service=git-upload-pack"),
        ] {
            assert_eq!(of(method, path, query), None, "{method} {path}");
        }
    }

    #[tokio::test]
    async fn clients_are_served_with_bounded_means() {
        let home = tempfile::tempdir().unwrap();
        let repository = Repository::create_empty(home.path().join("r.git"), &"main".parse().unwrap()).await.unwrap();
        let exchange = Exchange {
            method: "POST".into(),
            path: "/git-upload-pack".into(),
            query: String::new(),
            content_type: None,
            content_length: None,
            content_encoding: None,
            protocol: None,
            user: "ada".into(),
            push: None,
        };
        let served = repository.backend(&exchange).await.unwrap();
        for (key, value) in
            [("pack.threads", "1"), ("pack.windowMemory", "67108864"), ("pack.deltaCacheSize", "33554432")]
        {
            let mut git = std::process::Command::new(served.get_program());
            git.args(["config", "--type=int", "--get", key]).env_clear();
            git.envs(served.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let told = git.output().unwrap();
            assert_eq!(String::from_utf8(told.stdout).unwrap().trim(), value, "{key}");
        }
    }
}
