//! Squads: agents and people who work on tasks together, what kinds of agents there are, and how they hand work on.

mod agent_types;
mod agents;
mod members;
mod plan;
mod settings;
mod shape;
mod template;

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use types::{AgentRole, SquadId, Stage, TeamId, UserId};

pub(crate) use agent_types::insert_built_in;
pub use agent_types::{AgentType, AgentTypeSettings};
pub use agents::{Agent, AgentSettings, AgentVersion};
pub use members::{Direction, Holder, Member};
pub use plan::{PlannedAgent, SquadPlan};
pub use settings::SquadSettings;
pub use shape::{AgentLimits, Bounds, Gates, Rules, StageRoles};
pub use template::{Template, default_instructions, default_limits};

use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ManageSquads, ReadSquads},
    work::check_name,
};

/// Squads of one team that are not archived.
const MAX_SQUADS: i64 = 100;

/// A squad in a list.
#[derive(Clone, Debug)]
pub struct Squad {
    pub id: SquadId,
    pub name: String,
    pub description: String,
    pub template: Template,
    /// The roles of its agents, in hand-off order.
    pub roles: Vec<AgentRole>,
    pub people: i64,
    pub max_concurrent_runs: i32,
    pub created_at: OffsetDateTime,
    pub archived_at: Option<OffsetDateTime>,
}

/// A squad with everything its page shows.
#[derive(Clone, Debug)]
pub struct SquadDetail {
    pub id: SquadId,
    pub template: Template,
    pub settings: SquadSettings,
    pub rules: Rules,
    /// Agents and people, in hand-off order.
    pub members: Vec<Member>,
    pub created_by: String,
    pub created_at: OffsetDateTime,
    pub archived_at: Option<OffsetDateTime>,
}

impl SquadDetail {
    /// Its agents, in hand-off order.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.members.iter().filter_map(|member| match &member.holder {
            Holder::Agent(agent) => Some(agent),
            Holder::Person(_) => None,
        })
    }

    /// Its people, in hand-off order.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.members.iter().filter_map(|member| match &member.holder {
            Holder::Person(person) => Some(person),
            Holder::Agent(_) => None,
        })
    }

    /// The agents that work in a stage, in hand-off order.
    pub fn agents_in(&self, stage: Stage) -> impl Iterator<Item = &Agent> {
        let roles = self.rules.roles(stage);
        self.agents().filter(move |agent| roles.contains(&agent.settings.role))
    }
}

impl Orchestrator {
    /// The team's squads, by name, without the archived ones.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn squads(&self, scope: &Can<ReadSquads>) -> Result<Vec<Squad>> {
        self.list_squads(scope, false).await
    }

    /// The squads that were archived, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn archived_squads(&self, scope: &Can<ReadSquads>) -> Result<Vec<Squad>> {
        self.list_squads(scope, true).await
    }

    async fn list_squads(&self, scope: &Can<ReadSquads>, archived: bool) -> Result<Vec<Squad>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT s.id AS "id: SquadId", s.name, s.description, s.template, s.max_concurrent_runs, s.created_at, s.archived_at,
                      coalesce(array_agg(a.role ORDER BY m.position) FILTER (WHERE a.id IS NOT NULL), '{}') AS "roles!: Vec<String>",
                      count(m.user_id) AS "people!"
               FROM squads s
               LEFT JOIN squad_members m ON m.team_id = s.team_id AND m.squad_id = s.id
               LEFT JOIN agents a ON a.team_id = m.team_id AND a.id = m.agent_id
               WHERE s.team_id = $1 AND (s.archived_at IS NOT NULL) = $2
               GROUP BY s.team_id, s.id ORDER BY lower(s.name), s.id LIMIT 200"#,
            scope.team() as TeamId,
            archived,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                Ok(Squad {
                    id: row.id,
                    name: row.name,
                    description: row.description,
                    template: read_template(&row.template)?,
                    roles: row.roles.iter().map(|role| read_role(role)).collect::<Result<_>>()?,
                    people: row.people,
                    max_concurrent_runs: row.max_concurrent_runs,
                    created_at: row.created_at,
                    archived_at: row.archived_at,
                })
            })
            .collect()
    }

    /// One squad with its members.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a squad the team does not have.
    pub async fn squad(&self, scope: &Can<ReadSquads>, id: SquadId) -> Result<SquadDetail> {
        let mut tx = self.db().team(scope).await?;
        let squad = find(&mut tx, scope.team(), id).await?;
        tx.commit().await?;
        Ok(squad)
    }

    /// Forms a squad from a template, with agents of the built-in type and the team's default model.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty or taken, or one squad too many.
    pub async fn form_squad(&self, scope: &Can<ManageSquads>, name: &str, template: Template) -> Result<SquadId> {
        let name = check_name("name", name)?;
        let id = SquadId::new();
        let now = self.clock().now();
        let rules = template.rules();
        let mut tx = self.db().team(scope).await?;
        limit_squads(&mut tx, scope.team()).await?;
        sqlx::query!(
            "INSERT INTO squads (team_id, id, name, template, description, instructions, stages, approve_plan, approve_merge,
                                 max_iterations, max_reworks, max_concurrent_runs, created_by, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12, $13, $13)",
            scope.team() as TeamId,
            id as SquadId,
            name,
            template.as_str(),
            template.purpose(),
            Json(&rules.stages) as _,
            rules.gates.plan,
            rules.gates.merge,
            rules.bounds.max_iterations,
            rules.bounds.max_reworks,
            rules.bounds.max_concurrent_runs,
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("squads_name_is_unique", || taken(&name))?;
        let agent_type = agent_types::built_in(&mut tx, scope.team(), now).await?;
        for (role, agent) in template.agents() {
            let settings = AgentSettings::of_role(role, agent, agent_type);
            agents::insert(&mut tx, scope, id, &settings, now).await?;
        }
        let details = serde_json::json!({ "name": name, "template": template.as_str() });
        audit::append(&mut tx, scope, now, happening("squad.formed", id, details)).await?;
        tx.commit().await?;
        Ok(id)
    }
}

fn happening(action: &'static str, squad: SquadId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "squad", target_id: squad.to_string(), details }
}

fn taken(name: &str) -> Error {
    Error::field("name", format!("The team has a squad called {name} already."))
}

async fn limit_squads(connection: &mut PgConnection, team: TeamId) -> Result<()> {
    let squads = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM squads WHERE team_id = $1 AND archived_at IS NULL"#,
        team as TeamId
    )
    .fetch_one(connection)
    .await?;
    if squads >= MAX_SQUADS {
        return Err(Error::field("name", format!("A team has at most {MAX_SQUADS} squads. Archive one first.")));
    }
    Ok(())
}

async fn find(connection: &mut PgConnection, team: TeamId, id: SquadId) -> Result<SquadDetail> {
    let row = sqlx::query!(
        r#"SELECT s.name, s.template, s.description, s.instructions, s.stages AS "stages: Json<Vec<StageRoles>>",
                  s.approve_plan, s.approve_merge, s.max_iterations, s.max_reworks, s.max_concurrent_runs,
                  s.created_at, s.archived_at, u.name AS created_by
           FROM squads s JOIN users u ON u.id = s.created_by WHERE s.team_id = $1 AND s.id = $2"#,
        team as TeamId,
        id as SquadId
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(Error::NotFound)?;
    Ok(SquadDetail {
        id,
        template: read_template(&row.template)?,
        settings: SquadSettings { name: row.name, description: row.description, instructions: row.instructions },
        rules: Rules {
            stages: row.stages.0,
            gates: Gates { plan: row.approve_plan, merge: row.approve_merge },
            bounds: Bounds {
                max_iterations: row.max_iterations,
                max_reworks: row.max_reworks,
                max_concurrent_runs: row.max_concurrent_runs,
            },
        },
        members: members::of_squad(connection, team, id).await?,
        created_by: row.created_by,
        created_at: row.created_at,
        archived_at: row.archived_at,
    })
}

/// Locks a squad that is to be changed, so that changes come one after the other. Its name.
async fn lock(connection: &mut PgConnection, team: TeamId, id: SquadId) -> Result<String> {
    let row = sqlx::query!(
        "SELECT name, archived_at FROM squads WHERE team_id = $1 AND id = $2 FOR UPDATE",
        team as TeamId,
        id as SquadId
    )
    .fetch_optional(connection)
    .await?
    .ok_or(Error::NotFound)?;
    if row.archived_at.is_some() {
        return Err(Error::Refused("This squad is archived. Bring it back before you change it.".into()));
    }
    Ok(row.name)
}

fn read_template(text: &str) -> Result<Template> {
    Template::parse(text).ok_or_else(|| Error::internal("a squad without a template"))
}

fn read_role(text: &str) -> Result<AgentRole> {
    AgentRole::parse(text).ok_or_else(|| Error::internal("an agent without a role"))
}

/// A person who belongs to a squad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: UserId,
    pub name: String,
}
