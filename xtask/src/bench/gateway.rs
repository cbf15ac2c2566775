use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use hyper::{Method, body::Bytes};

use super::{
    figure::{Figure, Goal},
    journey::{Browser, sign_up},
    load::{self, Measured, Post, Pressure, Target},
    muster::{self, Muster, free_address},
};
use crate::{
    assets,
    failure::{Doing, Failure, Outcome},
    workspace,
};

const LITELLM: &str = "litellm[proxy]==1.109.1";
/// What its proxy imports at its start. A package index that lags behind may have no version of some that it asks for.
const NEEDED: &[&str] = &[
    "aiohttp",
    "anyio",
    "apscheduler",
    "backoff",
    "boto3",
    "certifi",
    "click<9",
    "croniter",
    "cryptography",
    "email-validator",
    "expression",
    "fastapi<1",
    "fastapi-sso",
    "fastuuid<1",
    "filelock",
    "gunicorn",
    "httpx[http2]<1",
    "httpx2<3",
    "huggingface-hub<2",
    "importlib-metadata<9",
    "jinja2",
    "jsonschema",
    "mcp<3",
    "openai<4",
    "orjson<4",
    "pydantic<3",
    "pydantic-settings<3",
    "pyjwt<3",
    "pynacl",
    "python-dotenv",
    "python-multipart<1",
    "pyyaml<7",
    "redis",
    "regex",
    "requests",
    "rich",
    "rq",
    "sniffio",
    "soundfile",
    "starlette<2",
    "tiktoken<1",
    "tokenizers<1",
    "uvicorn<1",
    "uvloop<1",
    "websockets",
];
/// It reads a price list and makes its routes before it listens.
const PATIENCE: Duration = Duration::from_secs(120);
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
    let litellm = LiteLlm::start(model.address).await?;
    let through = [
        ("straight", model.address, "/v1/chat/completions", String::new(), None),
        ("muster", muster.address, "/llm/openai/v1/chat/completions", key, Some(muster.process())),
        ("litellm", litellm.address, "/v1/chat/completions", LiteLlm::KEY.to_owned(), Some(litellm.child.0.id())),
    ];
    println!(
        "{} slow streams at once, then {} quick ones as fast as they go, on this machine",
        STREAMS.connections, FULL.connections
    );
    println!("{:<10} {:>12} {:>10} {:>10} {:>10} {:>10}", "way", "kind", "req/s", "p50 ms", "p99 ms", "MiB");
    let mut rows = Vec::new();
    for (name, address, path, key, process) in through {
        let target = |pace: &str| Target {
            address,
            path: path.to_owned(),
            cookie: String::new(),
            body: Some(Post { json: request(pace), key: key.clone() }),
        };
        let slow = load::run(&target("slow"), STREAMS).await?;
        let quick = load::run(&target("fast"), FULL).await?;
        let memory = process.map_or(Ok(0.0), resident_mib)?;
        for (kind, measured) in [("streams", &slow), ("full", &quick)] {
            let (p50, p99) = (millis(measured.p50), millis(measured.p99));
            println!("{name:<10} {kind:>12} {:>10.1} {p50:>10.2} {p99:>10.2} {memory:>10.1}", measured.per_second);
        }
        rows.push((slow, quick, memory));
    }
    let [straight, ours, theirs] = &rows[..] else { return Err(Failure::new("A way was not measured.")) };
    Ok(report(straight, ours, theirs))
}

type Row = (Measured, Measured, f64);

fn report(straight: &Row, ours: &Row, theirs: &Row) -> Vec<Figure> {
    let added = |percentile: fn(&Measured) -> Duration| millis(percentile(&ours.0)) - millis(percentile(&straight.0));
    let figures = [
        ("gateway.added_p50", added(|measured| measured.p50), "ms", Goal::Below(2.0)),
        ("gateway.added_p99", added(|measured| measured.p99), "ms", Goal::Below(10.0)),
        ("gateway.rate_of_litellm", ours.1.per_second / theirs.1.per_second, "x", Goal::AtLeast(20.0)),
        ("gateway.memory_of_litellm", ours.2 / theirs.2, "x", Goal::Below(0.1)),
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

/// What a process holds of the machine's memory.
fn resident_mib(process: u32) -> Outcome<f64> {
    let what = || format!("Cannot read the memory of process {process}");
    let status = fs::read_to_string(format!("/proc/{process}/status")).doing(what)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| Failure::new(what()))
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

struct LiteLlm {
    address: SocketAddr,
    child: Ends,
}

impl LiteLlm {
    const KEY: &'static str = "sk-bench-3f9c1d7a5e2b48608f61c0a7d94e2b13";

    /// Installs it where it is missing, and waits until it answers.
    async fn start(model: SocketAddr) -> Outcome<Self> {
        let home = Self::install()?;
        let address = free_address()?;
        let config = home.join("bench.yaml");
        let text = format!(
            "model_list:\n  - model_name: bench/m\n    litellm_params:\n      model: openai/m\n      api_base: http://{model}/v1\n      api_key: x\n"
        );
        fs::write(&config, text).doing(|| "Cannot write LiteLLM's configuration".to_owned())?;
        let log = fs::File::create(home.join("log")).doing(|| "Cannot write LiteLLM's log".to_owned())?;
        let errors = log.try_clone().doing(|| "Cannot write LiteLLM's log".to_owned())?;
        let child = Command::new(home.join("bin/litellm"))
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string(), "--num_workers", "1", "--config"])
            .arg(&config)
            .env("LITELLM_MASTER_KEY", Self::KEY)
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_LOG", "ERROR")
            .env_remove("DATABASE_URL")
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(errors))
            .spawn()
            .doing(|| "Cannot start LiteLLM".to_owned())?;
        let started = Self { address, child: Ends(child) };
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if Browser::new(address).get("/health/liveliness").await.is_ok_and(|answer| answer.status == 200) {
                return Ok(started);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(Failure::new(format!(
            "LiteLLM did not answer in {} s; see {}.",
            PATIENCE.as_secs(),
            home.join("log").display()
        )))
    }

    fn install() -> Outcome<PathBuf> {
        let home = env::var_os("BENCH_LITELLM")
            .map_or_else(|| workspace::target().map(|at| at.join("bench-litellm")), |at| Ok(at.into()))?;
        if home.join("bin/litellm").exists() {
            return Ok(home);
        }
        println!("bench: installing {LITELLM} into {}", home.display());
        let mut make = Command::new("python3");
        workspace::run(make.args(["-m", "venv"]).arg(&home))?;
        let pip = |arguments: &[&str]| {
            let mut pip = Command::new(home.join("bin/pip"));
            workspace::run(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(arguments))
        };
        if let Err(error) = pip(&[LITELLM]) {
            println!("bench: {error}\nbench: installing by name what the proxy imports instead");
            let bare = LITELLM.replace("[proxy]", "");
            pip(&["--no-deps", &bare])?;
            pip(NEEDED)?;
        }
        Ok(home)
    }
}
