use gateway::Kind;

/// A provider that many use, to fill the form with.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// How forms and addresses name it.
    pub slug: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    /// Empty where only the customer knows it.
    pub base_url: &'static str,
    pub needs_key: bool,
    /// A model to begin with; empty where only the customer knows.
    pub model: &'static str,
    /// Whether its own names of models may hold a slash, as `vendor/model`.
    pub paths: bool,
}

/// In the order in which they are offered.
pub const PRESETS: &[Preset] = &[
    Preset {
        slug: "anthropic",
        name: "Anthropic",
        kind: Kind::Anthropic,
        base_url: "https://api.anthropic.com",
        needs_key: true,
        model: "claude-sonnet-5",
        paths: false,
    },
    Preset {
        slug: "openai",
        name: "OpenAI",
        kind: Kind::OpenAiChat,
        base_url: "https://api.openai.com/v1",
        needs_key: true,
        model: "gpt-5",
        paths: false,
    },
    Preset {
        slug: "gemini",
        name: "Google Gemini",
        kind: Kind::Gemini,
        base_url: "https://generativelanguage.googleapis.com",
        needs_key: true,
        model: "gemini-2.5-pro",
        paths: false,
    },
    Preset {
        slug: "openrouter",
        name: "OpenRouter",
        kind: Kind::OpenAiChat,
        base_url: "https://openrouter.ai/api/v1",
        needs_key: true,
        model: "",
        paths: true,
    },
    Preset {
        slug: "ollama",
        name: "Ollama",
        kind: Kind::OpenAiChat,
        base_url: "http://127.0.0.1:11434/v1",
        needs_key: false,
        model: "",
        paths: true,
    },
    Preset {
        slug: "other",
        name: "vLLM or another server",
        kind: Kind::OpenAiChat,
        base_url: "",
        needs_key: false,
        model: "",
        paths: true,
    },
];

/// The preset with this address, if any.
pub(super) fn of_address(base_url: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.base_url == base_url)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn suggested_models_have_a_price() {
        let now = datetime!(2026-11-19 14:32 UTC);
        for preset in PRESETS.iter().filter(|preset| !preset.model.is_empty()) {
            let most = gateway::prices::worst_case(preset.base_url, preset.model, 1, 1, now);
            assert!(most.amount().is_some(), "{}", preset.name);
        }
    }
}
