use serde::{Deserialize, Serialize};
use types::{AgentId, AgentKind, AgentRole, ModelProviderId, SquadId, Stage};

use super::{
    AgentLimits, AgentType, Bounds, Gates, Person, SquadDetail, StageRoles, agent_types, find, members::Holder,
};
use crate::{Can, Error, Orchestrator, Result, grants::ReadSquads};

/// A squad as a run takes it along: later changes of the squad do not reach a run that has begun,
/// but for its agents' limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SquadPlan {
    pub squad: SquadId,
    pub name: String,
    /// Told to every agent, before its own instructions.
    pub instructions: String,
    /// In hand-off order.
    pub agents: Vec<PlannedAgent>,
    /// The people of the squad, in hand-off order; the first ones to be asked.
    pub people: Vec<Person>,
    /// All stages, in order.
    pub stages: Vec<StageRoles>,
    pub gates: Gates,
    pub bounds: Bounds,
}

/// An agent as a run takes it along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAgent {
    pub id: AgentId,
    /// The version of its settings.
    pub version: i32,
    pub role: AgentRole,
    pub name: String,
    pub agent_type: AgentType,
    /// `None` for the team's default.
    pub provider: Option<ModelProviderId>,
    /// `None` for the team's default.
    pub model: Option<String>,
    pub instructions: String,
    pub limits: AgentLimits,
}

impl SquadPlan {
    /// The roles that work in a stage; empty where no agent does.
    #[must_use]
    pub fn roles(&self, stage: Stage) -> &[AgentRole] {
        self.stages.iter().find(|roles| roles.stage == stage).map_or(&[], |roles| &roles.roles)
    }

    /// The agents that work in a stage, in hand-off order.
    pub fn agents_in(&self, stage: Stage) -> impl Iterator<Item = &PlannedAgent> {
        let roles = self.roles(stage);
        self.agents.iter().filter(move |agent| roles.contains(&agent.role))
    }

    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&PlannedAgent> {
        self.agents.iter().find(|agent| agent.id == id)
    }
}

impl Orchestrator {
    /// The squad as a run takes it along.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a squad the team does not have; [`Error::Refused`] with the reason why no run can
    /// start: archived, nobody to do a stage, an agent type that is switched off or that nothing here can run.
    pub async fn squad_plan(&self, scope: &Can<ReadSquads>, squad: SquadId) -> Result<SquadPlan> {
        let mut tx = self.db().team(scope).await?;
        let detail = find(&mut tx, scope.team(), squad).await?;
        let types = agent_types::all(&mut tx, scope.team()).await?;
        tx.commit().await?;
        plan(detail, &types)
    }
}

fn plan(detail: SquadDetail, types: &[AgentType]) -> Result<SquadPlan> {
    if detail.archived_at.is_some() {
        return Err(Error::Refused(format!("The squad {} is archived.", detail.settings.name)));
    }
    let mut plan = SquadPlan {
        squad: detail.id,
        name: detail.settings.name,
        instructions: detail.settings.instructions,
        agents: Vec::new(),
        people: Vec::new(),
        stages: detail.rules.stages,
        gates: detail.rules.gates,
        bounds: detail.rules.bounds,
    };
    for member in detail.members {
        match member.holder {
            Holder::Person(person) => plan.people.push(person),
            Holder::Agent(agent) => {
                let agent_type = types.iter().find(|found| found.id == agent.settings.agent_type).cloned();
                plan.agents.push(PlannedAgent {
                    id: agent.id,
                    version: agent.version,
                    role: agent.settings.role,
                    name: agent.settings.name,
                    agent_type: agent_type.ok_or_else(|| Error::internal("an agent without a type"))?,
                    provider: agent.settings.provider,
                    model: agent.settings.model,
                    instructions: agent.settings.instructions,
                    limits: agent.settings.limits,
                });
            }
        }
    }
    refuse_gaps(&plan)?;
    Ok(plan)
}

/// A stage that names roles, of which the squad has no agent, would silently be left out; better said at the start.
fn refuse_gaps(plan: &SquadPlan) -> Result<()> {
    for stage in Stage::ALL {
        if let Some(role) = plan.roles(*stage).first()
            && plan.agents_in(*stage).next().is_none()
        {
            return Err(Error::Refused(format!(
                "The squad {} has no {role} for the stage {}. Add one, or change the stage.",
                plan.name,
                stage.label()
            )));
        }
    }
    for agent in Stage::ALL.iter().flat_map(|stage| plan.agents_in(*stage)) {
        if !agent.agent_type.enabled {
            return Err(Error::Refused(format!(
                "The agent {} is a {}, and this agent type is switched off.",
                agent.name, agent.agent_type.settings.display_name
            )));
        }
        // It would work as the built-in agent, without a word.
        if agent.agent_type.settings.kind != AgentKind::Builtin {
            return Err(Error::Refused(format!(
                "The agent {} uses the agent type {}, which cannot run yet. Choose the built-in type for it.",
                agent.name, agent.agent_type.settings.display_name
            )));
        }
    }
    Ok(())
}
