//! Which agent takes a turn, and its tools in the sandbox.

use agents::{
    Event,
    builtin::{self, Exit, Output, Sandboxed, ToolOutcome},
};
use sandbox::{Command, PROGRAM, Reason};
use serde::{Deserialize, Serialize};
use types::{
    AgentRole, StepId,
    chat::{ToolCall, ToolResult},
};

use super::verify::{Gathered, gather, key, output_line};
use crate::{
    runs::{
        job::Job,
        journal::{Body, Line},
        machine::{Clash, Failure, Purpose},
        shop::Shop,
        workflow::{Stumble, Stumbled},
    },
    squads::PlannedAgent,
};

/// What of a command's output is shown to people in the stream.
const SHOWN: usize = 16 * 1024;

impl Job {
    /// The agent for a turn: the first of its role, but for fixes the second, because another pair of eyes sees more. Who wrote
    /// what did not go together with the others' work does it again.
    pub(super) fn agent(&self, purpose: Purpose) -> Stumbled<&PlannedAgent> {
        if let Some(clash) = self.clash(purpose)
            && let Some(agent) = self.plan.squad.agent(clash.agent)
        {
            return Ok(agent);
        }
        let role = purpose.role();
        let of_role: Vec<&PlannedAgent> = self.plan.squad.agents.iter().filter(|agent| agent.role == role).collect();
        let at = usize::from(purpose == Purpose::Fix && of_role.len() > 1);
        of_role.get(at).copied().ok_or_else(|| {
            Stumble::last(Failure::Internal, format!("The squad has no {} for this turn.", role.label().to_lowercase()))
        })
    }
}

/// What came of a tool.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Used {
    pub(super) result: ToolResult,
    /// The commit of the files as it left them, where it may have changed some.
    pub(super) files: Option<String>,
}

impl Job {
    /// What this turn does once more.
    pub(super) fn clash(&self, purpose: Purpose) -> Option<&Clash> {
        self.position.clashes.first().filter(|_| purpose == Purpose::Implement)
    }
}

impl Shop {
    /// Does what a model asked for, inside the sandbox.
    pub(super) async fn use_tool(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        step: StepId,
        (name, files): (&str, Option<&str>),
        call: &ToolCall,
    ) -> Stumbled<Used> {
        let inside = Sandboxed { file_tool: vec![PROGRAM.to_owned(), "tool".to_owned()] };
        let execution = match builtin::execution(agent.role, call, &inside) {
            Ok(execution) => execution,
            Err(refused) => {
                self.tell(job, vec![told(job, name, step, agent, 0, Event::of_result(&refused))]).await?;
                return Ok(Used { result: refused, files: None });
            }
        };
        self.check_pause(job, Some(agent)).await?;
        let sandbox = self.sandbox(job, files).await;
        if sandbox.is_err() {
            // A pause of this agent alone may have ended it while it was made or set up.
            self.check_pause(job, Some(agent)).await?;
        }
        let sandbox = sandbox?;
        let mut command = Command::new(key(job, name), execution.argv);
        (command.stdin, command.timeout) = (execution.stdin, execution.timeout);
        command.env = self.environment(job, Some(agent.id)).await?;
        let gathered = gather(self.begin_command(job, Some(agent), &sandbox, &command).await?).await?;
        let output = Output { all: &gathered.all, stdout: &gathered.stdout };
        let outcome = builtin::result(call, exit(&gathered), output);
        let files = if writes(agent.role) && (call.name == "run" || !outcome.edits.is_empty()) {
            self.keep_files(job, agent, files).await?
        } else {
            None
        };
        self.tell(job, lines(job, name, step, agent, call, &gathered, &outcome)).await?;
        Ok(Used { result: outcome.result, files })
    }
}

#[expect(clippy::too_many_arguments, reason = "what one entry of the journal names")]
fn lines(
    job: &Job,
    name: &str,
    step: StepId,
    agent: &PlannedAgent,
    call: &ToolCall,
    gathered: &Gathered,
    outcome: &ToolOutcome,
) -> Vec<Line> {
    let mut lines = Vec::new();
    if call.name == "run" && !gathered.all.is_empty() {
        let shown = gathered.tail(SHOWN);
        lines.push(output_line(step, &agent.name, job.key(&format!("{name} output")), &call.id, shown));
    }
    let edits = outcome.edits.iter().cloned().map(Event::FileEdit);
    let all = edits.chain([Event::of_result(&outcome.result)]).enumerate();
    lines.extend(all.map(|(at, event)| told(job, name, step, agent, at, event)));
    lines
}

fn told(job: &Job, name: &str, step: StepId, agent: &PlannedAgent, at: usize, event: Event) -> Line {
    Line {
        key: job.key(&format!("{name} {at}")),
        step: Some(step),
        agent: Some(agent.name.clone()),
        body: Body::Agent(event),
    }
}

fn exit(gathered: &Gathered) -> Exit {
    match (gathered.reason, gathered.code, gathered.signal) {
        (Reason::TimedOut, ..) => Exit::TimedOut,
        (Reason::OutputLimit, ..) => Exit::OutputLimit,
        (Reason::OutOfMemory, ..) => Exit::OutOfMemory,
        (Reason::LimitReached, ..) => Exit::LimitReached,
        (_, Some(code), _) => Exit::Code(code),
        (_, None, Some(signal)) => Exit::Signal(signal),
        _ => Exit::Killed,
    }
}

/// Whether an agent of this role leaves changes behind.
pub(super) const fn writes(role: AgentRole) -> bool {
    matches!(role, AgentRole::Coder | AgentRole::Tester)
}
