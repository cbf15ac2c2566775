//! From the name of a model to the places where its calls go. All calls pass here, those of runs and those of programs.

use std::sync::Arc;

use gateway::ListedModel;
use types::{ModelProviderId, TeamId};

use super::{
    Caller, ModelRoute,
    allowed::Restrictions,
    catalogue::{Catalogue, DEFAULT, Target, version},
};
use crate::{Can, Error, Orchestrator, Result, Scope, budgets::Spender, grants::ReadTeam};

/// Where the calls for a name go, in the order in which they are tried, and the version of the catalogue that says so.
#[derive(Clone, Debug)]
pub struct Routes {
    pub all: Arc<[ModelRoute]>,
    pub catalogue: i64,
    /// Whether the team keeps the words of its calls.
    pub keeps_content: bool,
}

impl Orchestrator {
    /// Where the calls for a name go; as remembered, where the caller is of the same version of the catalogue.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that leads nowhere; [`Error::NotAllowed`] where a list of the caller's project or
    /// agent leaves none of its models.
    pub async fn routes_of(&self, caller: &Caller, asked: &str) -> Result<Routes> {
        let (team, spender) = (caller.team(), &caller.spender);
        if let Some(routes) = self.memory().routes(team, caller.catalogue(), spender, asked) {
            return Ok(routes);
        }
        let routes = self.routes(caller.scope(), spender, &Asked::Name(asked)).await?;
        self.memory().learn_routes(team, spender, asked, &routes);
        Ok(routes)
    }

    /// Where the calls of a run's agent go: to the provider it names, else to what its model's name leads to as it does for
    /// programs.
    pub(crate) async fn routes_of_agent(
        &self,
        scope: &Scope,
        spender: &Spender,
        provider: Option<ModelProviderId>,
        model: Option<&str>,
    ) -> Result<Routes> {
        let asked = match provider {
            Some(provider) => Asked::Target(Target { provider, model: model.map(str::to_owned) }),
            None => Asked::Name(model.unwrap_or(DEFAULT)),
        };
        self.routes(scope, spender, &asked).await
    }

    async fn routes(&self, scope: &Scope, spender: &Spender, asked: &Asked<'_>) -> Result<Routes> {
        let team = scope.team();
        let mut tx = self.db().team(scope).await?;
        // First of all: what is read after it is of this version, or newer, and then it is refused as too old.
        let version = version(&mut tx, team).await?;
        let catalogue = Catalogue::read(&mut tx, team).await?;
        let restrictions = Restrictions::of(&mut tx, team, spender).await?;
        let keeps_content = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM content_capture WHERE team_id = $1) AS "keeps!""#,
            team as TeamId
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        let (name, targets) = match asked {
            Asked::Name(name) => ((*name).to_owned(), catalogue.places_of(name)),
            Asked::Target(target) => (catalogue.place(target).ok_or(Error::NotFound)?, vec![target.clone()]),
        };
        if targets.is_empty() {
            return Err(Error::NotFound);
        }
        let mut all = Vec::new();
        for target in restrictions.keep(&catalogue, &name, targets)? {
            match self.model_for(scope, Some(target.provider), target.model.as_deref()).await {
                Ok(route) => all.push(route),
                Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        if all.is_empty() {
            return Err(Error::NotFound);
        }
        Ok(Routes { all: all.into(), catalogue: version, keeps_content })
    }

    /// The names that a caller may ask for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn models_of(&self, caller: &Caller) -> Result<Vec<ListedModel>> {
        let mut tx = self.db().team(caller.scope()).await?;
        let catalogue = Catalogue::read(&mut tx, caller.team()).await?;
        let restrictions = Restrictions::of(&mut tx, caller.team(), &caller.spender).await?;
        tx.commit().await?;
        let mut list = catalogue.names(self.clock().now());
        list.retain(|model| catalogue.places_of(&model.id).iter().any(|target| restrictions.allow(&catalogue, target)));
        Ok(list)
    }

    /// One of the models that a caller may ask for, by any of its names.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that the list does not know; [`Error::NotAllowed`] as for
    /// [`routes_of`](Orchestrator::routes_of).
    pub async fn model_of(&self, caller: &Caller, asked: &str) -> Result<ListedModel> {
        let mut tx = self.db().team(caller.scope()).await?;
        let catalogue = Catalogue::read(&mut tx, caller.team()).await?;
        let restrictions = Restrictions::of(&mut tx, caller.team(), &caller.spender).await?;
        tx.commit().await?;
        let places = catalogue.places_of(asked);
        let place = places.first().and_then(|target| catalogue.place(target));
        let mut listed = catalogue.names(self.clock().now()).into_iter();
        let found = listed.find(|model| model.id == asked || Some(&model.id) == place.as_ref());
        let found = found.ok_or(Error::NotFound)?;
        restrictions.keep(&catalogue, asked, places)?;
        Ok(ListedModel { id: asked.to_owned(), ..found })
    }

    /// The names that an agent's model may be given as: the team's own, then each provider's as `provider/model`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn model_choices(&self, scope: &Can<ReadTeam>) -> Result<Vec<String>> {
        let mut tx = self.db().team(scope).await?;
        let catalogue = Catalogue::read(&mut tx, scope.team()).await?;
        tx.commit().await?;
        let names = catalogue.names(self.clock().now()).into_iter().map(|model| model.id);
        Ok(names.filter(|name| name != DEFAULT).collect())
    }
}

/// What a call names.
enum Asked<'a> {
    Name(&'a str),
    Target(Target),
}
