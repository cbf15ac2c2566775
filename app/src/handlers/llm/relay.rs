//! An answer of the client's own format on its way from the provider, and what it cost.

use std::{io, time::Instant};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::stream;
use gateway::{
    CallError, Forwarded,
    face::{Fault, Format, Meter, Request, UsageFilter},
};
use http::{HeaderName, HeaderValue, header};
use tokio::sync::{mpsc, oneshot};

use super::{
    candidate::{Bounds, Spent},
    heard::Heard,
    rest::Rest,
    told::Told,
};

/// Where the beginning of an answer goes.
pub(super) type Head = oneshot::Sender<Result<Response, Told>>;
type Pieces = mpsc::Sender<Result<Bytes, io::Error>>;

/// Pieces that wait for a slow client before the provider has to wait too.
const WAITING: usize = 16;

/// Tells the client the beginning. One that has gone is noticed by whoever hands it the pieces.
pub(super) fn tell(head: &mut Option<Head>, response: Response) {
    if let Some(head) = head.take() {
        drop(head.send(Ok(response)));
    }
}

/// Whether nobody waits for the beginning any more.
pub(super) fn is_gone(head: Option<&Head>) -> bool {
    head.is_some_and(oneshot::Sender::is_closed)
}

/// Until the client that waits for the beginning goes.
pub(super) async fn gone(head: Option<&mut Head>) {
    match head {
        Some(head) => head.closed().await,
        None => std::future::pending().await,
    }
}

fn body(pieces: mpsc::Receiver<Result<Bytes, io::Error>>) -> Body {
    Body::from_stream(stream::unfold(
        pieces,
        |mut pieces| async move { pieces.recv().await.map(|piece| (piece, pieces)) },
    ))
}

/// The head of an answer that arrives piece by piece. Servers in front must not collect the pieces, nor we compress them.
pub(super) fn streaming(content_type: &'static str) -> Response {
    let mut response = Response::default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// What a stream is of, as its client asked for it.
pub(super) fn stream_type(request: &Request) -> &'static str {
    if request.is_list() { "application/json" } else { "text/event-stream; charset=utf-8" }
}

/// An answer that costs nothing, as it comes.
pub(super) fn plain(mut forwarded: Forwarded) -> Response {
    let (status, headers) = (forwarded.status, std::mem::take(&mut forwarded.headers));
    let pieces = stream::unfold(forwarded, |mut forwarded| async move {
        let piece = forwarded.next().await.map_err(io::Error::other).transpose()?;
        Some((piece, forwarded))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

/// Passes an answer on byte by byte, with the meter beside it, and for a while even if the client goes.
pub(super) async fn forward(
    request: &Request,
    mut forwarded: Forwarded,
    (bounds, keeps): (Bounds, bool),
    (head, mut rest): (&mut Option<Head>, Rest),
    began: Instant,
) -> Spent {
    let mut meter = Meter::new(request.format(), forwarded.content_type());
    let events = forwarded.content_type().starts_with("text/event-stream");
    let mut filter = (events && request.hides_usage()).then(UsageFilter::default);
    let (send, receive) = mpsc::channel(WAITING);
    let mut response = if request.streams() { streaming(stream_type(request)) } else { Response::default() };
    *response.status_mut() = forwarded.status;
    response.headers_mut().extend(std::mem::take(&mut forwarded.headers));
    *response.body_mut() = body(receive);
    tell(head, response);
    let mut heard = keeps.then(|| Heard::new(request.format(), events));
    let ended = loop {
        match rest.bound(send.closed(), forwarded.next()).await {
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
            Ok(Some(piece)) => {
                meter.push(&piece);
                if let Some(heard) = &mut heard {
                    heard.push(&piece);
                }
                let passed = filter.as_mut().map_or(piece.clone(), |filter| filter.push(&piece).into());
                if !rest.has_begun() && !passed.is_empty() && send.send(Ok(passed)).await.is_err() {
                    rest.begin();
                }
            }
        }
    };
    if !rest.has_begun() {
        close(&send, request.format(), events, filter, ended.as_ref().err()).await;
    }
    let found = meter.finish();
    let (usage, estimated) = found.settled(bounds.input, bounds.output);
    let failed = ended.is_err() || found.error.is_some();
    let words = heard.map(Heard::text);
    Spent { usage, estimated, failed, model: found.model, took: began.elapsed(), words }
}

/// The rest of a stream, and why it ended too early: an event in a stream of events, a broken connection otherwise.
async fn close(send: &Pieces, format: Format, events: bool, filter: Option<UsageFilter>, error: Option<&CallError>) {
    let mut last: Vec<Result<Bytes, io::Error>> = Vec::new();
    let rest = filter.map(UsageFilter::finish).unwrap_or_default();
    if !rest.is_empty() {
        last.push(Ok(rest.into()));
    }
    match error {
        Some(error) if events => last.push(Ok(Bytes::from(format!("\n\n{}", Fault::from(error).event(format))))),
        Some(error) => last.push(Err(io::Error::other(error.to_string()))),
        None => {}
    }
    for piece in last {
        if send.send(piece).await.is_err() {
            return;
        }
    }
}
