use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header, uri::Authority};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpStream, UnixListener, UnixStream, lookup_host},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Body, Contact, Egress, Serving, address::is_public, count::Opened, tunnel::Tunnel};
use crate::ORIGIN;

const CONNECT: Duration = Duration::from_secs(10);
/// Of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;
/// After a connection that could not be taken: what it lacked, files for instance, is not there again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// A place that may be connected to.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The tunnel that a connection becomes.
type Next = Arc<Mutex<Option<Tunnel>>>;

pub(super) async fn serve(listener: UnixListener, egress: Egress) {
    let places = Arc::new(Semaphore::new(egress.bounds.connections));
    // Aborted with this task.
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        let (stream, _) = accepted(|| listener.accept()).await;
        let egress = egress.clone();
        connections.spawn(async move {
            if let Err(error) = connection(stream, egress).await {
                tracing::debug!(%error, "a connection out of a sandbox ended");
            }
            drop(place);
        });
    }
}

pub(super) async fn accepted<T, F: Future<Output = io::Result<T>>>(accept: impl Fn() -> F) -> T {
    loop {
        match accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection out of a sandbox cannot be taken");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(stream: UnixStream, egress: Egress) -> hyper::Result<()> {
    let (head, next) = (egress.bounds.head, Next::default());
    let then = Arc::clone(&next);
    let service = service_fn(move |request| {
        let (egress, next) = (egress.clone(), Arc::clone(&next));
        async move { Ok::<_, std::convert::Infallible>(answer(request, &egress, &next).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(head).max_buf_size(MAX_HEAD);
    builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await?;
    // In the same task, so that a tunnel keeps the connection's place and ends with the proxy.
    let tunnel = then.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(tunnel) = tunnel {
        tunnel.carry().await;
    }
    Ok(())
}

async fn answer(mut request: Request<Incoming>, egress: &Egress, next: &Next) -> Response<Body> {
    let tunnel = request.method() == Method::CONNECT;
    if !tunnel
        && is_for_this_side(request.uri())
        && let Some(service) = &egress.service
    {
        return match to_origin_form(&mut request) {
            Ok(()) => service.answer(request).await,
            Err(error) => said(StatusCode::BAD_REQUEST, &format!("The request cannot be read: {error}.")),
        };
    }
    let Some(target) = target(request.uri(), tunnel) else {
        return said(
            StatusCode::BAD_REQUEST,
            "This is a proxy: it takes CONNECT host:port, or a request for http://host/.",
        );
    };
    let stream = match egress.open(&target).await {
        Ok(stream) => stream,
        Err((status, reason)) => {
            let Target { host, port } = target;
            let answer = said(status, &format!("Muster did not open {host}:{port}: {reason}"));
            (egress.tell)(Contact::Refused { host, port, reason });
            return answer;
        }
    };
    let opened = Opened::new(stream, target, egress);
    if tunnel {
        let tunnel = Tunnel::new(hyper::upgrade::on(request), opened, egress.bounds);
        *next.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
        Response::new(empty())
    } else {
        pass(request, opened).await
    }
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

/// Origin-form (RFC 9112, 3.2.1), a path and no host before it; and absolute-form with the proxy's own address, which
/// clients send that take the proxy for everything.
fn is_for_this_side(uri: &Uri) -> bool {
    let own = |authority: &Authority| {
        ORIGIN.strip_prefix("http://").is_some_and(|own| {
            let port = own.rsplit(':').next().unwrap_or_default();
            authority.as_str() == own || authority.as_str().strip_prefix("localhost:") == Some(port)
        })
    };
    uri.path().starts_with('/') && uri.authority().is_none_or(own)
}

impl Egress {
    /// Connects to an address of the target that the rules allow.
    async fn open(&self, target: &Target) -> Result<TcpStream, (StatusCode, String)> {
        let Target { host, port } = target;
        let literal: Option<IpAddr> = host.parse().ok();
        let named = self.rules.iter().any(|rule| rule.allows_name(host, *port));
        let listed = |address: IpAddr| self.rules.iter().any(|rule| rule.allows_address(address, *port));
        if !named && !literal.is_some_and(listed) {
            return Err((StatusCode::FORBIDDEN, "it is not on the allow-list of this project.".to_owned()));
        }
        let found: Vec<SocketAddr> = match literal {
            Some(address) => vec![SocketAddr::new(address, *port)],
            None => match timeout(CONNECT, lookup_host((host.as_str(), *port))).await {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(_)) | Err(_) => return Err((StatusCode::BAD_GATEWAY, "its name is unknown.".to_owned())),
            },
        };
        let open = |address: IpAddr| is_public(address) || (listed(address) && self.reach.opens(address));
        let usable: Vec<_> = found.iter().filter(|found| open(found.ip())).collect();
        if usable.is_empty() {
            let reason = if found.iter().any(|found| listed(found.ip())) {
                "it leads to a private address, which is not open to sandboxes here although the allow-list names it."
            } else {
                "it leads to a private address, which the allow-list does not name."
            };
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
}

/// Passes one plain request on, as the host named in its address and not in its headers.
async fn pass(mut request: Request<Incoming>, opened: Opened) -> Response<Body> {
    let Some(authority) = request.uri().authority().cloned() else {
        return said(StatusCode::BAD_REQUEST, "The address has no host.");
    };
    if let Err(error) = rewrite(&mut request, &authority) {
        return said(StatusCode::BAD_REQUEST, &format!("The request cannot be passed on: {error}."));
    }
    let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(opened)).await else {
        return said(StatusCode::BAD_GATEWAY, "The host speaks no HTTP.");
    };
    let connection = Serving(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a request out of a sandbox broke");
        }
    }));
    match sender.send_request(request).await {
        Ok(mut response) => {
            strip(response.headers_mut());
            // The connection goes with the body that is read from it.
            let held = move |error: hyper::Error| {
                let _connection = &connection;
                error.into()
            };
            response.map(|body| body.map_err(held).boxed_unsync())
        }
        Err(error) => said(StatusCode::BAD_GATEWAY, &format!("The host did not answer: {error}.")),
    }
}

fn rewrite(request: &mut Request<Incoming>, authority: &Authority) -> http::Result<()> {
    to_origin_form(request)?;
    *request.version_mut() = Version::HTTP_11;
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(())
}

fn to_origin_form(request: &mut Request<Incoming>) -> http::Result<()> {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    *request.uri_mut() = Uri::builder().path_and_query(path).build()?;
    strip(request.headers_mut());
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
