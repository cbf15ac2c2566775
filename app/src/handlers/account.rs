use axum::{
    Form,
    extract::{Path, State},
};
use identity::MIN_PASSWORD_CHARS;
use orchestrator::{
    Error,
    accounts::SessionSummary,
    teams::{Joined, suggest_slug},
};
use serde::Deserialize;
use types::SessionId;

use super::{Answer, again, done, form_errors, html, redirect, shell};
use crate::{
    failure::Failure,
    forms::Errors,
    pages::{account, teams},
    request::SignedInVisitor,
    state::App,
};

fn memberships(joined: &[Joined]) -> Vec<teams::Membership> {
    joined
        .iter()
        .map(|joined| teams::Membership {
            name: joined.team.name.clone(),
            slug: joined.team.slug.clone(),
            role: joined.role.map_or_else(|| "a role of the team's own".to_owned(), |role| role.to_string()),
        })
        .collect()
}

/// The person's teams. With one team there is nothing to choose, without one there is one to make.
pub(crate) async fn teams(signed_in: SignedInVisitor, State(app): State<App>) -> Answer {
    let SignedInVisitor { who, visitor } = signed_in;
    let joined = app.muster.teams(&who).await?;
    if joined.is_empty() {
        return redirect("/teams/new");
    }
    let shell = shell::outside(&app, &who, &visitor, "Teams").await?;
    html(teams::page(&shell, &memberships(&joined)))
}

/// Where people land after signing in: their one team, or the choice.
pub(crate) async fn land(signed_in: SignedInVisitor, State(app): State<App>) -> Answer {
    let joined = app.muster.teams(&signed_in.who).await?;
    match joined.as_slice() {
        [] => redirect("/teams/new"),
        [only] => redirect(&format!("/{}", only.team.slug)),
        _ => redirect("/teams"),
    }
}

#[derive(Default, Deserialize)]
pub(crate) struct TeamForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    slug: String,
}

async fn new_team_page(
    app: &App,
    signed_in: &SignedInVisitor,
    form: TeamForm,
    errors: Errors,
) -> Result<String, Failure> {
    let shell = shell::outside(app, &signed_in.who, &signed_in.visitor, "New team").await?;
    let form = teams::NewTeam { host: shell::host(app), name: form.name, slug: form.slug, errors };
    Ok(teams::new_page(&shell, &form))
}

pub(crate) async fn new_team(signed_in: SignedInVisitor, State(app): State<App>) -> Answer {
    html(new_team_page(&app, &signed_in, TeamForm::default(), Errors::new()).await?)
}

pub(crate) async fn create_team(
    signed_in: SignedInVisitor,
    State(app): State<App>,
    Form(form): Form<TeamForm>,
) -> Answer {
    let slug = if form.slug.trim().is_empty() { suggest_slug(&form.name) } else { form.slug.clone() };
    match app.muster.create_team(&signed_in.who, &form.name, &slug, &signed_in.visitor.origin).await {
        Ok(team) => redirect(&format!("/{}/onboarding", team.slug)),
        Err(error) => {
            let errors = form_errors(error)?;
            again(new_team_page(&app, &signed_in, TeamForm { name: form.name, slug }, errors).await?)
        }
    }
}

async fn profile_page(
    app: &App,
    signed_in: &SignedInVisitor,
    name: Option<String>,
    errors: Errors,
) -> Result<String, Failure> {
    let SignedInVisitor { who, visitor } = signed_in;
    let shell = shell::outside(app, who, visitor, "Account").await?;
    let data = account::Account {
        name: name.unwrap_or_else(|| who.user.name.clone()),
        email: who.user.email.clone(),
        min_password: u32::try_from(MIN_PASSWORD_CHARS).unwrap_or(8),
        teams: memberships(&app.muster.teams(who).await?),
        errors,
    };
    Ok(account::page(&shell, &data))
}

pub(crate) async fn profile(signed_in: SignedInVisitor, State(app): State<App>) -> Answer {
    html(profile_page(&app, &signed_in, None, Errors::new()).await?)
}

#[derive(Deserialize)]
pub(crate) struct NameForm {
    #[serde(default)]
    name: String,
}

pub(crate) async fn rename(signed_in: SignedInVisitor, State(app): State<App>, Form(form): Form<NameForm>) -> Answer {
    match app.muster.rename_user(&signed_in.who, &form.name).await {
        Ok(()) => done(&app, "/account", "name_changed"),
        Err(error) => {
            let errors = form_errors(error)?;
            again(profile_page(&app, &signed_in, Some(form.name), errors).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct PasswordForm {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
}

pub(crate) async fn change_password(
    signed_in: SignedInVisitor,
    State(app): State<App>,
    Form(form): Form<PasswordForm>,
) -> Answer {
    match app.muster.change_password(&signed_in.who, &form.current, &form.new).await {
        Ok(()) => done(&app, "/account", "password_changed"),
        Err(error) => {
            let errors = form_errors(error)?;
            again(profile_page(&app, &signed_in, None, errors).await?)
        }
    }
}

fn listed(session: SessionSummary) -> account::Session {
    account::Session {
        id: session.id,
        device: device(session.user_agent.as_deref()),
        address: session.ip,
        signed_in_at: session.created_at,
        last_seen_at: session.last_seen_at,
        is_this: session.current,
    }
}

/// “Firefox on Linux”: enough to tell one's own devices apart. User agents lie, so nothing depends on it.
fn device(user_agent: Option<&str>) -> String {
    let agent = user_agent.unwrap_or_default();
    let first =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

pub(crate) async fn sessions(signed_in: SignedInVisitor, State(app): State<App>) -> Answer {
    let SignedInVisitor { who, visitor } = signed_in;
    let sessions = app.muster.sessions(&who).await?;
    let shell = shell::outside(&app, &who, &visitor, "Sessions").await?;
    html(account::sessions_page(&shell, &sessions.into_iter().map(listed).collect::<Vec<_>>()))
}

#[derive(Deserialize)]
pub(crate) struct SessionPath {
    session: String,
}

pub(crate) async fn revoke_session(
    signed_in: SignedInVisitor,
    State(app): State<App>,
    Path(path): Path<SessionPath>,
) -> Answer {
    let session: SessionId = path.session.parse().map_err(|_| Error::NotFound)?;
    app.muster.revoke_session(&signed_in.who, session).await?;
    done(&app, "/account/sessions", "session_ended")
}

pub(crate) async fn revoke_other_sessions(signed_in: SignedInVisitor, State(app): State<App>) -> Answer {
    app.muster.revoke_other_sessions(&signed_in.who).await?;
    done(&app, "/account/sessions", "sessions_ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_apart() {
        let cases = [
            (Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"), "Firefox on Linux"),
            (
                Some(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1",
                ),
                "Safari on iPhone",
            ),
            (
                Some("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0"),
                "Edge on Windows",
            ),
            (Some("curl/8.5.0"), "curl"),
            (Some(""), "Unknown device"),
            (None, "Unknown device"),
        ];
        for (agent, name) in cases {
            assert_eq!(device(agent), name);
        }
    }
}
