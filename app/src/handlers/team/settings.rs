use axum::{Form, extract::State};
use orchestrator::grants::ManageTeam;
use serde::Deserialize;

use crate::{
    failure::Failure,
    forms::Errors,
    handlers::{Answer, again, done, form_errors, html, shell},
    layout::shell::Section,
    pages::team::{
        content::Content,
        settings::{Settings, page},
    },
    request::Inside,
    state::App,
};

async fn draw(
    app: &App,
    member: &Inside<ManageTeam>,
    (name, slug, errors): (&str, &str, Errors),
    typed: Option<(String, Errors)>,
) -> Result<String, Failure> {
    let shell = shell::inside(app, member, Section::Settings, "Settings").await?;
    let capture = app.muster.content_capture(member).await?;
    let (days, wrong) = typed.map_or_else(|| (None, Errors::new()), |(days, wrong)| (Some(days), wrong));
    let content = Content { capture, days, errors: wrong };
    let data = Settings { host: shell::host(app), name: name.to_owned(), slug: slug.to_owned(), content, errors };
    Ok(page(&shell, &data))
}

pub(crate) async fn settings(member: Inside<ManageTeam>, State(app): State<App>) -> Answer {
    html(draw(&app, &member, (&member.team.name, &member.team.slug, Errors::new()), None).await?)
}

#[derive(Deserialize)]
pub(crate) struct SettingsForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    slug: String,
}

pub(crate) async fn rename_team(
    member: Inside<ManageTeam>,
    State(app): State<App>,
    Form(form): Form<SettingsForm>,
) -> Answer {
    match app.muster.rename_team(&member, &form.name, &form.slug).await {
        Ok(team) => done(&app, &format!("/{}/settings", team.slug), "team_renamed"),
        Err(error) => {
            let errors = form_errors(error)?;
            again(draw(&app, &member, (&form.name, &form.slug, errors), None).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct DaysForm {
    #[serde(default)]
    days: String,
}

pub(crate) async fn keep_content(
    member: Inside<ManageTeam>,
    State(app): State<App>,
    Form(form): Form<DaysForm>,
) -> Answer {
    // What is no number is out of every range, and refused with the range beside its field.
    match app.muster.keep_content(&member, form.days.trim().parse().unwrap_or(0)).await {
        Ok(()) => done(&app, &member.link("/settings#content"), "content_kept"),
        Err(error) => {
            let typed = Some((form.days, form_errors(error)?));
            again(draw(&app, &member, (&member.team.name, &member.team.slug, Errors::new()), typed).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct StopForm {
    #[serde(default)]
    delete: String,
}

pub(crate) async fn stop_content(
    member: Inside<ManageTeam>,
    State(app): State<App>,
    Form(form): Form<StopForm>,
) -> Answer {
    app.muster.keep_no_content(&member, form.delete == "yes").await?;
    done(&app, &member.link("/settings#content"), "content_not_kept")
}
