use std::{io::Write, path::PathBuf, process::ExitCode, time::Instant};

use clap::{Parser, Subcommand};
use orchestrator::audit::Verdict;

use crate::{
    boot::{self, Product, Server},
    config::{self, Config, Inputs, Loaded},
    data::DataFolder,
    database::Database,
    doctor::Report,
    jobs::Jobs,
    listen, memory,
    telemetry::Telemetry,
    trouble::{Trouble, chain},
};

#[derive(Parser)]
#[command(name = "muster", version, about = "Squads of AI coding agents, on a budget, under control")]
struct Cli {
    /// Settings file; `MUSTER_CONFIG` names it otherwise
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the website and run the background jobs
    Serve,
    /// Run the background jobs alone
    Worker,
    /// Bring the database to this version's schema
    Migrate,
    /// Check every part and print the fix beside each failure
    Doctor {
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the settings
    CheckConfig {
        /// Print the settings in force, secrets hidden, with the source of each
        #[arg(long)]
        print: bool,
    },
    /// Look after the audit log
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Print the version
    Version,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Check that no entry was changed or removed, and name the first that was
    Verify {
        /// The team's name in addresses; all teams without it
        #[arg(long, value_name = "SLUG")]
        team: Option<String>,
    },
}

/// What a command leaves behind: words for the terminal, and whether all is well.
struct Outcome {
    text: String,
    well: bool,
}

impl Outcome {
    fn well(text: impl Into<String>) -> Self {
        Self { text: text.into(), well: true }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli) {
        Ok(outcome) => {
            if say(&outcome.text).is_err() || !outcome.well {
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            // Nothing is left to tell it to when this fails too.
            writeln!(std::io::stderr(), "{trouble}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

fn execute(cli: &Cli) -> Result<Outcome, Trouble> {
    if matches!(cli.command, Command::Version) {
        return Ok(Outcome::well(format!("muster {}", env!("CARGO_PKG_VERSION"))));
    }
    let loaded = config::load(&Inputs::of_process(cli.config.clone())).map_err(|error| {
        Trouble::new(error.to_string(), "`muster check-config --print` shows all settings once these are mended.")
    })?;
    if let Command::CheckConfig { print } = cli.command {
        return Ok(check_config(&loaded, print));
    }
    let config = loaded.config;
    // The tree holds two providers; without a choice the first TLS connection would panic.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| Trouble::new("TLS was set up twice.", "Report this."))?;
    let telemetry = Telemetry::start(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Trouble::new(format!("Threads cannot be started: {error}."), "Check limits."))?;
    let outcome = runtime.block_on(with_runtime(&cli.command, &config));
    // Requests that were cut, and password hashes in progress, are not waited for.
    runtime.shutdown_background();
    telemetry.flush();
    outcome
}

fn check_config(loaded: &Loaded, print: bool) -> Outcome {
    Outcome::well(if print { loaded.print().trim_end().to_owned() } else { "The settings are fine.".to_owned() })
}

async fn with_runtime(command: &Command, config: &Config) -> Result<Outcome, Trouble> {
    match command {
        Command::Serve => serve(config).await,
        Command::Worker => worker(config).await,
        Command::Migrate => migrate(config).await,
        Command::Doctor { json } => doctor(config, *json).await,
        Command::Audit { command: AuditCommand::Verify { team } } => verify(config, team.as_deref()).await,
        Command::CheckConfig { .. } | Command::Version => Ok(Outcome::well("")),
    }
}

async fn serve(config: &Config) -> Result<Outcome, Trouble> {
    let began = Instant::now();
    let signals = signals()?;
    let mut signals = Box::pin(signals);
    // Told to stop while still starting: what was started is dropped, and stops.
    let server = tokio::select! {
        server = Server::prepare(config) => server?,
        () = &mut signals => return Ok(Outcome::well("Stopped before it was ready.")),
    };
    say(&server.describe(config, began))
        .map_err(|error| Trouble::new(format!("Cannot write: {error}."), "Check stdout."))?;
    if let Err(error) = memory::let_go_of_start() {
        tracing::warn!(%error, "what the start has read stays in memory");
    }
    server.run(signals).await?;
    Ok(Outcome::well("Muster stopped."))
}

async fn worker(config: &Config) -> Result<Outcome, Trouble> {
    if config.database.url.is_none() {
        return Err(Trouble::new(
            "A worker needs a database of its own address; the embedded one belongs to `muster serve`, which runs the jobs itself.",
            "Set DATABASE_URL to the database that the server uses.",
        ));
    }
    let signals = signals()?;
    let product = Product::open(config).await?;
    let jobs = Jobs::start(&product.muster, &product.mailer);
    tracing::info!("the worker runs");
    signals.await;
    jobs.end().await;
    product.close().await?;
    Ok(Outcome::well("The worker stopped."))
}

fn signals() -> Result<impl Future<Output = ()> + Send + 'static, Trouble> {
    listen::signals().map_err(|error| Trouble::new(format!("Signals cannot be heard: {error}."), "Start again."))
}

async fn migrate(config: &Config) -> Result<Outcome, Trouble> {
    let data = DataFolder::open(&config.server.data_dir)?;
    let database = Database::open(config, &data, &boot::root_secret(config, &data)?).await?;
    let done = database.migrate().await?;
    let stopped = tokio::task::spawn_blocking(|| database.stop()).await;
    stopped.map_err(|error| {
        Trouble::new(format!("Stopping the database failed: {error}."), "Start again to repair it.")
    })??;
    Ok(Outcome::well(match done.as_slice() {
        [] => "The database is up to date.".to_owned(),
        done => format!("Done: {}.", done.join(", ")),
    }))
}

async fn doctor(config: &Config, json: bool) -> Result<Outcome, Trouble> {
    let report = Report::make(config).await;
    let text = match json {
        true => {
            report.json().map_err(|error| Trouble::new(format!("The report is no JSON: {error}."), "Report this."))?
        }
        false => report.to_string(),
    };
    Ok(Outcome { text, well: !report.failed() })
}

async fn verify(config: &Config, team: Option<&str>) -> Result<Outcome, Trouble> {
    let product = Product::open(config).await?;
    let verdicts = product.muster.verify_every_audit(team).await;
    product.close().await?;
    let verdicts = verdicts.map_err(|error| match (error, team) {
        (orchestrator::Error::NotFound, Some(team)) => {
            Trouble::new(format!("There is no team {team}."), "Name it as in its addresses.")
        }
        (error, _) => Trouble::new(format!("The log cannot be read: {}.", chain(&error)), "Run `muster doctor`."),
    })?;
    let well = verdicts.iter().all(|(_, verdict)| matches!(verdict, Verdict::Whole { .. }));
    let lines: Vec<_> = verdicts
        .iter()
        .map(|(team, verdict)| match verdict {
            Verdict::Whole { entries } => format!("ok    {team}: {entries} entries"),
            Verdict::Broken(broken) => format!("fail  {team}: entry {}: {}", broken.seq, broken.why),
        })
        .collect();
    Ok(Outcome { text: if lines.is_empty() { "There are no teams yet.".to_owned() } else { lines.join("\n") }, well })
}
