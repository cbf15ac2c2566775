use axum::{
    Form,
    extract::{Path, State},
};
use http::{HeaderValue, header::CACHE_CONTROL};
use orchestrator::{
    Error, Grant,
    grants::{ManageIntegrations, ReadProjects, ReadTeam},
    models::{NewGatewayKey, ProviderKind, Rates},
};
use serde::Deserialize;
use time::Duration;
use types::{GatewayKeyId, MicroUsd, ModelProviderId, Permission, ProjectId};

use crate::{
    components::select::Choice,
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, html, shell},
    layout::shell::Section,
    pages::team::gateway::{Gateway, Key, Made, Name, Price, Typed, page},
    request::Inside,
    state::App,
};

const RATES: [&str; 4] = ["input", "cache_read", "cache_write", "output"];

async fn draw<G: Grant>(
    app: &App,
    member: &Inside<G>,
    (form, errors): (Typed, Errors),
    made: Option<Made>,
) -> Result<String, Failure> {
    let Some(reader) = member.also::<ReadTeam>() else {
        return Err(Error::Denied(Permission::ReadTeam).into());
    };
    let muster = &app.muster;
    let keys = muster.gateway_keys(&reader).await?.into_iter().map(|key| Key {
        id: key.id,
        name: key.name,
        hint: key.hint,
        project: key.project,
        creator: key.creator,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
    });
    let prices = muster.agreed_prices(&reader).await?.into_iter().map(|price| Price {
        provider: price.provider,
        provider_name: price.provider_name,
        model: price.model,
        rates: [price.rates.input, price.rates.cache_read, price.rates.cache_write, price.rates.output]
            .map(MicroUsd::from_micros),
    });
    let names = muster.model_names(&reader).await?.into_iter().map(|(name, places)| Name { name, places });
    let providers = muster.model_providers(&reader).await?;
    let paid = providers.iter().filter(|provider| provider.kind != ProviderKind::Demo);
    let projects = match member.also::<ReadProjects>() {
        Some(reader) => muster.projects(&reader).await?,
        None => Vec::new(),
    };
    let base = format!("{}/llm", muster.settings().public_url);
    let data = Gateway {
        keys: keys.collect(),
        made,
        prices: prices.collect(),
        names: names.collect(),
        projects: projects.iter().map(|project| Choice::new(project.id.to_string(), &project.name)).collect(),
        providers: paid.map(|provider| Choice::new(provider.id.to_string(), &provider.name)).collect(),
        addresses: vec![
            ("OpenAI", format!("{base}/openai/v1")),
            ("Anthropic", format!("{base}/anthropic")),
            ("Google", format!("{base}/gemini")),
        ],
        base,
        form,
        errors,
    };
    let shell = shell::inside(app, member, Section::Models, "Model gateway").await?;
    Ok(page(&shell, &data))
}

pub(crate) async fn gateway(member: Inside<ReadTeam>, State(app): State<App>) -> Answer {
    html(draw(&app, &member, (Typed::default(), Errors::new()), None).await?)
}

#[derive(Deserialize)]
pub(crate) struct KeyForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    life: String,
}

/// Answers with the page itself and not with a way to it: the secret is in this answer and nowhere else.
pub(crate) async fn create_gateway_key(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Form(form): Form<KeyForm>,
) -> Answer {
    let project: Option<ProjectId> = match form.project.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Error::NotFound)?),
    };
    let life = Duration::days(form.life.parse::<u16>().unwrap_or(0).into());
    match app.muster.create_gateway_key(&member, &NewGatewayKey { name: &form.name, project, life }).await {
        Ok((_, secret)) => {
            let made = Made { name: form.name.trim().to_owned(), secret };
            let mut answer = html(draw(&app, &member, (Typed::default(), Errors::new()), Some(made)).await?)?;
            answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(answer)
        }
        Err(error) => {
            let errors = form_errors(error)?;
            let typed = Typed { name: form.name, project: form.project, life: form.life, ..Typed::default() };
            again(draw(&app, &member, (typed, errors), None).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct KeyPath {
    gateway_key: String,
}

pub(crate) async fn revoke_gateway_key(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Path(path): Path<KeyPath>,
) -> Answer {
    let key: GatewayKeyId = path.gateway_key.parse().map_err(|_| Error::NotFound)?;
    app.muster.revoke_gateway_key(&member, key).await?;
    done(&app, &member.link("/settings/gateway"), "gateway_key_revoked")
}

#[derive(Deserialize)]
pub(crate) struct PriceForm {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    input: String,
    #[serde(default)]
    cache_read: String,
    #[serde(default)]
    cache_write: String,
    #[serde(default)]
    output: String,
}

pub(crate) async fn agree_price(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Form(form): Form<PriceForm>,
) -> Answer {
    let provider: ModelProviderId = form.provider.parse().map_err(|_| Error::NotFound)?;
    let texts = [form.input, form.cache_read, form.cache_write, form.output];
    let mut errors = Errors::new();
    let read = |(field, text): (&'static str, &String)| {
        let amount = MicroUsd::parse_dollars(text.trim());
        if amount.is_none() {
            errors.add(field, "Enter US dollars for a million tokens, such as 2.50.".to_owned());
        }
        amount.map_or(0, MicroUsd::micros)
    };
    let amounts: Vec<i64> = RATES.into_iter().zip(&texts).map(read).collect();
    if errors.is_empty() {
        let rates = Rates { input: amounts[0], cache_read: amounts[1], cache_write: amounts[2], output: amounts[3] };
        match app.muster.agree_price(&member, provider, &form.model, rates).await {
            Ok(()) => return done(&app, &member.link("/settings/gateway#prices"), "model_price_agreed"),
            Err(error) => errors = form_errors(error)?,
        }
    }
    let typed = Typed { provider: form.provider, model: form.model, rates: texts, ..Typed::default() };
    again(draw(&app, &member, (typed, errors), None).await?)
}

#[derive(Deserialize)]
pub(crate) struct PricePath {
    provider: String,
}

#[derive(Deserialize)]
pub(crate) struct ModelForm {
    #[serde(default)]
    model: String,
}

pub(crate) async fn forget_price(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Path(path): Path<PricePath>,
    Form(form): Form<ModelForm>,
) -> Answer {
    let provider: ModelProviderId = path.provider.parse().map_err(|_| Error::NotFound)?;
    app.muster.forget_price(&member, provider, &form.model).await?;
    done(&app, &member.link("/settings/gateway#prices"), "model_price_forgotten")
}

#[derive(Deserialize)]
pub(crate) struct NameForm {
    #[serde(default)]
    alias: String,
    #[serde(default)]
    first: String,
    #[serde(default)]
    second: String,
    #[serde(default)]
    third: String,
}

/// A name with no model is taken away.
pub(crate) async fn name_models(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Form(form): Form<NameForm>,
) -> Answer {
    let places = [form.first, form.second, form.third];
    let named: Vec<&str> = places.iter().map(|place| place.trim()).filter(|place| !place.is_empty()).collect();
    match app.muster.name_models(&member, form.alias.trim(), &named).await {
        Ok(()) => {
            let word = if named.is_empty() { "model_name_removed" } else { "model_name_saved" };
            done(&app, &member.link("/settings/gateway#names"), word)
        }
        Err(error) => {
            let errors = form_errors(error)?;
            again(draw(&app, &member, (Typed { alias: form.alias, places, ..Typed::default() }, errors), None).await?)
        }
    }
}
