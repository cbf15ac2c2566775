mod steps;

use serde::{Deserialize, Serialize};
use types::AgentRole;
use types::chat::{Answer, ChatRequest, Message, Part, Speaker, Stop, ToolCall, ToolResult};

use super::compaction;
use super::guard::Guard;
use super::tools::{self, Ask, Finish};
use super::{Brief, Limits, prompt};

/// An agent's work from its brief to its end: a value that can be stored at any point and gone on with later.
///
/// Whoever holds it looks at [`Turn::next`], does what it says, and tells what came of it. Nothing in here is random or
/// depends on time, so the same answers lead to the same turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    role: AgentRole,
    model: String,
    system: String,
    limits: Limits,
    conversation: Vec<Message>,
    phase: Phase,
    guard: Guard,
    calls: u32,
    output_tokens: u64,
    /// Whether the model was told that it ended without finishing.
    nudged: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Model,
    /// The model sums up.
    Summary,
    /// In the order of the calls; None while the result is due.
    Tools(Vec<(ToolCall, Option<ToolResult>)>),
    /// The call is the question's.
    Asked {
        call: String,
        ask: Ask,
    },
    Finished(Finish),
    Stopped(StopReason),
}

/// What has to happen now.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Then [`Turn::answered`].
    CallModel(ChatRequest),
    /// Each of them, in this order; then [`Turn::tool_done`] for each.
    CallTools(Vec<ToolCall>),
    Done(Outcome),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Finished {
        finish: Finish,
    },
    /// A person has to answer; then [`Turn::told`] goes on.
    Asked {
        question: String,
        options: Vec<String>,
    },
    Stopped {
        reason: StopReason,
    },
}

/// Why an agent was stopped before it finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum StopReason {
    ModelCalls {
        limit: u32,
    },
    OutputTokens {
        limit: u64,
    },
    /// The same call brought the same result again and again.
    Loop {
        tool: String,
        times: u32,
    },
    /// The conversation cannot be made short enough.
    Context {
        limit: u64,
    },
    Refused {
        text: String,
    },
    /// It fell silent.
    NoResult,
    /// A review that neither approves nor requests changes.
    NoVerdict {
        text: String,
    },
}

impl StopReason {
    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::ModelCalls { limit } => format!("The agent used all of its {limit} model calls without finishing."),
            Self::OutputTokens { limit } => format!("The agent wrote more than its limit of {limit} tokens."),
            Self::Loop { tool, times } => {
                format!("The agent went in circles: it called `{tool}` {times} times with the same result.")
            }
            Self::Context { limit } => {
                format!("The conversation no longer fits into the {limit} tokens that the model can read.")
            }
            Self::Refused { .. } => "The model refused to go on.".to_owned(),
            Self::NoResult => "The agent ended without a result.".to_owned(),
            Self::NoVerdict { .. } => "The reviewer gave no verdict.".to_owned(),
        }
    }
}

/// Something was told that the turn did not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the turn does not wait for {0}")]
pub struct Unexpected(&'static str);

impl Turn {
    #[must_use]
    pub fn begin(brief: &Brief) -> Self {
        Self {
            role: brief.role,
            model: brief.model.clone(),
            system: prompt::system(brief),
            limits: brief.limits,
            conversation: vec![Message::user(prompt::assignment(brief))],
            phase: Phase::Model,
            guard: Guard::default(),
            calls: 0,
            output_tokens: 0,
            nudged: false,
        }
        .settled()
    }

    #[must_use]
    pub fn next(&self) -> Next {
        match &self.phase {
            Phase::Model => Next::CallModel(self.request(None)),
            Phase::Summary => Next::CallModel(self.request(Some(compaction::SUMMARISE))),
            Phase::Tools(calls) => Next::CallTools(
                calls.iter().filter(|(_, result)| result.is_none()).map(|(call, _)| call.clone()).collect(),
            ),
            Phase::Asked { ask, .. } => {
                Next::Done(Outcome::Asked { question: ask.question.clone(), options: ask.options.clone() })
            }
            Phase::Finished(finish) => Next::Done(Outcome::Finished { finish: finish.clone() }),
            Phase::Stopped(reason) => Next::Done(Outcome::Stopped { reason: reason.clone() }),
        }
    }

    /// Takes the model's answer.
    ///
    /// # Errors
    /// When no model was called for.
    pub fn answered(&mut self, answer: &Answer) -> Result<(), Unexpected> {
        let summing = match &self.phase {
            Phase::Model => false,
            Phase::Summary => true,
            _ => return Err(Unexpected("a model's answer")),
        };
        self.calls += 1;
        self.output_tokens = self.output_tokens.saturating_add(output_tokens(answer));
        if answer.stop == Stop::Refusal {
            self.stop(StopReason::Refused { text: answer.message.text() });
        } else if summing {
            self.fold(&answer.message.text());
        } else {
            self.take(answer);
        }
        self.settle();
        Ok(())
    }

    /// Takes the result of a tool.
    ///
    /// # Errors
    /// When that call was not given out, or its result is there already.
    pub fn tool_done(&mut self, result: ToolResult) -> Result<(), Unexpected> {
        let Phase::Tools(calls) = &mut self.phase else { return Err(Unexpected("a tool")) };
        let due = calls.iter_mut().find(|(call, done)| call.id == result.call && done.is_none());
        let (_, slot) = due.ok_or(Unexpected("this tool"))?;
        *slot = Some(result);
        if calls.iter().all(|(_, result)| result.is_some()) {
            let calls = std::mem::take(calls);
            self.take_results(calls);
            self.settle();
        }
        Ok(())
    }

    /// Takes a person's answer to [`Outcome::Asked`].
    ///
    /// # Errors
    /// When nothing was asked.
    pub fn told(&mut self, answer: &str) -> Result<(), Unexpected> {
        let Phase::Asked { call, .. } = &self.phase else { return Err(Unexpected("a person's answer")) };
        let result = ToolResult { call: call.clone(), text: answer.to_owned(), failed: false };
        self.guard.clear();
        self.say(vec![Part::ToolResult(result)]);
        self.phase = Phase::Model;
        self.settle();
        Ok(())
    }

    /// Gives the turn another bound of model calls. One that was stopped at the bound before goes on, if that leaves a call.
    pub fn allow_calls(&mut self, limit: u32) {
        self.limits.max_model_calls = limit;
        if limit > self.calls && matches!(self.phase, Phase::Stopped(StopReason::ModelCalls { .. })) {
            self.phase = Phase::Model;
            self.say(vec![Part::Text { text: format!("You may go on, with {} more answers.", limit - self.calls) }]);
            self.settle();
        }
    }

    /// Takes the provider's word that the conversation is too long, whatever was estimated: it is made shorter.
    ///
    /// # Errors
    /// When no model was called for.
    pub fn too_long(&mut self) -> Result<(), Unexpected> {
        let summing = self.phase == Phase::Summary;
        if !summing && self.phase != Phase::Model {
            return Err(Unexpected("a model's refusal"));
        }
        let size = self.size();
        self.limits.context_tokens = (size * 2 / 3).max(1);
        if summing {
            self.fold("");
        }
        self.settle();
        if self.size() >= size && self.phase != Phase::Summary {
            self.stop(StopReason::Context { limit: size });
        }
        Ok(())
    }

    #[must_use]
    pub const fn role(&self) -> AgentRole {
        self.role
    }

    /// Calls of the model so far.
    #[must_use]
    pub const fn model_calls(&self) -> u32 {
        self.calls
    }

    fn request(&self, extra: Option<&str>) -> ChatRequest {
        let mut messages = self.conversation.clone();
        if let Some(extra) = extra {
            push(&mut messages, vec![Part::Text { text: extra.to_owned() }]);
        }
        ChatRequest {
            model: self.model.clone(),
            system: self.system.clone(),
            messages,
            // The same in every call, because providers cache what a request begins with.
            tools: tools::tools(self.role),
            max_output_tokens: self.limits.max_answer_tokens,
            temperature: None,
        }
    }
}

/// Speakers take turns: what is said twice in a row is one message.
fn push(messages: &mut Vec<Message>, parts: Vec<Part>) {
    match messages.last_mut() {
        Some(last) if last.speaker == Speaker::User => last.parts.extend(parts),
        _ => messages.push(Message { speaker: Speaker::User, parts }),
    }
}

/// What the answer cost in output; estimated where the provider does not say.
fn output_tokens(answer: &Answer) -> u64 {
    match answer.usage {
        Some(usage) => usage.written(),
        None => compaction::estimate("", &[], std::slice::from_ref(&answer.message)),
    }
}
