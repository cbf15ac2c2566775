//! Teams, their members, roles and invitations.

mod arrival;
mod invitations;
mod members;
mod roles;
pub(crate) mod secret;
mod slug;
mod tokens;

use sqlx::PgConnection;
use types::{BuiltinRole, FieldError, Permission, PermissionSet, RoleId, TeamId, UserId};

pub use arrival::Arrived;
pub use invitations::{Invitation, InvitationView};
pub use members::Member;
pub(crate) use members::holders_of;
pub use roles::CustomRole;
pub use slug::{RESERVED as RESERVED_SLUGS, Slug, suggest as suggest_slug};
pub use tokens::{ApiToken, NewToken};

use crate::{
    Actor, Can, Error, Orchestrator, Origin, Result, Scope,
    accounts::SignedIn,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ManageTeam, ReadTeam},
    models, squads,
};

/// A team, as its members see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub id: TeamId,
    pub slug: String,
    pub name: String,
}

/// A team of a person, with the role they hold in it.
#[derive(Clone, Debug)]
pub struct Joined {
    pub team: Team,
    /// The built-in role; `None` for one that the team made itself.
    pub role: Option<BuiltinRole>,
}

/// A person inside a team: what [`Orchestrator::enter`] gives.
#[derive(Clone, Debug)]
pub struct Entered {
    pub scope: Scope,
    pub team: Team,
    pub role: Role,
    /// All teams of the person, by name: the switcher of every page shows them.
    pub joined: Vec<Joined>,
}

/// A role, built in or made by the team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Builtin(BuiltinRole),
    Custom { id: RoleId, name: String, permissions: PermissionSet },
}

impl Role {
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Builtin(role) => role.as_str(),
            Self::Custom { name, .. } => name,
        }
    }

    #[must_use]
    pub fn permissions(&self) -> PermissionSet {
        match self {
            Self::Builtin(role) => role.permissions(),
            Self::Custom { permissions, .. } => *permissions,
        }
    }

    #[must_use]
    pub fn is_owner(&self) -> bool {
        *self == Self::Builtin(BuiltinRole::Owner)
    }

    /// The form's value: a built-in role's name, or a custom role's id.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Builtin(role) => role.as_str().to_owned(),
            Self::Custom { id, .. } => id.to_string(),
        }
    }

    /// As the tables keep it: one of two columns.
    fn columns(&self) -> (Option<&'static str>, Option<RoleId>) {
        match self {
            Self::Builtin(role) => (Some(role.as_str()), None),
            Self::Custom { id, .. } => (None, Some(*id)),
        }
    }

    /// Reads the columns back. `None` where they name nothing, which a check of the table forbids.
    fn from_columns(builtin: Option<&str>, custom: Option<(RoleId, String, Vec<String>)>) -> Option<Self> {
        match (builtin, custom) {
            (Some(name), _) => BuiltinRole::parse(name).map(Self::Builtin),
            (None, Some((id, name, permissions))) => {
                Some(Self::Custom { id, name, permissions: roles::read_permissions(&permissions) })
            }
            (None, None) => None,
        }
    }
}

impl Orchestrator {
    /// The teams of a person, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn teams(&self, who: &SignedIn) -> Result<Vec<Joined>> {
        let mut tx = self.db().of_user(who.user.id).await?;
        let joined = joined(&mut tx, who.user.id).await?;
        tx.commit().await?;
        Ok(joined)
    }

    /// Makes a team; whoever makes it owns it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name or slug that cannot be, or that is taken.
    pub async fn create_team(&self, who: &SignedIn, name: &str, slug: &str, origin: &Origin) -> Result<Team> {
        let (name, slug) = check_naming(name, slug)?;
        let now = self.clock().now();
        let id = TeamId::new();
        let mut tx = self.db().of_team(id).await?;
        sqlx::query!(
            "INSERT INTO teams (id, slug, name, created_at) VALUES ($1, $2, $3, $4)",
            id as TeamId,
            slug,
            name,
            now
        )
        .execute(&mut *tx)
        .await
        .on_constraint("teams_slug_is_unique", slug_taken)?;
        audit::begin(&mut tx, id).await?;
        members::insert(&mut tx, id, who.user.id, &Role::Builtin(BuiltinRole::Owner), now).await?;
        squads::insert_built_in(&mut tx, id, now).await?;
        models::insert_demo(&mut tx, id, now).await?;
        let scope = Scope::new(id, Actor::User(who.user.id), PermissionSet::all(), origin.clone());
        let details = serde_json::json!({ "name": name, "slug": slug });
        audit::append(&mut tx, &scope, now, team_happening("team.created", id, details)).await?;
        tx.commit().await?;
        Ok(Team { id, slug, name })
    }

    /// The team of a scope.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn team(&self, scope: &Can<ReadTeam>) -> Result<Team> {
        let mut tx = self.db().team(scope).await?;
        let team = find(&mut tx, scope.team()).await?;
        tx.commit().await?;
        Ok(team)
    }

    /// Changes the team's name and address.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name or slug that cannot be, or that is taken.
    pub async fn rename_team(&self, scope: &Can<ManageTeam>, name: &str, slug: &str) -> Result<Team> {
        let (name, slug) = check_naming(name, slug)?;
        let mut tx = self.db().team(scope).await?;
        let before = find(&mut tx, scope.team()).await?;
        sqlx::query!("UPDATE teams SET name = $2, slug = $3 WHERE id = $1", scope.team() as TeamId, name, slug)
            .execute(&mut *tx)
            .await
            .on_constraint("teams_slug_is_unique", slug_taken)?;
        let details = serde_json::json!({
            "before": { "name": before.name, "slug": before.slug },
            "after": { "name": name, "slug": slug },
        });
        audit::append(&mut tx, scope, self.clock().now(), team_happening("team.renamed", scope.team(), details))
            .await?;
        tx.commit().await?;
        Ok(Team { id: scope.team(), slug, name })
    }
}

/// Needs a transaction of the person.
async fn joined(connection: &mut PgConnection, user: UserId) -> Result<Vec<Joined>> {
    let rows = sqlx::query!(
        r#"SELECT t.id AS "id: TeamId", t.slug, t.name, m.builtin_role
           FROM memberships m JOIN teams t ON t.id = m.team_id
           WHERE m.user_id = $1 ORDER BY lower(t.name), t.id"#,
        user as UserId
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| Joined {
        team: Team { id: row.id, slug: row.slug, name: row.name },
        role: row.builtin_role.as_deref().and_then(BuiltinRole::parse),
    });
    Ok(rows.collect())
}

async fn find(connection: &mut PgConnection, team: TeamId) -> Result<Team> {
    Ok(sqlx::query_as!(Team, r#"SELECT id AS "id: TeamId", slug, name FROM teams WHERE id = $1"#, team as TeamId)
        .fetch_one(connection)
        .await?)
}

fn team_happening(action: &'static str, team: TeamId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "team", target_id: team.to_string(), details }
}

fn slug_taken() -> Error {
    Error::field("slug", "This address is taken. Choose another.")
}

fn check_naming(name: &str, slug: &str) -> Result<(String, String)> {
    let mut errors = Vec::new();
    let name = name.trim();
    match name.chars().count() {
        0 => errors.push(FieldError { field: "name".into(), message: "Enter a name for the team.".into() }),
        81.. => errors.push(FieldError { field: "name".into(), message: "Use at most 80 characters.".into() }),
        _ => {}
    }
    let slug = match Slug::parse(slug) {
        Ok(slug) => slug.into_string(),
        Err(problem) => {
            errors.push(FieldError { field: "slug".into(), message: problem.to_string() });
            String::new()
        }
    };
    if errors.is_empty() { Ok((name.to_owned(), slug)) } else { Err(Error::Invalid(errors)) }
}

/// Refuses to hand out more than one has: nobody gives or takes a role with a permission of which they hold none.
fn check_may_give(scope: &Scope, role: &Role) -> Result<()> {
    if scope.permissions().covers(role.permissions()) {
        Ok(())
    } else {
        Err(Error::Denied(
            role.permissions()
                .iter()
                .find(|permission| !scope.permissions().contains(*permission))
                .unwrap_or(Permission::OwnTeam),
        ))
    }
}
