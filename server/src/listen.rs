use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{trouble::Trouble, web::Shutdown};

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Trouble> {
    TcpListener::bind(address).await.map_err(|error| not_bound(address, &error))
}

fn not_bound(address: SocketAddr, error: &io::Error) -> Trouble {
    let port = address.port();
    let other = if port == u16::MAX { 7000 } else { port.saturating_add(1).max(1024) };
    let way_out = format!("Choose another: PORT={other} muster serve (or PORT={other} make start).");
    match error.kind() {
        ErrorKind::AddrInUse => {
            Trouble::new(format!("Port {port} on {} is taken by another program.", address.ip()), way_out)
        }
        ErrorKind::PermissionDenied => {
            Trouble::new(format!("This user may not listen on port {port}; ports below 1024 are reserved."), way_out)
        }
        ErrorKind::AddrNotAvailable => Trouble::new(
            format!("This machine has no address {}.", address.ip()),
            "Set MUSTER_SERVER__LISTEN to one of its addresses, or to 0.0.0.0 for all.",
        ),
        _ => Trouble::new(format!("Cannot listen on {address}: {error}."), way_out),
    }
}

/// How long leaving may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Between `/readyz` turning red and the end of streams.
    pub(crate) notice: Duration,
    /// For requests in progress.
    pub(crate) grace: Duration,
}

/// Serves until `stop` completes, then leaves in order: readiness off, streams told to end, requests finished or,
/// after the grace, cut.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: Shutdown,
    patience: Patience,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let streams = shutdown.streams();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let ended = streams.clone();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move { ended.cancelled().await });
    let leave = async {
        stop.await;
        tracing::info!("shutting down: no longer ready");
        shutdown.announce();
        tokio::time::sleep(patience.notice).await;
        shutdown.begin();
        tokio::time::sleep(patience.grace).await;
    };
    tokio::select! {
        ended = server => ended,
        () = leave => {
            tracing::warn!(grace_s = patience.grace.as_secs(), "requests still ran at the end of the grace and were cut");
            Ok(())
        }
    }
}

/// Completes at the first SIGTERM or SIGINT. A second one ends the process at once.
pub(crate) fn signals() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        wait_for_either(&mut terminate, &mut interrupt).await;
        tokio::spawn(async move {
            wait_for_either(&mut terminate, &mut interrupt).await;
            tracing::warn!("told to stop a second time: ending at once");
            std::process::exit(130);
        });
    })
}

async fn wait_for_either(one: &mut tokio::signal::unix::Signal, other: &mut tokio::signal::unix::Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::{body::Body, extract::Extension, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::oneshot,
        task::JoinHandle,
    };
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A stream that says hello and then waits: for the token, or for ever.
    fn stream(until: impl Future<Output = ()> + Send + 'static) -> Body {
        let wait = futures::stream::once(async move {
            until.await;
            Ok::<_, io::Error>("bye")
        });
        Body::from_stream(futures::StreamExt::chain(futures::stream::iter([Ok("hello")]), wait))
    }

    fn router(shutdown: &Shutdown) -> Router {
        let polite =
            |Extension(end): Extension<CancellationToken>| async move { stream(async move { end.cancelled().await }) };
        Router::new()
            .route("/polite", get(polite))
            .route("/stubborn", get(|| async { stream(std::future::pending()) }))
            .layer(Extension(shutdown.streams()))
    }

    struct Serving {
        stop: oneshot::Sender<()>,
        server: JoinHandle<io::Result<()>>,
        stream: TcpStream,
    }

    async fn open_stream(path: &str, patience: Patience) -> Serving {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("port");
        let address = listener.local_addr().expect("address");
        let shutdown = Shutdown::default();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.expect("told to stop") };
        let server = tokio::spawn(serve(listener, router(&shutdown), shutdown, patience, stopped));
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.expect("asked");
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("hello") {
            stream.read_buf(&mut seen).await.expect("answer");
        }
        Serving { stop, server, stream }
    }

    #[tokio::test]
    async fn a_stream_that_listens_ends_long_before_the_grace() {
        let patience = Patience { notice: Duration::ZERO, grace: Duration::from_secs(60) };
        let mut serving = open_stream("/polite", patience).await;
        let began = Instant::now();
        serving.stop.send(()).expect("running");
        let mut rest = Vec::new();
        serving.stream.read_to_end(&mut rest).await.expect("ended in order");
        assert!(String::from_utf8_lossy(&rest).contains("bye"), "the last words arrive");
        serving.server.await.expect("no panic").expect("served");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_stream_that_never_ends_is_cut_after_the_grace() {
        let patience = Patience { notice: Duration::ZERO, grace: Duration::from_millis(200) };
        let serving = open_stream("/stubborn", patience).await;
        serving.stop.send(()).expect("running");
        let ended = tokio::time::timeout(Duration::from_secs(10), serving.server).await;
        ended.expect("within ten seconds").expect("no panic").expect("served");
    }

    #[tokio::test]
    async fn a_taken_port_is_told_with_the_way_out() {
        let taken = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("port");
        let address = taken.local_addr().expect("address");
        let trouble = bind(address).await.expect_err("taken");
        assert!(
            trouble.what.contains(&format!("Port {}", address.port())) && trouble.way_out.contains("PORT="),
            "{trouble}"
        );
    }
}
