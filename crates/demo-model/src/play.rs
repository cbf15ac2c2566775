//! From the pieces of an answer to a body that arrives with the delays and faults of the script.

use std::{collections::VecDeque, io, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::{faults::Fit, script::FaultKind};

/// Without a moment's pause the server would drop the first half together with the connection.
const UNTIL_SENT: Duration = Duration::from_millis(20);

#[derive(Debug)]
enum Step {
    Send(String),
    Wait(Duration),
    Break,
}

/// A stream of events, with the fault in its middle.
pub(crate) fn events(frames: Vec<String>, delay: Duration, fault: &Fit, error: &Value) -> Response<Body> {
    let middle = frames.len() / 2;
    let mut steps = VecDeque::new();
    for (at, frame) in frames.into_iter().enumerate() {
        if at == middle {
            steps.extend(amid(fault, &format!("event: error\ndata: {error}\n\n")));
        }
        if !delay.is_zero() {
            steps.push_back(Step::Wait(delay));
        }
        steps.push_back(Step::Send(frame));
    }
    answer("text/event-stream", steps)
}

/// A whole answer.
pub(crate) fn whole(json: &Value, fault: &Fit) -> Response<Body> {
    let text = json.to_string();
    // Half a document is no document.
    let half = text.chars().take(text.chars().count() / 2).collect::<String>();
    let mut steps = VecDeque::new();
    match fault {
        Fit::Now(FaultKind::Malformed) => steps.push_back(Step::Send(half)),
        Fit::Now(FaultKind::Cut) => steps.extend([Step::Send(half), Step::Wait(UNTIL_SENT), Step::Break]),
        Fit::Now(FaultKind::Stall { seconds }) => {
            steps.extend([Step::Wait(Duration::from_secs(*seconds)), Step::Send(text)]);
        }
        _ => steps.push_back(Step::Send(text)),
    }
    answer("application/json", steps)
}

fn amid(fault: &Fit, error: &str) -> Vec<Step> {
    match fault {
        Fit::Now(FaultKind::Malformed) => vec![Step::Send("data: {\"broken\":\n\n".to_owned())],
        Fit::Now(FaultKind::Error) => vec![Step::Send(error.to_owned())],
        Fit::Now(FaultKind::Stall { seconds }) => vec![Step::Wait(Duration::from_secs(*seconds))],
        Fit::Now(FaultKind::Cut) => vec![Step::Wait(UNTIL_SENT), Step::Break],
        _ => Vec::new(),
    }
}

pub(crate) fn refusal(status: StatusCode, retry_after: Option<u32>, error: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(error.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn answer(content_type: &'static str, steps: VecDeque<Step>) -> Response<Body> {
    let body = stream::unfold(steps, |mut steps| async move {
        loop {
            match steps.pop_front()? {
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Send(text) => return Some((Ok(Bytes::from(text)), steps)),
                Step::Break => {
                    return Some((Err(io::Error::other("the script ends the connection here")), VecDeque::new()));
                }
            }
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
