//! An answer of another format on its way to the client, and what it cost.

use std::{
    io,
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use gateway::{
    CallError, Refused,
    face::{Fault, Format, Situation, Writer},
};
use tokio::sync::{mpsc, oneshot};
use types::chat::{Answer, ChatRequest, Delta, TokenUsage};
use uuid::Uuid;

use super::{
    call::Call,
    candidate::{Bounds, Candidate, OUTPUT_UNLESS_SAID, Spent},
    json,
    relay::{self, Head, stream_type, streaming, tell},
};

type Pieces = mpsc::UnboundedSender<Result<Bytes, io::Error>>;

/// Makes a call of another format and writes the answer as the client expects it.
pub(super) async fn translate(
    call: &Call,
    candidate: &Candidate,
    (bounds, keeps): (Bounds, bool),
    head: &mut Option<Head>,
    began: Instant,
) -> Result<Spent, Box<Refused>> {
    let chat = call.request.to_chat(candidate.model(), OUTPUT_UNLESS_SAID).map_err(|refusal| {
        let fault = Fault::new(Situation::BadRequest, refusal.message).about(refusal.field);
        let (status, headers, body) = fault.answer(call.request.format());
        let error = CallError::BadRequest { message: fault.message };
        Box::new(Refused { error, answer: Some((status, headers, body.into())) })
    })?;
    let took = || began.elapsed();
    match Translation::new(call, candidate).run(call, candidate, &chat, head).await {
        Ok(answer) => {
            let (usage, estimated) = counted(&answer, bounds);
            let words = keeps.then(|| serde_json::to_string(&answer.message).unwrap_or_default());
            Ok(Spent { usage, estimated, failed: false, model: answer.model, took: took(), words })
        }
        // The client has the beginning; what was written so far is counted with the input's bound.
        Err((error, true)) => {
            let guess = TokenUsage { uncached: bounds.input, output: bounds.output, ..TokenUsage::default() };
            let usage = error.partial_usage().unwrap_or(guess);
            Ok(Spent { usage, estimated: true, failed: true, model: String::new(), took: took(), words: None })
        }
        Err((error, false)) => Err(Box::new(error.into())),
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
    is_list: bool,
    content_type: &'static str,
    format: Format,
    /// How long the provider is still listened to after the client has gone.
    rest: Duration,
}

impl Translation {
    fn new(call: &Call, candidate: &Candidate) -> Self {
        let request = &call.request;
        let format = request.format();
        let prefix = match format {
            Format::OpenAiResponses => "resp",
            Format::Anthropic => "msg",
            _ => "chatcmpl",
        };
        let id = format!("{prefix}_{}", Uuid::now_v7().simple());
        let created = call.app.muster.clock().now().unix_timestamp();
        let writer = Writer::new(format, &id, candidate.model(), created, !request.hides_usage());
        Self {
            writer: if request.is_list() { writer.as_list() } else { writer },
            streams: request.streams(),
            is_list: request.is_list(),
            content_type: stream_type(request),
            format,
            rest: call.app.llm.rest,
        }
    }

    /// The error comes with whether the client already has a beginning.
    async fn run(
        mut self,
        call: &Call,
        candidate: &Candidate,
        chat: &ChatRequest,
        head: &mut Option<Head>,
    ) -> Result<Answer, (CallError, bool)> {
        let (deltas, mut pieces) = mpsc::unbounded_channel::<Delta>();
        let muster = call.app.muster.clone();
        let gateway = muster.gateway();
        let (leave, left) = oneshot::channel::<()>();
        let mut leave = Some(leave);
        let rest = self.rest;
        let stop = async move {
            // Dropped, and never sent on.
            drop(left.await);
            // The client has gone, but the answer may end with its usage, and that is wanted: it is read for so long still.
            tokio::time::sleep(rest).await;
        };
        let sink = move |delta| {
            // Nobody waits any more for the pieces of an answer that is whole.
            drop(deltas.send(delta));
        };
        let asked = gateway.stream_until(candidate.provider(), chat, sink, stop);
        tokio::pin!(asked);
        let mut send: Option<Pieces> = None;
        let outcome = loop {
            tokio::select! {
                biased;
                Some(delta) = pieces.recv() => if self.streams {
                    let text = self.piece(&delta, &mut send, head);
                    pass(send.as_ref(), text);
                },
                outcome = &mut asked => break outcome,
                () = gone(send.as_ref(), head.as_mut()), if leave.is_some() => leave = None,
            }
        };
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                // Whoever has the beginning gets all that there is. Otherwise another provider may still answer.
                if send.is_some() {
                    while let Ok(delta) = pieces.try_recv() {
                        let text = self.piece(&delta, &mut send, head);
                        pass(send.as_ref(), text);
                    }
                    self.break_off(send.as_ref(), &error);
                }
                return Err((error, send.is_some()));
            }
        };
        let bounds = Bounds { input: call.request.input_bound(), output: u64::MAX };
        let usage = counted(&answer, bounds).0;
        if !self.streams {
            tell(head, json(self.writer.whole(&answer, &usage).to_string()));
            return Ok(answer);
        }
        let mut text = self.beginning(&mut send, head);
        while let Ok(delta) = pieces.try_recv() {
            text.push_str(&self.writer.push(&delta));
        }
        text.push_str(&self.writer.finish(&answer, &usage));
        pass(send.as_ref(), text);
        Ok(answer)
    }

    fn piece(&mut self, delta: &Delta, send: &mut Option<Pieces>, head: &mut Option<Head>) -> String {
        let mut text = self.beginning(send, head);
        text.push_str(&self.writer.push(delta));
        text
    }

    /// What the stream begins with, if it has not begun.
    fn beginning(&mut self, send: &mut Option<Pieces>, head: &mut Option<Head>) -> String {
        if send.is_some() {
            return String::new();
        }
        *send = Some(begin(self.content_type, head));
        self.writer.begin()
    }

    /// As the provider's own streams do: an event in a stream of events, a broken connection otherwise.
    fn break_off(&self, send: Option<&Pieces>, error: &CallError) {
        match send {
            // One that has gone needs no word of it.
            Some(send) if self.is_list => drop(send.send(Err(io::Error::other(error.to_string())))),
            _ => pass(send, Fault::from(error).event(self.format)),
        }
    }
}

/// Until the client goes, whether it has the beginning or still waits for it.
async fn gone(send: Option<&Pieces>, head: Option<&mut Head>) {
    match send {
        Some(send) => send.closed().await,
        None => relay::gone(head).await,
    }
}

fn begin(content_type: &'static str, head: &mut Option<Head>) -> Pieces {
    let (send, receive) = mpsc::unbounded_channel();
    let mut response = streaming(content_type);
    *response.body_mut() = Body::from_stream(stream::unfold(receive, |mut receive| async move {
        receive.recv().await.map(|piece: Result<Bytes, io::Error>| (piece, receive))
    }));
    tell(head, response);
    send
}

/// Hands text to the client. One that has gone is no reason to stop at once: the usage is still wanted.
fn pass(send: Option<&Pieces>, text: String) {
    if let Some(send) = send
        && !text.is_empty()
    {
        drop(send.send(Ok(Bytes::from(text))));
    }
}
