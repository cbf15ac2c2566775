/// Takes out of a stream of chat completions the chunk that only reports usage.
///
/// It is asked for on the client's behalf. Programs that read `choices[0]` of every chunk, as most examples do, would stop
/// at it. Whole events pass at once; only the beginning of an event waits for its end.
#[derive(Debug, Default)]
pub struct UsageFilter {
    event: Vec<u8>,
}

/// Beyond this an event is no usage, and passes in pieces.
const LONGEST: usize = 64 * 1024;

impl UsageFilter {
    /// The bytes that may pass.
    #[must_use]
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut passed = Vec::with_capacity(bytes.len() + self.event.len());
        for &byte in bytes {
            self.event.push(byte);
            let ended = byte == b'\n' && (self.event.ends_with(b"\n\n") || self.event.ends_with(b"\n\r\n"));
            if ended || self.event.len() > LONGEST {
                let event = std::mem::take(&mut self.event);
                if !(ended && reports_only_usage(&event)) {
                    passed.extend(event);
                }
            }
        }
        passed
    }

    /// What is left when the stream has ended.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.event
    }
}

fn reports_only_usage(event: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(event) else { return false };
    let Some(data) = text.lines().find_map(|line| line.strip_prefix("data:")) else { return false };
    if !data.contains("\"usage\"") {
        return false;
    }
    serde_json::from_str::<serde_json::Value>(data)
        .is_ok_and(|json| json["usage"].is_object() && json["choices"].as_array().is_some_and(Vec::is_empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_chunk_of_usage_is_taken_out_wherever_it_is_cut() {
        let kept = [
            "data: {\"choices\":[],\"prompt_filter_results\":[]}\r\n\r\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\"\"}}],\"usage\":null}\n\n",
            ": a comment\n\n",
        ];
        let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n";
        let stream = format!("{}{usage}data: [DONE]\n\ndata: rest", kept.concat());
        let expected = format!("{}data: [DONE]\n\ndata: rest", kept.concat());
        for cut in 0..stream.len() {
            let mut filter = UsageFilter::default();
            let mut passed = filter.push(&stream.as_bytes()[..cut]);
            passed.extend(filter.push(&stream.as_bytes()[cut..]));
            passed.extend(filter.finish());
            assert_eq!(String::from_utf8(passed).unwrap(), expected, "cut at {cut}");
        }
    }
}
