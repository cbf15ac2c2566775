use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{Permission, RoleId, TeamId, UserId};

use super::{Role, check_may_give};
use crate::{
    Can, Error, Orchestrator, Result, Scope,
    audit::{self, Happening},
    grants::{ManageMembers, ReadMembers, ReadTeam},
};

/// A person in the team.
#[derive(Clone, Debug)]
pub struct Member {
    pub user: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub joined_at: OffsetDateTime,
    /// When one of their sessions last made a request; `None` where none lives.
    pub last_seen_at: Option<OffsetDateTime>,
}

impl Orchestrator {
    /// Everybody in the team, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn members(&self, scope: &Can<ReadMembers>) -> Result<Vec<Member>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT u.id AS "user: UserId", u.name, u.email, m.builtin_role, m.joined_at,
                      r.id AS "role_id?: RoleId", r.name AS "role_name?", r.permissions AS "permissions?",
                      (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id) AS last_seen_at
               FROM memberships m JOIN users u ON u.id = m.user_id
               LEFT JOIN roles r ON r.team_id = m.team_id AND r.id = m.role_id
               WHERE m.team_id = $1 ORDER BY lower(u.name), u.id"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                let custom = row.role_id.zip(row.role_name).zip(row.permissions).map(|((id, name), p)| (id, name, p));
                Ok(Member {
                    user: row.user,
                    name: row.name,
                    email: row.email,
                    role: Role::from_columns(row.builtin_role.as_deref(), custom).ok_or_else(no_role)?,
                    joined_at: row.joined_at,
                    last_seen_at: row.last_seen_at,
                })
            })
            .collect()
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`Error::NotFound`] for somebody who is no member, [`Error::Denied`] for a role above one's own, before or
    /// after, [`Error::Refused`] where no owner would be left.
    pub async fn change_role(&self, scope: &Can<ManageMembers>, user: UserId, role: &str) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        lock_owners(&mut tx, scope.team()).await?;
        let before = role_of(&mut tx, scope.team(), user).await?.ok_or(Error::NotFound)?;
        let after = super::roles::find_by_value(&mut tx, scope.team(), role).await?;
        check_may_give(scope, &before)?;
        check_may_give(scope, &after)?;
        if before.is_owner() && !after.is_owner() {
            keep_an_owner(&mut tx, scope.team(), user).await?;
        }
        let (builtin, custom) = after.columns();
        sqlx::query!(
            "UPDATE memberships SET builtin_role = $3, role_id = $4 WHERE team_id = $1 AND user_id = $2",
            scope.team() as TeamId,
            user as UserId,
            builtin,
            custom as Option<RoleId>,
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "before": before.name(), "after": after.name() });
        audit::append(&mut tx, scope, self.clock().now(), happening("member.role_changed", user, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// As [`Orchestrator::change_role`].
    pub async fn remove_member(&self, scope: &Can<ManageMembers>, user: UserId) -> Result<()> {
        self.end_membership(scope, user, "member.removed").await
    }

    /// Leaves the team by one's own choice.
    ///
    /// # Errors
    /// [`Error::Refused`] for the last owner.
    pub async fn leave_team(&self, scope: &Can<ReadTeam>) -> Result<()> {
        let user = scope.user()?;
        self.end_membership(scope, user, "member.left").await
    }

    async fn end_membership(&self, scope: &Scope, user: UserId, action: &'static str) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        lock_owners(&mut tx, scope.team()).await?;
        let role = role_of(&mut tx, scope.team(), user).await?.ok_or(Error::NotFound)?;
        check_may_give(scope, &role)?;
        if role.is_owner() {
            keep_an_owner(&mut tx, scope.team(), user).await?;
        }
        sqlx::query!(
            "DELETE FROM memberships WHERE team_id = $1 AND user_id = $2",
            scope.team() as TeamId,
            user as UserId
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "role": role.name() });
        audit::append(&mut tx, scope, self.clock().now(), happening(action, user, details)).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn happening(action: &'static str, user: UserId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "user", target_id: user.to_string(), details }
}

/// Somebody in the team whose role grants a permission.
pub(crate) struct Holder {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// Those in the team whose role grants a permission, by name.
pub(crate) async fn holders_of(
    connection: &mut PgConnection,
    team: TeamId,
    permission: Permission,
) -> Result<Vec<Holder>> {
    let rows = sqlx::query!(
        r#"SELECT u.id AS "id: UserId", u.name, u.email, m.builtin_role, r.id AS "role_id?: RoleId", r.name AS "role_name?",
                  r.permissions AS "permissions?"
           FROM memberships m JOIN users u ON u.id = m.user_id
           LEFT JOIN roles r ON r.team_id = m.team_id AND r.id = m.role_id
           WHERE m.team_id = $1 ORDER BY u.name, u.id"#,
        team as TeamId
    )
    .fetch_all(connection)
    .await?;
    let holds = rows.into_iter().filter_map(|row| {
        let custom = row.role_id.zip(row.role_name).zip(row.permissions).map(|((id, name), p)| (id, name, p));
        let role = Role::from_columns(row.builtin_role.as_deref(), custom)?;
        let holder = Holder { id: row.id, name: row.name, email: row.email };
        role.permissions().contains(permission).then_some(holder)
    });
    Ok(holds.collect())
}

fn no_role() -> Error {
    Error::internal("a membership without a role")
}

/// Serialises whatever could leave a team without an owner.
async fn lock_owners(connection: &mut PgConnection, team: TeamId) -> Result<()> {
    sqlx::query!(
        "SELECT user_id FROM memberships WHERE team_id = $1 AND builtin_role = 'owner' ORDER BY user_id FOR UPDATE",
        team as TeamId
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

async fn keep_an_owner(connection: &mut PgConnection, team: TeamId, but: UserId) -> Result<()> {
    let others = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM memberships WHERE team_id = $1 AND builtin_role = 'owner' AND user_id <> $2"#,
        team as TeamId,
        but as UserId
    )
    .fetch_one(connection)
    .await?;
    if others == 0 {
        return Err(Error::Refused("A team needs an owner. Make somebody else an owner first.".into()));
    }
    Ok(())
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    team: TeamId,
    user: UserId,
    role: &Role,
    at: OffsetDateTime,
) -> Result<bool> {
    let (builtin, custom) = role.columns();
    let inserted = sqlx::query!(
        "INSERT INTO memberships (team_id, user_id, builtin_role, role_id, joined_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        team as TeamId,
        user as UserId,
        builtin,
        custom as Option<RoleId>,
        at,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

pub(super) async fn role_of(connection: &mut PgConnection, team: TeamId, user: UserId) -> Result<Option<Role>> {
    let row = sqlx::query!(
        r#"SELECT m.builtin_role, r.id AS "role_id?: RoleId", r.name AS "role_name?", r.permissions AS "permissions?"
           FROM memberships m LEFT JOIN roles r ON r.team_id = m.team_id AND r.id = m.role_id
           WHERE m.team_id = $1 AND m.user_id = $2"#,
        team as TeamId,
        user as UserId
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| {
        let custom = row.role_id.zip(row.role_name).zip(row.permissions).map(|((id, name), p)| (id, name, p));
        Role::from_columns(row.builtin_role.as_deref(), custom)
    }))
}
