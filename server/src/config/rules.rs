use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::{Config, Mode, SignUpPolicy, Switch};

/// Rules between settings, and what production must not run with.
pub(super) fn check(config: &Config, problems: &mut Vec<String>) {
    between_settings(config, problems);
    if config.server.mode == Mode::Production {
        production(config, problems);
    }
}

fn between_settings(config: &Config, problems: &mut Vec<String>) {
    let server = &config.server;
    let mut rule = |broken: bool, sentence: &str| {
        if broken {
            problems.push(sentence.to_owned());
        }
    };
    rule(
        server.shutdown_notice + server.shutdown_grace >= Duration::from_secs(10),
        "server.shutdown_notice and server.shutdown_grace together must stay under 10s.",
    );
    rule(
        config.runs.heartbeat < Duration::from_millis(100) || config.runs.silence < config.runs.heartbeat * 3,
        "runs.heartbeat must be at least 100ms, and runs.silence at least three times as long.",
    );
    rule(server.request_timeout.is_zero(), "server.request_timeout must be longer than 0.");
    rule(config.database.acquire_timeout.is_zero(), "database.acquire_timeout must be longer than 0.");
    rule(
        server.public_url.as_ref().is_some_and(|url| url.path() != "/" || url.query().is_some()),
        "server.public_url must be an address without a path, like https://muster.example.com.",
    );
    rule(
        config.database.app_url.is_some() != config.database.system_url.is_some()
            || config.database.app_url.is_some() != config.database.engine_url.is_some(),
        "database.app_url, database.system_url and database.engine_url belong together: set all three, or none.",
    );
    rule(
        config.database.app_url.is_some() && config.database.url.is_none(),
        "database.app_url needs database.url too, the address that migrations use.",
    );
    rule(
        config.database.url.is_some() && config.embedded.postgres == Switch::On,
        "embedded.postgres is \"on\" although database.url is set: choose one.",
    );
    rule(
        config.database.url.is_none() && config.embedded.postgres == Switch::Off,
        "embedded.postgres is \"off\" and database.url is not set: there is no database. Set DATABASE_URL.",
    );
    rule(
        config.objects.endpoint.is_some() && config.embedded.objects == Switch::On,
        "embedded.objects is \"on\" although objects.endpoint is set: choose one.",
    );
    rule(
        config.objects.endpoint.is_none() && config.embedded.objects == Switch::Off,
        "embedded.objects is \"off\" and objects.endpoint is not set: there is no object store. Set S3_ENDPOINT.",
    );
    rule(
        config.objects.endpoint.is_some()
            && (config.objects.access_key.is_none() || config.objects.secret_key.is_none()),
        "objects.endpoint needs objects.access_key and objects.secret_key.",
    );
    rule(
        config.sign_up.policy == SignUpPolicy::Domains && config.sign_up.allowed_domains.is_empty(),
        "sign_up.policy is \"domains\", but sign_up.allowed_domains is empty: nobody could sign up.",
    );
    rule(
        server.secret.as_ref().is_some_and(|secret| secret.expose().len() < 32),
        "server.secret must have at least 32 random characters.",
    );
    rule(config.sessions.idle.is_zero(), "sessions.idle must be longer than 0.");
    rule(config.sessions.idle > config.sessions.absolute, "sessions.idle must not be longer than sessions.absolute.");
    rule(
        config.telemetry.otlp_endpoint.as_ref().is_some_and(|url| url.scheme() != "http"),
        "telemetry.otlp_endpoint must begin with http://: send to a collector beside Muster, which forwards.",
    );
    rule(
        EnvFilter::try_new(&config.telemetry.level).is_err(),
        "telemetry.level must be error, warn, info, debug, trace, or filters like \"info,server=debug\".",
    );
}

fn production(config: &Config, problems: &mut Vec<String>) {
    let https = config.server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    let mut refuse = |broken: bool, sentence: &str| {
        if broken {
            problems.push(format!("Production: {sentence}"));
        }
    };
    refuse(!https, "server.public_url must be set and begin with https://, otherwise sessions travel in the clear.");
    refuse(
        config.mail.smtp_url.is_none(),
        "mail.smtp_url must be set: the outbox of development would show everybody's codes.",
    );
    refuse(config.mail.from.contains("@localhost"), "mail.from must be an address that can receive answers.");
    refuse(
        config.metrics.token.as_ref().is_some_and(|token| token.expose().len() < 16),
        "metrics.token must have at least 16 characters.",
    );
    refuse(
        config.metrics.token.is_none() && config.server.trusted_proxies.iter().any(|network| network.prefix_len() == 0),
        "server.trusted_proxies trusts every network; anybody could then claim to be this machine. Name the proxies.",
    );
}
