//! What other programs need to be told to call models through the gateway.

use leptos::prelude::*;

use crate::components::{
    icon::{Icon, icon},
    snippet::snippet,
};

/// A program, what to do with the text, and the text.
struct Program {
    name: &'static str,
    said: &'static str,
    text: String,
}

/// `base` is the gateway's address, up to the vendor's name.
fn programs(base: &str) -> Vec<Program> {
    let program = |name, said, text| Program { name, said, text };
    vec![
        program(
            "Claude Code",
            "In the shell that starts it.",
            format!("export ANTHROPIC_BASE_URL={base}/anthropic\nexport ANTHROPIC_AUTH_TOKEN=$MUSTER_KEY"),
        ),
        program(
            "Codex CLI",
            "In its file ~/.codex/config.toml. The key stays in the environment.",
            format!(
                "model = \"default\"\nmodel_provider = \"muster\"\n\n[model_providers.muster]\nname = \"Muster\"\n\
                 base_url = \"{base}/openai/v1\"\nwire_api = \"responses\"\nenv_key = \"MUSTER_KEY\""
            ),
        ),
        program(
            "Gemini CLI",
            "In the shell that starts it. In its file ~/.gemini/settings.json, security.auth.selectedType is gemini-api-key.",
            format!("export GOOGLE_GEMINI_BASE_URL={base}/gemini\nexport GEMINI_API_KEY=$MUSTER_KEY"),
        ),
        program(
            "OpenAI for Python",
            "With the package openai.",
            format!(
                "import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url=\"{base}/openai/v1\", \
                 api_key=os.environ[\"MUSTER_KEY\"])\nprint(client.responses.create(model=\"default\", \
                 input=\"Hello\").output_text)"
            ),
        ),
        program(
            "Anthropic for Python",
            "With the package anthropic.",
            format!(
                "import os\nfrom anthropic import Anthropic\n\nclient = Anthropic(base_url=\"{base}/anthropic\", \
                 api_key=os.environ[\"MUSTER_KEY\"])\nmessage = client.messages.create(\n    model=\"default\", \
                 max_tokens=500, messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}]\n)\n\
                 print(\"\".join(part.text for part in message.content if part.type == \"text\"))"
            ),
        ),
    ]
}

pub(super) fn use_with(base: &str) -> AnyView {
    let blocks = programs(base).into_iter().map(|program| {
        view! {
            <details class="reveal">
                <summary>{icon(Icon::ChevronRight)}{program.name}</summary>
                <p class="section__note">{program.said}</p>
                {snippet(&format!("the settings of {}", program.name), &program.text)}
            </details>
        }
    });
    view! {
        <p class="section__note">
            "Each of these expects a key of the gateway in the variable "<code>"MUSTER_KEY"</code>
            ". Where a program lets you choose a model, give it as provider/model, as a name of the team's own, or as default."
        </p>
        {snippet("the line that sets the key", "export MUSTER_KEY=sk-muster-…")}
        <div class="pile">{blocks.collect_view()}</div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fragment;

    #[test]
    fn every_program_is_told_the_address_of_its_format() {
        let html = fragment(false, use_with("https://muster.example/llm"));
        for line in [
            "ANTHROPIC_BASE_URL=https://muster.example/llm/anthropic\n",
            "base_url = \"https://muster.example/llm/openai/v1\"\nwire_api = \"responses\"",
            "GOOGLE_GEMINI_BASE_URL=https://muster.example/llm/gemini\n",
        ] {
            assert!(html.contains(line) || html.contains(&line.replace('"', "&quot;")), "{line}\n{html}");
        }
    }
}
