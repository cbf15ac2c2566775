use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, body::Bytes, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use crate::failure::{Doing, Failure, Outcome};

/// What is asked for.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    /// The value of the `Cookie` header; may be empty.
    pub(crate) cookie: String,
    /// Posted, where there is something.
    pub(crate) body: Option<Post>,
}

/// JSON, and the key to whoever takes it.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) json: Bytes,
    pub(crate) key: String,
}

/// How hard.
#[derive(Clone, Copy)]
pub(crate) struct Pressure {
    /// Kept alive; each asks again as soon as it is answered.
    pub(crate) connections: usize,
    /// The connections begin one after another over this time, as people do; all at once when it is zero.
    pub(crate) spread: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

pub(crate) struct Measured {
    pub(crate) per_second: f64,
    /// From the request to the last byte.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// From the request to the head of the response.
    pub(crate) first_byte_p95: Duration,
}

struct Sample {
    first_byte: Duration,
    whole: Duration,
}

pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// Asks until the time is over. Any answer but 200 ends the run: errors are fast, and would flatter.
pub(crate) async fn run(target: &Target, pressure: Pressure) -> Outcome<Measured> {
    let begin = Instant::now() + pressure.warm_up;
    let end = begin + pressure.time;
    let mut tasks = JoinSet::new();
    for at in 0_u32.. {
        if tasks.len() >= pressure.connections {
            break;
        }
        let target = target.clone();
        let wait = pressure.spread * at / u32::try_from(pressure.connections).unwrap_or(u32::MAX);
        tasks.spawn(async move {
            tokio::time::sleep(wait).await;
            ask_until(&target, begin, end).await
        });
    }
    let mut samples = Vec::new();
    while let Some(done) = tasks.join_next().await {
        samples.extend(done.doing(|| "A connection of the bench died".to_owned())??);
    }
    if samples.is_empty() {
        return Err(Failure::new(format!("{} answered nothing in time.", target.path)));
    }
    Ok(measured(&samples, pressure.time))
}

async fn ask_until(target: &Target, begin: Instant, end: Instant) -> Outcome<Vec<Sample>> {
    let mut connection = connect(target.address).await?;
    let mut samples = Vec::new();
    loop {
        let asked = Instant::now();
        if asked >= end {
            return Ok(samples);
        }
        let sample = ask(&mut connection, target, asked).await?;
        if asked >= begin {
            samples.push(sample);
        }
    }
}

pub(crate) async fn connect(address: SocketAddr) -> Outcome<Connection> {
    let what = || format!("Cannot connect to {address}");
    let stream = TcpStream::connect(address).await.doing(what)?;
    stream.set_nodelay(true).doing(what)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.doing(what)?;
    tokio::spawn(async move {
        // A failure also reaches whoever waits for the answer; here it is only named.
        if let Err(error) = connection.await {
            eprintln!("bench: a connection ended: {error}");
        }
    });
    Ok(sender)
}

async fn ask(connection: &mut Connection, target: &Target, asked: Instant) -> Outcome<Sample> {
    let what = || format!("{} was not answered", target.path);
    let request = Request::builder()
        .uri(&target.path)
        .header(header::HOST, target.address.to_string())
        .header(header::COOKIE, &target.cookie);
    let request = match &target.body {
        None => request.body(Full::default()),
        Some(post) => request
            .method(Method::POST)
            .header(header::AUTHORIZATION, format!("Bearer {}", post.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(post.json.clone())),
    };
    let request = request.doing(what)?;
    connection.ready().await.doing(what)?;
    let response = connection.send_request(request).await.doing(what)?;
    let first_byte = asked.elapsed();
    if response.status() != 200 {
        return Err(Failure::new(format!("{} answered {} under load.", target.path, response.status())));
    }
    response.into_body().collect().await.doing(what)?;
    Ok(Sample { first_byte, whole: asked.elapsed() })
}

fn measured(samples: &[Sample], time: Duration) -> Measured {
    let mut whole: Vec<_> = samples.iter().map(|sample| sample.whole).collect();
    let mut first_byte: Vec<_> = samples.iter().map(|sample| sample.first_byte).collect();
    whole.sort_unstable();
    first_byte.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "counts of a ten-second run are far below 2^52")]
    let count = samples.len() as f64;
    Measured {
        per_second: count / time.as_secs_f64(),
        p50: percentile(&whole, 50),
        p99: percentile(&whole, 99),
        first_byte_p95: percentile(&first_byte, 95),
    }
}

/// The smallest value that `percent` of the sorted values do not exceed (nearest rank).
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(percentile(&sorted[..1], 99), Duration::from_millis(1));
    }
}
