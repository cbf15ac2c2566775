//! What a server must read for a dashboard, whatever it is made of: whose session the cookie is, whether the person is in
//! the team, and the rows that the page shows.
//!
//! By plain statements over one pool, as an application without a second fence would: no transaction, no row-level security.

use sha2::{Digest, Sha256};
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::failure::{Doing, Outcome};

const WHO: &str = "SELECT t.id::text FROM sessions s
    JOIN users u ON u.id = s.user_id JOIN memberships m ON m.user_id = u.id JOIN teams t ON t.id = m.team_id
    WHERE s.token_hash = $1 AND s.expires_at > now() AND t.slug = $2";

/// One statement for each list of the page.
const LISTS: [&str; 4] = [
    "SELECT p.id::text, p.name, p.source, p.repository_url, p.created_at::text,
            (SELECT count(*) FROM tasks t WHERE t.team_id = p.team_id AND t.project_id = p.id AND t.deleted_at IS NULL)
     FROM projects p WHERE p.team_id = $1::uuid AND p.archived_at IS NULL ORDER BY p.created_at DESC LIMIT 200",
    "SELECT t.number, t.title, p.name, t.state, t.created_at::text
     FROM tasks t JOIN projects p ON p.team_id = t.team_id AND p.id = t.project_id
     WHERE t.team_id = $1::uuid AND t.deleted_at IS NULL ORDER BY t.number DESC LIMIT 100",
    "SELECT r.id::text, t.number, t.title, s.name, r.state, r.stage, r.cost_micro_usd, r.created_at::text
     FROM runs r JOIN tasks t ON t.team_id = r.team_id AND t.id = r.task_id JOIN squads s ON s.team_id = r.team_id AND s.id = r.squad_id
     WHERE r.team_id = $1::uuid ORDER BY r.created_at DESC LIMIT 200",
    "SELECT e.seq, e.at::text, u.name, e.action, e.target_kind, e.target_id, e.details::text
     FROM audit_entries e LEFT JOIN users u ON u.id = e.actor_id WHERE e.team_id = $1::uuid ORDER BY e.seq DESC LIMIT 10",
];

#[derive(Clone)]
pub(crate) struct Reads(PgPool);

impl Reads {
    /// `connections`: as many as the measured server may open for its pages.
    pub(crate) fn open(url: &str, connections: u32) -> Outcome<Self> {
        let pool = PgPoolOptions::new().max_connections(connections).test_before_acquire(false).connect_lazy(url);
        Ok(Self(pool.doing(|| "The peer cannot read the database's address".to_owned())?))
    }

    /// The number of rows of the page, or none where the cookie opens no session in the team.
    #[expect(clippy::disallowed_methods, reason = "a bench has no database when it is built")]
    pub(crate) async fn page(&self, cookie: &str, team: &str) -> Result<Option<usize>, sqlx::Error> {
        let Some(token) = session(cookie) else { return Ok(None) };
        let hash = Sha256::digest(token.as_bytes());
        let team: Option<String> =
            sqlx::query_scalar(WHO).bind(hash.as_slice()).bind(team).fetch_optional(&self.0).await?;
        let Some(team) = team else { return Ok(None) };
        let mut rows = 0;
        for list in LISTS {
            rows += sqlx::query(list).bind(&team).fetch_all(&self.0).await?.len();
        }
        Ok(Some(rows))
    }
}

fn session(cookie: &str) -> Option<&str> {
    let pairs = cookie.split("; ").filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find_map(|(name, value)| (name.trim_start_matches("__Host-") == "session").then_some(value))
}

#[cfg(test)]
mod tests {
    use super::session;

    #[test]
    fn the_session_is_found_with_and_without_its_prefix() {
        assert_eq!(session("appearance=dark.normal; __Host-session=abc"), Some("abc"));
        assert_eq!(session("session=abc"), Some("abc"));
        assert_eq!(session("sessions=abc"), None);
    }
}
