use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{Method, StatusCode};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// The process's one recorder of measurements, installed at the first call.
///
/// # Errors
/// When another recorder was installed in this process before.
pub fn recorder() -> Result<PrometheusHandle, BuildError> {
    // Held meanwhile, so that of two who ask at once the second does not install another.
    let mut installed = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = installed.as_ref() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    describe();
    *installed = Some(handle.clone());
    Ok(handle)
}

fn describe() {
    metrics::describe_counter!("muster_http_requests_total", "Requests answered, by route and class of status.");
    metrics::describe_histogram!("muster_http_request_seconds", "Time until the answer began, in seconds.");
    metrics::describe_gauge!("muster_http_requests_in_flight", "Requests being answered.");
    metrics::describe_counter!("muster_http_panics_total", "Handlers that panicked.");
    metrics::describe_counter!("muster_http_refused_total", "Requests refused before a handler saw them, by reason.");
    metrics::describe_counter!("muster_csp_reports_total", "Breaches of the content security policy told by browsers.");
    metrics::describe_gauge!("muster_database_connections", "Connections of the request pool, by state.");
    metrics::describe_gauge!("muster_nodes", "Nodes that give signs of life, as this one sees it.");
    metrics::describe_gauge!("process_resident_memory_bytes", "Memory held by the process.");
    metrics::describe_gauge!("process_open_fds", "Open file descriptors.");
}

pub(super) fn request(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let class = match status.as_u16() {
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
        _ => "1xx",
    };
    // Anybody can invent a method; only known ones become a label.
    let known = [Method::GET, Method::POST, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let method = known.iter().find(|known| *known == method).map_or("other", Method::as_str).to_owned();
    let labels = [("method", method), ("route", route.to_owned()), ("status", class.to_owned())];
    metrics::counter!("muster_http_requests_total", &labels).increment(1);
    metrics::histogram!("muster_http_request_seconds", &labels).record(took.as_secs_f64());
}

pub(super) fn refused(reason: &'static str) {
    metrics::counter!("muster_http_refused_total", "reason" => reason).increment(1);
}

/// Counts a request as long as it lives, also when its client goes away in the middle.
pub(super) struct InFlight(());

impl InFlight {
    pub(super) fn begin() -> Self {
        metrics::gauge!("muster_http_requests_in_flight").increment(1.0);
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!("muster_http_requests_in_flight").decrement(1.0);
    }
}

/// Measures the process itself, where the system tells (Linux: proc(5)).
pub(super) fn measure_process() {
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u32>().ok());
        if let Some(kib) = kib {
            metrics::gauge!("process_resident_memory_bytes").set(f64::from(kib) * 1024.0);
        }
    }
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(f64::from(u32::try_from(entries.count()).unwrap_or(u32::MAX)));
    }
}
