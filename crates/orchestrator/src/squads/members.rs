use sqlx::PgConnection;
use types::{AgentId, SquadId, SquadMemberId, TeamId, UserId};

use super::{
    Person,
    agents::{self, Agent},
    happening, lock,
};
use crate::{Can, Error, Orchestrator, Result, Scope, audit, grants::ManageSquads};

/// Members of one squad.
const MAX_MEMBERS: i32 = 20;

/// A place in a squad's hand-off order.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: SquadMemberId,
    pub holder: Holder,
}

/// Who holds a place.
#[derive(Clone, Debug)]
pub enum Holder {
    Agent(Agent),
    Person(Person),
}

/// Where a member moves in the hand-off order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

impl Orchestrator {
    /// Adds a person of the team to the end of the hand-off order.
    ///
    /// # Errors
    /// [`Error::NotFound`] for somebody who is not in the team; [`Error::Invalid`] for somebody who is in the squad.
    pub async fn add_person(&self, scope: &Can<ManageSquads>, squad: SquadId, user: UserId) -> Result<SquadMemberId> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        lock(&mut tx, scope.team(), squad).await?;
        let position = next_position(&mut tx, scope.team(), squad).await?;
        let id = SquadMemberId::new();
        sqlx::query!(
            "INSERT INTO squad_members (team_id, id, squad_id, position, user_id) VALUES ($1, $2, $3, $4, $5)",
            scope.team() as TeamId,
            id as SquadMemberId,
            squad as SquadId,
            position,
            user as UserId,
        )
        .execute(&mut *tx)
        .await
        .map_err(|error| match &error {
            sqlx::Error::Database(database) => match database.constraint() {
                Some("squad_members_person_is_in_team") => Error::NotFound,
                Some("squad_members_person_once") => Error::field("user", "This person is in the squad already."),
                _ => error.into(),
            },
            _ => error.into(),
        })?;
        let details = serde_json::json!({ "user": user });
        audit::append(&mut tx, scope, now, happening("squad.person_added", squad, details)).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Takes a member out of the squad. Runs under way keep the squad they started with.
    ///
    /// # Errors
    /// [`Error::NotFound`] for somebody who is not in the squad.
    pub async fn remove_squad_member(
        &self,
        scope: &Can<ManageSquads>,
        squad: SquadId,
        member: SquadMemberId,
    ) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        lock(&mut tx, scope.team(), squad).await?;
        let row = sqlx::query!(
            r#"DELETE FROM squad_members WHERE team_id = $1 AND squad_id = $2 AND id = $3
               RETURNING agent_id AS "agent: AgentId", user_id AS "user: UserId""#,
            scope.team() as TeamId,
            squad as SquadId,
            member as SquadMemberId,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        let name = match row.agent {
            Some(agent) => Some(agents::remove(&mut tx, scope.team(), agent, now).await?),
            None => None,
        };
        let details = serde_json::json!({ "agent": row.agent, "name": name, "user": row.user });
        audit::append(&mut tx, scope, now, happening("squad.member_removed", squad, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Moves a member one place up or down in the hand-off order. At the end of the list nothing changes.
    ///
    /// # Errors
    /// [`Error::NotFound`] for somebody who is not in the squad.
    pub async fn move_squad_member(
        &self,
        scope: &Can<ManageSquads>,
        squad: SquadId,
        member: SquadMemberId,
        direction: Direction,
    ) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        lock(&mut tx, scope.team(), squad).await?;
        let order = order(&mut tx, scope, squad).await?;
        let at = order.iter().position(|id| *id == member).ok_or(Error::NotFound)?;
        let other = match direction {
            Direction::Up => at.checked_sub(1),
            Direction::Down => Some(at + 1),
        };
        let Some(other) = other.and_then(|other| order.get(other)).copied() else {
            return Ok(());
        };
        sqlx::query!(
            "UPDATE squad_members m SET position = o.position FROM squad_members o
             WHERE m.team_id = $1 AND m.squad_id = $2 AND o.team_id = $1 AND o.squad_id = $2
               AND ((m.id = $3 AND o.id = $4) OR (m.id = $4 AND o.id = $3))",
            scope.team() as TeamId,
            squad as SquadId,
            member as SquadMemberId,
            other as SquadMemberId,
        )
        .execute(&mut *tx)
        .await?;
        let word = if direction == Direction::Up { "up" } else { "down" };
        let details = serde_json::json!({ "member": member, "direction": word });
        audit::append(&mut tx, scope, now, happening("squad.member_moved", squad, details)).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn order(connection: &mut PgConnection, scope: &Scope, squad: SquadId) -> Result<Vec<SquadMemberId>> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: SquadMemberId" FROM squad_members WHERE team_id = $1 AND squad_id = $2 ORDER BY position"#,
        scope.team() as TeamId,
        squad as SquadId
    )
    .fetch_all(connection)
    .await?)
}

/// The place after the last one of a locked squad.
pub(super) async fn next_position(connection: &mut PgConnection, team: TeamId, squad: SquadId) -> Result<i32> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "count!", coalesce(max(position), 0) AS "last!" FROM squad_members
           WHERE team_id = $1 AND squad_id = $2"#,
        team as TeamId,
        squad as SquadId
    )
    .fetch_one(connection)
    .await?;
    if row.count >= i64::from(MAX_MEMBERS) {
        return Err(Error::Refused(format!("A squad has at most {MAX_MEMBERS} members. Remove one first.")));
    }
    Ok(row.last + 1)
}

/// The members of a squad, in hand-off order.
pub(super) async fn of_squad(connection: &mut PgConnection, team: TeamId, squad: SquadId) -> Result<Vec<Member>> {
    let mut agents = agents::of_squad(&mut *connection, team, squad).await?;
    let rows = sqlx::query!(
        r#"SELECT m.id AS "id: SquadMemberId", m.agent_id AS "agent: AgentId", m.user_id AS "user: UserId", u.name AS "name?"
           FROM squad_members m LEFT JOIN users u ON u.id = m.user_id
           WHERE m.team_id = $1 AND m.squad_id = $2 ORDER BY m.position"#,
        team as TeamId,
        squad as SquadId
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let holder = match (row.agent, row.user, row.name) {
                (Some(id), ..) => {
                    agents.iter().position(|agent| agent.id == id).map(|at| Holder::Agent(agents.swap_remove(at)))
                }
                (None, Some(id), Some(name)) => Some(Holder::Person(Person { id, name })),
                _ => None,
            };
            let holder = holder.ok_or_else(|| Error::internal("a place in a squad that nobody holds"))?;
            Ok(Member { id: row.id, holder })
        })
        .collect()
}
