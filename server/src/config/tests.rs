use std::{fs, time::Duration};

use toml::Table;

use super::{Inputs, Loaded, Mode, layers::DEFAULTS, load};

fn inputs(environment: &[(&str, &str)]) -> Inputs {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Inputs { file: None, environment }
}

fn loaded(environment: &[(&str, &str)]) -> Loaded {
    load(&inputs(environment)).expect("valid settings")
}

fn problems(environment: &[(&str, &str)]) -> Vec<String> {
    load(&inputs(environment)).expect_err("invalid settings").0
}

#[test]
fn printed_defaults_are_the_values_of_the_committed_file() {
    let printed: Table = loaded(&[]).print().parse().expect("printed TOML");
    let committed: Table = DEFAULTS.parse().expect("committed TOML");
    assert_eq!(printed, committed);
}

#[test]
fn every_default_is_explained() {
    let mut explained = false;
    for line in DEFAULTS.lines() {
        if line.starts_with('#') {
            explained = true;
        } else if line.starts_with('[') || line.is_empty() {
            explained = false;
        } else {
            // Settings that stand together share the comment above them.
            assert!(explained, "no comment above {line}");
        }
    }
}

#[test]
fn all_problems_are_told_at_once_with_the_nearest_name() {
    let found = problems(&[
        ("MUSTER_SERVER__LISTN", "0.0.0.0:1"),
        ("MUSTER_SERVER__REQUEST_TIMEOUT", "soon"),
        ("MUSTER_DATABASE__POOL_SIZE", "many"),
        ("MUSTER_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, home"),
    ]);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found.iter().any(|line| line.contains("Did you mean MUSTER_SERVER__LISTEN?")), "{found:#?}");
    assert!(found.iter().any(|line| line.contains("MUSTER_SERVER__REQUEST_TIMEOUT") && line.contains("duration")));
    assert!(found.iter().any(|line| line.contains("“home”")));
}

#[test]
fn a_file_overrides_defaults_and_the_environment_overrides_the_file() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("muster.toml");
    fs::write(&file, "[server]\nlisten = \"127.0.0.1:7100\"\nrequest_timeout = \"5s\"\n").expect("written");
    let environment = vec![("MUSTER_SERVER__LISTEN".to_owned(), "127.0.0.1:7200".to_owned())];
    let loaded = load(&Inputs { file: Some(file), environment }).expect("valid");
    assert_eq!(loaded.config.server.listen.port(), 7200);
    assert_eq!(loaded.config.server.request_timeout, Duration::from_secs(5));
    let printed = loaded.print();
    assert!(printed.contains("# environment MUSTER_SERVER__LISTEN"), "{printed}");
    assert!(printed.contains("request_timeout = \"5s\"  # file "), "{printed}");
}

#[test]
fn unknown_keys_and_wrong_kinds_in_a_file_are_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("muster.toml");
    fs::write(&file, "mode = \"x\"\n[databse]\nurl = \"\"\n[database]\npool_size = \"20\"\n").expect("written");
    let found = load(&Inputs { file: Some(file), environment: Vec::new() }).expect_err("invalid").0;
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().any(|line| line.contains("Did you mean database.url?")), "{found:#?}");
    assert!(found.iter().any(|line| line.contains("database.pool_size") && line.contains("integer")), "{found:#?}");
}

#[test]
fn conventional_names_are_understood() {
    let config = loaded(&[("PORT", "8080"), ("DATABASE_URL", "postgres://u:p@db/muster")]).config;
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database.url.expect("set").expose(), "postgres://u:p@db/muster");
    assert!(problems(&[("PORT", "http")])[0].contains("PORT"));
}

#[test]
fn our_own_names_win_over_conventional_ones() {
    let config = loaded(&[("PORT", "8080"), ("MUSTER_SERVER__LISTEN", "127.0.0.1:9")]).config;
    assert_eq!(config.server.listen.port(), 9);
}

#[test]
fn secrets_are_never_printed() {
    let settings = [
        ("DATABASE_URL", "postgres://muster:TopSecret1@db/muster"),
        ("SMTP_URL", "smtps://mail:TopSecret2@mx:465?key=TopSecret6"),
        ("S3_ENDPOINT", "https://s3.example.com"),
        ("S3_ACCESS_KEY", "key"),
        ("S3_SECRET_KEY", "TopSecret3"),
        ("MUSTER_METRICS__TOKEN", "TopSecret4TopSecret4"),
    ];
    let loaded = loaded(&settings);
    let printed = loaded.print();
    assert!(!printed.contains("TopSecret"), "{printed}");
    assert!(printed.contains("@db/muster"), "the rest of the address helps: {printed}");
    assert!(!format!("{loaded:?}").contains("TopSecret3\""), "no secret in debug output of the settings");
    printed.parse::<Table>().expect("still TOML");
}

#[test]
fn problems_never_repeat_a_secret_address() {
    let found = problems(&[("DATABASE_URL", "mysql://u:TopSecret@db/x")]);
    assert!(found[0].contains("database.url") && !found[0].contains("TopSecret"), "{found:?}");
}

#[test]
fn production_refuses_what_only_development_may_do() {
    let found = problems(&[("MUSTER_SERVER__MODE", "production")]);
    assert_eq!(found.len(), 3, "{found:#?}");
    let config = loaded(&[
        ("MUSTER_SERVER__MODE", "production"),
        ("MUSTER_SERVER__PUBLIC_URL", "https://muster.example.com"),
        ("SMTP_URL", "smtps://mx"),
        ("MUSTER_MAIL__FROM", "muster@example.com"),
    ])
    .config;
    assert_eq!(config.server.mode, Mode::Production);
    assert_eq!(config.public_url(), "https://muster.example.com");
}

#[test]
fn a_database_needs_exactly_one_source() {
    assert!(problems(&[("MUSTER_EMBEDDED__POSTGRES", "off")])[0].contains("DATABASE_URL"));
    let both = [("MUSTER_EMBEDDED__POSTGRES", "on"), ("DATABASE_URL", "postgres://u@db/muster")];
    assert!(problems(&both)[0].contains("choose one"));
}

#[test]
fn cookies_are_secure_over_https_and_on_loopback() {
    assert!(loaded(&[]).config.secure_cookies());
    assert!(!loaded(&[("MUSTER_SERVER__PUBLIC_URL", "http://muster.lan")]).config.secure_cookies());
    assert!(loaded(&[("MUSTER_SERVER__PUBLIC_URL", "http://localhost:7000")]).config.secure_cookies());
}

#[test]
fn sandboxes_reach_private_addresses_where_that_was_chosen() {
    assert!(!loaded(&[]).config.sandbox.private_addresses);
    assert!(!loaded(&[("MUSTER_SERVER__MODE", "development")]).config.sandbox.private_addresses);
    assert!(loaded(&[("MUSTER_SANDBOX__PRIVATE_ADDRESSES", "on")]).config.sandbox.private_addresses);
    assert!(problems(&[("MUSTER_SANDBOX__PRIVATE_ADDRESSES", "10.0.0.0/8")])[0].contains("private_addresses"));
}
