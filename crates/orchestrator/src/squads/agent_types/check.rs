use std::collections::BTreeMap;

use types::AgentKind;

use super::AgentTypeSettings;
use crate::{Result, squads::shape::Wrong};

impl AgentTypeSettings {
    pub(super) fn built_in() -> Self {
        Self {
            name: "muster".into(),
            display_name: "Muster agent".into(),
            description: "Reads, searches, patches and runs in the sandbox. Works with every model provider.".into(),
            kind: AgentKind::Builtin,
            image: None,
            tag: None,
            command: String::new(),
            cpu_millis: 2000,
            memory_mb: 2048,
            disk_mb: 10_240,
            environment: BTreeMap::new(),
            capabilities: ["read", "search", "patch", "run", "ask"].map(str::to_owned).to_vec(),
            docs_url: None,
        }
    }

    pub(super) fn checked(&self) -> Result<Self> {
        let trimmed =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let settings = Self {
            name: self.name.trim().to_owned(),
            display_name: self.display_name.trim().to_owned(),
            description: self.description.trim().to_owned(),
            image: trimmed(&self.image),
            // What a container registry takes for an image without a tag.
            tag: Some(trimmed(&self.tag).unwrap_or_else(|| "latest".into())),
            command: self.command.trim().to_owned(),
            docs_url: trimmed(&self.docs_url),
            ..self.clone()
        };
        let mut wrong = Wrong::default();
        settings.note(&mut wrong);
        wrong.done().map(|()| settings)
    }

    fn note(&self, wrong: &mut Wrong) {
        wrong.handle("name", &self.name, 100);
        if self.display_name.is_empty() {
            wrong.add("display_name", "Enter a name for people.");
        }
        wrong.longest("display_name", &self.display_name, 80);
        wrong.longest("description", &self.description, 1000);
        if self.kind == AgentKind::Builtin {
            wrong.add("kind", "There is one built-in agent. Choose another protocol.");
        }
        note_image(self, wrong);
        wrong.longest("command", &self.command, 500);
        wrong.within("cpu_millis", self.cpu_millis, 100, 64_000);
        wrong.within("memory_mb", self.memory_mb, 64, 262_144);
        wrong.within("disk_mb", self.disk_mb, 64, 1_048_576);
        note_environment(&self.environment, wrong);
        if self.capabilities.len() > 20 || self.capabilities.iter().any(|word| word.chars().count() > 60) {
            wrong.add("capabilities", "Use at most 20 capabilities of at most 60 characters.");
        }
        if let Some(url) = &self.docs_url
            && (!url.starts_with("https://") || url.len() > 500 || url.contains(char::is_whitespace))
        {
            wrong.add("docs_url", "Use an address that starts with https://.");
        }
    }
}

/// The grammar of image references: a path of lower-case parts, perhaps with a host and a port; the tag on its own.
fn note_image(settings: &AgentTypeSettings, wrong: &mut Wrong) {
    let image = settings.image.as_deref().unwrap_or_default();
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/:".contains(&byte);
    let last = image.rsplit('/').next().unwrap_or_default();
    if image.is_empty() {
        wrong.add("image", "Enter the container image, for example example/agent.");
    } else if image.len() > 255
        || !image.bytes().all(known)
        || image.split('/').any(str::is_empty)
        || last.contains(':')
    {
        wrong.add("image", "Use an image name in lower case, without the tag.");
    }
    let tag = settings.tag.as_deref().unwrap_or_default();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if tag.len() > 128 || !tag.bytes().all(word) || tag.starts_with(['.', '-']) {
        wrong.add("tag", "Use letters, digits, dots, hyphens and underscores.");
    }
}

fn note_environment(environment: &BTreeMap<String, String>, wrong: &mut Wrong) {
    let named = |name: &str| {
        !name.starts_with(|first: char| first.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if let Some(name) = environment.keys().find(|name| !named(name)) {
        wrong.add("environment", format!("{name} is no name of a variable. Use letters, digits and underscores."));
    } else if environment.len() > 50 || environment.values().any(|value| value.len() > 2000 || value.contains('\0')) {
        wrong.add("environment", "Use at most 50 variables of at most 2000 characters.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn checked(change: impl FnOnce(&mut AgentTypeSettings)) -> Result<AgentTypeSettings> {
        let mut settings = AgentTypeSettings {
            kind: AgentKind::Acp,
            image: Some("example/agent".into()),
            ..AgentTypeSettings::built_in()
        };
        change(&mut settings);
        settings.checked()
    }

    #[test]
    fn a_type_of_ones_own_is_checked_field_by_field() {
        assert_eq!(checked(|_| {}).ok().and_then(|settings| settings.tag), Some("latest".to_owned()));
        assert!(checked(|settings| settings.image = Some("registry.example:5000/team/agent".into())).is_ok());
        let bad: [fn(&mut AgentTypeSettings); 8] = [
            |settings| settings.image = None,
            |settings| settings.image = Some("example/agent:1".into()),
            |settings| settings.image = Some("Example/agent".into()),
            |settings| settings.tag = Some("-x".into()),
            |settings| settings.kind = AgentKind::Builtin,
            |settings| settings.docs_url = Some("http://example.com".into()),
            |settings| settings.cpu_millis = 0,
            |settings| drop(settings.environment.insert("1X".into(), String::new())),
        ];
        for (at, change) in bad.into_iter().enumerate() {
            assert!(matches!(checked(change), Err(Error::Invalid(_))), "{at}");
        }
    }
}
