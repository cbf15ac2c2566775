use std::{io::IsTerminal, time::Duration};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::{Config, LogFormat},
    trouble::{Trouble, chain},
};

/// How long the last traces may take to leave.
const FLUSH: Duration = Duration::from_secs(1);

/// Sends what is left when the process ends.
#[derive(Debug)]
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Starts logs, and traces when a collector is named. Call it once, outside the async runtime: the exporter has a
    /// thread and a client of its own.
    pub(crate) fn start(config: &Config) -> Result<Self, Trouble> {
        let refused = |error: &(dyn std::error::Error + 'static)| {
            Trouble::new(
                format!("Logs or traces cannot be started: {}.", chain(error)),
                "Check the section [telemetry].",
            )
        };
        let provider = match &config.telemetry.otlp_endpoint {
            Some(endpoint) => Some(exporting_to(endpoint.as_str()).map_err(|error| refused(&error))?),
            None => None,
        };
        let traces =
            provider.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("muster")));
        let filter = EnvFilter::try_new(&config.telemetry.level).map_err(|error| refused(&error))?;
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = match format(config) {
            LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
            LogFormat::Text | LogFormat::Auto => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        };
        let started = tracing_subscriber::registry().with(filter).with(traces).with(lines).try_init();
        started.map_err(|error| refused(&error))?;
        Ok(Self(provider))
    }

    /// Hands over the last traces. Blocks for at most a second.
    pub(crate) fn flush(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown_with_timeout(FLUSH)) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

fn format(config: &Config) -> LogFormat {
    match config.telemetry.format {
        LogFormat::Auto if config.development() && std::io::stderr().is_terminal() => LogFormat::Text,
        LogFormat::Auto => LogFormat::Json,
        chosen => chosen,
    }
}

fn exporting_to(endpoint: &str) -> Result<SdkTracerProvider, opentelemetry_otlp::ExporterBuildError> {
    // The path for traces over HTTP is fixed by the OTLP specification, 1.0 and later.
    let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter =
        SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(endpoint).build()?;
    let resource = Resource::builder().with_service_name("muster").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
