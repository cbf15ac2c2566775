//! Where the code of projects is kept on this machine.

use std::path::PathBuf;

use forge::{BranchName, Credential, GitError, Remote, Repository};
use types::{ProjectId, RunId, SecretId, TeamId};

use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    grants::{ReadFiles, WriteFiles},
    secrets::{self, Purpose},
    teams::suggest_slug,
};

/// A project's repository, found by the address that git clients use.
#[derive(Clone, Debug)]
pub struct Code {
    pub project: ProjectId,
    pub name: String,
    pub repository: Repository,
    /// Neither removed nor rewritten by a push.
    pub default_branch: BranchName,
    /// Whether this is a copy of a repository elsewhere, which takes no pushes.
    pub copy: bool,
}

struct Named {
    id: ProjectId,
    name: String,
    source: String,
    default_branch: String,
}

impl Orchestrator {
    /// The bare repository of a project: our copy of a remote one, or the only one. It exists once a run has prepared it.
    ///
    /// Whoever asks has checked that the project is the team's: ids say nothing about access.
    #[must_use]
    pub(crate) fn repository_folder(&self, team: TeamId, project: ProjectId) -> PathBuf {
        self.settings().data_dir.join("repositories").join(team.to_string()).join(format!("{project}.git"))
    }

    /// Where a project's code comes from and its changes go to, with the credential as it is kept now; `None` for code that
    /// lives here alone. The inner error says what is wrong with the address.
    ///
    /// Whoever asks has checked that the project is the team's.
    pub(crate) async fn remote(&self, team: TeamId, project: ProjectId) -> Result<Option<Result<Remote, GitError>>> {
        let mut tx = self.db().of_team(team).await?;
        let row = sqlx::query!(
            r#"SELECT repository_url, credential_user, credential_secret AS "secret: SecretId" FROM projects
               WHERE team_id = $1 AND id = $2"#,
            team as TeamId,
            project as ProjectId,
        )
        .fetch_one(&mut *tx)
        .await?;
        let credential = match row.secret {
            Some(secret) => {
                let token = secrets::open(&mut tx, self.vault(), team, secret, Purpose::GitCredential).await?;
                Some(Credential::new(row.credential_user.as_deref().unwrap_or_default(), &token))
            }
            None => None,
        };
        tx.commit().await?;
        Ok(row.repository_url.map(|url| Remote::new(&url, credential, self.settings().git_reach)))
    }

    /// The repository behind a name in a git address: a project's id, or its name in the form of addresses where no other
    /// project of the team has the same. An empty project gets its repository here.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that is no project's or of more than one, and while a project has no repository yet.
    pub async fn code(&self, scope: &Can<ReadFiles>, name: &str) -> Result<Code> {
        let mut tx = self.db().team(scope).await?;
        let projects = sqlx::query_as!(
            Named,
            r#"SELECT id AS "id: ProjectId", name, source, default_branch FROM projects
               WHERE team_id = $1 AND archived_at IS NULL"#,
            scope.team() as TeamId,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        self.opened(scope.team(), find(projects, name).ok_or(Error::NotFound)?).await
    }

    async fn opened(&self, team: TeamId, found: Named) -> Result<Code> {
        let default_branch: BranchName = found.default_branch.parse().map_err(Error::internal)?;
        let folder = self.repository_folder(team, found.id);
        let repository = match Repository::open(&folder) {
            Err(GitError::NotFound(_)) if found.source == "empty" => {
                match Repository::create_empty(&folder, &default_branch).await {
                    // Somebody else was first.
                    Err(GitError::Exists(_)) => Repository::open(&folder),
                    other => other,
                }
            }
            other => other,
        };
        let repository = repository.map_err(|error| match error {
            GitError::NotFound(_) => Error::NotFound,
            other => Error::internal(other),
        })?;
        Ok(Code { project: found.id, name: found.name, repository, default_branch, copy: found.source == "git" })
    }

    /// The repository of the project that a run works for, by the same names as [`code`](Self::code); every other name is none.
    ///
    /// Whoever asks speaks for the run: nothing else is proven here.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another project's name, and once the run has ended.
    pub async fn code_of_run(&self, team: TeamId, run: RunId, name: &str) -> Result<Code> {
        let mut tx = self.db().of_team(team).await?;
        let project = sqlx::query_as!(
            Named,
            r#"SELECT p.id AS "id: ProjectId", p.name, p.source, p.default_branch
               FROM runs r JOIN projects p ON p.team_id = r.team_id AND p.id = r.project_id
               WHERE r.team_id = $1 AND r.id = $2 AND r.state IN ('QUEUED', 'RUNNING', 'WAITING')"#,
            team as TeamId,
            run as RunId,
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        self.opened(team, find(project, name).ok_or(Error::NotFound)?).await
    }

    /// Writes down that somebody pushes, before what they send is taken.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record_push(&self, scope: &Can<WriteFiles>, code: &Code) -> Result<()> {
        let mut tx = self.db().team(scope).await?;
        let happening = Happening {
            action: "repository.push_received",
            target_kind: "project",
            target_id: code.project.to_string(),
            details: serde_json::json!({ "name": code.name }),
        };
        audit::append(&mut tx, scope, self.clock().now(), happening).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The last part of a project's git address, without `.git`. `names` are the names of the team's projects, its own among them.
#[must_use]
pub fn address_of<'a>(project: ProjectId, name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let slug = suggest_slug(name);
    let same = names.into_iter().filter(|other| suggest_slug(other) == slug).count();
    if slug.is_empty() || same > 1 { project.to_string() } else { slug }
}

fn find(projects: impl IntoIterator<Item = Named>, name: &str) -> Option<Named> {
    if let Ok(id) = name.parse::<ProjectId>() {
        return projects.into_iter().find(|project| project.id == id);
    }
    let mut same = projects.into_iter().filter(|project| suggest_slug(&project.name) == name);
    let found = same.next()?;
    same.next().is_none().then_some(found)
}
