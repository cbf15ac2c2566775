use std::{collections::BTreeMap, fmt, path::Path};

use toml::{Table, Value};

use super::Inputs;

/// The default settings, with the comments that explain them.
pub(super) const DEFAULTS: &str = include_str!("../../config.default.toml");

/// Variables of this product that are not settings of the server.
const OTHER_VARIABLES: [&str; 4] = ["MUSTER_CONFIG", "MUSTER_SITE", "MUSTER_CACHE", "MUSTER_DENY"];

/// Names that hosting platforms and other tools already set.
const ALIASES: [(&str, &str); 11] = [
    ("DATABASE_URL", "database.url"),
    ("S3_ENDPOINT", "objects.endpoint"),
    ("S3_BUCKET", "objects.bucket"),
    ("S3_REGION", "objects.region"),
    ("AWS_ACCESS_KEY_ID", "objects.access_key"),
    ("S3_ACCESS_KEY", "objects.access_key"),
    ("AWS_SECRET_ACCESS_KEY", "objects.secret_key"),
    ("S3_SECRET_KEY", "objects.secret_key"),
    ("SMTP_URL", "mail.smtp_url"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
    ("PORT", "server.listen"),
];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Default,
    File(String),
    Variable(String),
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File(path) => write!(out, "file {path}"),
            Self::Variable(name) => write!(out, "environment {name}"),
        }
    }
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// Every setting by its dotted name (`server.listen`). The default file decides which names exist and of which kind each is.
/// No `Debug`: the values hold secrets.
pub(super) struct Layers {
    entries: BTreeMap<String, Entry>,
    order: Vec<String>,
}

impl Layers {
    pub(super) fn read(inputs: &Inputs, problems: &mut Vec<String>) -> Self {
        let mut layers = Self::defaults(problems);
        let named =
            inputs.environment.iter().find(|(name, _)| name == "MUSTER_CONFIG").map(|(_, path)| Path::new(path));
        if let Some(path) = inputs.file.as_deref().or(named) {
            layers.add_file(path, problems);
        }
        layers.add_aliases(&inputs.environment, problems);
        layers.add_environment(&inputs.environment, problems);
        layers
    }

    fn defaults(problems: &mut Vec<String>) -> Self {
        let mut layers = Self { entries: BTreeMap::new(), order: Vec::new() };
        match DEFAULTS.parse::<Table>() {
            Ok(table) => {
                for (name, value) in flatten(&table) {
                    layers.entries.insert(name, Entry { value, source: Source::Default });
                }
            }
            Err(error) => problems.push(format!("The default settings do not parse: {error}")),
        }
        layers.order = file_order();
        layers
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// All settings in the order of the default file.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.order.iter().filter_map(|name| Some((name.as_str(), self.entries.get(name)?)))
    }

    fn add_file(&mut self, path: &Path, problems: &mut Vec<String>) {
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return problems.push(format!("The settings file {shown} cannot be read: {error}.")),
        };
        let table = match text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => return problems.push(format!("The settings file {shown} is not TOML: {error}")),
        };
        for (name, value) in flatten(&table) {
            self.set(&name, value, &Source::File(shown.clone()), problems);
        }
    }

    fn set(&mut self, name: &str, value: Value, source: &Source, problems: &mut Vec<String>) {
        let Some(entry) = self.entries.get_mut(name) else {
            return problems.push(format!("Unknown setting {name} ({source}).{}", self.nearest(name)));
        };
        if entry.value.same_type(&value) {
            *entry = Entry { value, source: source.clone() };
        } else {
            let (wanted, found) = (entry.value.type_str(), value.type_str());
            problems.push(format!("{name} ({source}) must be a {wanted}, not a {found}."));
        }
    }

    fn add_aliases(&mut self, environment: &[(String, String)], problems: &mut Vec<String>) {
        for (alias, name) in ALIASES {
            let Some((_, text)) = environment.iter().find(|(variable, text)| variable == alias && !text.is_empty())
            else {
                continue;
            };
            let text = if alias == "PORT" { self.with_port(text) } else { text.clone() };
            self.set(name, Value::String(text), &Source::Variable(alias.to_owned()), problems);
        }
    }

    /// `PORT` names a port alone: the address to listen on stays.
    fn with_port(&self, port: &str) -> String {
        let listen = self.entries.get("server.listen").and_then(|entry| entry.value.as_str()).unwrap_or_default();
        let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
        format!("{host}:{port}")
    }

    fn add_environment(&mut self, environment: &[(String, String)], problems: &mut Vec<String>) {
        for (variable, text) in environment {
            let Some(rest) = variable.strip_prefix("MUSTER_") else { continue };
            if OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            let name = rest.to_ascii_lowercase().replace("__", ".");
            let source = Source::Variable(variable.clone());
            let Some(entry) = self.entries.get(&name) else {
                problems
                    .push(format!("Unknown setting {variable} in the environment.{}", self.nearest_variable(variable)));
                continue;
            };
            match like(&entry.value, text) {
                Some(value) => self.set(&name, value, &source, problems),
                None => problems.push(format!("{variable} must be a {}, not “{text}”.", entry.value.type_str())),
            }
        }
    }

    fn nearest(&self, name: &str) -> String {
        let found = self.order.iter().map(|known| (strsim::jaro_winkler(known, name), known));
        let best = found.max_by(|left, right| left.0.total_cmp(&right.0)).filter(|(score, _)| *score > 0.7);
        best.map_or_else(String::new, |(_, known)| format!(" Did you mean {known}?"))
    }

    fn nearest_variable(&self, variable: &str) -> String {
        let names = self.order.iter().map(|name| variable_name(name));
        let found = names.map(|known| (strsim::jaro_winkler(&known, variable), known));
        let best = found.max_by(|left, right| left.0.total_cmp(&right.0)).filter(|(score, _)| *score > 0.7);
        best.map_or_else(String::new, |(_, known)| format!(" Did you mean {known}?"))
    }
}

/// The environment variable of a setting.
fn variable_name(name: &str) -> String {
    format!("MUSTER_{}", name.replace('.', "__").to_ascii_uppercase())
}

/// Settings are two levels deep. A value outside a section keeps its bare name, which no setting has.
fn flatten(table: &Table) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (section, value) in table {
        match value {
            Value::Table(inner) => {
                found.extend(inner.iter().map(|(key, value)| (format!("{section}.{key}"), value.clone())));
            }
            other => found.push((section.clone(), other.clone())),
        }
    }
    found
}

/// The names in the order the default file explains them; a parsed table is sorted.
fn file_order() -> Vec<String> {
    let mut section = "";
    let mut order = Vec::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            order.push(format!("{section}.{key}"));
        }
    }
    order
}

/// Reads the text of a variable as the kind of value the setting has.
fn like(model: &Value, text: &str) -> Option<Value> {
    match model {
        Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        _ => Some(Value::String(text.to_owned())),
    }
}
