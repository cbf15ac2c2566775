use axum::extract::{Form, Path, State};
use orchestrator::{
    Error, Grant,
    grants::{ManageSquads, ReadSquads, ReadTeam},
    squads::{AgentLimits, AgentSettings, AgentType, SquadDetail},
};
use serde::Deserialize;
use types::{AgentId, AgentKind, AgentRole, FieldError, MicroUsd, ModelProviderId, SquadId};

use super::{SquadPath, below, draw, load, reader, refused_above};
use crate::{
    components::{breadcrumb::Crumb, select::Choice},
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, html},
    pages::squads::agent::{self as view, AgentInput, AgentPage},
    request::Inside,
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct RoleForm {
    #[serde(default)]
    role: String,
}

/// Adds an agent of the built-in type with the defaults of its role; what else it is, its own page asks.
pub(crate) async fn add_agent(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<SquadPath>,
    Form(form): Form<RoleForm>,
) -> Answer {
    let id = path.id()?;
    let squad = load(&app, &member, id).await?;
    let types = app.muster.agent_types(&reader(&member)?).await?;
    let built_in = types.iter().find(|found| found.settings.kind == AgentKind::Builtin);
    let added = match (AgentRole::parse(&form.role), built_in) {
        (Some(role), Some(kind)) => {
            let settings = AgentSettings::of_role(role, free_name(&squad, role), kind.id);
            app.muster.add_agent(&member, id, &settings).await
        }
        _ => Err(Error::Invalid(vec![FieldError {
            field: "role".to_owned(),
            message: "Choose one of the roles.".to_owned(),
        }])),
    };
    match added {
        Ok(agent) => done(&app, &member.link(&format!("/squads/{id}/agents/{agent}")), "agent_added"),
        Err(error) => again(draw(&app, &member, id, refused_above(error)?).await?),
    }
}

/// The role, or the role with the first number that no agent of the squad has.
fn free_name(squad: &SquadDetail, role: AgentRole) -> String {
    let taken = |name: &str| squad.agents().any(|agent| agent.settings.name == name);
    let numbered = (2..).map(|number| format!("{role}-{number}"));
    let mut names = std::iter::once(role.to_string()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_else(|| role.to_string())
}

#[derive(Deserialize)]
pub(crate) struct AgentPath {
    squad: String,
    agent: String,
}

impl AgentPath {
    fn ids(&self) -> Result<(SquadId, AgentId), Error> {
        let squad = self.squad.parse().map_err(|_| Error::NotFound)?;
        Ok((squad, self.agent.parse().map_err(|_| Error::NotFound)?))
    }
}

async fn draw_agent<G: Grant>(
    app: &App,
    member: &Inside<G>,
    (squad, id): (SquadId, AgentId),
    typed: Option<(AgentInput, Errors)>,
) -> Result<String, Failure> {
    let reader = reader(member)?;
    let agent = app.muster.agent(&reader, squad, id).await?;
    let home = app.muster.squad(&reader, squad).await?;
    let types = app.muster.agent_types(&reader).await?;
    let types = types.into_iter().filter(|found| found.enabled || found.id == agent.settings.agent_type);
    let (mut providers, mut models) = (Vec::new(), Vec::new());
    if let Some(reader) = member.also::<ReadTeam>() {
        let all = app.muster.model_providers(&reader).await?;
        providers = all.into_iter().map(|found| Choice::new(found.id.to_string(), found.name)).collect();
        models = app.muster.model_choices(&reader).await?;
    }
    let (input, errors) = typed.unwrap_or_else(|| (AgentInput::of(&agent.settings, agent.version), Errors::new()));
    let data = AgentPage {
        squad,
        id,
        name: agent.settings.name.clone(),
        role: agent.settings.role,
        version: agent.version,
        types: types.map(|found| type_choice(&found)).collect(),
        providers,
        models,
        input,
        versions: app.muster.agent_versions(&reader, squad, id).await?,
        errors,
    };
    let up = Crumb::new(home.settings.name, member.link(&format!("/squads/{squad}")));
    let here = Crumb::new(data.name.clone(), member.link(&format!("/squads/{squad}/agents/{id}")));
    let shell = below(app, member, vec![up, here]).await?;
    Ok(view::page(&shell, &data))
}

/// A type that no run can use yet says so where it is chosen.
fn type_choice(found: &AgentType) -> Choice {
    let name = &found.settings.display_name;
    let label = match found.settings.kind {
        AgentKind::Builtin => name.clone(),
        AgentKind::Acp | AgentKind::Stream => format!("{name} (cannot run yet)"),
    };
    Choice::new(found.id.to_string(), label)
}

pub(crate) async fn agent(member: Inside<ReadSquads>, State(app): State<App>, Path(path): Path<AgentPath>) -> Answer {
    html(draw_agent(&app, &member, path.ids()?, None).await?)
}

pub(crate) async fn edit_agent(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<AgentPath>,
    Form(form): Form<AgentInput>,
) -> Answer {
    let ids = path.ids()?;
    let saved = match settings(&form) {
        Ok((seen, settings)) => app.muster.edit_agent(&member, ids, seen, &settings).await.map_err(refused_above),
        Err(errors) => Err(Ok(errors)),
    };
    match saved {
        Ok(_) => done(&app, &member.link(&format!("/squads/{}/agents/{}", ids.0, ids.1)), "squad_saved"),
        // There is no field to mend what somebody else saved meanwhile: it stands above the form.
        Err(errors) => again(draw_agent(&app, &member, ids, Some((form, errors?.renamed("version", "")))).await?),
    }
}

/// Reads the form: the version it was made on, and the settings.
fn settings(form: &AgentInput) -> Result<(i32, AgentSettings), Errors> {
    let mut errors = Errors::new();
    let role = AgentRole::parse(&form.role);
    let agent_type = form.agent_type.parse().ok();
    let provider = (!form.provider.is_empty()).then(|| form.provider.parse::<ModelProviderId>());
    let max_cost = MicroUsd::parse_dollars(&form.max_cost);
    let limits = AgentLimits {
        max_model_calls: errors.whole("max_model_calls", &form.max_model_calls),
        max_tokens: errors.whole("max_tokens", &form.max_tokens),
        max_cost: max_cost.unwrap_or_default(),
        wall_minutes: errors.whole("wall_minutes", &form.wall_minutes),
    };
    if max_cost.is_none() {
        errors.add("max_cost", "Enter an amount, for example 2.50.");
    }
    if role.is_none() {
        errors.add("role", "Choose one of the roles.");
    }
    if agent_type.is_none() {
        errors.add("agent_type", "Choose one of the agent types in the list.");
    }
    let seen = form.version.parse().unwrap_or_default();
    match (role, agent_type, provider.transpose()) {
        (Some(role), Some(agent_type), Ok(provider)) if errors.is_empty() => {
            let (name, instructions) = (form.name.clone(), form.instructions.clone());
            let model = Some(form.model.clone());
            let allowed_models = form.allowed_models.split([',', '\n']).map(str::to_owned).collect();
            let settings =
                AgentSettings { name, role, agent_type, provider, model, allowed_models, instructions, limits };
            Ok((seen, settings))
        }
        (.., Err(_)) => {
            errors.add("provider", "Choose one of the providers in the list.");
            Err(errors)
        }
        _ => Err(errors),
    }
}
