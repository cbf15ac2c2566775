//! Squads, their members and rules.

mod agents;
mod edit;
mod members;

pub(crate) use agents::{add_agent, agent, edit_agent};
pub(crate) use edit::{archive, edit, restore, save_rules, save_texts};
pub(crate) use members::{add_person, move_member, remove_member};

use axum::extract::{Form, Path, State};
use orchestrator::{
    Error, Grant,
    grants::{ManageSquads, ReadMembers, ReadSquads},
    squads::{Person, SquadDetail, Template},
};
use serde::Deserialize;
use types::{FieldError, SquadId};

use super::{Answer, again, done, form_errors, html, shell};
use crate::{
    components::breadcrumb::Crumb,
    failure::Failure,
    forms::Errors,
    layout::shell::{Section, Shell},
    pages::squads::{self as view, NewSquad, detail::Detail},
    request::Inside,
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct SquadPath {
    squad: String,
}

impl SquadPath {
    fn id(&self) -> Result<SquadId, Error> {
        self.squad.parse().map_err(|_| Error::NotFound)
    }
}

/// The shell of a page below the list of squads: the steps from there to the page.
async fn below<G: Grant>(app: &App, member: &Inside<G>, steps: Vec<Crumb>) -> Result<Shell, Failure> {
    let page = steps.last().map(|crumb| crumb.name.clone()).unwrap_or_default();
    let mut shell = shell::inside(app, member, Section::Squads, &page).await?;
    shell.crumbs = std::iter::once(Crumb::new("Squads", member.link("/squads"))).chain(steps).collect();
    Ok(shell)
}

/// The right to read, for pages that a form with another right draws again.
fn reader<G: Grant>(member: &Inside<G>) -> Result<orchestrator::Can<ReadSquads>, Failure> {
    member.scope().can().map_err(Failure::from)
}

/// The errors of a form, where a refusal of the rules stands above the fields.
fn refused_above(error: Error) -> Result<Errors, Failure> {
    super::form_errors_at("", error)
}

pub(crate) async fn squads(member: Inside<ReadSquads>, State(app): State<App>) -> Answer {
    let squads = app.muster.squads(&member).await?;
    let archived = app.muster.archived_squads(&member).await?;
    let shell = shell::inside(&app, &member, Section::Squads, "Squads").await?;
    html(view::page(&shell, &squads, &archived))
}

async fn draw_new(app: &App, member: &Inside<ManageSquads>, data: &NewSquad) -> Result<String, Failure> {
    let here = Crumb::new("Form a squad", member.link("/squads/new"));
    let shell = below(app, member, vec![here]).await?;
    Ok(view::new_page(&shell, data))
}

pub(crate) async fn new_squad(member: Inside<ManageSquads>, State(app): State<App>) -> Answer {
    html(draw_new(&app, &member, &NewSquad::default()).await?)
}

#[derive(Deserialize)]
pub(crate) struct NewForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    template: String,
}

pub(crate) async fn form_squad(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Form(form): Form<NewForm>,
) -> Answer {
    let made = match Template::parse(&form.template) {
        Some(template) => app.muster.form_squad(&member, &form.name, template).await,
        None => Err(Error::Invalid(vec![FieldError {
            field: "template".to_owned(),
            message: "Choose one of the templates.".to_owned(),
        }])),
    };
    match made {
        Ok(id) => done(&app, &member.link(&format!("/squads/{id}")), "squad_formed"),
        Err(error) => {
            let errors = form_errors(error)?;
            again(draw_new(&app, &member, &NewSquad { name: form.name, template: form.template, errors }).await?)
        }
    }
}

async fn load<G: Grant>(app: &App, member: &Inside<G>, id: SquadId) -> Result<SquadDetail, Failure> {
    Ok(app.muster.squad(&reader(member)?, id).await?)
}

async fn draw<G: Grant>(app: &App, member: &Inside<G>, id: SquadId, errors: Errors) -> Result<String, Failure> {
    let squad = load(app, member, id).await?;
    let mut others = Vec::new();
    if let Some(may) = member.also::<ReadMembers>() {
        let people = app.muster.members(&may).await?.into_iter();
        let people = people.map(|person| Person { id: person.user, name: person.name });
        others = people.filter(|person| !squad.people().any(|inside| inside.id == person.id)).collect();
    }
    let here = Crumb::new(squad.settings.name.clone(), member.link(&format!("/squads/{id}")));
    let shell = below(app, member, vec![here]).await?;
    Ok(view::detail::page(&shell, &Detail { squad, others, errors }))
}

pub(crate) async fn squad(member: Inside<ReadSquads>, State(app): State<App>, Path(path): Path<SquadPath>) -> Answer {
    html(draw(&app, &member, path.id()?, Errors::new()).await?)
}
