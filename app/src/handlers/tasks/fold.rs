//! From the journal of a run to the entries that people read: calls and their results become one entry.

use std::collections::HashMap;

use orchestrator::{
    AgentEvent, PlanItem, PlanItemState,
    runs::{Body as Told, Entry as Line, Gate, RunEvent},
};
use time::Duration;
use types::AgentRole;

use crate::{
    components::{escape::push_escaped, markdown, who::Who},
    pages::task::{
        entry::{Approval, Body, Edit, Entry, Outcome, Question, Tool, ToolState},
        plan::{PlanState, PlanStep},
    },
};

/// What a new line of the journal does to the stream.
pub(super) enum Change {
    /// The entry at this place is new.
    Added(usize),
    /// The entry at this place says something else now.
    Changed(usize),
}

/// The stream so far.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) entries: Vec<Entry>,
    /// Calls without a result, by agent and the model's name of the call.
    open: HashMap<(String, String), usize>,
    /// The question that waits.
    waiting: Option<usize>,
    plans: u32,
    /// Whether this person may decide.
    may_decide: bool,
}

impl Fold {
    pub(super) fn new(may_decide: bool) -> Self {
        Self { may_decide, ..Self::default() }
    }

    pub(super) fn take(&mut self, line: &Line) -> Vec<Change> {
        match &line.body {
            Told::Run(event) => self.run(line, event),
            Told::Agent(event) => self.agent(line, event),
        }
    }

    fn add(&mut self, line: &Line, who: Who, body: Body) -> Vec<Change> {
        self.entries.push(Entry { seq: line.seq, at: line.at, who, body });
        vec![Change::Added(self.entries.len() - 1)]
    }

    fn state(&mut self, line: &Line, who: Who, text: impl Into<String>) -> Vec<Change> {
        self.add(line, who, Body::State { text: text.into() })
    }

    fn run(&mut self, line: &Line, event: &RunEvent) -> Vec<Change> {
        let muster = Who::Muster;
        match event {
            RunEvent::Started { by, squad, attempt } => {
                self.state(line, Who::person(by), format!("started {squad}, run {attempt}"))
            }
            RunEvent::Stage { stage } => self.state(line, muster, format!("went on to {}", stage.as_str())),
            RunEvent::Turn { role, purpose } => {
                let who = line.agent.as_deref().map_or(Who::Muster, |name| agent(name, Some(*role)));
                self.state(line, who, format!("begins to {purpose}"))
            }
            RunEvent::Check { name, command, passed, outcome, duration_ms, output } => {
                let state = if *passed { ToolState::Done(outcome.clone()) } else { ToolState::Failed(outcome.clone()) };
                let tool = Tool {
                    name: title_case(name),
                    target: command.clone(),
                    state,
                    took: Some(Duration::milliseconds(*duration_ms)),
                    output: output.clone(),
                    full: None,
                };
                self.add(line, muster, Body::Command(tool))
            }
            RunEvent::Waiting { approval, gate, question, options } => {
                let body = self.asking(&approval.to_string(), *gate, question.as_deref(), options);
                let who = line.agent.as_deref().map_or(muster, |name| agent(name, None));
                let added = self.add(line, who, body);
                self.waiting = Some(self.entries.len() - 1);
                added
            }
            RunEvent::Decided { gate, by, approved, comment } => self.decided(line, *gate, by, *approved, comment),
            RunEvent::Remark { author, path, line: at, text } => {
                let place = at.map_or_else(|| path.clone(), |number| format!("{path}:{number}"));
                let html = if place.is_empty() {
                    prose(text)
                } else {
                    format!("<p><code>{}</code></p>{}", escaped(&place), prose(text))
                };
                self.add(
                    line,
                    agent(author, Some(AgentRole::Reviewer)),
                    Body::Message { html, model: None, cost: None },
                )
            }
            RunEvent::Delivered { branch, files, additions, deletions, .. } => {
                let noun = if *files == 1 { "file" } else { "files" };
                self.state(line, muster, format!("delivered {files} {noun} (+{additions} −{deletions}) on {branch}"))
            }
            RunEvent::Merged { into, oid } => {
                self.state(line, muster, format!("merged into {into} as {}", oid.get(..9).unwrap_or(oid)))
            }
            RunEvent::Conflicted { paths } => {
                let title = "The branch does not fit any more".to_owned();
                self.add(line, muster, Body::Error { title, text: paths.join(", "), more: None })
            }
            RunEvent::Reverted { oid, by } => {
                self.state(line, Who::person(by), format!("took the merge back as {}", oid.get(..9).unwrap_or(oid)))
            }
            RunEvent::Stopped { by, reason } => {
                let mut changes = self.close_waiting("Withdrawn");
                changes.extend(self.state(line, Who::person(by), format!("stopped the run: {reason}")));
                changes
            }
            RunEvent::Failed { sentence, remedy } => {
                self.add(line, muster, Body::Error { title: sentence.clone(), text: remedy.clone(), more: None })
            }
            RunEvent::HeldUp { sentence, way_out } => {
                self.add(line, muster, Body::Error { title: sentence.clone(), text: way_out.clone(), more: None })
            }
            RunEvent::WentOn => self.state(line, muster, "goes on where it stood"),
            RunEvent::Note { text } => self.state(line, muster, text.clone()),
        }
    }

    fn asking(&self, id: &str, gate: Gate, question: Option<&str>, options: &[String]) -> Body {
        let outcome = if self.may_decide { Outcome::Yours } else { Outcome::Open };
        match gate {
            Gate::Question => Body::Question(Question {
                id: id.to_owned(),
                text: question.unwrap_or_default().to_owned(),
                options: options.to_vec(),
                outcome,
            }),
            Gate::Plan => Body::Approval(Approval {
                id: id.to_owned(),
                title: "asks whether the plan is right".to_owned(),
                command: None,
                facts: vec![("If allowed".to_owned(), "the coders begin".to_owned())],
                expires_at: None,
                outcome,
            }),
            Gate::Merge => Body::State { text: "waits for a review of the change".to_owned() },
        }
    }

    fn decided(&mut self, line: &Line, gate: Gate, by: &str, approved: bool, comment: &str) -> Vec<Change> {
        let (word, text) = match (gate, approved) {
            (Gate::Question, _) => (format!("Answered by {by}"), format!("answered: {comment}")),
            (Gate::Plan, true) => (format!("Approved by {by}"), "approved the plan".to_owned()),
            (Gate::Plan, false) => (format!("Sent back by {by}"), format!("sent the plan back: {comment}")),
            (Gate::Merge, true) => (String::new(), "approved the change".to_owned()),
            (Gate::Merge, false) => (String::new(), format!("sent the change back: {comment}")),
        };
        let mut changes = self.close_waiting(&word);
        changes.extend(self.state(line, Who::person(by), text));
        changes
    }

    fn close_waiting(&mut self, word: &str) -> Vec<Change> {
        let Some(at) = self.waiting.take() else { return Vec::new() };
        match self.entries.get_mut(at).map(|entry| &mut entry.body) {
            Some(Body::Question(Question { outcome, .. }) | Body::Approval(Approval { outcome, .. })) => {
                *outcome = Outcome::Closed(word.to_owned());
                vec![Change::Changed(at)]
            }
            _ => Vec::new(),
        }
    }

    fn agent(&mut self, line: &Line, event: &AgentEvent) -> Vec<Change> {
        let name = line.agent.clone().unwrap_or_default();
        let who = agent(&name, None);
        match event {
            AgentEvent::Message { text } | AgentEvent::Result { text } => {
                self.add(line, who, Body::Message { html: prose(text), model: None, cost: None })
            }
            AgentEvent::Thought { text } => self.add(line, who, Body::Thought { text: text.clone() }),
            AgentEvent::Plan { items } => {
                self.plans += 1;
                let (version, steps) = (self.plans, plan_steps(items));
                self.add(line, who, Body::Plan { version, steps })
            }
            // What these say is told by the result and by the question.
            AgentEvent::ToolCall { tool, .. } if tool == "finish" || tool == "ask" => Vec::new(),
            AgentEvent::ToolCall { call, tool, title, .. } => {
                let shown = Tool {
                    name: title_case(tool),
                    target: title.strip_prefix(tool.as_str()).unwrap_or(title).trim().to_owned(),
                    state: ToolState::Running,
                    took: None,
                    output: String::new(),
                    full: None,
                };
                let body = if tool == "run" { Body::Command(shown) } else { Body::Tool(shown) };
                let added = self.add(line, who, body);
                self.open.insert((name, call.clone()), self.entries.len() - 1);
                added
            }
            AgentEvent::CommandOutput { call, text, .. } => {
                self.amend(&(name, call.clone()), |tool| tool.output.clone_from(text))
            }
            AgentEvent::ToolResult { call, text, failed } => self.result(line, &(name, call.clone()), text, *failed),
            AgentEvent::FileEdit(edit) => {
                let edit = Edit {
                    path: edit.path.clone(),
                    additions: edit.added as usize,
                    deletions: edit.removed as usize,
                    hunks: Vec::new(),
                    more: Some("/changes".to_owned()),
                };
                self.add(line, who, Body::Edit(edit))
            }
            AgentEvent::Usage { model, tokens, cost } => {
                let note = format!("{} in, {} out", tokens.input(), tokens.written());
                let what = if cost.is_none() { format!("{model}, price unknown") } else { model.clone() };
                self.add(line, who, Body::Cost { what, amount: cost.unwrap_or_default(), note })
            }
            AgentEvent::Error { text } => {
                self.add(line, who, Body::Error { title: "The agent stumbled".into(), text: text.clone(), more: None })
            }
            AgentEvent::Progress { text, .. } | AgentEvent::Log { text, .. } | AgentEvent::Status { text } => {
                self.state(line, who, text.clone())
            }
            AgentEvent::Heartbeat | AgentEvent::PermissionRequest { .. } => Vec::new(),
        }
    }

    fn result(&mut self, line: &Line, call: &(String, String), text: &str, failed: bool) -> Vec<Change> {
        let began = self.open.get(call).and_then(|at| self.entries.get(*at)).map(|entry| entry.at);
        let changes = self.amend(call, |tool| {
            tool.took = began.map(|began| line.at - began);
            if tool.output.is_empty() {
                text.clone_into(&mut tool.output);
            }
            let lines = text.lines().count();
            let word =
                text.lines().last().filter(|last| last.starts_with('[')).map(|last| last.trim_matches(['[', ']']));
            let word = word.map_or_else(|| format!("{lines} line{}", if lines == 1 { "" } else { "s" }), str::to_owned);
            tool.state = if failed { ToolState::Failed(word) } else { ToolState::Done(word) };
        });
        self.open.remove(call);
        changes
    }

    fn amend(&mut self, call: &(String, String), change: impl FnOnce(&mut Tool)) -> Vec<Change> {
        let Some(at) = self.open.get(call).copied() else { return Vec::new() };
        match self.entries.get_mut(at).map(|entry| &mut entry.body) {
            Some(Body::Tool(tool) | Body::Command(tool)) => {
                change(tool);
                vec![Change::Changed(at)]
            }
            _ => Vec::new(),
        }
    }
}

/// Characters of a part's name that are shown.
const PART: usize = 20;

/// An agent by its name; the letters are those of its role and number: `C2` of `coder-2`.
pub(super) fn agent(name: &str, role: Option<AgentRole>) -> Who {
    let first = role.map_or_else(|| name.chars().next(), |role| role.as_str().chars().next());
    let number = name.rsplit('-').next().filter(|last| last.chars().all(|c| c.is_ascii_digit())).unwrap_or_default();
    let letters: String = first.into_iter().flat_map(char::to_uppercase).chain(number.chars().take(1)).collect();
    Who::agent(name, letters)
}

pub(super) fn plan_steps(items: &[PlanItem]) -> Vec<PlanStep> {
    let step = |item: &PlanItem| PlanStep {
        title: item.title.clone(),
        state: match item.state {
            PlanItemState::Pending => PlanState::Open,
            PlanItemState::Active => PlanState::Now,
            PlanItemState::Done => PlanState::Done,
        },
        note: [item.role.map(|role| role.label().to_lowercase()), item.part.as_deref().map(short_part)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" · "),
    };
    items.iter().map(step).collect()
}

/// A lead names parts freely; the note stands beside the step's title.
fn short_part(part: &str) -> String {
    let mut short: String = part.trim().chars().take(PART).collect();
    if part.trim().chars().nth(PART).is_some() {
        short.push('…');
    }
    short
}

/// What people and agents wrote, which is markdown.
pub(super) fn prose(text: &str) -> String {
    markdown::html(text)
}

fn escaped(text: &str) -> String {
    let mut html = String::new();
    push_escaped(&mut html, text);
    html
}

fn title_case(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_plan_says_who_and_which_part() {
        let item = |part: Option<&str>| PlanItem {
            title: "Round".to_owned(),
            detail: String::new(),
            role: Some(AgentRole::Coder),
            part: part.map(str::to_owned),
            state: PlanItemState::Pending,
        };
        let notes: Vec<String> = plan_steps(&[item(None), item(Some("fees")), item(Some("a part with many words"))])
            .into_iter()
            .map(|step| step.note)
            .collect();
        assert_eq!(notes, ["coder", "coder · fees", "coder · a part with many wor…"]);
    }
}
