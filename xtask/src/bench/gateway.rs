use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    num::NonZero,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use hyper::{Method, body::Bytes};

use super::{
    figure::{Figure, Goal},
    journey::{Browser, sign_up},
    litellm::LiteLlm,
    load::{self, Measured, Post, Pressure, Target},
    memory,
    muster::{self, Muster},
};
use crate::{
    assets,
    failure::{Doing, Failure, Outcome},
    workspace,
};

/// As many as people watch at once: each stream takes as long as a short answer of a fast model, and they begin at moments of
/// their own.
const STREAMS: Pressure = Pressure {
    connections: 200,
    spread: Duration::from_millis(1_800),
    warm_up: Duration::from_secs(5),
    time: Duration::from_secs(12),
};
const FULL: Pressure =
    Pressure { connections: 64, spread: Duration::ZERO, warm_up: Duration::from_secs(2), time: Duration::from_secs(8) };
/// The path of the model that answers at once, and of the one that takes its time.
const SCRIPT: &str = r#"{"models": ["*"], "conversations": [
    {"name": "slow", "when": {"system": ["slow"]}, "turns": [{"text": "One two three four five six seven eight nine ten eleven twelve.", "delay_ms": 250,
        "usage": {"uncached": 40, "cache_read": 0, "cache_write": 0, "output": 20, "reasoning": 0}}]},
    {"name": "fast", "turns": [{"text": "One two three.",
        "usage": {"uncached": 40, "cache_read": 0, "cache_write": 0, "output": 5, "reasoning": 0}}]}]}"#;

/// Measures the same streamed calls straight to a scripted model, through Muster with budgets, and through `LiteLLM`'s proxy.
pub(crate) fn run() -> Outcome<Vec<Figure>> {
    println!("bench: building the server and the model");
    if env::var_os(muster::NAMED).is_none() {
        assets::run(assets::Options { dev: false })?;
        workspace::run(&mut workspace::cargo(&["build", "--quiet", "--release", "--package", "server"])?)?;
    }
    let model = ["build", "--quiet", "--release", "--package", "demo-model", "--example", "serve"];
    workspace::run(&mut workspace::cargo(&model)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.doing(|| "Cannot start the bench".to_owned())?.block_on(measure())
}

async fn measure() -> Outcome<Vec<Figure>> {
    let model = Model::start()?;
    let muster = Muster::start().await?;
    let key = gateway_key(&muster, model.address).await?;
    println!(
        "{} slow streams at once, then {} quick ones as fast as they go, on this machine",
        STREAMS.connections, FULL.connections
    );
    println!("{:<12} {:>8} {:>10} {:>10} {:>10} {:>10}", "way", "kind", "req/s", "p50 ms", "p99 ms", "MiB");
    let straight = Way { name: "straight", address: model.address, path: PATH, key: String::new(), process: None };
    let ours = Way {
        name: "muster",
        address: muster.address,
        path: "/llm/openai/v1/chat/completions",
        key,
        process: Some(muster.process()),
    };
    let (straight, ours) = (straight.measure().await?, ours.measure().await?);
    // As it starts by itself, and with a worker for each processor: only then may it use what the others use.
    let one = measure_litellm("litellm, 1", model.address, 1).await?;
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let all = measure_litellm("litellm, all", model.address, processors).await?;
    Ok(report(&straight, &ours, &one, &all))
}

async fn measure_litellm(name: &'static str, model: SocketAddr, workers: usize) -> Outcome<Row> {
    let litellm = LiteLlm::start(model, workers).await?;
    let key = LiteLlm::KEY.to_owned();
    let way = Way { name, address: litellm.address, path: PATH, key, process: Some(litellm.process()) };
    way.measure().await
}

const PATH: &str = "/v1/chat/completions";

/// A way to the model.
struct Way {
    name: &'static str,
    address: SocketAddr,
    path: &'static str,
    key: String,
    /// Whose memory is counted, with its children's of the same program.
    process: Option<u32>,
}

struct Row {
    streams: Measured,
    full: Measured,
    /// In MiB.
    memory: f64,
}

impl Way {
    async fn measure(self) -> Outcome<Row> {
        let target = |pace: &str| Target {
            address: self.address,
            path: self.path.to_owned(),
            cookie: String::new(),
            body: Some(Post { json: request(pace), key: self.key.clone() }),
        };
        let streams = load::run(&target("slow"), STREAMS).await?;
        let full = load::run(&target("fast"), FULL).await?;
        let memory = self.process.map_or(Ok(0.0), memory::resident)?;
        for (kind, measured) in [("streams", &streams), ("full", &full)] {
            let (p50, p99) = (millis(measured.p50), millis(measured.p99));
            println!(
                "{:<12} {kind:>8} {:>10.1} {p50:>10.2} {p99:>10.2} {memory:>10.1}",
                self.name, measured.per_second
            );
        }
        Ok(Row { streams, full, memory })
    }
}

fn report(straight: &Row, ours: &Row, one: &Row, all: &Row) -> Vec<Figure> {
    let added = |percentile: fn(&Measured) -> Duration| {
        millis(percentile(&ours.streams)) - millis(percentile(&straight.streams))
    };
    let figures = [
        ("gateway.added_p50", added(|measured| measured.p50), "ms", Goal::Below(2.0)),
        ("gateway.added_p99", added(|measured| measured.p99), "ms", Goal::Below(10.0)),
        ("gateway.rate_of_litellm", ours.full.per_second / one.full.per_second, "x", Goal::AtLeast(20.0)),
        ("gateway.memory_of_litellm", ours.memory / one.memory, "x", Goal::Below(0.1)),
        ("gateway.rate_of_litellms_workers", ours.full.per_second / all.full.per_second, "x", Goal::AtLeast(20.0)),
        ("gateway.memory_of_litellms_workers", ours.memory / all.memory, "x", Goal::Below(0.1)),
    ];
    figures.map(|(name, value, unit, goal)| Figure { name: name.to_owned(), value, unit, goal }).into()
}

fn request(pace: &str) -> Bytes {
    let json = serde_json::json!({
        "model": "bench/m", "stream": true, "stream_options": { "include_usage": true }, "max_tokens": 64,
        "messages": [{ "role": "system", "content": pace }, { "role": "user", "content": "Count." }],
    });
    Bytes::from(json.to_string())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A team with a budget that is far from empty, a provider, its price, and a key, all made by the forms of the website.
async fn gateway_key(muster: &Muster, model: SocketAddr) -> Outcome<String> {
    let mut browser = Browser::new(muster.address);
    let team = sign_up(&mut browser).await?;
    add_provider(&mut browser, &team, model).await?;
    let budget = "limit=amount&amount=1000000&period=month&reset_day=1&time_zone=UTC&warn_at=80";
    browser.post(&format!("{team}/budgets/edit"), budget).await?;
    new_key(&mut browser, &team).await
}

/// Adds the model as the provider “bench”.
pub(super) async fn add_provider(browser: &mut Browser, team: &str, model: SocketAddr) -> Outcome {
    let base = format!("http%3A%2F%2F{model}%2Fv1");
    let provider =
        format!("preset=other&name=bench&base_url={base}&format=open_ai_chat&model=m&key=a-key-of-the-bench");
    browser.post(&format!("{team}/settings/models"), &provider).await.map(drop)
}

/// A key of the team for its own programs, from the page that shows it once.
pub(super) async fn new_key(browser: &mut Browser, team: &str) -> Outcome<String> {
    let form = "name=bench&life=7".to_owned();
    let made = browser.ask(Method::POST, &format!("{team}/settings/gateway/keys"), form).await?;
    let secret =
        made.body.split("data-copy=\"").filter_map(|rest| rest.split('"').next()).find(|text| text.starts_with("sk-"));
    secret.map(str::to_owned).ok_or_else(|| Failure::new("The page of a new gateway key shows no key."))
}

/// Ended when dropped.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait().map(drop)) {
            eprintln!("bench: process {} may be left behind: {error}", self.0.id());
        }
    }
}

struct Model {
    address: SocketAddr,
    _child: Ends,
}

impl Model {
    fn start() -> Outcome<Self> {
        let script = workspace::target()?.join("bench-script.json");
        fs::write(&script, SCRIPT).doing(|| "Cannot write the model's script".to_owned())?;
        let mut child = Command::new(workspace::target()?.join("release/examples/serve"))
            .arg(script)
            .stdout(Stdio::piped())
            .spawn()
            .doing(|| "Cannot start the model".to_owned())?;
        let mut line = String::new();
        let told = child.stdout.take().ok_or_else(|| Failure::new("The model has no output."))?;
        let child = Ends(child);
        BufReader::new(told).read_line(&mut line).doing(|| "The model says nothing".to_owned())?;
        let address = line.trim().trim_start_matches("http://").parse();
        Ok(Self { address: address.doing(|| format!("The model says {line:?}"))?, _child: child })
    }
}
