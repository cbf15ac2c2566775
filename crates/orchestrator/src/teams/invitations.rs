use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{Email, Token, TokenHash};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use types::{InvitationId, RoleId, TeamId, UserId};
use uuid::Uuid;

use super::{Role, Team, check_may_give, members};
use crate::{
    Actor, Can, Error, Mail, Orchestrator, Origin, Result, Scope,
    accounts::SignedIn,
    audit::{self, Happening},
    grants::{ManageMembers, ReadMembers},
    mail,
};

const LIFETIME: Duration = Duration::days(7);
/// Invitations of one team that wait at the same time.
const MAX_OPEN: i64 = 200;

/// An invitation that waits.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub invited_by: String,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// What the holder of a link may know before accepting.
#[derive(Clone, Debug)]
pub struct InvitationView {
    pub team: Team,
    pub email: String,
    pub role: String,
    pub invited_by: String,
}

/// The secret of a link: which team, and 256 random bits. The team rides along so that the lookup happens inside
/// that team's fence; the row, found by the secret's hash, is what counts.
struct LinkSecret {
    team: TeamId,
    hash: TokenHash,
}

impl LinkSecret {
    fn text(team: TeamId, token: &Token) -> String {
        format!("{}.{}", URL_SAFE_NO_PAD.encode(team.uuid().as_bytes()), token.expose())
    }

    fn parse(text: &str) -> Option<Self> {
        let (team, token) = text.split_once('.')?;
        let team = Uuid::from_slice(&URL_SAFE_NO_PAD.decode(team).ok()?).ok()?;
        Some(Self { team: TeamId::from_uuid(team), hash: Token::parse(token).ok()?.hash() })
    }
}

struct Found {
    id: InvitationId,
    email: String,
    email_key: String,
    invited_by: String,
    role: Role,
}

impl Orchestrator {
    /// Invites an address into the team and mails a link. An older invitation to the address stops working.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address or role that cannot be, or somebody who is a member already;
    /// [`Error::Denied`] for a role above one's own.
    pub async fn invite(&self, scope: &Can<ManageMembers>, email: &str, role: &str) -> Result<InvitationId> {
        let email = Email::parse(email).map_err(|problem| Error::field("email", problem.to_string()))?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let role = super::roles::find_by_value(&mut tx, scope.team(), role).await?;
        check_may_give(scope, &role)?;
        refuse_member(&mut tx, scope.team(), &email).await?;
        limit_open(&mut tx, scope.team()).await?;
        sqlx::query!(
            "UPDATE invitations SET revoked_at = $3
             WHERE team_id = $1 AND email_key = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
            scope.team() as TeamId,
            email.key(),
            now,
        )
        .execute(&mut *tx)
        .await?;
        let id = self.write_invitation(&mut tx, scope, &email, &role, now).await?;
        let details = serde_json::json!({ "email": email.as_str(), "role": role.name() });
        audit::append(&mut tx, scope, now, happening("invitation.sent", id, details)).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Sends an invitation again with a new link; the old link stops working.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that does not wait, [`Error::Denied`] for a role above one's own.
    pub async fn resend_invitation(&self, scope: &Can<ManageMembers>, id: InvitationId) -> Result<InvitationId> {
        let mut tx = self.db().team(scope).await?;
        let open = open_invitations(&mut tx, scope.team(), Some(id)).await?;
        tx.commit().await?;
        let invitation = open.into_iter().next().ok_or(Error::NotFound)?;
        self.invite(scope, &invitation.email, &invitation.role.value()).await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that does not wait.
    pub async fn revoke_invitation(&self, scope: &Can<ManageMembers>, id: InvitationId) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let email = sqlx::query_scalar!(
            "UPDATE invitations SET revoked_at = $3
             WHERE team_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL RETURNING email",
            scope.team() as TeamId,
            id as InvitationId,
            now,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        let details = serde_json::json!({ "email": email });
        audit::append(&mut tx, scope, now, happening("invitation.revoked", id, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The invitations that wait, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn invitations(&self, scope: &Can<ReadMembers>) -> Result<Vec<Invitation>> {
        let mut tx = self.db().team(scope).await?;
        let open = open_invitations(&mut tx, scope.team(), None).await?;
        tx.commit().await?;
        Ok(open)
    }

    /// What a link offers, for the page that asks whether to accept.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a link that is unknown, used, taken back or too old.
    pub async fn view_invitation(&self, link: &str) -> Result<InvitationView> {
        let secret = LinkSecret::parse(link).ok_or(Error::NotFound)?;
        let mut tx = self.db().of_team(secret.team).await?;
        let found = find(&mut tx, &secret, self.clock().now()).await?;
        let team = super::find(&mut tx, secret.team).await?;
        tx.commit().await?;
        Ok(InvitationView {
            team,
            email: found.email,
            role: found.role.name().to_owned(),
            invited_by: found.invited_by,
        })
    }

    /// Joins the team of a link. The signed-in person's proven address must be the invited one.
    ///
    /// # Errors
    /// [`Error::NotFound`] as above; [`Error::Refused`] for somebody else's invitation.
    pub async fn accept_invitation(&self, who: &SignedIn, link: &str, origin: &Origin) -> Result<Team> {
        let secret = LinkSecret::parse(link).ok_or(Error::NotFound)?;
        let now = self.clock().now();
        let mut tx = self.db().of_team(secret.team).await?;
        let found = find(&mut tx, &secret, now).await?;
        let own = Email::parse(&who.user.email).map_err(Error::internal)?;
        if own.key() != found.email_key {
            return Err(Error::Refused(format!(
                "This invitation was sent to {}, and you are signed in as {}. Sign in with the invited address, or ask for a new invitation.",
                found.email, who.user.email
            )));
        }
        members::insert(&mut tx, secret.team, who.user.id, &found.role, now).await?;
        sqlx::query!(
            "UPDATE invitations SET accepted_at = $3, accepted_by = $4 WHERE team_id = $1 AND id = $2",
            secret.team as TeamId,
            found.id as InvitationId,
            now,
            who.user.id as UserId,
        )
        .execute(&mut *tx)
        .await?;
        let scope = Scope::new(secret.team, Actor::User(who.user.id), found.role.permissions(), origin.clone());
        let details = serde_json::json!({ "role": found.role.name() });
        audit::append(&mut tx, &scope, now, happening("invitation.accepted", found.id, details)).await?;
        let team = super::find(&mut tx, secret.team).await?;
        tx.commit().await?;
        Ok(team)
    }

    async fn write_invitation(
        &self,
        connection: &mut PgConnection,
        scope: &Scope,
        email: &Email,
        role: &Role,
        now: OffsetDateTime,
    ) -> Result<InvitationId> {
        let id = InvitationId::new();
        let token = Token::generate().map_err(Error::internal)?;
        let hash = token.hash();
        let (builtin, custom) = role.columns();
        sqlx::query!(
            "INSERT INTO invitations (team_id, id, email, email_key, builtin_role, role_id, token_hash, invited_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            scope.team() as TeamId,
            id as InvitationId,
            email.as_str(),
            email.key(),
            builtin,
            custom as Option<RoleId>,
            hash.as_bytes(),
            scope.user()? as UserId,
            now,
            now + LIFETIME,
        )
        .execute(&mut *connection)
        .await?;
        let team = super::find(&mut *connection, scope.team()).await?;
        let link =
            format!("{}/invitation?token={}", self.settings().public_url, LinkSecret::text(scope.team(), &token));
        let mail = Mail {
            to: email.as_str().to_owned(),
            subject: format!("Join {} on Muster", one_line(&team.name)),
            body: format!(
                "You are invited to the team {} on Muster, with the role {}.\n\n    {link}\n\nThe link works for 7 days and once. \
                 It opens a page that asks before anything happens.\n",
                one_line(&team.name),
                role.name()
            ),
        };
        mail::enqueue(connection, now, &mail).await?;
        Ok(id)
    }
}

fn happening(action: &'static str, id: InvitationId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "invitation", target_id: id.to_string(), details }
}

fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

async fn refuse_member(connection: &mut PgConnection, team: TeamId, email: &Email) -> Result<()> {
    let member = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM memberships m JOIN users u ON u.id = m.user_id
                          WHERE m.team_id = $1 AND u.email_key = $2) AS "exists!""#,
        team as TeamId,
        email.key()
    )
    .fetch_one(connection)
    .await?;
    if member { Err(Error::field("email", "This person is a member already.")) } else { Ok(()) }
}

async fn limit_open(connection: &mut PgConnection, team: TeamId) -> Result<()> {
    let open = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM invitations WHERE team_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL"#,
        team as TeamId
    )
    .fetch_one(connection)
    .await?;
    if open >= MAX_OPEN {
        return Err(Error::field("email", format!("{MAX_OPEN} invitations wait already. Revoke some first.")));
    }
    Ok(())
}

async fn open_invitations(
    connection: &mut PgConnection,
    team: TeamId,
    only: Option<InvitationId>,
) -> Result<Vec<Invitation>> {
    let rows = sqlx::query!(
        r#"SELECT i.id AS "id: InvitationId", i.email, u.name AS invited_by, i.created_at, i.expires_at, i.builtin_role,
                  r.id AS "role_id?: RoleId", r.name AS "role_name?", r.permissions AS "permissions?"
           FROM invitations i JOIN users u ON u.id = i.invited_by
           LEFT JOIN roles r ON r.team_id = i.team_id AND r.id = i.role_id
           WHERE i.team_id = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND ($2::uuid IS NULL OR i.id = $2)
           ORDER BY i.created_at DESC, i.id DESC"#,
        team as TeamId,
        only as Option<InvitationId>,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let custom = row.role_id.zip(row.role_name).zip(row.permissions).map(|((id, name), p)| (id, name, p));
            Ok(Invitation {
                id: row.id,
                email: row.email,
                role: Role::from_columns(row.builtin_role.as_deref(), custom)
                    .ok_or_else(|| Error::internal("an invitation without a role"))?,
                invited_by: row.invited_by,
                created_at: row.created_at,
                expires_at: row.expires_at,
            })
        })
        .collect()
}

/// The invitation of a link, locked: it is accepted once.
async fn find(connection: &mut PgConnection, secret: &LinkSecret, now: OffsetDateTime) -> Result<Found> {
    let row = sqlx::query!(
        r#"SELECT i.id AS "id: InvitationId", i.email, i.email_key, i.builtin_role, u.name AS invited_by, i.role_id AS "role_id: RoleId"
           FROM invitations i JOIN users u ON u.id = i.invited_by
           WHERE i.team_id = $1 AND i.token_hash = $2 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $3
           FOR UPDATE OF i"#,
        secret.team as TeamId,
        secret.hash.as_bytes(),
        now,
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(Error::NotFound)?;
    let value = row.builtin_role.or(row.role_id.map(|id| id.to_string())).unwrap_or_default();
    let role = super::roles::find_by_value(connection, secret.team, &value).await?;
    Ok(Found { id: row.id, email: row.email, email_key: row.email_key, invited_by: row.invited_by, role })
}
