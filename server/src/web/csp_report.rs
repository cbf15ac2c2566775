use axum::{Router, body::Bytes, routing::post};
use http::StatusCode;

/// Where browsers send what the content security policy stopped.
pub const PATH: &str = "/csp-report";

/// More of a report is not written down.
const MAX_LOGGED: usize = 2_000;

pub(super) fn routes() -> Router {
    Router::new().route(PATH, post(take))
}

/// A report means that a page broke its own rules, or that something was injected: it is counted and logged.
async fn take(report: Bytes) -> StatusCode {
    metrics::counter!("muster_csp_reports_total").increment(1);
    let text = String::from_utf8_lossy(&report);
    // The report names addresses of pages; a query may hold a token.
    let shown: String = without_queries(&text).chars().filter(|c| !c.is_control()).take(MAX_LOGGED).collect();
    tracing::warn!(report = shown, "a browser reports a breach of the content security policy");
    StatusCode::NO_CONTENT
}

/// Cuts everything from a `?` to the end of its JSON string.
fn without_queries(text: &str) -> String {
    let mut inside_query = false;
    text.chars()
        .filter(|&c| {
            if c == '?' {
                inside_query = true;
            } else if c == '"' {
                inside_query = false;
            }
            !inside_query
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_cut_from_addresses() {
        assert_eq!(without_queries(r#"{"a":"http://x/y?token=1","b":"z"}"#), r#"{"a":"http://x/y","b":"z"}"#);
    }
}
