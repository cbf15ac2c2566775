//! Speaks to a shim.

use std::{
    io,
    path::{Path, PathBuf},
};

use shim::protocol::{Answer, CONTROL, FRAME_HEAD, Frame, Request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

use crate::{Error, Result, sockets};

#[derive(Debug, Clone)]
pub(crate) struct Client {
    id: String,
    /// The shared folder.
    folder: PathBuf,
}

/// One request's answer, frame by frame.
#[derive(Debug)]
pub(crate) struct Answers {
    id: String,
    stream: BufReader<UnixStream>,
}

impl Client {
    pub(crate) fn new(id: &str, folder: &Path) -> Self {
        Self { id: id.to_owned(), folder: folder.to_owned() }
    }

    pub(crate) async fn ask(&self, request: &Request, stdin: &[u8]) -> Result<Answers> {
        let gone = |error| gone(&self.id, error);
        let mut stream = sockets::connect(&self.folder, CONTROL).await.map_err(gone)?;
        let mut line = serde_json::to_vec(request).map_err(|error| gone(error.into()))?;
        line.push(b'\n');
        stream.write_all(&line).await.map_err(gone)?;
        stream.write_all(stdin).await.map_err(gone)?;
        Ok(Answers { id: self.id.clone(), stream: BufReader::new(stream) })
    }

    /// For requests that are answered once.
    pub(crate) async fn answer(&self, request: &Request) -> Result<Answer> {
        match self.ask(request, &[]).await?.next().await? {
            Some(Frame::Answer(answer)) => Ok(answer),
            Some(Frame::Refused(reason)) => Err(Error::Refused(reason)),
            _ => Err(Error::Gone(self.id.clone())),
        }
    }
}

impl Answers {
    /// None at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>> {
        let mut head = [0; FRAME_HEAD];
        match self.stream.read_exact(&mut head).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read.map_err(|error| gone(&self.id, error))?,
        };
        let unreadable = |error| Error::Io {
            doing: format!("Cannot read from the sandbox {}", self.id),
            cause: io::Error::other(error),
        };
        let (kind, length) = Frame::head(head).map_err(unreadable)?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.map_err(|error| gone(&self.id, error))?;
        Frame::decode(kind, &body).map(Some).map_err(unreadable)
    }
}

/// A socket without a listener, or one that closes early, means that the shim has ended.
fn gone(id: &str, error: io::Error) -> Error {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionRefused | ConnectionReset | NotFound | UnexpectedEof => Error::Gone(id.to_owned()),
        _ => Error::Io { doing: format!("Cannot speak to the sandbox {id}"), cause: error },
    }
}
