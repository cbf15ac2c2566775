use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header, uri::Authority};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::copy_bidirectional,
    net::{TcpStream, UnixListener, UnixStream, lookup_host},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

use super::{Body, Contact, Egress, address::is_public};

const CONNECTIONS: usize = 128;
const CONNECT: Duration = Duration::from_secs(10);
/// For a request's first lines.
const HEAD: Duration = Duration::from_secs(30);
/// Of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// A place that may be connected to.
struct Target {
    host: String,
    port: u16,
}

pub(super) async fn serve(listener: UnixListener, egress: Egress) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // Aborted with this task.
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let egress = egress.clone();
        connections.spawn(async move {
            if let Err(error) = connection(stream, egress).await {
                tracing::debug!(%error, "a connection out of a sandbox ended");
            }
            drop(place);
        });
    }
}

async fn connection(stream: UnixStream, egress: Egress) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let egress = egress.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(request, &egress).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEAD);
    builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await
}

async fn answer(request: Request<Incoming>, egress: &Egress) -> Response<Body> {
    let tunnel = request.method() == Method::CONNECT;
    let Some(target) = target(request.uri(), tunnel) else {
        if let Some(service) = egress.service.as_ref().filter(|_| is_for_this_side(request.uri())) {
            return service.answer(request).await;
        }
        return said(
            StatusCode::BAD_REQUEST,
            "This is a proxy: it takes CONNECT host:port, or a request for http://host/.",
        );
    };
    let opened = match egress.open(&target).await {
        Ok(opened) => opened,
        Err((status, reason)) => {
            let Target { host, port } = target;
            let answer = said(status, &format!("Muster did not open {host}:{port}: {reason}"));
            (egress.tell)(Contact::Refused { host, port, reason });
            return answer;
        }
    };
    if tunnel { carry(request, opened, target, egress) } else { pass(request, opened, target, egress).await }
}

fn target(uri: &Uri, tunnel: bool) -> Option<Target> {
    let authority = uri.authority()?;
    let port = if tunnel {
        authority.port_u16()?
    } else {
        (uri.scheme_str() == Some("http")).then(|| authority.port_u16().unwrap_or(80))?
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    (!host.is_empty() && !authority.as_str().contains('@')).then(|| Target { host: host.to_ascii_lowercase(), port })
}

/// Origin-form (RFC 9112, 3.2.1): a path, and no host before it.
fn is_for_this_side(uri: &Uri) -> bool {
    uri.authority().is_none() && uri.path().starts_with('/')
}

impl Egress {
    /// Connects to an address of the target that the rules allow.
    async fn open(&self, target: &Target) -> Result<TcpStream, (StatusCode, String)> {
        let Target { host, port } = target;
        let literal: Option<IpAddr> = host.parse().ok();
        let named = self.rules.iter().any(|rule| rule.allows_name(host, *port));
        let by_address = |address: IpAddr| self.rules.iter().any(|rule| rule.allows_address(address, *port));
        if !named && !literal.is_some_and(by_address) {
            return Err((StatusCode::FORBIDDEN, "it is not on the allow-list of this project.".to_owned()));
        }
        let found: Vec<SocketAddr> = match literal {
            Some(address) => vec![SocketAddr::new(address, *port)],
            None => match timeout(CONNECT, lookup_host((host.as_str(), *port))).await {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(_)) | Err(_) => return Err((StatusCode::BAD_GATEWAY, "its name is unknown.".to_owned())),
            },
        };
        let usable: Vec<_> = found.iter().filter(|found| is_public(found.ip()) || by_address(found.ip())).collect();
        if usable.is_empty() {
            let reason = "it leads to a private address, which the allow-list does not name.";
            return Err((StatusCode::FORBIDDEN, reason.to_owned()));
        }
        let mut last = "it does not answer.".to_owned();
        for address in usable {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    (self.tell)(Contact::Opened { host: host.clone(), port: *port, address: address.ip() });
                    return Ok(stream);
                }
                Ok(Err(error)) => last = format!("{error}."),
                Err(_) => {}
            }
        }
        Err((StatusCode::BAD_GATEWAY, last))
    }

    fn closed(&self, target: Target, (sent, received): (u64, u64)) {
        (self.tell)(Contact::Closed { host: target.host, port: target.port, sent, received });
    }
}

/// Answers CONNECT and then carries bytes.
fn carry(request: Request<Incoming>, mut opened: TcpStream, target: Target, egress: &Egress) -> Response<Body> {
    let egress = egress.clone();
    tokio::spawn(async move {
        let carried = match hyper::upgrade::on(request).await {
            Ok(upgraded) => copy_bidirectional(&mut TokioIo::new(upgraded), &mut opened).await,
            Err(error) => Err(io::Error::other(error)),
        };
        if let Err(error) = &carried {
            tracing::debug!(%error, host = target.host, "a tunnel out of a sandbox broke");
        }
        egress.closed(target, carried.unwrap_or_default());
    });
    Response::new(empty())
}

/// Passes one plain request on, as the host named in its address and not in its headers.
async fn pass(mut request: Request<Incoming>, opened: TcpStream, target: Target, egress: &Egress) -> Response<Body> {
    let Some(authority) = request.uri().authority().cloned() else {
        return said(StatusCode::BAD_REQUEST, "The address has no host.");
    };
    if let Err(error) = rewrite(&mut request, &authority) {
        return said(StatusCode::BAD_REQUEST, &format!("The request cannot be passed on: {error}."));
    }
    let counted = super::count::Counted::new(opened);
    let counts = counted.counts();
    let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(counted)).await else {
        return said(StatusCode::BAD_GATEWAY, "The host speaks no HTTP.");
    };
    let egress = egress.clone();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, host = target.host, "a request out of a sandbox broke");
        }
        egress.closed(target, counts.read());
    });
    match sender.send_request(request).await {
        Ok(mut response) => {
            strip(response.headers_mut());
            response.map(|body| body.map_err(Into::into).boxed_unsync())
        }
        Err(error) => said(StatusCode::BAD_GATEWAY, &format!("The host did not answer: {error}.")),
    }
}

fn rewrite(request: &mut Request<Incoming>, authority: &Authority) -> http::Result<()> {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    *request.uri_mut() = Uri::builder().path_and_query(path).build()?;
    *request.version_mut() = Version::HTTP_11;
    strip(request.headers_mut());
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(())
}

/// Takes off what is meant for this hop only (RFC 9110, 7.6.1).
fn strip(headers: &mut http::HeaderMap) {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    for name in named.iter().map(String::as_str).chain([
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    ]) {
        headers.remove(name);
    }
}

fn empty() -> Body {
    Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync()
}

fn said(status: StatusCode, sentence: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(format!("{sentence}\n"))).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
