//! Agent types: what agents run as.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, State};
use orchestrator::{
    Error,
    grants::{ManageSquads, ReadSquads},
    squads::{AgentType, AgentTypeSettings},
};
use serde::Deserialize;
use types::{AgentKind, AgentTypeId};

use super::{Answer, again, done, form_errors_at, html, shell};
use crate::{
    components::breadcrumb::Crumb,
    failure::Failure,
    forms::Errors,
    layout::shell::Section,
    pages::agent_types::{
        self as view,
        form::{self, TypeInput},
    },
    request::Inside,
    state::App,
};

pub(crate) async fn agent_types(member: Inside<ReadSquads>, State(app): State<App>) -> Answer {
    let types = app.muster.agent_types(&member).await?;
    let mut shell = shell::inside(&app, &member, Section::Squads, "Agent types").await?;
    shell.crumbs.insert(0, Crumb::new("Squads", member.link("/squads")));
    html(view::page(&shell, &types))
}

async fn draw(app: &App, member: &Inside<ManageSquads>, data: &form::Form) -> Result<String, Failure> {
    let page = if data.id.is_some() { "Edit" } else { "New" };
    let mut shell = shell::inside(app, member, Section::Squads, page).await?;
    let up = [Crumb::new("Squads", member.link("/squads")), Crumb::new("Agent types", member.link("/agent-types"))];
    shell.crumbs.splice(0..0, up);
    Ok(form::page(&shell, data))
}

pub(crate) async fn new_agent_type(member: Inside<ManageSquads>, State(app): State<App>) -> Answer {
    html(draw(&app, &member, &form::Form::default()).await?)
}

pub(crate) async fn create_agent_type(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Form(input): Form<TypeInput>,
) -> Answer {
    let made = match settings(&input) {
        Ok(settings) => app.muster.create_agent_type(&member, &settings).await.map_err(above),
        Err(errors) => Err(Ok(errors)),
    };
    match made {
        Ok(_) => done(&app, &member.link("/agent-types"), "agent_type_saved"),
        Err(errors) => again(draw(&app, &member, &form::Form { id: None, input, errors: errors? }).await?),
    }
}

fn above(error: Error) -> Result<Errors, Failure> {
    form_errors_at("", error)
}

#[derive(Deserialize)]
pub(crate) struct TypePath {
    agent_type: String,
}

async fn load(app: &App, member: &Inside<ManageSquads>, path: &TypePath) -> Result<AgentType, Failure> {
    let id: AgentTypeId = path.agent_type.parse().map_err(|_| Error::NotFound)?;
    let reader = member.scope().can::<ReadSquads>()?;
    let types = app.muster.agent_types(&reader).await?;
    Ok(types.into_iter().find(|found| found.id == id).ok_or(Error::NotFound)?)
}

pub(crate) async fn agent_type(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<TypePath>,
) -> Answer {
    let found = load(&app, &member, &path).await?;
    if found.settings.kind == AgentKind::Builtin {
        return Err(Error::Refused("The built-in agent type stays as it is.".to_owned()).into());
    }
    let input = TypeInput::from(&found.settings);
    html(draw(&app, &member, &form::Form { id: Some(found.id), input, errors: Errors::new() }).await?)
}

pub(crate) async fn edit_agent_type(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<TypePath>,
    Form(input): Form<TypeInput>,
) -> Answer {
    let id = load(&app, &member, &path).await?.id;
    let saved = match settings(&input) {
        Ok(settings) => app.muster.edit_agent_type(&member, id, &settings).await.map_err(above),
        Err(errors) => Err(Ok(errors)),
    };
    match saved {
        Ok(()) => done(&app, &member.link("/agent-types"), "agent_type_saved"),
        Err(errors) => again(draw(&app, &member, &form::Form { id: Some(id), input, errors: errors? }).await?),
    }
}

#[derive(Deserialize)]
pub(crate) struct SwitchForm {
    #[serde(default)]
    to: String,
}

pub(crate) async fn switch_agent_type(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<TypePath>,
    Form(form): Form<SwitchForm>,
) -> Answer {
    let id: AgentTypeId = path.agent_type.parse().map_err(|_| Error::NotFound)?;
    let (on, word) = match form.to.as_str() {
        "on" => (true, "agent_type_on"),
        "off" => (false, "agent_type_off"),
        _ => return Err(Error::NotFound.into()),
    };
    app.muster.switch_agent_type(&member, id, on).await?;
    done(&app, &member.link("/agent-types"), word)
}

/// Reads the form. Ranges and names are the orchestrator's to check.
fn settings(input: &TypeInput) -> Result<AgentTypeSettings, Errors> {
    let mut errors = Errors::new();
    let kind = AgentKind::parse(&input.kind);
    if kind.is_none() {
        errors.add("kind", "Choose one of the protocols.");
    }
    let environment = environment(&input.environment, &mut errors);
    let words = input.capabilities.split(',').map(str::trim).filter(|word| !word.is_empty());
    let (cpu_millis, memory_mb) =
        (errors.whole("cpu_millis", &input.cpu_millis), errors.whole("memory_mb", &input.memory_mb));
    let disk_mb = errors.whole("disk_mb", &input.disk_mb);
    match kind {
        Some(kind) if errors.is_empty() => Ok(AgentTypeSettings {
            name: input.name.clone(),
            display_name: input.display_name.clone(),
            description: input.description.clone(),
            kind,
            image: Some(input.image.clone()),
            tag: Some(input.tag.clone()),
            command: input.command.clone(),
            cpu_millis,
            memory_mb,
            disk_mb,
            environment,
            capabilities: words.map(str::to_owned).collect(),
            docs_url: Some(input.docs_url.clone()),
        }),
        _ => Err(errors),
    }
}

/// One `NAME=value` a line; empty lines are passed over.
fn environment(text: &str, errors: &mut Errors) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once('=') {
            Some((name, value)) => drop(variables.insert(name.trim().to_owned(), value.to_owned())),
            None => {
                errors.add("environment", format!("Write NAME=value. There is no = in the line {line}."));
                break;
            }
        }
    }
    variables
}
