use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::chat::{Answer, Part, TokenUsage, ToolCall, ToolResult};
use types::tool::FileEdit;
use types::{AgentRole, MicroUsd};

/// One entry of what an agent tells while it works, whichever kind of agent it is.
///
/// The tags are stored and read by browsers: they do not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The agent speaks.
    Message {
        text: String,
    },
    /// The agent thinks aloud; folded away where people read.
    Thought {
        text: String,
    },
    /// The plan as it stands now; it replaces an earlier one.
    Plan {
        items: Vec<PlanItem>,
    },
    ToolCall {
        /// The call's own name; its result carries the same.
        call: String,
        tool: String,
        /// One line for people, such as `read src/rates.py`.
        title: String,
        arguments: Value,
    },
    ToolResult {
        call: String,
        text: String,
        failed: bool,
    },
    FileEdit(FileEdit),
    /// A piece of what a command writes, with its escape sequences.
    CommandOutput {
        call: String,
        stream: OutputStream,
        text: String,
    },
    /// The agent waits until a person answers.
    PermissionRequest {
        request: String,
        question: String,
        options: Vec<String>,
    },
    /// What one call of a model used.
    Usage {
        model: String,
        tokens: TokenUsage,
        /// None where the price is unknown.
        cost: Option<MicroUsd>,
    },
    Progress {
        /// From 0 to 100; None where the share is unknown.
        percent: Option<u8>,
        text: String,
    },
    Log {
        level: LogLevel,
        text: String,
    },
    Status {
        text: String,
    },
    Heartbeat,
    Error {
        text: String,
    },
    /// The last entry of an agent that came to an end by itself.
    Result {
        text: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanItem {
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<AgentRole>,
    /// What it belongs to: items of different parts can be written at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    pub state: PlanItemState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanItemState {
    Pending,
    Active,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    Stdout,
    Stderr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl Event {
    /// The tag of its JSON form.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Message { .. } => "message",
            Self::Thought { .. } => "thought",
            Self::Plan { .. } => "plan",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolResult { .. } => "tool_result",
            Self::FileEdit(_) => "file_edit",
            Self::CommandOutput { .. } => "command_output",
            Self::PermissionRequest { .. } => "permission_request",
            Self::Usage { .. } => "usage",
            Self::Progress { .. } => "progress",
            Self::Log { .. } => "log",
            Self::Status { .. } => "status",
            Self::Heartbeat => "heartbeat",
            Self::Error { .. } => "error",
            Self::Result { .. } => "result",
        }
    }

    /// What a model's answer tells: thoughts, words, then the tools it asks for. Its usage is told by whoever knows the
    /// price.
    #[must_use]
    pub fn of_answer(answer: &Answer) -> Vec<Self> {
        let told = answer.message.parts.iter().filter_map(|part| match part {
            Part::Text { text } if !text.trim().is_empty() => Some(Self::Message { text: text.clone() }),
            Part::Thinking { text, .. } if !text.trim().is_empty() => Some(Self::Thought { text: text.clone() }),
            Part::ToolCall(call) => Some(Self::of_call(call)),
            Part::Text { .. } | Part::Thinking { .. } | Part::ToolResult(_) => None,
        });
        told.collect()
    }

    #[must_use]
    pub fn of_call(call: &ToolCall) -> Self {
        Self::ToolCall {
            call: call.id.clone(),
            tool: call.name.clone(),
            title: crate::builtin::title(call),
            arguments: call.arguments.clone(),
        }
    }

    #[must_use]
    pub fn of_result(result: &ToolResult) -> Self {
        Self::ToolResult { call: result.call.clone(), text: result.text.clone(), failed: result.failed }
    }
}

#[cfg(test)]
mod tests {
    use types::tool::FileChange;

    use super::*;

    fn one_of_each() -> Vec<Event> {
        let text = String::from("t");
        let edit = FileEdit { path: "a".to_owned(), change: FileChange::Changed, added: 1, removed: 2 };
        let item = PlanItem {
            title: text.clone(),
            detail: String::new(),
            role: None,
            part: None,
            state: PlanItemState::Active,
        };
        vec![
            Event::Message { text: text.clone() },
            Event::Thought { text: text.clone() },
            Event::Plan { items: vec![item] },
            Event::ToolCall { call: "1".into(), tool: "read".into(), title: "read a".into(), arguments: Value::Null },
            Event::ToolResult { call: "1".into(), text: text.clone(), failed: false },
            Event::FileEdit(edit),
            Event::CommandOutput { call: "1".into(), stream: OutputStream::Stderr, text: text.clone() },
            Event::PermissionRequest { request: "1".into(), question: text.clone(), options: vec![] },
            Event::Usage { model: "m".into(), tokens: TokenUsage::default(), cost: None },
            Event::Progress { percent: Some(5), text: text.clone() },
            Event::Log { level: LogLevel::Warn, text: text.clone() },
            Event::Status { text: text.clone() },
            Event::Heartbeat,
            Event::Error { text: text.clone() },
            Event::Result { text },
        ]
    }

    #[test]
    fn every_event_travels_under_its_tag() {
        for event in one_of_each() {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["type"], event.kind());
            assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
        }
    }
}
