use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use toml::Value;
use url::Url;

use super::{layers::Layers, sections::Secret, values};

/// Reads typed values out of the merged settings and collects what is wrong with them.
///
/// A bad value yields a placeholder, so that reading goes on and all problems are told at once; the caller
/// throws the result away when there was any problem.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    problems: &'a mut Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers, problems: &'a mut Vec<String>) -> Self {
        Self { layers, problems }
    }

    pub(super) fn text(&mut self, name: &str) -> String {
        self.value(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A text where empty means "not set".
    pub(super) fn optional(&mut self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.trim().is_empty())
    }

    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        self.optional(name).map(Secret::new)
    }

    pub(super) fn duration(&mut self, name: &str) -> Duration {
        self.parsed(name, "a duration like \"30s\" (units ms, s, m, h, d)", values::duration).unwrap_or_default()
    }

    pub(super) fn size(&mut self, name: &str) -> usize {
        self.parsed(name, "a size like \"10 MiB\" (units B, KiB, MiB, GiB)", values::size).unwrap_or_default()
    }

    pub(super) fn address(&mut self, name: &str) -> SocketAddr {
        let wish = "an address and a port like 127.0.0.1:7000 or [::]:7000";
        self.parsed(name, wish, |text| text.parse().ok()).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// An `http` or `https` address; empty means "not set".
    pub(super) fn web_address(&mut self, name: &str) -> Option<Url> {
        self.optional(name)?;
        self.parsed(name, "an http:// or https:// address", |text| {
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        })
    }

    /// The address of a service, which may hold a password; the problem must not repeat it.
    pub(super) fn service(&mut self, name: &str, schemes: &[&str]) -> Option<Secret> {
        let text = self.optional(name)?;
        if Url::parse(&text).is_ok_and(|url| schemes.contains(&url.scheme())) {
            return Some(Secret::new(text));
        }
        self.problem(name, &format!("must be an address beginning with {}", list(schemes, "://")));
        None
    }

    pub(super) fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let texts = self.texts(name);
        let mut networks = Vec::with_capacity(texts.len());
        for text in texts {
            match text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)) {
                Some(network) => networks.push(network),
                None => self.problem(name, &format!("holds “{text}”, which is no network like 10.0.0.0/8 or fd00::/8")),
            }
        }
        networks
    }

    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        let Some(Value::Array(items)) = self.value(name) else { return Vec::new() };
        let texts: Vec<_> = items.iter().filter_map(Value::as_str).map(|text| text.trim().to_owned()).collect();
        if texts.len() != items.len() {
            self.problem(name, "must be a list of texts");
        }
        texts
    }

    pub(super) fn number(&mut self, name: &str, lowest: u32, highest: u32) -> u32 {
        let number = self.value(name).and_then(Value::as_integer).unwrap_or_default();
        match u32::try_from(number).ok().filter(|number| (lowest..=highest).contains(number)) {
            Some(number) => number,
            None => {
                self.problem(name, &format!("must be between {lowest} and {highest}, not {number}"));
                lowest
            }
        }
    }

    /// One of a few words. The first is the placeholder for a bad one.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name);
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.problem(name, &format!("must be one of {}, not “{text}”", list(&known, "")));
        }
        found
    }

    fn parsed<T>(&mut self, name: &str, wish: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name);
        let parsed = parse(&text);
        if parsed.is_none() {
            self.problem(name, &format!("must be {wish}, not “{text}”"));
        }
        parsed
    }

    fn value(&mut self, name: &str) -> Option<&'a Value> {
        let entry = self.layers.get(name);
        if entry.is_none() {
            self.problems.push(format!("{name} is missing from the default settings."));
        }
        entry.map(|entry| &entry.value)
    }

    fn problem(&mut self, name: &str, what: &str) {
        let source = self.layers.get(name).map_or_else(String::new, |entry| format!(" ({})", entry.source));
        self.problems.push(format!("{name}{source} {what}."));
    }
}

fn list(words: &[&str], tail: &str) -> String {
    words.iter().map(|word| format!("{word}{tail}")).collect::<Vec<_>>().join(", ")
}
