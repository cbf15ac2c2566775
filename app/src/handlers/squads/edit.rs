use axum::extract::{Form, Path, State};
use orchestrator::{
    Error, Grant,
    grants::ManageSquads,
    squads::{Bounds, Gates, Rules, SquadSettings, StageRoles},
};
use types::{AgentRole, SquadId, Stage};

use super::{SquadPath, below, load, refused_above};
use crate::{
    components::breadcrumb::Crumb,
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, html},
    pages::squads::edit::{self as view, Edit, RulesInput, Texts},
    request::Inside,
    state::App,
};

async fn current<G: Grant>(app: &App, member: &Inside<G>, id: SquadId) -> Result<Edit, Failure> {
    let squad = load(app, member, id).await?;
    if squad.archived_at.is_some() {
        return Err(Error::Refused("This squad is archived. Bring it back before you change it.".to_owned()).into());
    }
    Ok(Edit::from(&squad))
}

async fn draw<G: Grant>(app: &App, member: &Inside<G>, data: &Edit) -> Result<String, Failure> {
    let squad = Crumb::new(data.title.clone(), member.link(&format!("/squads/{}", data.id)));
    let here = Crumb::new("Edit", member.link(&format!("/squads/{}/edit", data.id)));
    let shell = below(app, member, vec![squad, here]).await?;
    Ok(view::page(&shell, data))
}

pub(crate) async fn edit(member: Inside<ManageSquads>, State(app): State<App>, Path(path): Path<SquadPath>) -> Answer {
    let data = current(&app, &member, path.id()?).await?;
    html(draw(&app, &member, &data).await?)
}

pub(crate) async fn save_texts(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<SquadPath>,
    Form(form): Form<Texts>,
) -> Answer {
    let id = path.id()?;
    let settings = SquadSettings {
        name: form.name.clone(),
        description: form.description.clone(),
        instructions: form.instructions.clone(),
    };
    match app.muster.edit_squad(&member, id, &settings).await {
        Ok(()) => done(&app, &member.link(&format!("/squads/{id}")), "squad_saved"),
        Err(error) => {
            let errors = refused_above(error)?;
            let data = current(&app, &member, id).await?;
            again(draw(&app, &member, &Edit { texts: form, errors, ..data }).await?)
        }
    }
}

pub(crate) async fn save_rules(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<SquadPath>,
    axum_extra::extract::Form(form): axum_extra::extract::Form<RulesInput>,
) -> Answer {
    let id = path.id()?;
    let saved = match rules(&form) {
        Ok(rules) => app.muster.set_rules(&member, id, &rules).await.map_err(refused_above),
        Err(errors) => Err(Ok(errors)),
    };
    match saved {
        Ok(()) => done(&app, &member.link(&format!("/squads/{id}")), "squad_saved"),
        Err(errors) => {
            let errors = errors?;
            let data = current(&app, &member, id).await?;
            again(draw(&app, &member, &Edit { rules: form, errors, ..data }).await?)
        }
    }
}

/// Reads the form. Whether the numbers are in range is the orchestrator's to say.
fn rules(form: &RulesInput) -> Result<Rules, Errors> {
    let mut errors = Errors::new();
    let stages = Stage::ALL.iter().map(|stage| StageRoles {
        stage: *stage,
        roles: AgentRole::ALL
            .iter()
            .copied()
            .filter(|role| form.of(*stage).iter().any(|chosen| chosen == role.as_str()))
            .collect(),
    });
    let stages = stages.collect();
    let bounds = Bounds {
        max_iterations: errors.whole("max_iterations", &form.max_iterations),
        max_reworks: errors.whole("max_reworks", &form.max_reworks),
        max_concurrent_runs: errors.whole("max_concurrent_runs", &form.max_concurrent_runs),
    };
    let gates = Gates { plan: form.approve_plan.is_some(), merge: form.approve_merge.is_some() };
    if errors.is_empty() { Ok(Rules { stages, gates, bounds }) } else { Err(errors) }
}

pub(crate) async fn archive(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<SquadPath>,
) -> Answer {
    app.muster.archive_squad(&member, path.id()?).await?;
    done(&app, &member.link("/squads"), "squad_archived")
}

pub(crate) async fn restore(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<SquadPath>,
) -> Answer {
    let id = path.id()?;
    match app.muster.restore_squad(&member, id).await {
        Ok(()) => done(&app, &member.link(&format!("/squads/{id}")), "squad_restored"),
        Err(error) => again(super::draw(&app, &member, id, refused_above(error)?).await?),
    }
}
