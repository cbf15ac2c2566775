//! The control socket: one request per connection ([`crate::protocol`]).

use std::{io, path::Path, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::Instant,
};

use crate::{
    jobs::{Followed, Jobs, is_first},
    protocol::{Answer, Exec, Frame, MAX_REQUEST, MAX_STDIN, Request, Stats, is_key},
    usage,
    watch::Disk,
};

/// What requests are answered from.
pub(crate) struct Server {
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) begun: Instant,
}

/// Opens the socket, in place of one that an earlier shim left.
pub(crate) fn open(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(path)
}

impl Server {
    pub(crate) async fn run(self: Arc<Self>, listener: UnixListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            // A caller inside has a process number here; one outside has none, which the kernel tells as 0. What runs in
            // the sandbox must not speak for the outside.
            let inside = stream.peer_cred().ok().and_then(|peer| peer.pid()) != Some(0);
            if inside && is_first() {
                continue;
            }
            let server = Arc::clone(&self);
            tokio::spawn(async move {
                // A caller that goes away mid-answer comes back with the key.
                if let Err(error) = server.answer(stream).await
                    && !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
                {
                    eprintln!("muster-shim: a request failed: {error}");
                }
            });
        }
    }

    async fn answer(&self, stream: UnixStream) -> io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let request = match request(&mut reader).await {
            Ok(request) => request,
            Err(error) => return send(&mut writer, &Frame::Refused(format!("not a request: {error}"))).await,
        };
        match request {
            Request::Exec(exec) => self.exec(exec, reader, writer).await,
            Request::Attach { key, from_offset } => self.follow(&key, from_offset, writer).await,
            Request::Kill { key } => {
                self.jobs.kill(&key);
                send(&mut writer, &Frame::Answer(Answer::Done)).await
            }
            Request::Stats => send(&mut writer, &Frame::Answer(Answer::Stats(self.stats()))).await,
            Request::Ping => send(&mut writer, &Frame::Answer(Answer::Done)).await,
        }
    }

    async fn exec(
        &self,
        exec: Exec,
        mut reader: BufReader<OwnedReadHalf>,
        mut writer: OwnedWriteHalf,
    ) -> io::Result<()> {
        if let Some(fault) = fault(&exec) {
            return send(&mut writer, &Frame::Refused(fault.to_owned())).await;
        }
        let mut stdin = Vec::new();
        (&mut reader).take(exec.stdin_bytes).read_to_end(&mut stdin).await?;
        if stdin.len() as u64 != exec.stdin_bytes {
            return send(&mut writer, &Frame::Refused("the standard input is cut off".to_owned())).await;
        }
        if let Err(error) = self.jobs.exec(&exec, stdin) {
            return send(&mut writer, &Frame::Refused(format!("cannot keep the command: {error}"))).await;
        }
        self.follow(&exec.key, exec.from_offset, writer).await
    }

    async fn follow(&self, key: &str, from: u64, mut writer: OwnedWriteHalf) -> io::Result<()> {
        let followed = if is_key(key) { self.jobs.follow(key, from)? } else { None };
        let Some(Followed { mut reader, handle }) = followed else {
            return send(&mut writer, &Frame::Refused(format!("no command has the key {key:?}"))).await;
        };
        if let Some(handle) = handle {
            let mut progress = handle.progress.clone();
            while progress.changed().await.is_ok() {
                while let Some(frame) = reader.next()? {
                    send(&mut writer, &frame).await?;
                }
            }
        }
        while let Some(frame) = reader.next()? {
            send(&mut writer, &frame).await?;
        }
        let end = self.jobs.exit(key)?;
        let end = end.map_or_else(|| Frame::Refused("the command's end could not be written".to_owned()), Frame::Exit);
        send(&mut writer, &end).await
    }

    fn stats(&self) -> Stats {
        Stats {
            disk_bytes: self.disk.bytes(),
            running_commands: self.jobs.count() as u64,
            up_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..usage::now()
        }
    }
}

fn fault(exec: &Exec) -> Option<&'static str> {
    if !is_key(&exec.key) {
        Some("the key must be 1 to 200 letters, digits and -_.: and not begin with a dot")
    } else if exec.argv.first().is_none_or(String::is_empty) {
        Some("there is nothing to run")
    } else if exec.stdin_bytes > MAX_STDIN {
        Some("the standard input is too long")
    } else if exec.env.iter().any(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'))
    {
        Some("a variable of the environment has an impossible name or value")
    } else if exec.argv.iter().any(|argument| argument.contains('\0')) {
        Some("an argument holds a zero byte")
    } else {
        None
    }
}

async fn request(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Request> {
    let mut line = Vec::new();
    reader.take(MAX_REQUEST as u64).read_until(b'\n', &mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}

async fn send(writer: &mut OwnedWriteHalf, frame: &Frame) -> io::Result<()> {
    writer.write_all(&frame.encode().map_err(io::Error::other)?).await
}
