use types::{SquadId, TeamId, UserId};

use super::check_name;
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ManageSquads, ReadSquads},
};

/// What a squad starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    Full,
    Pair,
    Solo,
}

impl Template {
    pub const ALL: &[Self] = &[Self::Full, Self::Pair, Self::Solo];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Pair => "pair",
            Self::Solo => "solo",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|template| template.as_str() == text)
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "Full squad",
            Self::Pair => "Coder and reviewer",
            Self::Solo => "Solo coder",
        }
    }

    /// The roles of its agents, in hand-off order.
    #[must_use]
    pub const fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Full => &["lead", "architect", "coder", "coder", "tester", "reviewer"],
            Self::Pair => &["coder", "reviewer"],
            Self::Solo => &["coder"],
        }
    }
}

#[derive(Clone, Debug)]
pub struct Squad {
    pub id: SquadId,
    pub name: String,
    pub template: Template,
}

impl Orchestrator {
    /// The team's squads, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn squads(&self, scope: &Can<ReadSquads>) -> Result<Vec<Squad>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT id AS "id: SquadId", name, template FROM squads WHERE team_id = $1 ORDER BY lower(name) LIMIT 100"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                let template =
                    Template::parse(&row.template).ok_or_else(|| Error::internal("a squad without a template"))?;
                Ok(Squad { id: row.id, name: row.name, template })
            })
            .collect()
    }

    /// Forms a squad from a template.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty or taken.
    pub async fn form_squad(&self, scope: &Can<ManageSquads>, name: &str, template: Template) -> Result<SquadId> {
        let name = check_name("name", name)?;
        let id = SquadId::new();
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        sqlx::query!(
            "INSERT INTO squads (team_id, id, name, template, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            scope.team() as TeamId,
            id as SquadId,
            name,
            template.as_str(),
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("squads_name_is_unique", || {
            Error::field("template", format!("The team has a squad called {name} already."))
        })?;
        let what = Happening {
            action: "squad.formed",
            target_kind: "squad",
            target_id: id.to_string(),
            details: serde_json::json!({ "name": name, "template": template.as_str() }),
        };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(id)
    }
}
