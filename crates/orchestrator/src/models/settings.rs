use gateway::{Kind, Provider, Secret};
use types::FieldError;

use super::presets;
use crate::{Error, Result};

/// A provider as a person enters it.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    pub name: String,
    pub kind: Kind,
    pub base_url: String,
    pub model: String,
}

impl ProviderSettings {
    /// Trims, and tells everything that is wrong at once. `key` is checked with it, as whether one is needed depends on
    /// the address; the client says whether calls may go there.
    pub(super) fn checked(&self, key: &str, client: &gateway::Client) -> Result<(Self, Option<Secret>)> {
        let settings = Self {
            name: self.name.trim().to_owned(),
            kind: self.kind,
            base_url: self.base_url.trim().trim_end_matches('/').to_owned(),
            model: self.model.trim().to_owned(),
        };
        let mut errors = Vec::new();
        let mut wrong = |field: &str, message: String| errors.push(FieldError { field: field.into(), message });
        match settings.name.chars().count() {
            0 => wrong("name", "Enter a name.".into()),
            81.. => wrong("name", "Use at most 80 characters.".into()),
            _ => {}
        }
        if let Err(message) = settings.check_address(client) {
            wrong("base_url", message);
        }
        match settings.model.chars().count() {
            0 => wrong("model", "Enter the model's name as the provider writes it.".into()),
            201.. => wrong("model", "Use at most 200 characters.".into()),
            _ => {}
        }
        let needed = presets::of_address(&settings.base_url).is_some_and(|preset| preset.needs_key);
        let key = match check_key(key, needed) {
            Ok(key) => key,
            Err(message) => {
                wrong("key", message);
                None
            }
        };
        if errors.is_empty() { Ok((settings, key)) } else { Err(Error::Invalid(errors)) }
    }

    fn check_address(&self, client: &gateway::Client) -> Result<(), String> {
        if self.base_url.is_empty() {
            return Err("Enter the address of the provider's API.".into());
        }
        if self.base_url.len() > 500 {
            return Err("Use at most 500 characters.".into());
        }
        let provider = Provider::new(self.kind, &self.base_url, None)
            .map_err(|error| format!("This address cannot be used: {error}."))?;
        client.permits(&provider).map_err(|error| match error {
            gateway::CallError::Blocked { reason, .. } => {
                format!(
                    "Muster does not call this address: {reason}. Whoever runs this Muster can allow private addresses."
                )
            }
            other => other.to_string(),
        })
    }
}

/// A key as people paste it: without spaces around it.
pub(super) fn check_key(text: &str, needed: bool) -> Result<Option<Secret>, String> {
    let text = text.trim();
    match text.chars().count() {
        0 if needed => Err("Paste the key that the provider gave you.".into()),
        0 => Ok(None),
        501.. => Err("A key has at most 500 characters.".into()),
        _ if !text.chars().all(|letter| letter.is_ascii_graphic()) => {
            Err("A key has no spaces or special letters. Copy it again.".into())
        }
        _ => Ok(Some(Secret::new(text))),
    }
}

#[cfg(test)]
mod tests {
    use gateway::{Client, SsrfPolicy, Timeouts};

    use super::*;

    fn wrong(base_url: &str, key: &str, policy: SsrfPolicy) -> Vec<String> {
        let client = Client::new(policy, Timeouts::default()).unwrap();
        let settings =
            ProviderSettings { name: "x".into(), kind: Kind::OpenAiChat, base_url: base_url.into(), model: "m".into() };
        match settings.checked(key, &client) {
            Err(Error::Invalid(fields)) => fields.into_iter().map(|field| field.field).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn addresses_and_keys_are_checked_together() {
        use SsrfPolicy::{PublicOnly, SelfHosted};
        assert!(wrong("https://api.openai.com/v1/", "sk-1", PublicOnly).is_empty());
        assert_eq!(wrong("https://api.openai.com/v1", "", PublicOnly), ["key"]);
        assert!(wrong("http://127.0.0.1:11434/v1", "", SelfHosted).is_empty());
        assert_eq!(wrong("http://127.0.0.1:11434/v1", "", PublicOnly), ["base_url"]);
        assert_eq!(wrong("http://169.254.169.254/", "", SelfHosted), ["base_url"]);
        assert_eq!(wrong("nowhere", "a b", SelfHosted), ["base_url", "key"]);
    }
}
