use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{Contact, Egress, proxy::Target};

/// A connection to a host, which counts what passes. Its end is told when it is dropped, whatever ended it.
pub(super) struct Opened {
    stream: TcpStream,
    target: Target,
    egress: Egress,
    passed: Passed,
}

/// What has passed so far.
#[derive(Clone, Default)]
pub(super) struct Passed(Arc<Counts>);

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
    last_said: AtomicBool,
}

impl Passed {
    /// Bytes sent and received.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.0.sent.load(Ordering::Relaxed), self.0.received.load(Ordering::Relaxed))
    }

    /// Whether one of the two sends nothing more.
    pub(super) fn is_half_closed(&self) -> bool {
        self.0.last_said.load(Ordering::Relaxed)
    }
}

impl Opened {
    pub(super) fn new(stream: TcpStream, target: Target, egress: &Egress) -> Self {
        Self { stream, target, egress: egress.clone(), passed: Passed::default() }
    }

    pub(super) fn host(&self) -> &str {
        &self.target.host
    }

    pub(super) fn passed(&self) -> Passed {
        self.passed.clone()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let Target { host, port } = self.target.clone();
        let (sent, received) = self.passed.bytes();
        (self.egress.tell)(Contact::Closed { host, port, sent, received });
    }
}

impl AsyncRead for Opened {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, room) = (into.filled().len(), into.remaining());
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let read = into.filled().len().saturating_sub(before);
        self.passed.0.received.fetch_add(read as u64, Ordering::Relaxed);
        if read == 0 && room > 0 {
            self.passed.0.last_said.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Opened {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.passed.0.sent.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.passed.0.last_said.store(true, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
