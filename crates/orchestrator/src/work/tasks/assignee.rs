use std::fmt;

use sqlx::PgConnection;
use types::{AgentId, SquadId, TeamId, UserId};

use crate::{Can, Error, Orchestrator, Result, Scope, grants::ReadTasks};

/// Who is to do a task. The text form, `user:`, `agent:` or `squad:` and the id, is what forms and addresses use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignee {
    Person(UserId),
    Agent(AgentId),
    Squad(SquadId),
}

impl Assignee {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("user", id) => id.parse().ok().map(Self::Person),
            ("agent", id) => id.parse().ok().map(Self::Agent),
            ("squad", id) => id.parse().ok().map(Self::Squad),
            _ => None,
        }
    }

    pub(super) fn from_columns(person: Option<UserId>, agent: Option<AgentId>, squad: Option<SquadId>) -> Option<Self> {
        person.map(Self::Person).or(agent.map(Self::Agent)).or(squad.map(Self::Squad))
    }

    pub(super) const fn person(self) -> Option<UserId> {
        match self {
            Self::Person(user) => Some(user),
            Self::Agent(_) | Self::Squad(_) => None,
        }
    }

    pub(super) const fn squad(self) -> Option<SquadId> {
        match self {
            Self::Squad(squad) => Some(squad),
            Self::Person(_) | Self::Agent(_) => None,
        }
    }

    pub(super) const fn agent(self) -> Option<AgentId> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Person(_) | Self::Squad(_) => None,
        }
    }
}

impl fmt::Display for Assignee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(user) => write!(f, "user:{user}"),
            Self::Agent(agent) => write!(f, "agent:{agent}"),
            Self::Squad(squad) => write!(f, "squad:{squad}"),
        }
    }
}

/// The name of somebody who can be assigned; also proves that they belong to the team.
pub(super) async fn name_of(tx: &mut PgConnection, scope: &Scope, assignee: Assignee) -> Result<String> {
    let name = sqlx::query_scalar!(
        r#"SELECT u.name AS "name!" FROM memberships m JOIN users u ON u.id = m.user_id
           WHERE m.team_id = $1 AND m.user_id = $2
           UNION ALL SELECT name FROM squads WHERE team_id = $1 AND id = $3
           UNION ALL SELECT name FROM agents WHERE team_id = $1 AND id = $4"#,
        scope.team() as TeamId,
        assignee.person() as Option<UserId>,
        assignee.squad() as Option<SquadId>,
        assignee.agent() as Option<AgentId>,
    )
    .fetch_optional(tx)
    .await?;
    name.ok_or_else(|| Error::field("assignee", "Choose a member, an agent or a squad of this team."))
}

impl Orchestrator {
    /// Everybody a task can be given to, by name: members, squads, and agents with the name of their squad.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn assignable(&self, scope: &Can<ReadTasks>) -> Result<Vec<(Assignee, String)>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT m.user_id AS "person: UserId", NULL::uuid AS "squad: SquadId", NULL::uuid AS "agent: AgentId", u.name AS "name!"
               FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.team_id = $1
               UNION ALL
               SELECT NULL, id, NULL, name FROM squads WHERE team_id = $1 AND archived_at IS NULL
               UNION ALL
               SELECT NULL, NULL, a.id, a.name || ' in ' || s.name
               FROM agents a JOIN squads s ON s.team_id = a.team_id AND s.id = a.squad_id
               WHERE a.team_id = $1 AND a.removed_at IS NULL AND s.archived_at IS NULL
               ORDER BY 4"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Assignee::from_columns(row.person, row.agent, row.squad).map(|who| (who, row.name)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_round_trip() {
        for assignee in
            [Assignee::Person(UserId::new()), Assignee::Agent(AgentId::new()), Assignee::Squad(SquadId::new())]
        {
            assert_eq!(Assignee::parse(&assignee.to_string()), Some(assignee));
        }
        for bad in ["", "user:", "user:x", "robot:0190a0a0-0000-7000-8000-000000000000"] {
            assert_eq!(Assignee::parse(bad), None, "{bad}");
        }
    }
}
