//! What changes inside a turn with every answer and result.

use types::AgentRole;
use types::chat::{Answer, Part, Stop, ToolCall, ToolResult};

use super::super::compaction;
use super::super::guard::Judgement;
use super::super::tools::{self, Finish, Known};
use super::{Phase, StopReason, Turn, push};

/// The model is told that its calls run out when so many are left.
const CALLS_LEFT: u32 = 3;

impl Turn {
    pub(super) fn take(&mut self, answer: &Answer) {
        let calls: Vec<ToolCall> = answer.message.tool_calls().cloned().collect();
        let text = answer.message.text();
        // An empty message is something no provider takes back.
        if !calls.is_empty() || !text.trim().is_empty() {
            self.conversation.push(answer.message.clone());
        }
        if calls.is_empty() {
            self.take_text(&text, &answer.stop);
        } else {
            self.take_calls(calls);
        }
    }

    fn take_text(&mut self, text: &str, stop: &Stop) {
        if !self.nudged {
            self.nudged = true;
            let reason = if *stop == Stop::MaxTokens { "Your answer was cut at the limit of one answer. " } else { "" };
            self.say_text(format!(
                "{reason}Go on with your tools, in smaller steps. If your part is done, call `finish`: only that hands it over."
            ));
            return;
        }
        let text = text.trim().to_owned();
        match self.role {
            _ if text.is_empty() => self.stop(StopReason::NoResult),
            AgentRole::Lead => self.phase = Phase::Finished(Finish::Plan { summary: text, steps: Vec::new() }),
            AgentRole::Architect => {
                self.phase = Phase::Finished(Finish::Design { summary: text, notes: String::new() });
            }
            AgentRole::Coder | AgentRole::Tester => self.phase = Phase::Finished(Finish::Work { summary: text }),
            // Neither answer may be guessed: one merges, the other costs another round.
            AgentRole::Reviewer => self.stop(StopReason::NoVerdict { text }),
        }
    }

    fn take_calls(&mut self, calls: Vec<ToolCall>) {
        let alone = calls.len() == 1;
        let mut waiting = Vec::with_capacity(calls.len());
        for call in calls {
            let refusal = match tools::parse(self.role, &call) {
                Ok(Known::Finish(finish)) if alone => return self.phase = Phase::Finished(finish),
                Ok(Known::Ask(ask)) if alone => return self.phase = Phase::Asked { call: call.id, ask },
                Ok(Known::Finish(_) | Known::Ask(_)) => Some(format!(
                    "Call `{}` alone, in an answer of its own, after you have seen the results of the other calls.",
                    call.name
                )),
                Ok(Known::Read(_) | Known::Search(_) | Known::Patch(_) | Known::Run(_)) => None,
                Err(refusal) => Some(refusal),
            };
            let result = refusal.map(|text| ToolResult { call: call.id.clone(), text, failed: true });
            waiting.push((call, result));
        }
        if waiting.iter().all(|(_, result)| result.is_some()) {
            self.take_results(waiting);
        } else {
            self.phase = Phase::Tools(waiting);
        }
    }

    pub(super) fn take_results(&mut self, calls: Vec<(ToolCall, Option<ToolResult>)>) {
        let mut parts = Vec::with_capacity(calls.len());
        let mut nudge = None;
        self.phase = Phase::Model;
        let mut judged: Vec<(String, String)> = Vec::new();
        for (call, result) in calls {
            let Some(result) = result else { continue };
            // The same call twice in one answer is one try.
            let twin = (format!("{} {}", call.name, call.arguments), result.text.clone());
            if !judged.contains(&twin) {
                judged.push(twin);
                match self.guard.observe(&call, &result) {
                    Judgement::Fine => {}
                    Judgement::Nudge(times) => nudge = Some((call.name, times)),
                    Judgement::Stop(times) => self.stop(StopReason::Loop { tool: call.name, times }),
                }
            }
            parts.push(Part::ToolResult(result));
        }
        if let Some((tool, times)) = nudge {
            let text = format!(
                "You called `{tool}` {times} times with the same arguments and got the same result. Try another way, or \
                 finish and say what stands in the way."
            );
            parts.push(Part::Text { text });
        }
        self.say(parts);
    }

    /// Checks the bounds before the next call of the model.
    pub(super) fn settle(&mut self) {
        if !matches!(self.phase, Phase::Model | Phase::Summary) {
            return;
        }
        let limits = self.limits;
        if self.calls >= limits.max_model_calls {
            return self.stop(StopReason::ModelCalls { limit: limits.max_model_calls });
        }
        if self.output_tokens >= limits.max_output_tokens {
            return self.stop(StopReason::OutputTokens { limit: limits.max_output_tokens });
        }
        let left = limits.max_model_calls - self.calls;
        if left == CALLS_LEFT && self.calls > 0 {
            self.say_text(format!("You have {left} answers left. Bring your work to a good state and call `finish`."));
        }
        self.compact();
    }

    pub(super) fn settled(mut self) -> Self {
        self.settle();
        self
    }

    fn compact(&mut self) {
        // A quarter stays free, for the answer and for what the estimate misses.
        let room = self.limits.context_tokens * 3 / 4;
        if self.size() <= room || compaction::clear_old(&mut self.conversation) && self.size() <= room {
            return;
        }
        if compaction::foldable(&self.conversation) {
            self.phase = Phase::Summary;
        } else if compaction::clear(&mut self.conversation, 1) && self.size() <= room {
            // Nothing but the very latest results is left to save.
        } else if self.size() > self.limits.context_tokens {
            self.stop(StopReason::Context { limit: self.limits.context_tokens });
        }
    }

    pub(super) fn fold(&mut self, summary: &str) {
        let summary = if summary.trim().is_empty() {
            "No summary could be made. Look at the files to see what is there already."
        } else {
            summary
        };
        compaction::fold(&mut self.conversation, summary);
        self.phase = Phase::Model;
    }

    pub(super) fn size(&self) -> u64 {
        compaction::estimate(&self.system, tools::specs(self.role), &self.conversation)
    }

    pub(super) fn stop(&mut self, reason: StopReason) {
        self.phase = Phase::Stopped(reason);
    }

    fn say_text(&mut self, text: String) {
        self.say(vec![Part::Text { text }]);
    }

    pub(super) fn say(&mut self, parts: Vec<Part>) {
        push(&mut self.conversation, parts);
    }
}
