use axum::extract::{Form, Path, State};
use orchestrator::{Error, grants::ManageSquads, squads::Direction};
use serde::Deserialize;
use types::{FieldError, SquadId, SquadMemberId, UserId};

use super::{SquadPath, draw, refused_above};
use crate::{
    handlers::{Answer, again, done, redirect},
    request::Inside,
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct PersonForm {
    #[serde(default)]
    user: String,
}

pub(crate) async fn add_person(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<SquadPath>,
    Form(form): Form<PersonForm>,
) -> Answer {
    let squad = path.id()?;
    let added = match form.user.parse::<UserId>() {
        Ok(user) => app.muster.add_person(&member, squad, user).await,
        Err(_) => Err(Error::Invalid(vec![FieldError {
            field: "user".to_owned(),
            message: "Choose a person of the team.".to_owned(),
        }])),
    };
    match added {
        Ok(_) => done(&app, &member.link(&format!("/squads/{squad}")), "person_added"),
        Err(error) => again(draw(&app, &member, squad, refused_above(error)?).await?),
    }
}

#[derive(Deserialize)]
pub(crate) struct MemberPath {
    squad: String,
    member: String,
}

impl MemberPath {
    fn ids(&self) -> Result<(SquadId, SquadMemberId), Error> {
        let squad = self.squad.parse().map_err(|_| Error::NotFound)?;
        Ok((squad, self.member.parse().map_err(|_| Error::NotFound)?))
    }
}

#[derive(Deserialize)]
pub(crate) struct MoveForm {
    #[serde(default)]
    direction: String,
}

pub(crate) async fn move_member(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<MemberPath>,
    Form(form): Form<MoveForm>,
) -> Answer {
    let (squad, place) = path.ids()?;
    let direction = match form.direction.as_str() {
        "up" => Direction::Up,
        "down" => Direction::Down,
        _ => return Err(Error::NotFound.into()),
    };
    app.muster.move_squad_member(&member, squad, place, direction).await?;
    redirect(&member.link(&format!("/squads/{squad}#members")))
}

pub(crate) async fn remove_member(
    member: Inside<ManageSquads>,
    State(app): State<App>,
    Path(path): Path<MemberPath>,
) -> Answer {
    let (squad, place) = path.ids()?;
    app.muster.remove_squad_member(&member, squad, place).await?;
    done(&app, &member.link(&format!("/squads/{squad}")), "squad_member_removed")
}
