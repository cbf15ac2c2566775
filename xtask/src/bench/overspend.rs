//! Several servers over one database, a budget that is nearly empty, many calls at once, and servers that are killed in the
//! middle. What is measured is what the provider was really asked for, and the books afterwards.

use std::{
    env, fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, routing::post};
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use local_postgres::{Cluster, Options};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::{
    figure::{Figure, Goal},
    gateway,
    journey::{Browser, sign_up},
    muster::{self, Muster},
};
use crate::{
    assets,
    failure::{Doing, Failure, Outcome},
    workspace,
};

const NODES: usize = 3;
/// Calls at once in the first wave, and in each after it.
const FIRST: usize = 100;
const NEXT: usize = 1_000;
/// From the third on, a server is killed in each wave. They end when hardly a call is affordable any more.
const WAVES: usize = 16;
/// 45 tokens at 100 dollars a million.
const COST: i64 = 4_500;
/// Room for about so many calls.
const AFFORDABLE: i64 = 500;
/// A call that nobody can end any more is settled within a minute; the look for such calls has a pace of its own.
const PATIENCE: Duration = Duration::from_secs(150);

pub(crate) fn run() -> Outcome<Vec<Figure>> {
    if env::var_os(muster::NAMED).is_none() {
        println!("bench: building the server");
        assets::run(assets::Options { dev: false })?;
        workspace::run(&mut workspace::cargo(&["build", "--quiet", "--release", "--package", "server"])?)?;
    }
    let folder = Folder(env::temp_dir().join(format!("muster-bench-{}-postgres", std::process::id())));
    // Dropped before its folder.
    let cluster = Cluster::start(&Options::new(&folder.0)).doing(|| "Cannot start a database".to_owned())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.doing(|| "Cannot start the bench".to_owned())?.block_on(measure(&cluster))
}

/// Removed when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("bench: {} may be left behind: {error}", self.0.display());
        }
    }
}

async fn measure(cluster: &Cluster) -> Outcome<Vec<Figure>> {
    let what = || "Cannot make a database".to_owned();
    let mut first = PgConnection::connect(&cluster.superuser_url("postgres")).await.doing(what)?;
    sqlx::raw_sql("CREATE DATABASE muster").execute(&mut first).await.doing(what)?;
    let url = cluster.superuser_url("muster");
    let books = PgPool::connect_lazy(&url).doing(what)?;
    let provider = Provider::start().await?;
    let shared = [("DATABASE_URL", url), ("MUSTER_SERVER__SECRET", "bench-".repeat(8))];
    let mut nodes = vec![Muster::node("-0", &shared).await?];
    let key = prepare(&nodes[0], &provider, &books).await?;
    for at in 1..NODES {
        nodes.push(Muster::node(&format!("-{at}"), &shared).await?);
    }
    println!("{NODES} servers, a budget for about {AFFORDABLE} calls");
    println!("{:>6} {:>10} {:>10} {:>10} {:>14}", "calls", "answered", "refused", "cut off", "asked in all");
    // The provider was tried once when it was added.
    let before = provider.asked();
    for wave in 0..WAVES {
        let calls = if wave == 0 { FIRST } else { NEXT };
        let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.address).collect();
        let answers = tokio::spawn(ask_all(addresses, key.clone(), calls));
        if wave >= 2 {
            // Somewhere in the middle of the wave, told by the provider and not by a clock.
            provider.until(provider.asked() + 3 + i64::try_from(wave).unwrap_or(0)).await?;
            let at = wave % NODES;
            nodes.swap_remove(at).kill()?;
            nodes.push(Muster::node(&format!("-{}", NODES + wave), &shared).await?);
        }
        let [answered, refused, cut] = answers.await.doing(|| "The calls died".to_owned())??;
        println!("{calls:>6} {answered:>10} {refused:>10} {cut:>10} {:>14}", provider.asked() - before);
        if wave > 2 && answered + cut < 5 {
            break;
        }
    }
    report(&books, provider.asked() - before).await
}

/// A team with a small budget, a provider with an agreed price, and a key, all made by the forms of the website.
async fn prepare(muster: &Muster, provider: &Provider, books: &PgPool) -> Outcome<String> {
    let mut browser = Browser::new(muster.address);
    let team = sign_up(&mut browser).await?;
    gateway::add_provider(&mut browser, &team, provider.address).await?;
    let what = || "Cannot find the provider".to_owned();
    let id: String = sqlx::query_scalar("SELECT id::text FROM model_providers WHERE kind <> 'demo'")
        .fetch_one(books)
        .await
        .doing(what)?;
    let price = format!("provider={id}&model=m&input=100&cache_read=100&cache_write=100&output=100");
    browser.post(&format!("{team}/settings/gateway/prices"), &price).await?;
    let dollars = COST * AFFORDABLE / 10_000;
    let budget = format!(
        "limit=amount&amount={}.{:02}&period=month&reset_day=1&time_zone=UTC&warn_at=80",
        dollars / 100,
        dollars % 100
    );
    browser.post(&format!("{team}/budgets/edit"), &budget).await?;
    gateway::new_key(&mut browser, &team).await
}

/// How many calls were answered, refused, and cut off by a kill.
async fn ask_all(nodes: Vec<SocketAddr>, key: String, calls: usize) -> Outcome<[usize; 3]> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let counts: Arc<[AtomicUsize; 3]> = Arc::default();
    let mut under_way = JoinSet::new();
    for node in nodes.iter().cycle().take(calls) {
        let json = r#"{"model": "bench/m", "max_tokens": 8, "messages": [{"role": "user", "content": "Count."}]}"#;
        let request = Request::post(format!("http://{node}/llm/openai/v1/chat/completions"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .body(Full::from(json))
            .doing(|| "Cannot write a call".to_owned())?;
        let (client, counts) = (client.clone(), counts.clone());
        under_way.spawn(async move {
            let at = match client.request(request).await {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    if answer.into_body().collect().await.is_ok() {
                        0
                    } else {
                        2
                    }
                }
                Ok(_) => 1,
                Err(_) => 2,
            };
            counts[at].fetch_add(1, Ordering::Relaxed);
        });
    }
    while let Some(ended) = under_way.join_next().await {
        ended.doing(|| "A call of the bench died".to_owned())?;
    }
    Ok([0, 1, 2].map(|at| counts[at].load(Ordering::Relaxed)))
}

/// Counts what it is asked for, whoever hears the answer.
struct Provider {
    address: SocketAddr,
    asked: watch::Receiver<i64>,
}

struct Counter {
    asked: AtomicI64,
    told: watch::Sender<i64>,
}

impl Provider {
    async fn start() -> Outcome<Self> {
        let what = || "Cannot start the provider".to_owned();
        let (told, asked) = watch::channel(0);
        let counter = Arc::new(Counter { asked: AtomicI64::new(0), told });
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(counter);
        let listener = TcpListener::bind("127.0.0.1:0").await.doing(what)?;
        let address = listener.local_addr().doing(what)?;
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("bench: the provider ended: {error}");
            }
        });
        Ok(Self { address, asked })
    }

    fn asked(&self) -> i64 {
        *self.asked.borrow()
    }

    /// Waits until it was asked so often, or a moment: it may never come, where nothing is affordable any more.
    async fn until(&self, count: i64) -> Outcome {
        let mut asked = self.asked.clone();
        let reached = tokio::time::timeout(Duration::from_millis(400), asked.wait_for(|asked| *asked >= count)).await;
        match reached {
            Ok(Err(_)) => Err(Failure::new("The provider is gone.")),
            _ => Ok(()),
        }
    }
}

async fn answer(State(counter): State<Arc<Counter>>) -> Json<serde_json::Value> {
    counter.told.send_replace(counter.asked.fetch_add(1, Ordering::SeqCst) + 1);
    // As long as a very fast model: time in which a kill finds calls under way.
    tokio::time::sleep(Duration::from_millis(60)).await;
    Json(serde_json::json!({
        "id": "bench", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "One." }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 40, "completion_tokens": 5, "total_tokens": 45 },
    }))
}

async fn report(books: &PgPool, asked: i64) -> Outcome<Vec<Figure>> {
    let what = || "Cannot read the books".to_owned();
    let count = async |query: &'static str| sqlx::query_scalar::<_, i64>(query).fetch_one(books).await.doing(what);
    let began = Instant::now();
    let mut held = count("SELECT count(*) FROM reservations WHERE state = 'HELD'").await?;
    while held > 0 && began.elapsed() < PATIENCE {
        // Whoever settles the calls of a killed server tells nobody; rarely enough that asking is no load beside it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        held = count("SELECT count(*) FROM reservations WHERE state = 'HELD'").await?;
    }
    let settled = began.elapsed().as_secs_f64();
    println!("every call was settled {settled:.0} s after the last wave");
    let limit = COST * AFFORDABLE;
    let spent = count("SELECT coalesce(sum(spent + reserved), 0)::bigint FROM budget_counters").await?;
    let used = count("SELECT coalesce(sum(counted_micro_usd), 0)::bigint FROM usage").await?;
    let booked = count(
        "SELECT coalesce(sum(CASE 'spent' WHEN debit THEN micro_usd WHEN credit THEN -micro_usd ELSE 0 END), 0)::bigint FROM ledger_entries",
    )
    .await?;
    let left = count(
        "SELECT coalesce(sum(CASE 'held' WHEN debit THEN micro_usd WHEN credit THEN -micro_usd ELSE 0 END), 0)::bigint FROM ledger_entries",
    )
    .await?;
    println!("limit {limit}, counted {spent}, asked for {}, all in micro-USD", asked * COST);
    let figures = [
        ("overspend.settled_over_limit", (spent - limit).max(0)),
        ("overspend.asked_over_limit", (asked * COST - limit).max(0)),
        ("overspend.ledger_off_balance", (booked.abs() - spent).abs() + (used - spent).abs() + left.abs()),
        ("overspend.calls_never_settled", held),
    ];
    let figure = |(name, value): (&str, i64)| {
        let unit = if name.ends_with("settled") { "calls" } else { "micro-USD" };
        #[expect(clippy::cast_precision_loss, reason = "far below what a float holds exactly")]
        let value = value as f64;
        Figure { name: name.to_owned(), value, unit, goal: Goal::AtMost(0.0) }
    };
    let mut figures: Vec<Figure> = figures.map(figure).into();
    figures.push(seconds_to_settle(settled));
    Ok(figures)
}

/// Until nothing was held any more after the last wave, the calls of the server that was killed in it among them.
fn seconds_to_settle(value: f64) -> Figure {
    Figure { name: "overspend.seconds_to_settle".to_owned(), value, unit: "s", goal: Goal::AtMost(60.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_asserted() {
        let line = |seconds| seconds_to_settle(seconds).to_string();
        assert_eq!(line(59.5), "figure overspend.seconds_to_settle 59.50 s goal <= 60 met");
        assert!(line(61.0).ends_with("short"));
    }
}
