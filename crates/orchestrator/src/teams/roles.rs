use sqlx::PgConnection;
use types::{BuiltinRole, FieldError, Permission, PermissionSet, RoleId, TeamId};

use super::{Role, check_may_give};
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ManageRoles, ReadMembers},
};

/// A role a team made for itself.
#[derive(Clone, Debug)]
pub struct CustomRole {
    pub id: RoleId,
    pub name: String,
    pub permissions: PermissionSet,
    /// Members and open invitations that hold it.
    pub holders: i64,
}

/// Custom roles of one team.
const MAX_ROLES: i64 = 50;

impl Orchestrator {
    /// The team's own roles, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn custom_roles(&self, scope: &Can<ReadMembers>) -> Result<Vec<CustomRole>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT r.id AS "id: RoleId", r.name, r.permissions,
                      (SELECT count(*) FROM memberships m WHERE m.team_id = r.team_id AND m.role_id = r.id)
                      + (SELECT count(*) FROM invitations i WHERE i.team_id = r.team_id AND i.role_id = r.id
                         AND i.accepted_at IS NULL AND i.revoked_at IS NULL) AS "holders!"
               FROM roles r WHERE r.team_id = $1 ORDER BY lower(r.name)"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows
            .into_iter()
            .map(|row| CustomRole {
                id: row.id,
                name: row.name,
                permissions: read_permissions(&row.permissions),
                holders: row.holders,
            })
            .collect())
    }

    /// Makes a role of the team's own.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty, taken or built in, or for no permission;
    /// [`Error::Denied`] for a permission one does not have.
    pub async fn create_role(
        &self,
        scope: &Can<ManageRoles>,
        name: &str,
        permissions: PermissionSet,
    ) -> Result<RoleId> {
        let name = check_role(name, permissions)?;
        let id = RoleId::new();
        check_may_give(scope, &Role::Custom { id, name: name.clone(), permissions })?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let roles =
            sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM roles WHERE team_id = $1"#, scope.team() as TeamId)
                .fetch_one(&mut *tx)
                .await?;
        if roles >= MAX_ROLES {
            return Err(Error::field(
                "name",
                format!("A team has at most {MAX_ROLES} roles of its own. Delete one first."),
            ));
        }
        let texts = write_permissions(permissions);
        sqlx::query!(
            "INSERT INTO roles (team_id, id, name, permissions, created_at) VALUES ($1, $2, $3, $4, $5)",
            scope.team() as TeamId,
            id as RoleId,
            name,
            &texts,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("roles_name_is_unique", || Error::field("name", "The team has a role of this name."))?;
        let details = serde_json::json!({ "name": name, "permissions": texts });
        audit::append(&mut tx, scope, now, happening("role.created", id, details)).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Deletes a role that nobody holds.
    ///
    /// # Errors
    /// [`Error::Refused`] while somebody holds it.
    pub async fn delete_role(&self, scope: &Can<ManageRoles>, role: RoleId) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        let name = sqlx::query_scalar!(
            "DELETE FROM roles WHERE team_id = $1 AND id = $2 RETURNING name",
            scope.team() as TeamId,
            role as RoleId
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(|error| match &error {
            sqlx::Error::Database(database) if database.is_foreign_key_violation() => {
                Error::Refused("Somebody holds this role, or was invited to it. Give them another one first.".into())
            }
            _ => error.into(),
        })?
        .ok_or(Error::NotFound)?;
        let details = serde_json::json!({ "name": name });
        audit::append(&mut tx, scope, self.clock().now(), happening("role.deleted", role, details)).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn happening(action: &'static str, role: RoleId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "role", target_id: role.to_string(), details }
}

fn check_role(name: &str, permissions: PermissionSet) -> Result<String> {
    let name = name.trim();
    let mut errors = Vec::new();
    let mut wrong =
        |field: &str, message: &str| errors.push(FieldError { field: field.into(), message: message.into() });
    match name.chars().count() {
        0 => wrong("name", "Enter a name for the role."),
        61.. => wrong("name", "Use at most 60 characters."),
        _ if BuiltinRole::parse(&name.to_lowercase()).is_some() => {
            wrong("name", "This is the name of a built-in role.")
        }
        _ => {}
    }
    if permissions == PermissionSet::NONE {
        wrong("permissions", "Choose at least one permission.");
    }
    if permissions.contains(Permission::OwnTeam) {
        wrong("permissions", "Ownership belongs to the owner role alone.");
    }
    if errors.is_empty() { Ok(name.to_owned()) } else { Err(Error::Invalid(errors)) }
}

/// A role from a form's value, built in or of this team.
pub(super) async fn find_by_value(connection: &mut PgConnection, team: TeamId, value: &str) -> Result<Role> {
    if let Some(role) = BuiltinRole::parse(value) {
        return Ok(Role::Builtin(role));
    }
    let unknown = || Error::field("role", "Choose one of the roles in the list.");
    let id: RoleId = value.parse().map_err(|_| unknown())?;
    let row = sqlx::query!(
        "SELECT name, permissions FROM roles WHERE team_id = $1 AND id = $2",
        team as TeamId,
        id as RoleId
    )
    .fetch_optional(connection)
    .await?
    .ok_or_else(unknown)?;
    Ok(Role::Custom { id, name: row.name, permissions: read_permissions(&row.permissions) })
}

/// A permission this version does not know grants nothing.
pub(super) fn read_permissions(texts: &[String]) -> PermissionSet {
    texts.iter().filter_map(|text| Permission::parse(text)).collect()
}

pub(super) fn write_permissions(permissions: PermissionSet) -> Vec<String> {
    permissions.iter().map(|permission| permission.as_str().to_owned()).collect()
}
