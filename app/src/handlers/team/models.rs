use axum::{
    Form,
    extract::{Path, Query, State},
};
use orchestrator::{
    Error, Grant,
    grants::{ManageIntegrations, ReadTeam},
    models::{ModelProvider, PRESETS, Preset, ProviderKind, ProviderSettings, Tested, WireFormat},
};
use serde::Deserialize;
use types::{ModelProviderId, Permission};

use crate::{
    components::select::Choice,
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, form_errors_at, html, shell},
    layout::shell::Section,
    pages::team::models::{self as view, Models, NewProvider},
    request::Inside,
    state::App,
};

async fn draw<G: Grant>(app: &App, member: &Inside<G>, form: NewProvider, errors: Errors) -> Result<String, Failure> {
    let Some(reader) = member.also::<ReadTeam>() else {
        return Err(Error::Denied(Permission::ReadTeam).into());
    };
    let providers = app.muster.model_providers(&reader).await?;
    let data = Models {
        prices: app.muster.model_prices(&reader).await?,
        providers: providers.into_iter().map(row).collect(),
        presets: PRESETS.iter().map(|preset| Choice::new(preset.slug, preset.name)).collect(),
        form,
        errors,
    };
    let shell = shell::inside(app, member, Section::Models, "Models and keys").await?;
    Ok(view::page(&shell, &data))
}

fn row(provider: ModelProvider) -> view::Provider {
    let is_demo = provider.kind == ProviderKind::Demo;
    view::Provider {
        id: provider.id,
        name: provider.name,
        place: provider.base_url.unwrap_or_else(|| "Comes with Muster, needs no key, costs nothing".to_owned()),
        model: provider.model,
        key: provider.key_hint.zip(provider.key_set_at),
        is_default: provider.is_default,
        is_demo,
        tested: provider.tested.map(|tested| view::Tested { at: tested.at, problem: tested.problem }),
        agents: provider.agents,
    }
}

fn preset(slug: &str) -> &'static Preset {
    PRESETS.iter().find(|preset| preset.slug == slug).unwrap_or(&PRESETS[0])
}

/// The format of a server that no preset knows.
fn is_open(preset: &Preset) -> bool {
    preset.base_url.is_empty()
}

fn formats(preset: &Preset) -> Vec<Choice> {
    let name = |format| match format {
        WireFormat::OpenAiChat => "OpenAI (chat completions)",
        WireFormat::Anthropic => "Anthropic (messages)",
        WireFormat::Gemini => "Google (generateContent)",
    };
    let all = WireFormat::ALL.iter().map(|format| Choice::new(format.as_str(), name(*format)));
    if is_open(preset) { all.collect() } else { Vec::new() }
}

fn begun(preset: &Preset) -> NewProvider {
    NewProvider {
        preset: preset.slug.to_owned(),
        name: if is_open(preset) { String::new() } else { preset.name.to_owned() },
        base_url: preset.base_url.to_owned(),
        model: preset.model.to_owned(),
        format: preset.kind.as_str().to_owned(),
        formats: formats(preset),
        needs_key: preset.needs_key,
    }
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    preset: String,
}

pub(crate) async fn models(member: Inside<ReadTeam>, State(app): State<App>, Query(wanted): Query<Wanted>) -> Answer {
    html(draw(&app, &member, begun(preset(&wanted.preset)), Errors::new()).await?)
}

#[derive(Deserialize)]
pub(crate) struct ProviderForm {
    #[serde(default)]
    preset: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    base_url: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    key: String,
}

pub(crate) async fn add_provider(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Form(form): Form<ProviderForm>,
) -> Answer {
    let chosen = preset(&form.preset);
    let kind = if is_open(chosen) { WireFormat::parse(&form.format).unwrap_or(chosen.kind) } else { chosen.kind };
    let settings = ProviderSettings { name: form.name, kind, base_url: form.base_url, model: form.model };
    match app.muster.add_model_provider(&member, &settings, &form.key).await {
        Ok(id) => tried(&app, &member, id).await,
        Err(error) => {
            let errors = form_errors(error)?;
            let typed = NewProvider {
                name: settings.name,
                base_url: settings.base_url,
                model: settings.model,
                format: kind.as_str().to_owned(),
                ..begun(chosen)
            };
            again(draw(&app, &member, typed, errors).await?)
        }
    }
}

/// Makes the trial call and goes back to the list, where its result stands.
async fn tried(app: &App, member: &Inside<ManageIntegrations>, id: ModelProviderId) -> Answer {
    let tested = app.muster.test_model_provider(member, id).await?;
    told(app, member, &tested)
}

fn told(app: &App, member: &Inside<ManageIntegrations>, tested: &Tested) -> Answer {
    let word = if tested.problem.is_none() { "model_works" } else { "model_does_not_work" };
    done(app, &member.link("/settings/models"), word)
}

#[derive(Deserialize)]
pub(crate) struct ProviderPath {
    provider: String,
}

fn id(path: &ProviderPath) -> Result<ModelProviderId, Error> {
    path.provider.parse().map_err(|_| Error::NotFound)
}

pub(crate) async fn test_provider(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Path(path): Path<ProviderPath>,
) -> Answer {
    tried(&app, &member, id(&path)?).await
}

#[derive(Deserialize)]
pub(crate) struct KeyForm {
    #[serde(default)]
    key: String,
    /// A box that is ticked sends something.
    anyway: Option<String>,
}

pub(crate) async fn replace_key(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Path(path): Path<ProviderPath>,
    Form(form): Form<KeyForm>,
) -> Answer {
    let id = id(&path)?;
    match app.muster.replace_model_key(&member, id, &form.key, form.anyway.is_some()).await {
        Ok(tested) => told(&app, &member, &tested),
        Err(error) => {
            // The field is in a dialog that is closed again, so the sentence stands alone above the page.
            let mut errors = Errors::new();
            for error in form_errors_at("", error)?.iter() {
                errors.add("", error.message.clone());
            }
            again(draw(&app, &member, begun(preset("")), errors).await?)
        }
    }
}

pub(crate) async fn choose_default(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Path(path): Path<ProviderPath>,
) -> Answer {
    app.muster.choose_default_model(&member, id(&path)?).await?;
    done(&app, &member.link("/settings/models"), "model_default")
}

pub(crate) async fn remove_provider(
    member: Inside<ManageIntegrations>,
    State(app): State<App>,
    Path(path): Path<ProviderPath>,
) -> Answer {
    match app.muster.remove_model_provider(&member, id(&path)?).await {
        Ok(()) => done(&app, &member.link("/settings/models"), "model_removed"),
        Err(error) => {
            let errors = form_errors_at("", error)?;
            again(draw(&app, &member, begun(preset("")), errors).await?)
        }
    }
}
