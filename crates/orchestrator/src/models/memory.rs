use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use time::OffsetDateTime;
use types::{AgentId, GatewayKeyId, ProjectId, TeamId};

use super::{Routes, keys::USED_EVERY};
use crate::budgets::Spender;

/// How long anything stays: providers' keys are not to lie in memory for no reason.
const LIFE: Duration = Duration::from_mins(10);
const MOST_TEAMS: usize = 5_000;
/// Keys, and names of models, of one team.
const MOST_OF_A_TEAM: usize = 500;

/// What this process remembers of teams' gateway keys, and of where calls go. Nothing of it is believed: each is of a version
/// of the team's catalogue, which is compared where the money for a call is held back.
#[derive(Default)]
pub(crate) struct Memory(Mutex<HashMap<TeamId, Team>>);

struct Team {
    version: i64,
    since: Instant,
    keys: HashMap<[u8; 32], KnownKey>,
    routes: HashMap<Name, Routes>,
}

/// A name of a model, and who asks: where it leads is also a question of what project and agent may use.
type Name = (Option<ProjectId>, Option<AgentId>, String);

fn name(spender: &Spender, asked: &str) -> Name {
    (spender.project, spender.agent, asked.to_owned())
}

#[derive(Clone, Copy, Debug)]
pub(super) struct KnownKey {
    pub(super) id: GatewayKeyId,
    pub(super) spender: Spender,
    pub(super) expires_at: OffsetDateTime,
    /// As it stands in the key's row.
    pub(super) used_at: OffsetDateTime,
}

impl Memory {
    fn teams(&self) -> std::sync::MutexGuard<'_, HashMap<TeamId, Team>> {
        // Single inserts leave nothing half done behind a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that works, with the version it is of. One whose last use is to be written again is looked up again.
    pub(super) fn key(&self, team: TeamId, hash: &[u8; 32], now: OffsetDateTime) -> Option<(KnownKey, i64)> {
        let teams = self.teams();
        let known = teams.get(&team).filter(|team| team.since.elapsed() < LIFE)?;
        let key = known.keys.get(hash).filter(|key| now < key.expires_at && now - key.used_at <= USED_EVERY)?;
        Some((*key, known.version))
    }

    pub(super) fn routes(&self, team: TeamId, version: i64, spender: &Spender, asked: &str) -> Option<Routes> {
        let teams = self.teams();
        let known = teams.get(&team).filter(|team| team.version == version && team.since.elapsed() < LIFE)?;
        known.routes.get(&name(spender, asked)).cloned()
    }

    pub(super) fn learn_key(&self, team: TeamId, version: i64, hash: [u8; 32], key: KnownKey) {
        self.learn(team, version, |team| {
            if team.keys.len() >= MOST_OF_A_TEAM {
                team.keys.clear();
            }
            team.keys.insert(hash, key);
        });
    }

    pub(super) fn learn_routes(&self, team: TeamId, spender: &Spender, asked: &str, routes: &Routes) {
        self.learn(team, routes.catalogue, |team| {
            if team.routes.len() >= MOST_OF_A_TEAM {
                team.routes.clear();
            }
            team.routes.insert(name(spender, asked), routes.clone());
        });
    }

    fn learn(&self, team: TeamId, version: i64, add: impl FnOnce(&mut Team)) {
        // Before a team's first call nothing counts its changes.
        if version == 0 {
            return;
        }
        let mut teams = self.teams();
        if teams.len() >= MOST_TEAMS && !teams.contains_key(&team) {
            teams.clear();
        }
        let fresh = || Team { version, since: Instant::now(), keys: HashMap::new(), routes: HashMap::new() };
        let known = teams.entry(team).or_insert_with(fresh);
        if known.version > version {
            return;
        }
        if known.version < version || known.since.elapsed() >= LIFE {
            *known = fresh();
        }
        add(known);
    }

    /// Forgets what is of this version of the team's catalogue, or older.
    pub(super) fn forget(&self, team: TeamId, version: i64) {
        let mut teams = self.teams();
        if teams.get(&team).is_some_and(|known| known.version <= version) {
            teams.remove(&team);
        }
    }

    pub(crate) fn forget_old(&self) {
        self.teams().retain(|_, team| team.since.elapsed() < LIFE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use time::{Duration as Span, macros::datetime};

    use super::*;

    #[test]
    fn what_is_remembered_is_of_one_version() {
        let (memory, team, now) = (Memory::default(), TeamId::new(), datetime!(2026-11-20 9:00 UTC));
        let key = KnownKey {
            id: GatewayKeyId::new(),
            spender: Spender::default(),
            expires_at: now + Span::hours(1),
            used_at: now,
        };
        let routes = |catalogue| Routes { all: Arc::new([]), catalogue, keeps_content: false };
        let spender = Spender::default();
        memory.learn_key(team, 1, [7; 32], key);
        memory.learn_routes(team, &spender, "fast", &routes(1));
        assert_eq!(memory.key(team, &[7; 32], now).map(|(_, version)| version), Some(1));
        assert!(memory.routes(team, 1, &spender, "fast").is_some());
        assert!(memory.routes(team, 2, &spender, "fast").is_none());
        let of_agent = Spender { agent: Some(types::AgentId::new()), ..spender };
        assert!(memory.routes(team, 1, &of_agent, "fast").is_none(), "an agent may be allowed less");
        assert!(memory.key(team, &[7; 32], now + Span::minutes(2)).is_none(), "its last use is written once a minute");
        assert!(memory.key(TeamId::new(), &[7; 32], now).is_none());

        memory.learn_routes(team, &spender, "fast", &routes(2));
        assert!(memory.key(team, &[7; 32], now).is_none(), "a newer version takes the place of the older");
        memory.learn_key(team, 1, [7; 32], key);
        assert!(memory.key(team, &[7; 32], now).is_none(), "and is not replaced by it");
        memory.forget(team, 1);
        assert!(memory.routes(team, 2, &spender, "fast").is_some());
        memory.forget(team, 2);
        assert!(memory.routes(team, 2, &spender, "fast").is_none());
    }
}
