//! The names by which programs ask for models, and where each leads.

use gateway::ListedModel;
use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ModelProviderId, TeamId};

use super::{DEMO_MODEL, ProviderKind, presets::of_address};
use crate::{Error, Result};

/// What a program says that leaves the choice to the team.
pub(super) const DEFAULT: &str = "default";

/// One place that a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub provider: ModelProviderId,
    /// `None`: the provider's own default.
    pub model: Option<String>,
}

/// A name of the team's own, with its places in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub name: String,
    pub targets: Vec<Target>,
}

#[derive(Debug)]
struct Known {
    id: ModelProviderId,
    slug: String,
    kind: ProviderKind,
    base_url: Option<String>,
    model: String,
    chosen: bool,
}

/// `My vLLM (GPU 2)` becomes `my-vllm-gpu-2`.
fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

impl Known {
    /// Whether the name may be one of its own: `vendor/model` is at a broker or a server of the team's, and at others names a
    /// provider that the team does not have.
    fn may_serve(&self, name: &str) -> bool {
        let paths = match (self.kind, self.base_url.as_deref()) {
            (ProviderKind::Demo, _) => false,
            (_, base_url) => base_url.and_then(of_address).is_none_or(|preset| preset.paths),
        };
        paths || !name.contains('/')
    }
}

fn lead(aliases: &[Alias], known: &[Known], asked: &str) -> Vec<Target> {
    if let Some(alias) = aliases.iter().find(|alias| alias.name == asked) {
        return alias.targets.clone();
    }
    if let Some((first, model)) = asked.split_once('/')
        && let Some(provider) = known.iter().find(|provider| provider.slug.eq_ignore_ascii_case(first))
    {
        let model = (model != DEFAULT).then(|| model.to_owned());
        return vec![Target { provider: provider.id, model }];
    }
    let chosen = known.iter().find(|provider| provider.chosen);
    let chosen = chosen.or_else(|| known.iter().find(|provider| provider.kind == ProviderKind::Demo));
    let target =
        |provider: &Known| Target { provider: provider.id, model: (asked != DEFAULT).then(|| asked.to_owned()) };
    // A name that is some provider's own default means that provider.
    let named = known.iter().find(|provider| provider.model == asked);
    match (chosen, named) {
        (Some(chosen), _) if chosen.model == asked || asked == DEFAULT => vec![target(chosen)],
        (_, Some(named)) => vec![target(named)],
        (Some(chosen), None) if chosen.may_serve(asked) => vec![target(chosen)],
        _ => Vec::new(),
    }
}

/// The team's providers, and its own names for their models.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) aliases: Vec<Alias>,
    known: Vec<Known>,
}

impl Catalogue {
    pub(super) async fn read(connection: &mut PgConnection, team: TeamId) -> Result<Self> {
        Ok(Self { aliases: aliases(connection, team).await?, known: known(connection, team).await? })
    }

    pub(super) fn alias(&self, name: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.name == name)
    }

    pub(super) fn provider(&self, slug: &str) -> Option<ModelProviderId> {
        Some(self.known.iter().find(|provider| provider.slug.eq_ignore_ascii_case(slug))?.id)
    }

    pub(super) fn slug(&self, id: ModelProviderId) -> Option<&str> {
        Some(&self.known.iter().find(|provider| provider.id == id)?.slug)
    }

    pub(super) fn slugs(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|provider| provider.slug.as_str())
    }

    /// The provider's part in names, and its own name of the model; `None` for a provider that was removed.
    fn parts<'a>(&'a self, target: &'a Target) -> Option<(&'a str, &'a str)> {
        let provider = self.known.iter().find(|provider| provider.id == target.provider)?;
        let model = match provider.kind {
            ProviderKind::Demo => DEMO_MODEL,
            ProviderKind::Server(_) => target.model.as_deref().unwrap_or(&provider.model),
        };
        Some((&provider.slug, model))
    }

    /// As `provider/model`.
    pub(super) fn place(&self, target: &Target) -> Option<String> {
        self.parts(target).map(|(slug, model)| format!("{slug}/{model}"))
    }

    /// Whether `provider/*`, `provider/model` or a name of the team's own stands for a target.
    pub(super) fn matches(&self, pattern: &str, target: &Target) -> bool {
        let Some((slug, model)) = self.parts(target) else { return false };
        if let Some(alias) = self.alias(pattern) {
            return alias.targets.iter().filter_map(|other| self.parts(other)).any(|other| other == (slug, model));
        }
        let Some((provider, wanted)) = pattern.split_once('/') else { return false };
        let default = || Target { provider: target.provider, model: None };
        provider.eq_ignore_ascii_case(slug)
            && (wanted == "*"
                || wanted == model
                || (wanted == DEFAULT && self.parts(&default()).is_some_and(|(_, own)| own == model)))
    }

    /// Where a name leads: an alias first, then `provider/model`, then the team's default provider with that model, if that may
    /// have one of the name. An alias may name a provider that was removed since; the others still stand.
    pub(super) fn places_of(&self, asked: &str) -> Vec<Target> {
        let mut targets = lead(&self.aliases, &self.known, asked);
        targets.retain(|target| self.known.iter().any(|provider| provider.id == target.provider));
        targets
    }

    /// The names that can be asked for: aliases, the default, and each provider's models whose price is known.
    pub(super) fn names(&self, now: OffsetDateTime) -> Vec<ListedModel> {
        let own = self.aliases.iter().map(|alias| alias.name.clone()).chain([DEFAULT.to_owned()]);
        let mut list: Vec<ListedModel> = own.map(|id| ListedModel { name: id.clone(), id }).collect();
        for provider in &self.known {
            let own = format!("{}/{}", provider.slug, provider.model);
            let priced = gateway::prices::known_models(provider.base_url.as_deref().unwrap_or_default(), now);
            let priced = priced
                .into_iter()
                .map(|model| ListedModel { id: format!("{}/{}", provider.slug, model.id), name: model.name })
                .filter(|model| model.id != own);
            let first = ListedModel { id: own.clone(), name: own.clone() };
            list.extend(std::iter::once(first).chain(priced));
        }
        list
    }
}

/// The version of the team's catalogue; 0 before the team's books begin.
pub(super) async fn version(connection: &mut PgConnection, team: TeamId) -> Result<i64> {
    let version = sqlx::query_scalar!("SELECT catalogue_version FROM budget_heads WHERE team_id = $1", team as TeamId)
        .fetch_optional(connection)
        .await?;
    Ok(version.unwrap_or(0))
}

async fn aliases(connection: &mut PgConnection, team: TeamId) -> Result<Vec<Alias>> {
    let rows = sqlx::query!(
        r#"SELECT name, provider_id AS "provider: ModelProviderId", model FROM model_aliases
           WHERE team_id = $1 ORDER BY name, position"#,
        team as TeamId
    )
    .fetch_all(connection)
    .await?;
    let mut found: Vec<Alias> = Vec::new();
    for row in rows {
        let target = Target { provider: row.provider, model: row.model };
        match found.last_mut().filter(|alias| alias.name == row.name) {
            Some(alias) => alias.targets.push(target),
            None => found.push(Alias { name: row.name, targets: vec![target] }),
        }
    }
    Ok(found)
}

async fn known(connection: &mut PgConnection, team: TeamId) -> Result<Vec<Known>> {
    let rows = sqlx::query!(
        r#"SELECT p.id AS "id: ModelProviderId", p.name, p.kind, p.base_url, p.model, d.team_id IS NOT NULL AS "chosen!"
           FROM model_providers p LEFT JOIN model_defaults d ON d.team_id = p.team_id AND d.provider_id = p.id
           WHERE p.team_id = $1 AND p.removed_at IS NULL ORDER BY lower(p.name), p.id"#,
        team as TeamId
    )
    .fetch_all(connection)
    .await?;
    let known = rows.into_iter().map(|row| {
        let kind = ProviderKind::parse(&row.kind).ok_or_else(|| Error::internal("an unknown kind of provider"))?;
        let slug = if kind == ProviderKind::Demo { "demo".to_owned() } else { slug(&row.name) };
        Ok(Known { id: row.id, slug, kind, base_url: row.base_url, model: row.model, chosen: row.chosen })
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use gateway::Kind;

    use super::*;

    fn provider(slug: &str, model: &str, chosen: bool) -> Known {
        let kind = if slug == "demo" { ProviderKind::Demo } else { ProviderKind::Server(Kind::OpenAiChat) };
        Known { id: ModelProviderId::new(), slug: slug.into(), kind, base_url: None, model: model.into(), chosen }
    }

    #[test]
    fn names_lead_to_aliases_then_providers_then_the_default() {
        let known =
            [provider("demo", "demo", false), provider("openai", "gpt-5", true), provider("vllm", "qwen", false)];
        let alias = Alias { name: "fast".into(), targets: vec![Target { provider: known[2].id, model: None }] };
        let lead = |asked: &str| {
            let targets = lead(std::slice::from_ref(&alias), &known, asked);
            let target = &targets[0];
            let at = known.iter().find(|provider| provider.id == target.provider).unwrap();
            format!("{} {}", at.slug, target.model.as_deref().unwrap_or("-"))
        };
        assert_eq!(lead("fast"), "vllm -");
        assert_eq!(lead("OpenAI/gpt-5-mini"), "openai gpt-5-mini");
        assert_eq!(lead("vllm/default"), "vllm -");
        assert_eq!(lead("default"), "openai -");
        assert_eq!(lead("qwen"), "vllm qwen");
        assert_eq!(lead("o9/strange"), "openai o9/strange");
        assert!(super::lead(&[], &[], "x").is_empty());
    }

    #[test]
    fn a_provider_that_the_team_lacks_is_not_a_part_of_a_name_elsewhere() {
        let leads = |base_url: Option<&str>, asked: &str| {
            let slug = if base_url.is_some() { "ours" } else { "demo" };
            let known = Known { base_url: base_url.map(str::to_owned), ..provider(slug, "m", true) };
            lead(&[], &[known], asked).len()
        };
        for base_url in ["https://api.openai.com/v1", "https://api.anthropic.com"] {
            assert_eq!((leads(Some(base_url), "gone/m"), leads(Some(base_url), "another")), (0, 1), "{base_url}");
        }
        for base_url in ["https://openrouter.ai/api/v1", "http://127.0.0.1:11434/v1", "https://llm.example/v1"] {
            assert_eq!(leads(Some(base_url), "vendor/m"), 1, "{base_url}");
        }
        assert_eq!((leads(None, "gone/m"), leads(None, "another")), (0, 1));
    }

    #[test]
    fn patterns_stand_for_models_and_not_for_words() {
        let known = vec![provider("demo", "demo", false), provider("openai", "gpt-5", true)];
        let (demo, openai) = (known[0].id, known[1].id);
        let target = |provider, model: Option<&str>| Target { provider, model: model.map(str::to_owned) };
        let fast = Alias { name: "fast".into(), targets: vec![target(openai, Some("mini")), target(demo, None)] };
        let catalogue = Catalogue { aliases: vec![fast], known };
        let matches = |pattern: &str, target: &Target| catalogue.matches(pattern, target);
        assert!(matches("OpenAI/*", &target(openai, Some("anything"))));
        assert!(!matches("openai/*", &target(demo, None)));
        assert!(matches("openai/gpt-5", &target(openai, None)) && matches("openai/default", &target(openai, None)));
        assert!(!matches("openai/gpt-5", &target(openai, Some("gpt-5-mini"))));
        assert!(!matches("openai/default", &target(openai, Some("gpt-5-mini"))));
        assert!(matches("fast", &target(openai, Some("mini"))) && !matches("fast", &target(openai, None)));
        assert!(matches("demo/demo", &target(demo, Some("whatever was asked for"))));
        assert!(!matches("gone", &target(demo, None)) && !matches("*", &target(demo, None)));
    }

    #[test]
    fn a_providers_name_becomes_a_part_of_a_models() {
        assert_eq!(slug("My vLLM (GPU 2)"), "my-vllm-gpu-2");
        assert_eq!(slug("OpenRouter"), "openrouter");
    }
}
