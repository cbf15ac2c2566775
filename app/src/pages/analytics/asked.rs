/// What the address asks for, so that each link of the page changes a part of it and keeps the rest.
#[derive(Clone, Debug)]
pub struct Asked {
    fields: Vec<(&'static str, String)>,
    encode: fn(&str) -> String,
}

/// What one range or another is named by; asking for one leaves the others out.
const RANGE: [&str; 3] = ["range", "from", "to"];

impl Asked {
    #[must_use]
    pub fn new(fields: Vec<(&'static str, String)>, encode: fn(&str) -> String) -> Self {
        Self { fields, encode }
    }

    #[must_use]
    pub fn of(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| *field == name).map_or("", |(_, value)| value)
    }

    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let fields = self.fields.iter().filter(|(field, _)| !names.contains(field)).cloned().collect();
        Self { fields, ..*self }
    }

    /// The query of an address, its question mark with it; empty where nothing is asked.
    #[must_use]
    pub fn query(&self, changes: &[(&str, &str)]) -> String {
        let named = |field: &str| changes.iter().find(|(name, _)| *name == field).map(|(_, value)| *value);
        let other_range = changes.iter().any(|(name, _)| RANGE.contains(name));
        let value = |(field, value): &(&'static str, String)| match named(field) {
            Some(changed) => changed.to_owned(),
            None if other_range && RANGE.contains(field) => String::new(),
            None => value.clone(),
        };
        let pairs: Vec<String> = self
            .fields
            .iter()
            .map(|field| (field.0, value(field)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", (self.encode)(&value)))
            .collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    /// The fields but those of a form, which sends them itself.
    pub(super) fn others(&self, form: &[&str]) -> Vec<(&'static str, String)> {
        let others = self.fields.iter().filter(|(name, value)| !form.contains(name) && !value.is_empty());
        others.cloned().collect()
    }

    /// Whether anything but the range and the grouping is asked for.
    pub(super) fn narrows(&self) -> bool {
        ["project", "squad", "agent", "model"].iter().any(|field| !self.of(field).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::encode;

    #[test]
    fn a_link_changes_its_part_and_keeps_the_rest() {
        let fields = [("range", ""), ("from", "2026-11-01"), ("to", "2026-11-02"), ("by", ""), ("model", "a/b c")];
        let asked = Asked::new(fields.map(|(name, value)| (name, value.to_owned())).into(), encode);
        assert_eq!(asked.query(&[]), "?from=2026-11-01&to=2026-11-02&model=a/b%20c");
        assert_eq!(asked.query(&[("range", "7d")]), "?range=7d&model=a/b%20c");
        assert_eq!(asked.query(&[("by", "day"), ("model", "")]), "?from=2026-11-01&to=2026-11-02&by=day");
        assert_eq!(asked.without(&["model", "from", "to"]).query(&[]), "");
        assert!(asked.narrows() && !asked.without(&["model"]).narrows());
    }
}
