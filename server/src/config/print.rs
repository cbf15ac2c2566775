use std::fmt::Write;

use toml::Value;
use url::Url;

use super::layers::{Entry, Layers};

/// Settings that are secret whole, and addresses whose password is.
const SECRETS: [&str; 3] = ["server.secret", "objects.secret_key", "metrics.token"];
const ADDRESSES: [&str; 5] =
    ["database.url", "database.app_url", "database.system_url", "database.engine_url", "mail.smtp_url"];

pub(super) const HIDDEN: &str = "(hidden)";

pub(super) fn print(layers: &Layers) -> String {
    let mut out = String::new();
    let mut current = "";
    for (name, entry) in layers.in_order() {
        let Some((section, key)) = name.split_once('.') else { continue };
        if section != current {
            let gap = if current.is_empty() { "" } else { "\n" };
            write_line(&mut out, format_args!("{gap}[{section}]"));
            current = section;
        }
        write_line(&mut out, format_args!("{key} = {}  # {}", shown(name, entry), entry.source));
    }
    out
}

fn write_line(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(line).unwrap_or_default();
    out.push('\n');
}

fn shown(name: &str, entry: &Entry) -> String {
    let text = entry.value.as_str().unwrap_or_default();
    if text.is_empty() {
        return entry.value.to_string();
    }
    let hidden = if SECRETS.contains(&name) {
        HIDDEN.to_owned()
    } else if ADDRESSES.contains(&name) {
        without_password(text)
    } else {
        return entry.value.to_string();
    };
    Value::String(hidden).to_string()
}

/// The address without its password and without its parameters, which may hold one as well.
pub(super) fn without_password(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return HIDDEN.to_owned() };
    if url.password().is_some() && url.set_password(Some("hidden")).is_err() {
        return HIDDEN.to_owned();
    }
    if url.query().is_some() {
        url.set_query(Some("hidden"));
    }
    url.to_string()
}
