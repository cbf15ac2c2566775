//! Tokens that a model wrote, taken apart into what can be read and what it thought.

/// Output and reasoning, which together are what is billed as output: no token is lost, and none counts twice.
///
/// Providers agree neither on whether `written` includes `reasoning`, nor on whether they name reasoning at all. What their total
/// has `beyond` input and written output was produced too. More reasoning than was written can only stand beside it.
pub(crate) fn output_apart(written: u64, reasoning: u64, beyond: u64) -> (u64, u64) {
    let beside = if reasoning > written { beyond.max(reasoning) } else { beyond };
    let reasoning = reasoning.max(beside);
    (written.saturating_add(beside).saturating_sub(reasoning), reasoning)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use types::{MicroUsd, chat::TokenUsage};

    use crate::{anthropic, face::responses_usage, gemini, openai, prices::Rates};

    fn counts(uncached: u64, cache_read: u64, cache_write: u64, output: u64, reasoning: u64) -> TokenUsage {
        TokenUsage { uncached, cache_read, cache_write, output, reasoning }
    }

    /// What each report comes to, and what is billed as output.
    fn table(
        read: impl Fn(&Value) -> Option<TokenUsage>,
        rows: impl IntoIterator<Item = (&'static str, Value, TokenUsage, u64)>,
    ) {
        let rates = Rates { input: 0, cache_read: 0, cache_write: 0, output: 1_000_000 };
        for (name, json, wanted, billed) in rows {
            let usage = read(&json).unwrap_or_else(|| panic!("{name}: {json}"));
            assert_eq!(usage, wanted, "{name}");
            assert_eq!(u64::try_from(rates.cost(&usage).micros()), Ok(billed), "{name}");
            assert_eq!(rates.cost(&usage), MicroUsd::from_micros(billed.cast_signed()), "{name}");
        }
    }

    #[test]
    fn chat_completions_bill_reasoning_once() {
        let details = |reasoning: u64| json!({"reasoning_tokens": reasoning});
        table(
            openai::usage,
            [
                (
                    "OpenAI: reasoning is within the output",
                    json!({"prompt_tokens": 1117, "completion_tokens": 446, "total_tokens": 1563,
                    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 384, "audio_tokens": 0,
                        "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}),
                    counts(93, 1024, 0, 62, 384),
                    446,
                ),
                (
                    "OpenAI: all of the output is reasoning, as where the limit cut it off",
                    json!({"prompt_tokens": 20, "completion_tokens": 400, "total_tokens": 420, "completion_tokens_details": details(400)}),
                    counts(20, 0, 0, 0, 400),
                    400,
                ),
                (
                    "a server without details",
                    json!({"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50}),
                    counts(20, 0, 0, 30, 0),
                    30,
                ),
                (
                    "a server without a total",
                    json!({"prompt_tokens": 20, "completion_tokens": 30, "completion_tokens_details": details(10)}),
                    counts(20, 0, 0, 20, 10),
                    30,
                ),
                (
                    "OpenRouter: within the output, with what it cost and wrote to the cache",
                    json!({"prompt_tokens": 194, "completion_tokens": 120, "total_tokens": 314, "cost": 0.95, "is_byok": false,
                    "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 100},
                    "completion_tokens_details": {"reasoning_tokens": 90, "image_tokens": 0}}),
                    counts(30, 64, 100, 30, 90),
                    120,
                ),
                (
                    "DeepSeek: within the output, with names of its own for the cache",
                    json!({"prompt_tokens": 100, "completion_tokens": 250, "total_tokens": 350, "prompt_cache_hit_tokens": 64,
                    "prompt_cache_miss_tokens": 36, "completion_tokens_details": details(200)}),
                    counts(36, 64, 0, 50, 200),
                    250,
                ),
                (
                    "xAI: beside the output, which its total gives away",
                    json!({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135, "completion_tokens_details": details(94)}),
                    counts(32, 0, 0, 9, 94),
                    103,
                ),
                (
                    "xAI: beside, and less than the output",
                    json!({"prompt_tokens": 32, "completion_tokens": 90, "total_tokens": 132, "completion_tokens_details": details(10)}),
                    counts(32, 0, 0, 90, 10),
                    100,
                ),
                (
                    "Gemini behind OpenAI's format: thoughts stand in the total alone",
                    json!({"prompt_tokens": 8, "completion_tokens": 12, "total_tokens": 520}),
                    counts(8, 0, 0, 12, 500),
                    512,
                ),
                (
                    "more reasoning than output, and no total",
                    json!({"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": details(20)}),
                    counts(10, 0, 0, 5, 20),
                    25,
                ),
                (
                    "a total that is too small hides nothing",
                    json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 0, "completion_tokens_details": details(2)}),
                    counts(10, 0, 0, 3, 2),
                    5,
                ),
            ],
        );
    }

    #[test]
    fn a_count_that_no_call_has_is_not_believed() {
        let endless = u64::MAX;
        let most = TokenUsage::MOST;
        let all = [
            openai::usage(&json!({"prompt_tokens": endless, "completion_tokens": endless, "total_tokens": endless,
                "completion_tokens_details": {"reasoning_tokens": endless}})),
            responses_usage(&json!({"input_tokens": endless, "output_tokens": endless})),
            gemini::usage(&json!({"promptTokenCount": endless, "toolUsePromptTokenCount": endless,
                "candidatesTokenCount": endless, "thoughtsTokenCount": endless})),
            anthropic::usage(
                None,
                &json!({"input_tokens": endless, "cache_read_input_tokens": endless,
                "cache_creation_input_tokens": endless, "output_tokens": endless}),
            ),
        ];
        for usage in all.into_iter().map(|usage| usage.expect("a report")) {
            let counts = [usage.uncached, usage.cache_read, usage.cache_write, usage.output, usage.reasoning];
            assert!(counts.iter().all(|&count| count <= most) && usage.written() >= most, "{usage:?}");
            assert!(crate::estimate::raised(usage, endless).total() >= endless);
        }
    }

    #[test]
    fn responses_bill_reasoning_once() {
        table(
            responses_usage,
            [
                (
                    "OpenAI: reasoning is within the output",
                    json!({"input_tokens": 81, "input_tokens_details": {"cached_tokens": 64}, "output_tokens": 1035,
                    "output_tokens_details": {"reasoning_tokens": 832}, "total_tokens": 1116}),
                    counts(17, 64, 0, 203, 832),
                    1035,
                ),
                (
                    "without details",
                    json!({"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}),
                    counts(5, 0, 0, 7, 0),
                    7,
                ),
                (
                    "beside the output, by the total",
                    json!({"input_tokens": 32, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 94}, "total_tokens": 135}),
                    counts(32, 0, 0, 9, 94),
                    103,
                ),
                (
                    "in the total alone",
                    json!({"input_tokens": 32, "output_tokens": 9, "total_tokens": 141}),
                    counts(32, 0, 0, 9, 100),
                    109,
                ),
            ],
        );
    }

    #[test]
    fn gemini_bills_thoughts_once() {
        table(
            gemini::usage,
            [
                (
                    "thoughts are beside the candidates",
                    json!({"promptTokenCount": 50, "cachedContentTokenCount": 20, "candidatesTokenCount": 7, "thoughtsTokenCount": 500,
                    "totalTokenCount": 557, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}]}),
                    counts(30, 20, 0, 7, 500),
                    507,
                ),
                (
                    "without a total",
                    json!({"promptTokenCount": 50, "candidatesTokenCount": 70, "thoughtsTokenCount": 5}),
                    counts(50, 0, 0, 70, 5),
                    75,
                ),
                (
                    "a total that says they are within the candidates",
                    json!({"promptTokenCount": 50, "candidatesTokenCount": 70, "thoughtsTokenCount": 60, "totalTokenCount": 120}),
                    counts(50, 0, 0, 10, 60),
                    70,
                ),
                (
                    "thoughts in the total alone",
                    json!({"promptTokenCount": 50, "candidatesTokenCount": 7, "totalTokenCount": 557}),
                    counts(50, 0, 0, 7, 500),
                    507,
                ),
                (
                    "nothing but thoughts, as where the limit cut it off",
                    json!({"promptTokenCount": 50, "thoughtsTokenCount": 99, "totalTokenCount": 149}),
                    counts(50, 0, 0, 0, 99),
                    99,
                ),
                (
                    "what tools were told is input",
                    json!({"promptTokenCount": 50, "toolUsePromptTokenCount": 10, "candidatesTokenCount": 7, "thoughtsTokenCount": 5,
                    "totalTokenCount": 72}),
                    counts(60, 0, 0, 7, 5),
                    12,
                ),
            ],
        );
    }

    #[test]
    fn anthropic_bills_thinking_as_output() {
        let began = json!({"input_tokens": 20, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 40, "output_tokens": 1,
            "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 0}, "service_tier": "standard"});
        let began = anthropic::usage(None, &began);
        table(
            |json| anthropic::usage(began, json),
            [
                (
                    "the last report, which thinking is within",
                    json!({"output_tokens": 777}),
                    counts(20, 300, 40, 777, 0),
                    777,
                ),
                (
                    "one that repeats the input",
                    json!({"input_tokens": 20, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 40, "output_tokens": 503}),
                    counts(20, 300, 40, 503, 0),
                    503,
                ),
            ],
        );
    }
}
