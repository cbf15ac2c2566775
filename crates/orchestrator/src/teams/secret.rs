use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{Token, TokenHash};
use types::TeamId;
use uuid::Uuid;

/// Characters that 16 bytes of a team's id take in base64url.
const TEAM_LENGTH: usize = 22;

/// The text of a token or key: a mark by which scanners find leaked ones, the team, and 256 random bits. The team rides along
/// so that the look-up happens inside that team's fence.
pub(crate) struct Secret {
    pub(crate) team: TeamId,
    pub(crate) hash: TokenHash,
}

impl Secret {
    pub(crate) fn text(mark: &str, team: TeamId, token: &Token) -> String {
        format!("{mark}{}{}", URL_SAFE_NO_PAD.encode(team.uuid().as_bytes()), token.expose())
    }

    pub(crate) fn parse(mark: &str, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(mark)?;
        let (team, token) = (rest.get(..TEAM_LENGTH)?, rest.get(TEAM_LENGTH..)?);
        let team = Uuid::from_slice(&URL_SAFE_NO_PAD.decode(team).ok()?).ok()?;
        Some(Self { team: TeamId::from_uuid(team), hash: Token::parse(token).ok()?.hash() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_token_names_its_team() {
        let (team, token) = (TeamId::new(), Token::generate().unwrap());
        let text = Secret::text("mst_", team, &token);
        assert_eq!(text.len(), 69);
        let secret = Secret::parse("mst_", &text).unwrap();
        assert_eq!((secret.team, secret.hash), (team, token.hash()));
        for bad in ["", "mst_", &text[4..], &text[..68], "mst_ü", &text.replace("mst_", "xyz_")] {
            assert!(Secret::parse("mst_", bad).is_none(), "{bad}");
        }
    }
}
