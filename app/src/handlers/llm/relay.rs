//! From a provider's answer to a client's, and what it cost.

use std::{
    io,
    time::{Duration, Instant},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::stream;
use gateway::{
    CallError, Forwarded, Refused,
    face::{Fault, Format, Meter, Request, UsageFilter, Writer},
};
use http::{HeaderName, HeaderValue, header};
use orchestrator::models::wait_after;
use tokio::sync::{mpsc, oneshot};
use types::chat::{Answer, Delta, TokenUsage};
use uuid::Uuid;

use super::{
    call::Call,
    candidate::{Bounds, Candidate, OUTPUT_UNLESS_SAID, Spent},
    heard::Heard,
    json,
    told::Told,
};

/// Where the beginning of an answer goes.
pub(super) type Head = oneshot::Sender<Result<Response, Told>>;
type Pieces = mpsc::Sender<Result<Bytes, io::Error>>;

/// Pieces that wait for a slow client before the provider has to wait too.
const WAITING: usize = 16;
/// How long an answer is read on for its usage after its client has gone.
const READ_ON: Duration = Duration::from_secs(30);

/// Tells the client the beginning. A client that has gone is found again when a piece cannot be handed over.
fn tell(head: &mut Option<Head>, response: Response) {
    if let Some(head) = head.take() {
        drop(head.send(Ok(response)));
    }
}

fn body(pieces: mpsc::Receiver<Result<Bytes, io::Error>>) -> Body {
    Body::from_stream(stream::unfold(
        pieces,
        |mut pieces| async move { pieces.recv().await.map(|piece| (piece, pieces)) },
    ))
}

fn streaming() -> Response {
    let mut response = Response::default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    // Servers in front must not collect the pieces.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
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

/// Passes an answer on byte by byte, with the meter beside it, to the end even if the client goes.
pub(super) async fn forward(
    request: &Request,
    mut forwarded: Forwarded,
    (bounds, keeps): (Bounds, bool),
    head: &mut Option<Head>,
    began: Instant,
) -> Spent {
    let mut meter = Meter::new(request.format(), forwarded.content_type());
    let events = forwarded.content_type().starts_with("text/event-stream");
    let mut filter = (events && request.hides_usage()).then(UsageFilter::default);
    let (send, receive) = mpsc::channel(WAITING);
    let mut response = if events { streaming() } else { Response::default() };
    *response.status_mut() = forwarded.status;
    response.headers_mut().extend(std::mem::take(&mut forwarded.headers));
    *response.body_mut() = body(receive);
    tell(head, response);
    let mut heard = keeps.then(|| Heard::new(request.format(), events));
    let mut gone: Option<Instant> = None;
    let ended = loop {
        let piece = match gone {
            None => forwarded.next().await,
            Some(since) => {
                let left = READ_ON.saturating_sub(since.elapsed());
                match tokio::time::timeout(left, forwarded.next()).await {
                    Ok(piece) => piece,
                    Err(_) => break Err(CallError::CutShort { partial: None }),
                }
            }
        };
        match piece {
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
            Ok(Some(piece)) => {
                meter.push(&piece);
                if let Some(heard) = &mut heard {
                    heard.push(&piece);
                }
                let passed = filter.as_mut().map_or(piece.clone(), |filter| filter.push(&piece).into());
                if gone.is_none() && !passed.is_empty() && send.send(Ok(passed)).await.is_err() {
                    gone = Some(Instant::now());
                }
            }
        }
    };
    if gone.is_none() {
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

/// Makes a call of another format and writes the answer as the client expects it.
pub(super) async fn translate(
    call: &Call,
    candidate: &Candidate,
    (bounds, keeps): (Bounds, bool),
    head: &mut Option<Head>,
    began: Instant,
) -> Result<Spent, Box<Refused>> {
    let chat = call.request.to_chat(candidate.model(), OUTPUT_UNLESS_SAID).map_err(|refusal| {
        let fault = Fault::new(gateway::face::Situation::BadRequest, refusal.message).about(refusal.field);
        let (status, headers, body) = fault.answer(call.request.format());
        let error = CallError::BadRequest { message: fault.message };
        Box::new(Refused { error, answer: Some((status, headers, body.into())) })
    })?;
    let mut tries = 0;
    loop {
        tries += 1;
        let written = Translation::new(call, candidate).run(call, candidate, &chat, head).await;
        let (error, told) = match written {
            Ok(answer) => {
                let (usage, estimated) = counted(&answer, bounds);
                let words = keeps.then(|| serde_json::to_string(&answer.message).unwrap_or_default());
                let took = began.elapsed();
                return Ok(Spent { usage, estimated, failed: false, model: answer.model, took, words });
            }
            Err(failed) => failed,
        };
        if told {
            // The client has the beginning; what was written so far is counted with the input's bound.
            let guess = TokenUsage { uncached: bounds.input, output: bounds.output, ..TokenUsage::default() };
            let usage = error.partial_usage().unwrap_or(guess);
            let (model, took) = (String::new(), began.elapsed());
            return Ok(Spent { usage, estimated: true, failed: true, model, took, words: None });
        }
        match wait_after(&error, tries) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(Box::new(error.into())),
        }
    }
}

/// What an answer took, reported or bounded.
fn counted(answer: &Answer, bounds: Bounds) -> (TokenUsage, bool) {
    let written = || {
        let bytes = serde_json::to_string(&answer.message).map_or(bounds.output, |text| text.len() as u64);
        TokenUsage { uncached: bounds.input, output: bytes.min(bounds.output), ..TokenUsage::default() }
    };
    answer.usage.map_or_else(|| (written(), true), |usage| (usage, false))
}

struct Translation {
    writer: Writer,
    streams: bool,
    format: Format,
}

impl Translation {
    fn new(call: &Call, candidate: &Candidate) -> Self {
        let (format, streams) = (call.request.format(), call.request.streams());
        let prefix = match format {
            Format::OpenAiResponses => "resp",
            Format::Anthropic => "msg",
            _ => "chatcmpl",
        };
        let id = format!("{prefix}_{}", Uuid::now_v7().simple());
        let created = call.app.muster.clock().now().unix_timestamp();
        let writer = Writer::new(format, &id, candidate.model(), created, !call.request.hides_usage());
        Self { writer, streams, format }
    }

    /// The error comes with whether the client already has a beginning.
    async fn run(
        mut self,
        call: &Call,
        candidate: &Candidate,
        chat: &types::chat::ChatRequest,
        head: &mut Option<Head>,
    ) -> Result<Answer, (CallError, bool)> {
        let (deltas, mut pieces) = mpsc::unbounded_channel::<Delta>();
        let muster = call.app.muster.clone();
        let gateway = muster.gateway();
        let asked = gateway.stream(candidate.provider(), chat, move |delta| {
            // Nobody waits any more for the pieces of an answer that is whole.
            drop(deltas.send(delta));
        });
        tokio::pin!(asked);
        let mut send: Option<mpsc::UnboundedSender<Result<Bytes, io::Error>>> = None;
        let outcome = loop {
            tokio::select! {
                biased;
                Some(delta) = pieces.recv() => if self.streams {
                    let mut text = String::new();
                    if send.is_none() {
                        send = Some(begin(head));
                        text.push_str(&self.writer.begin());
                    }
                    text.push_str(&self.writer.push(&delta));
                    pass(send.as_ref(), text);
                },
                outcome = &mut asked => break outcome,
            }
        };
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                pass(send.as_ref(), Fault::from(&error).event(self.format));
                return Err((error, send.is_some()));
            }
        };
        let bounds = Bounds { input: call.request.input_bound(), output: u64::MAX };
        let usage = counted(&answer, bounds).0;
        if !self.streams {
            tell(head, json(self.writer.whole(&answer, &usage).to_string()));
            return Ok(answer);
        }
        let mut text = String::new();
        if send.is_none() {
            send = Some(begin(head));
            text.push_str(&self.writer.begin());
        }
        while let Ok(delta) = pieces.try_recv() {
            text.push_str(&self.writer.push(&delta));
        }
        text.push_str(&self.writer.finish(&answer, &usage));
        pass(send.as_ref(), text);
        Ok(answer)
    }
}

fn begin(head: &mut Option<Head>) -> mpsc::UnboundedSender<Result<Bytes, io::Error>> {
    let (send, receive) = mpsc::unbounded_channel();
    let mut response = streaming();
    *response.body_mut() = Body::from_stream(stream::unfold(receive, |mut receive| async move {
        receive.recv().await.map(|piece: Result<Bytes, io::Error>| (piece, receive))
    }));
    tell(head, response);
    send
}

/// Hands text to the client. One that has gone is no reason to stop: the answer is paid for, and its usage is wanted.
fn pass(send: Option<&mpsc::UnboundedSender<Result<Bytes, io::Error>>>, text: String) {
    if let Some(send) = send
        && !text.is_empty()
    {
        drop(send.send(Ok(Bytes::from(text))));
    }
}
