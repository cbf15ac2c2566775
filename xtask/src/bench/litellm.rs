//! The proxy of `LiteLLM`, installed for the bench alone.

use std::{
    env, fs, io,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::{journey::Browser, muster::free_address};
use crate::{
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

/// The proxy with its workers, all ended when dropped.
pub(super) struct LiteLlm {
    pub(super) address: SocketAddr,
    child: Child,
}

impl LiteLlm {
    pub(super) const KEY: &'static str = "sk-bench-3f9c1d7a5e2b48608f61c0a7d94e2b13";

    /// Installs it where it is missing, and waits until it answers.
    pub(super) async fn start(model: SocketAddr, workers: usize) -> Outcome<Self> {
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
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--num_workers", &workers.to_string(), "--config"])
            .arg(&config)
            // Its workers are ended with it.
            .process_group(0)
            .env("LITELLM_MASTER_KEY", Self::KEY)
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_LOG", "ERROR")
            .env_remove("DATABASE_URL")
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(errors))
            .spawn()
            .doing(|| "Cannot start LiteLLM".to_owned())?;
        let started = Self { address, child };
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

    pub(super) fn process(&self) -> u32 {
        self.child.id()
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

impl Drop for LiteLlm {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).map(Pid::from_raw).map_err(io::Error::other);
        let ended = group.and_then(|group| killpg(group, Signal::SIGKILL).map_err(io::Error::from));
        if let Err(error) = ended.and_then(|()| self.child.wait().map(drop)) {
            eprintln!("bench: process {} may be left behind: {error}", self.child.id());
        }
    }
}
