//! From a cookie to a team, in one round trip to the database.

use time::{Duration, OffsetDateTime};
use types::{BuiltinRole, SessionId, TeamId, UserId};

use super::{Entered, Joined, Role, Team, joined, members};
use crate::{
    Actor, Error, Orchestrator, Origin, Result, Scope,
    accounts::{self, SignedIn, User},
};

/// Somebody whose session lives, and the teams they are in at that moment. It holds for the request that asked: the next one
/// asks again, so an ended session or a lost membership counts at once.
#[derive(Clone, Debug)]
pub struct Arrived {
    who: SignedIn,
    joined: Vec<Joined>,
}

impl Arrived {
    #[must_use]
    pub const fn who(&self) -> &SignedIn {
        &self.who
    }
}

/// The time of the last request is kept this exactly: not every request writes.
const SEEN_EVERY: Duration = Duration::minutes(1);

/// A row of the function `arrive`: the session, beside one of its person's teams.
struct Row {
    session: SessionId,
    signed_in_at: OffsetDateTime,
    last_seen_at: OffsetDateTime,
    user: UserId,
    name: String,
    email: String,
    team: Option<TeamId>,
    slug: Option<String>,
    team_name: Option<String>,
    role: Option<String>,
}

impl Row {
    fn who(&self) -> SignedIn {
        let user = User { id: self.user, name: self.name.clone(), email: self.email.clone() };
        SignedIn { session: self.session, user, signed_in_at: self.signed_in_at }
    }

    fn joined(self) -> Option<Joined> {
        let team = Team { id: self.team?, slug: self.slug?, name: self.team_name? };
        Some(Joined { team, role: self.role.as_deref().and_then(BuiltinRole::parse) })
    }
}

impl Orchestrator {
    /// Who holds this cookie, if the session still lives, with their teams.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn arrive(&self, token: &str) -> Result<Option<Arrived>> {
        let Some(hash) = accounts::hash_of(token) else { return Ok(None) };
        let now = self.clock().now();
        // Every page asks this: one statement, and no transaction around it.
        let mut connection = self.db().global_once().await?;
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT session_id AS "session!: SessionId", signed_in_at AS "signed_in_at!", last_seen_at AS "last_seen_at!",
                      user_id AS "user!: UserId", user_name AS "name!", user_email AS "email!",
                      team_id AS "team?: TeamId", team_slug AS "slug?", team_name AS "team_name?", builtin_role AS "role?"
               FROM arrive($1, $2, $3)"#,
            hash.as_bytes(),
            now,
            now - self.settings().session_idle,
        )
        .fetch_all(&mut *connection)
        .await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let who = first.who();
        if now - first.last_seen_at > SEEN_EVERY {
            sqlx::query!("UPDATE sessions SET last_seen_at = $2 WHERE id = $1", who.session as SessionId, now)
                .execute(&mut *connection)
                .await?;
        }
        Ok(Some(Arrived { who, joined: rows.into_iter().filter_map(Row::joined).collect() }))
    }

    /// Who holds this cookie, if the session still lives.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session(&self, token: &str) -> Result<Option<SignedIn>> {
        Ok(self.arrive(token).await?.map(|arrived| arrived.who))
    }

    /// Enters a team: the one way from a signed-in person to a [`Scope`].
    ///
    /// # Errors
    /// [`Error::NotFound`] for a slug no team has, and for a team the person is no member of.
    pub async fn enter(&self, who: &SignedIn, slug: &str, origin: Origin) -> Result<Entered> {
        let mut tx = self.db().of_user(who.user.id).await?;
        let joined = joined(&mut tx, who.user.id).await?;
        tx.commit().await?;
        self.enter_arrived(&Arrived { who: who.clone(), joined }, slug, origin).await
    }

    /// As [`enter`](Self::enter), with the teams that were read with the session.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a slug no team has, and for a team the person is no member of.
    pub async fn enter_arrived(&self, arrived: &Arrived, slug: &str, origin: Origin) -> Result<Entered> {
        let Arrived { who, joined } = arrived;
        let found = joined.iter().find(|joined| joined.team.slug == slug).ok_or(Error::NotFound)?;
        let team = found.team.clone();
        let role = match found.role {
            Some(role) => Role::Builtin(role),
            // A role that the team made is a row of the team.
            None => {
                let mut tx = self.db().of_team(team.id).await?;
                let role = members::role_of(&mut tx, team.id, who.user.id).await?.ok_or(Error::NotFound)?;
                tx.commit().await?;
                role
            }
        };
        let scope = Scope::new(team.id, Actor::User(who.user.id), role.permissions(), origin);
        Ok(Entered { scope, team, role, joined: joined.clone() })
    }
}
