use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
};
use prost::Message;

use crate::running::{Running, folder, header};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

#[test]
fn a_request_reaches_the_collector_with_its_name_and_its_id() {
    let (endpoint, received) = collector();
    let folder = folder();
    let server = Running::start_with(folder.path(), &[(ENDPOINT, &endpoint)]);
    let page = server.get("/sign-in");
    let id = header(&page, "x-request-id").expect("an id").to_owned();
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");

    let exports: Vec<ExportTraceServiceRequest> = received.try_iter().collect();
    let resources = exports.iter().flat_map(|export| &export.resource_spans);
    let mut found = false;
    for spans in resources {
        let resource = spans.resource.as_ref().expect("a resource");
        assert_eq!(text(&resource.attributes, "service.name"), Some("muster"));
        for span in spans.scope_spans.iter().flat_map(|scope| &scope.spans) {
            let ours = span.name == "GET /sign-in" && text(&span.attributes, "http.route") == Some("/sign-in");
            found |= ours && text(&span.attributes, "request_id") == Some(&id);
            assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.trace_id.len() == 16);
        }
    }
    assert!(found, "no span of the request in {exports:?}");
}

#[test]
fn a_collector_that_is_away_or_never_answers_harms_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_url = format!("http://{}", silent.local_addr().expect("address"));
    for endpoint in ["http://127.0.0.1:9", silent_url.as_str()] {
        let folder = folder();
        let server = Running::start_with(folder.path(), &[(ENDPOINT, endpoint)]);
        for _ in 0..20 {
            let began = Instant::now();
            assert!(server.get("/sign-in").starts_with("HTTP/1.1 200"));
            assert!(began.elapsed() < Duration::from_secs(5), "{endpoint}: {:?}", began.elapsed());
        }
        let (status, took) = server.stop();
        assert!(status.success() && took < Duration::from_secs(10), "{endpoint}: {status}, {took:?}");
    }
}

/// Takes exports over OTLP/HTTP in binary protobuf, as the specification's section on it has them.
fn collector() -> (String, mpsc::Receiver<ExportTraceServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            while let Some(body) = request(&mut stream) {
                let export = ExportTraceServiceRequest::decode(body.as_slice()).expect("an export");
                // Before the answer, so that whoever waits for the exporter finds it here.
                sender.send(export).expect("the test waits");
                let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                stream.get_mut().write_all(answer).expect("answered");
            }
        }
    });
    (endpoint, received)
}

/// The body of the next request on a connection; `None` at its end.
fn request(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_ascii_lowercase());
    }
    assert_eq!(head[0], "post /v1/traces http/1.1");
    assert!(head.contains(&"content-type: application/x-protobuf".to_owned()), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}
