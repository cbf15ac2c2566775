//! Calls of which only a part arrives: what the client sees of them, and what they cost.

use std::fmt::Debug;

use futures::future::join_all;
use tokio::net::TcpListener;

use super::*;

/// The words in a stream of chat completions.
fn words(body: &str) -> String {
    let chunks = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = chunks.filter_map(|chunk| serde_json::from_str::<Value>(chunk).ok());
    chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

async fn patient<T>(what: impl Debug, wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wanted).await.unwrap_or_else(|_| panic!("not there after {PATIENCE:?}: {what:?}"))
}

/// Reads until the client has these words, and returns the body for more.
async fn until_it_says(response: http::Response<Body>, wanted: &str) -> Body {
    let mut body = response.into_body();
    let mut text = String::new();
    while !words(&text).contains(wanted) {
        let frame = patient(wanted, body.frame()).await.expect("more").expect("no error");
        text.push_str(std::str::from_utf8(frame.data_ref().expect("data")).expect("text"));
    }
    body
}

/// A provider that takes requests and never answers, with the number of those it has.
async fn mute() -> (String, watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (asked, questions) = watch::channel(0);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            socket.readable().await.expect("a request");
            held.push(socket);
            asked.send_modify(|asked| *asked += 1);
        }
    });
    (url, questions)
}

#[tokio::test]
async fn an_answer_of_another_format_that_is_cut_costs_what_was_written() {
    let bench = Bench::open(WireFormat::Anthropic).await;
    let (status, _, body) = bench.chat("break off", json!({"stream": true})).await;
    let words = words(&body);
    assert!(status == StatusCode::OK && words.len() > 1 && body.contains("\"error\""), "{body}");
    let row = bench.ledger(1).await.remove(0);
    assert!(row.estimated && row.uncached > 0, "{row:?}");
    assert_eq!(row.output, i64::try_from(words.len()).expect("few"), "it was told of one token");
    let (status, _, body) = bench.chat("break off", json!({})).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "{body}");
    let row = bench.ledger(2).await.remove(1);
    assert!(row.estimated && row.uncached > 0 && row.output > 1, "{row:?}");
    bench.end().await;
}

#[tokio::test]
async fn what_a_stalled_provider_wrote_arrives_and_is_settled_when_the_client_goes() {
    for kind in WireFormat::ALL {
        let bench = Bench::hasty(kind).await;
        let response = bench.send(CHAT, &chat("stall", json!({"stream": true}))).await;
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let body = until_it_says(response, "Ha").await;
        // The provider is silent for ten minutes, and given up after two.
        drop(body);
        let row = bench.ledger(1).await.remove(0);
        assert!(row.estimated && row.uncached > 0 && row.output >= 2, "{kind:?}: {row:?}");
        bench.end().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_before_the_answer_begins_pays_what_it_may_have_cost() {
    for kind in [WireFormat::OpenAiChat, WireFormat::Anthropic] {
        let bench = Bench::hasty(kind).await;
        let (url, mut questions) = mute().await;
        add(&bench.site.world, &bench.scope, kind, "Mute", &url).await;
        let body = chat("Go.", json!({"model": "mute/m", "max_tokens": 50}));
        tokio::select! {
            _ = bench.send(CHAT, &body) => panic!("it never answers"),
            asked = patient("a question", questions.wait_for(|asked| *asked > 0)) => drop(asked.expect("asked")),
        }
        let row = bench.ledger(1).await.remove(0);
        assert!(row.estimated && row.uncached > 0 && row.output == 50, "{kind:?}: {row:?}");
        bench.end().await;
    }
}

#[tokio::test]
async fn broken_providers_do_not_hurt_other_calls() {
    const GOOD: usize = 20;
    let bench = Bench::hasty(WireFormat::OpenAiChat).await;
    let spare = add(&bench.site.world, &bench.scope, WireFormat::Anthropic, "Spare", &bench.server).await;
    assert_ne!(spare, bench.provider);
    let models = ["server/m", "spare/m"];
    let bad = models.map(|model| {
        let bench = &bench;
        ["garble", "endless", "break off"].map(|said| async move {
            let body = chat(said, json!({"model": model, "stream": true}));
            let response = patient(said, bench.send(CHAT, &body)).await;
            // However it ends.
            patient(said, response.into_body().collect()).await.map_or(0, |body| body.to_bytes().len())
        })
    });
    let stalled = models.map(|model| {
        let bench = &bench;
        async move {
            let body = chat("stall", json!({"model": model, "stream": true}));
            until_it_says(bench.send(CHAT, &body).await, "Ha").await
        }
    });
    let good = (0..GOOD).map(|at| {
        let body = chat(&format!("Go {at}."), json!({"model": models[at % 2]}));
        let bench = &bench;
        async move { bench.post(CHAT, &body).await }
    });
    let (_, stalled, good) =
        tokio::join!(join_all(bad.into_iter().flatten()), join_all(stalled), join_all(good.collect::<Vec<_>>()));
    for (status, _, body) in good {
        assert_eq!(status, StatusCode::OK, "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((&body["usage"]["prompt_tokens"], &body["usage"]["completion_tokens"]), (&json!(100), &json!(25)));
    }
    drop(stalled);
    let rows = bench.ledger(GOOD + 8).await;
    let exact = rows.iter().filter(|row| !row.estimated && row.uncached == 40 && row.cache_read == 60);
    assert_eq!(exact.filter(|row| row.output + row.reasoning == 25).count(), GOOD);
    assert!(rows.iter().all(|row| row.uncached > 0), "{rows:?}");
    bench.end().await;
}
