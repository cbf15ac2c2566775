//! Where the code of projects is kept on this machine.

use std::path::PathBuf;

use types::{ProjectId, TeamId};

use crate::Orchestrator;

impl Orchestrator {
    /// The bare repository of a project: our copy of a remote one, or the only one. It exists once a run has prepared it.
    ///
    /// Whoever asks has checked that the project is the team's: ids say nothing about access.
    #[must_use]
    pub(crate) fn repository_folder(&self, team: TeamId, project: ProjectId) -> PathBuf {
        self.settings().data_dir.join("repositories").join(team.to_string()).join(format!("{project}.git"))
    }
}
