//! The team's own names for models: giving and taking them away.

use types::{ModelProviderId, TeamId};

use super::{
    catalogue::{Alias, Catalogue, DEFAULT, Target},
    in_use::refuse_if_named,
};
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    budgets::catalogue_changed,
    grants::{ManageIntegrations, ReadTeam},
    runs,
};

const MAX_ALIASES: i64 = 100;
const MAX_TARGETS: usize = 5;

impl Orchestrator {
    /// The team's own names, each with its models as `provider/model`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn model_names(&self, scope: &Can<ReadTeam>) -> Result<Vec<(String, Vec<String>)>> {
        let mut tx = self.db().team(scope).await?;
        let catalogue = Catalogue::read(&mut tx, scope.team()).await?;
        tx.commit().await?;
        let places = |alias: &Alias| alias.targets.iter().filter_map(|target| catalogue.place(target)).collect();
        Ok(catalogue.aliases.iter().map(|alias| (alias.name.clone(), places(alias))).collect())
    }

    /// Gives a name its models, each as `provider/model`; none takes the name away, unless an agent or a project goes by it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name or a model that cannot be.
    pub async fn name_models(&self, scope: &Can<ManageIntegrations>, name: &str, places: &[&str]) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        let catalogue = Catalogue::read(&mut tx, scope.team()).await?;
        tx.commit().await?;
        let mut targets = Vec::new();
        for (place, field) in places.iter().zip(["first", "second", "third", "fourth", "fifth"]) {
            let found = place.split_once('/').and_then(|(slug, model)| {
                let provider = catalogue.provider(slug)?;
                Some(Target { provider, model: (model != DEFAULT).then(|| model.to_owned()) })
            });
            let unknown = || {
                let slugs = catalogue.slugs().collect::<Vec<_>>().join(", ");
                Error::field(field, format!("Write it as provider/model. The team's providers: {slugs}."))
            };
            targets.push(found.ok_or_else(unknown)?);
        }
        self.set_model_alias(scope, &Alias { name: name.to_owned(), targets }).await
    }

    /// Gives a name its places, in the order in which they are tried; none takes the name away, unless an agent or a project
    /// goes by it: what they named would lead elsewhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that cannot be, or too many; [`Error::NotFound`] for a provider that is not the team's.
    pub async fn set_model_alias(&self, scope: &Can<ManageIntegrations>, alias: &Alias) -> Result<()> {
        let (team, now) = (scope.team(), self.clock().now());
        check(alias)?;
        let mut tx = self.db().team(scope).await?;
        if alias.targets.is_empty() {
            refuse_if_named(&mut tx, team, &alias.name).await?;
        }
        let catalogue = Catalogue::read(&mut tx, team).await?;
        let count = sqlx::query_scalar!(
            r#"SELECT count(DISTINCT name) AS "count!" FROM model_aliases WHERE team_id = $1 AND name <> $2"#,
            team as TeamId,
            alias.name
        )
        .fetch_one(&mut *tx)
        .await?;
        if count >= MAX_ALIASES {
            return Err(Error::field("alias", format!("A team has at most {MAX_ALIASES} names. Remove one first.")));
        }
        sqlx::query!("DELETE FROM model_aliases WHERE team_id = $1 AND name = $2", team as TeamId, alias.name)
            .execute(&mut *tx)
            .await?;
        for (position, target) in (1_i16..).zip(&alias.targets) {
            if catalogue.place(target).is_none() {
                return Err(Error::NotFound);
            }
            sqlx::query!(
                "INSERT INTO model_aliases (team_id, name, position, provider_id, model) VALUES ($1, $2, $3, $4, $5)",
                team as TeamId,
                alias.name,
                position,
                target.provider as ModelProviderId,
                target.model
            )
            .execute(&mut *tx)
            .await?;
        }
        let models: Vec<_> = alias.targets.iter().map(|target| (target.provider.to_string(), &target.model)).collect();
        let set = Happening {
            action: "model_alias.set",
            target_kind: "model_alias",
            target_id: alias.name.clone(),
            details: serde_json::json!({ "models": models }),
        };
        catalogue_changed(&mut tx, team).await?;
        runs::let_go_on_with_models(&mut tx, team, now).await?;
        audit::append(&mut tx, scope, now, set).await?;
        Ok(tx.commit().await?)
    }
}

fn check(alias: &Alias) -> Result<()> {
    let name = alias.name.as_str();
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._-".contains(letter);
    let begins = name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    if !begins || name.len() > 60 || !name.chars().all(plain) || name == DEFAULT {
        return Err(Error::field(
            "alias",
            "Use up to 60 small letters, digits, dots and hyphens; the word “default” is taken.",
        ));
    }
    if alias.targets.len() > MAX_TARGETS {
        return Err(Error::field("alias", format!("A name leads to at most {MAX_TARGETS} models.")));
    }
    let long = |target: &Target| target.model.as_ref().is_some_and(|model| model.is_empty() || model.len() > 200);
    if alias.targets.iter().any(long) {
        return Err(Error::field("first", "Enter the model's name as the provider writes it."));
    }
    Ok(())
}
