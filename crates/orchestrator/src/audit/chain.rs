use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use types::{AuditEntryId, TeamId};
use uuid::Uuid;

use crate::clock::micros;

pub(super) type Hash = [u8; 32];

/// What the first entry of a chain follows.
pub(super) const GENESIS: Hash = [0; 32];

/// The fields of an entry that its hash covers.
pub(super) struct Link<'a> {
    pub(super) team: TeamId,
    pub(super) seq: i64,
    pub(super) id: AuditEntryId,
    pub(super) at: OffsetDateTime,
    pub(super) actor_kind: &'a str,
    pub(super) actor_id: Option<Uuid>,
    pub(super) action: &'a str,
    pub(super) target_kind: &'a str,
    pub(super) target_id: &'a str,
    pub(super) details: &'a str,
    pub(super) request_id: Uuid,
    pub(super) prev: &'a [u8],
}

impl Link<'_> {
    /// SHA-256 over every field, each behind its length, so that no two different entries share their bytes.
    pub(super) fn hash(&self) -> Hash {
        let mut sha = Sha256::new();
        let mut field = |bytes: &[u8]| {
            sha.update((bytes.len() as u64).to_be_bytes());
            sha.update(bytes);
        };
        field(b"muster audit 1");
        field(self.prev);
        field(self.team.uuid().as_bytes());
        field(&self.seq.to_be_bytes());
        field(self.id.uuid().as_bytes());
        field(&micros(self.at).to_be_bytes());
        field(self.actor_kind.as_bytes());
        field(self.actor_id.as_ref().map_or(&[], |id| id.as_bytes().as_slice()));
        field(self.action.as_bytes());
        field(self.target_kind.as_bytes());
        field(self.target_id.as_bytes());
        field(self.details.as_bytes());
        field(self.request_id.as_bytes());
        sha.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link<'a>(action: &'a str, target_kind: &'a str) -> Link<'a> {
        Link {
            team: TeamId::from_uuid(Uuid::nil()),
            seq: 1,
            id: AuditEntryId::from_uuid(Uuid::nil()),
            at: OffsetDateTime::UNIX_EPOCH,
            actor_kind: "user",
            actor_id: None,
            action,
            target_kind,
            target_id: "",
            details: "{}",
            request_id: Uuid::nil(),
            prev: &GENESIS,
        }
    }

    #[test]
    fn moving_a_letter_between_fields_changes_the_hash() {
        assert_ne!(link("team.rename", "d").hash(), link("team.renamed", "").hash());
    }

    #[test]
    fn the_hash_ignores_what_postgres_does_not_keep() {
        let exact = Link { at: OffsetDateTime::UNIX_EPOCH + time::Duration::nanoseconds(999), ..link("a", "b") };
        assert_eq!(exact.hash(), link("a", "b").hash());
    }
}
