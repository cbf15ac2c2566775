use std::{collections::HashMap, env, net::SocketAddr, time::Duration};

use hyper::header;

use super::{
    figure::{Figure, Goal},
    journey::{Browser, sign_up},
    load::{self, Measured, Pressure, Target},
    muster::{self, Muster},
    peer,
    reads::Reads,
};
use crate::{
    assets,
    failure::{Doing, Failure, Outcome},
    workspace,
};

const FULL: Pressure = Pressure {
    connections: 64,
    spread: Duration::ZERO,
    warm_up: Duration::from_secs(2),
    time: Duration::from_secs(10),
};
/// Few enough that no request waits for another: what is left is the server's own time.
const CALM: Pressure = Pressure {
    connections: 2,
    spread: Duration::ZERO,
    warm_up: Duration::from_millis(500),
    time: Duration::from_secs(3),
};
/// Of the requests per second that axum and maud reach with the same bytes.
const RATIO: f64 = 0.3;
const FIRST_BYTE_MS: f64 = 20.0;
/// The server's own default, `database.pool_size`.
const CONNECTIONS: u32 = 20;

/// Measures home, sign-in and dashboard beside axum with maud sending the same bytes and, for the dashboard, reading what must be
/// read for it.
pub(crate) fn run() -> Outcome<Vec<Figure>> {
    if env::var_os(muster::NAMED).is_none() {
        assets::run(assets::Options { dev: false })?;
        println!("bench: building the server");
        workspace::run(&mut workspace::cargo(&["build", "--quiet", "--release", "--package", "server"])?)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.doing(|| "Cannot start the bench".to_owned())?.block_on(measure())
}

async fn measure() -> Outcome<Vec<Figure>> {
    let muster = Muster::start().await?;
    let mut browser = Browser::new(muster.address);
    let dashboard = sign_up(&mut browser).await?;
    let cookie = browser.cookies();
    let pages = [
        ("home", "/".to_owned(), ""),
        ("sign-in", "/sign-in".to_owned(), ""),
        ("dashboard", dashboard, cookie.as_str()),
    ];
    let mut copies = HashMap::new();
    for (_, path, cookie) in &pages {
        copies.insert(path.clone(), copy(muster.address, path, !cookie.is_empty(), &mut browser).await?);
    }
    let reads = Reads::open(&muster.database().await?, CONNECTIONS)?;
    let reading = peer::start(copies.clone(), Some(reads)).await?;
    let still = peer::start(copies, None).await?;

    println!("home and sign-in: beside axum+maud sending the same bytes, without a database, as Muster for a stranger");
    println!(
        "dashboard: beside axum+maud sending the same bytes after reading session and team in one statement and the page's \
         four lists in one each, over a pool of {CONNECTIONS} to the same database, without transaction or row-level security"
    );

    println!("{} connections, {} s each, no compression, on this machine", FULL.connections, FULL.time.as_secs());
    println!("{:<26} {:>10} {:>10} {:>10} {:>14}", "page", "req/s", "p50 ms", "p99 ms", "first p95 ms");
    let mut figures = Vec::new();
    for (name, path, cookie) in &pages {
        let peer = if cookie.is_empty() { still } else { reading };
        let target = |address| Target { address, path: path.clone(), cookie: (*cookie).to_owned(), body: None };
        let ours = load::run(&target(muster.address), FULL).await?;
        row(&format!("{name} muster"), &ours);
        let theirs = load::run(&target(peer), FULL).await?;
        row(&format!("{name} axum+maud"), &theirs);
        if !cookie.is_empty() {
            let unread = load::run(&target(still), FULL).await?;
            row(&format!("{name} axum+maud, still"), &unread);
            let ratio = ours.per_second / unread.per_second;
            println!("information: {name} beside the same bytes without reading anything: {ratio:.2} x");
        }
        let calm = load::run(&target(muster.address), CALM).await?;
        row(&format!("{name} muster, calm"), &calm);
        figures.push(Figure {
            name: format!("pages.{name}.ratio"),
            value: ours.per_second / theirs.per_second,
            unit: "x",
            goal: Goal::AtLeast(RATIO),
        });
        figures.push(Figure {
            name: format!("pages.{name}.first_byte_p95"),
            value: millis(calm.first_byte_p95),
            unit: "ms",
            goal: Goal::Below(FIRST_BYTE_MS),
        });
    }
    Ok(figures)
}

/// Takes a page once, as its visitor sees it, for the peer to send.
async fn copy(address: SocketAddr, path: &str, signed_in: bool, browser: &mut Browser) -> Outcome<peer::Page> {
    let answer = if signed_in { browser.get(path).await? } else { Browser::new(address).get(path).await? };
    if answer.status != 200 {
        return Err(Failure::new(format!("{path} answered {}.", answer.status)));
    }
    let mut headers = answer.headers;
    // The server under it writes these itself.
    for own in [header::CONTENT_LENGTH, header::DATE, header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(own);
    }
    Ok(peer::Page { headers, body: answer.body })
}

fn row(name: &str, measured: &Measured) {
    let Measured { per_second, p50, p99, first_byte_p95 } = *measured;
    println!(
        "{name:<26} {per_second:>10.0} {:>10.2} {:>10.2} {:>14.2}",
        millis(p50),
        millis(p99),
        millis(first_byte_p95)
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
