//! How many tokens a request may take in, as far as its own bytes tell.

use serde_json::Value;

use super::Format;

/// Hidden instructions around a request and its tools; see [`crate::estimate`].
const PER_REQUEST: u64 = 64 + 800;
/// Role marks around one message or tool, where the JSON's own punctuation would not cover them.
const PER_ITEM: u64 = 16;

/// The most that one image takes, by the vendors' own documentation of images: OpenAI's dearest model counts 2,833 and
/// 5,667 for each of at most eight tiles; Anthropic's at most 4,784; Gemini's tiles of 258 and its highest resolution stay
/// under 10,000.
const fn per_image(format: Format) -> u64 {
    match format {
        Format::OpenAiChat | Format::OpenAiResponses | Format::OpenAiEmbeddings => 48_169,
        Format::Anthropic => 4_784,
        Format::Gemini => 10_000,
    }
}

/// What a request takes in, and what its bytes do not tell.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// Every token of a byte-level tokenizer covers at least a byte, so there are never more than bytes. Base64 of sound
    /// stays under that as well: providers count 32 tokens a second or fewer, and no codec needs less than a byte for each.
    pub(super) tokens: u64,
    /// A field that brings in what is not in the request: a stored conversation, a file, pages of a document. Only the
    /// size of the model's window bounds it.
    pub(super) window: Option<String>,
    /// A field that costs something besides tokens, or tokens at another price: tools that the provider runs, faster
    /// service, spoken answers.
    pub(super) unpriced: Option<String>,
}

impl Bound {
    pub(super) fn of(format: Format, json: &Value, body_bytes: usize) -> Self {
        let mut bound = Self::default();
        let mut media = 0;
        bound.walk(format, json, "", &mut media);
        bound.look(format, json);
        bound.tokens += PER_REQUEST + (body_bytes as u64).saturating_sub(media);
        bound
    }

    /// Looks for media wherever they stand: tools answer with images too.
    fn walk(&mut self, format: Format, json: &Value, name: &str, media: &mut u64) {
        match json {
            Value::Array(list) => list.iter().for_each(|value| self.walk(format, value, name, media)),
            Value::Object(object) => {
                self.tokens += PER_ITEM;
                // Examples in a tool's schema are no media.
                let schema = matches!(name, "parameters" | "input_schema" | "parametersJsonSchema" | "input" | "args");
                if !schema {
                    self.part(format, json, media);
                    for (name, value) in object {
                        self.walk(format, value, name, media);
                    }
                }
            }
            _ => {}
        }
    }

    fn part(&mut self, format: Format, part: &Value, media: &mut u64) {
        match format {
            Format::Gemini => self.gemini_part(part, media),
            Format::Anthropic => self.anthropic_part(part, media),
            _ => self.openai_part(format, part, media),
        }
    }

    fn openai_part(&mut self, format: Format, part: &Value, media: &mut u64) {
        match part["type"].as_str().unwrap_or_default() {
            "image_url" => self.image(format, part["image_url"]["url"].as_str(), media),
            "input_image" | "computer_screenshot" => {
                self.image(format, part["image_url"].as_str(), media);
            }
            "file" | "input_file" => self.by_window("a file"),
            "item_reference" | "compaction" => self.by_window("item_reference"),
            "input_audio" => self.besides("input_audio"),
            "video_url" | "input_video" => self.by_window("a video"),
            _ => {}
        }
    }

    fn anthropic_part(&mut self, part: &Value, media: &mut u64) {
        match part["type"].as_str().unwrap_or_default() {
            "image" => self.image(Format::Anthropic, part["source"]["data"].as_str(), media),
            "document" | "container_upload" => {
                let plain = matches!(part["source"]["type"].as_str(), Some("text" | "content"));
                if !plain {
                    self.by_window("a document");
                }
            }
            _ => {}
        }
        if part["cache_control"]["ttl"].as_str().is_some_and(|ttl| ttl != "5m") {
            self.besides("cache_control.ttl");
        }
    }

    fn gemini_part(&mut self, part: &Value, media: &mut u64) {
        let either = |one: &str, other: &str| part.get(one).or_else(|| part.get(other)).cloned();
        if let Some(data) = either("inlineData", "inline_data") {
            let kind = data.get("mimeType").or_else(|| data.get("mime_type")).and_then(Value::as_str);
            match kind.unwrap_or_default() {
                kind if kind.starts_with("image/") => self.image(Format::Gemini, data["data"].as_str(), media),
                kind if kind.starts_with("text/") => {}
                // Sound has a price of its own.
                kind if kind.starts_with("audio/") => self.besides("inlineData of sound"),
                _ => self.by_window("inlineData"),
            }
        }
        if either("fileData", "file_data").is_some() {
            self.by_window("fileData");
        }
    }

    fn image(&mut self, format: Format, data: Option<&str>, media: &mut u64) {
        self.tokens += per_image(format);
        *media += data.map_or(0, |data| data.len() as u64);
    }

    fn by_window(&mut self, field: &str) {
        self.window.get_or_insert_with(|| field.to_owned());
    }

    fn besides(&mut self, field: &str) {
        self.unpriced.get_or_insert_with(|| field.to_owned());
    }

    /// The fields of the whole request.
    fn look(&mut self, format: Format, json: &Value) {
        let is_set = |name: &&&str| {
            !matches!(json.get(**name), None | Some(Value::Null | Value::Bool(false)))
                && json[**name].as_array().is_none_or(|list| !list.is_empty())
        };
        let (window, unpriced): (&[&str], &[&str]) = match format {
            Format::OpenAiChat => {
                (&[], &["models", "route", "plugins", "web_search_options", "audio", "prediction", "web_search"])
            }
            Format::OpenAiResponses => {
                (&["previous_response_id", "conversation", "prompt"], &["background", "models", "plugins", "audio"])
            }
            Format::OpenAiEmbeddings => (&[], &[]),
            Format::Anthropic => (&[], &["mcp_servers", "container", "speed", "inference_geo"]),
            Format::Gemini => (&["cachedContent", "cached_content"], &["serviceTier", "service_tier"]),
        };
        if let Some(field) = window.iter().find(is_set) {
            self.by_window(field);
        }
        if let Some(field) = unpriced.iter().find(is_set) {
            self.besides(field);
        }
        if let Some(tier) = json["service_tier"].as_str()
            && !matches!(tier, "auto" | "default" | "standard" | "standard_only" | "flex")
        {
            self.besides("service_tier");
        }
        if json["modalities"].as_array().is_some_and(|list| list.iter().any(|kind| kind != "text")) {
            self.besides("modalities");
        }
        for tool in json["tools"].as_array().into_iter().flatten() {
            if let Some(hosted) = hosted(format, tool) {
                self.besides(&format!("the tool {hosted}"));
            }
        }
    }
}

/// The name of a tool that the provider runs itself; those of the client only cost the tokens that describe them.
fn hosted(format: Format, tool: &Value) -> Option<String> {
    match format {
        Format::Gemini => {
            let object = tool.as_object()?;
            let own = |name: &&String| !matches!(name.as_str(), "functionDeclarations" | "function_declarations");
            object.keys().find(own).cloned()
        }
        Format::Anthropic => {
            const CLIENTS: [&str; 5] = ["custom", "bash_", "text_editor_", "computer_", "memory_"];
            let kind = tool["type"].as_str().unwrap_or("custom");
            (!CLIENTS.iter().any(|own| kind.starts_with(own))).then(|| kind.to_owned())
        }
        _ => {
            const CLIENTS: [&str; 6] =
                ["function", "custom", "local_shell", "apply_patch", "computer_use_preview", "namespace"];
            let kind = tool["type"].as_str().unwrap_or("function");
            (!CLIENTS.contains(&kind)).then(|| kind.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(format: Format, json: &Value) -> Bound {
        Bound::of(format, json, json.to_string().len())
    }

    #[test]
    fn text_is_bounded_by_bytes_and_images_by_their_number() {
        let text = json!({"messages": [{"role": "user", "content": "ü".repeat(1_000)}]});
        assert!((2_000..3_500).contains(&of(Format::OpenAiChat, &text).tokens));
        let url = format!("data:image/png;base64,{}", "A".repeat(500_000));
        let image = json!({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is it?"}]}]});
        assert!((48_169..52_000).contains(&of(Format::OpenAiChat, &image).tokens));
        let inner = json!({"messages": [{"role": "user", "content": [{"type": "tool_result", "content": [
            {"type": "image", "source": {"type": "base64", "data": "A".repeat(500_000)}}]}]}]});
        assert!((4_784..7_000).contains(&of(Format::Anthropic, &inner).tokens));
        let inline =
            json!({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "A".repeat(9_000)}}]}]});
        assert!((10_000..13_000).contains(&of(Format::Gemini, &inline).tokens));
    }

    #[test]
    fn what_is_not_in_the_request_or_has_another_price_is_named() {
        let named = |format, json: Value| {
            let bound = of(format, &json);
            (bound.window, bound.unpriced)
        };
        let window = |field: &str| (Some(field.to_owned()), None);
        let unpriced = |field: &str| (None, Some(field.to_owned()));
        let stored = json!({"previous_response_id": "resp_1", "input": "x"});
        assert_eq!(named(Format::OpenAiResponses, stored), window("previous_response_id"));
        let pdf = json!({"messages": [{"content": [{"type": "document", "source": {"type": "base64", "data": ""}}]}]});
        assert_eq!(named(Format::Anthropic, pdf), window("a document"));
        let search = json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]});
        assert_eq!(named(Format::Anthropic, search), unpriced("the tool web_search_20250305"));
        assert_eq!(named(Format::Gemini, json!({"tools": [{"googleSearch": {}}]})), unpriced("the tool googleSearch"));
        assert_eq!(named(Format::OpenAiChat, json!({"service_tier": "priority"})), unpriced("service_tier"));
        let hour =
            json!({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]});
        assert_eq!(named(Format::Anthropic, hour), unpriced("cache_control.ttl"));
        let plain =
            json!({"service_tier": "auto", "tools": [{"type": "function"}, {"type": "custom"}], "background": false});
        assert_eq!(named(Format::OpenAiResponses, plain), (None, None));
    }
}
