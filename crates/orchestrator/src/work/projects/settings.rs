use sandbox::egress::Rule;
use types::{FieldError, ProjectId, TeamId, UserId};

use super::{Commands, happening, name_of, select, taken};
use crate::{
    Can, Error, Orchestrator, Result, SandboxReach, audit, budgets::catalogue_changed, error::OnConstraint,
    grants::WriteProjects, models::checked_models, work::check_name,
};

/// What a sandbox of the project may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Thousandths of a processor.
    pub cpu_millis: i32,
    /// MiB.
    pub memory_mb: i32,
    /// Processes and threads at a time.
    pub pids: i32,
    /// MiB.
    pub disk_mb: i32,
    /// Minutes one run may take.
    pub wall_minutes: i32,
}

impl Default for Limits {
    /// What the database gives a new project.
    fn default() -> Self {
        Self { cpu_millis: 2_000, memory_mb: 2_048, pids: 512, disk_mb: 4_096, wall_minutes: 60 }
    }
}

impl Limits {
    /// The field's name in forms, its value, the least and the most.
    fn ranges(&self) -> [(&'static str, i32, i32, i32); 5] {
        [
            ("cpu_millis", self.cpu_millis, 100, 64_000),
            ("memory_mb", self.memory_mb, 128, 262_144),
            ("pids", self.pids, 16, 32_768),
            ("disk_mb", self.disk_mb, 64, 1_048_576),
            ("wall_minutes", self.wall_minutes, 1, 1_440),
        ]
    }
}

/// What a person may change about a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectSettings {
    pub name: String,
    pub description: String,
    pub default_branch: String,
    pub commands: Commands,
    pub egress_allow: Vec<String>,
    /// Whether commands in a sandbox get a key for model calls, which count against the run.
    pub models_inside: bool,
    /// Which models calls for the project may go to: `provider/model`, `provider/*`, or names of the team's own; empty for
    /// all.
    pub allowed_models: Vec<String>,
    pub limits: Limits,
}

impl ProjectSettings {
    /// Trims everything, and names all fields that cannot be accepted. The allow-list may open addresses as far as the
    /// installation's `reach` goes.
    fn checked(&self, reach: SandboxReach) -> Result<Self> {
        let mut wrong: Vec<FieldError> = Vec::new();
        let mut refuse = |field: &str, message: &str| {
            wrong.push(FieldError { field: field.to_owned(), message: message.to_owned() });
        };
        let name = match check_name("name", &self.name) {
            Ok(name) => name,
            Err(Error::Invalid(errors)) => {
                errors.iter().for_each(|error| refuse(&error.field, &error.message));
                String::new()
            }
            Err(other) => return Err(other),
        };
        let description = self.description.trim();
        if description.chars().count() > 2_000 {
            refuse("description", "Use at most 2,000 characters.");
        }
        let default_branch = self.default_branch.trim();
        if !is_branch_name(default_branch) {
            refuse("default_branch", "Enter the name of a branch, for example main.");
        }
        let mut command = |field: &str, text: &Option<String>| {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
            if text.chars().count() > 1_000 || text.contains('\0') {
                refuse(field, "Use at most 1,000 characters.");
            }
            Some(text.to_owned())
        };
        let commands = Commands {
            setup: command("setup_command", &self.commands.setup),
            build: command("build_command", &self.commands.build),
            test: command("test_command", &self.commands.test),
        };
        let mut egress_allow: Vec<String> = self
            .egress_allow
            .iter()
            .map(|host| host.trim().to_ascii_lowercase())
            .filter(|host| !host.is_empty())
            .collect();
        egress_allow.sort();
        egress_allow.dedup();
        if let Some(refusal) = egress_allow.iter().find_map(|rule| check_egress_rule(rule, reach).err()) {
            refuse("egress_allow", &refusal);
        } else if egress_allow.len() > 100 {
            refuse("egress_allow", "Use at most 100 hosts.");
        }
        for (field, value, least, most) in self.limits.ranges() {
            if !(least..=most).contains(&value) {
                refuse(field, &format!("Use a number from {least} to {most}."));
            }
        }
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        Ok(Self {
            name,
            description: description.to_owned(),
            default_branch: default_branch.to_owned(),
            commands,
            egress_allow,
            models_inside: self.models_inside,
            allowed_models: self.allowed_models.clone(),
            limits: self.limits,
        })
    }
}

/// The rules of git check-ref-format that a person is likely to meet; git itself checks the rest.
pub(super) fn is_branch_name(name: &str) -> bool {
    let wrong = |character: char| character.is_control() || " ~^:?*[\\".contains(character);
    !name.is_empty()
        && name.chars().count() <= 200
        && !name.contains(wrong)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.starts_with(['-', '/', '.'])
        && !name.ends_with(['/', '.'])
        && !name.ends_with(".lock")
        && !name.contains("//")
}

/// `host`, `host:port`, or `*.domain`; host names as in RFC 1123, section 2.1. An address stands for itself alone.
fn check_egress_rule(text: &str, reach: SandboxReach) -> std::result::Result<(), String> {
    let whole_domain = text.strip_prefix("*.").is_some_and(|end| !end.contains('.'));
    let rule = text.parse::<Rule>().ok().filter(|_| !whole_domain && !text.contains(['/', '_']));
    let Some(rule) = rule else {
        return Err(format!(
            "“{text}” is no host. Use one per line: packages.example, *.mirror.example, git.example:8443."
        ));
    };
    match rule.addresses().map(|net| net.addr()) {
        Some(address) if !reach.opens(address) && SandboxReach::Private.opens(address) => Err(format!(
            "“{text}” is an address of a private network, which this Muster does not open to sandboxes. Whoever runs it can \
             set sandbox.private_addresses."
        )),
        Some(address) if !reach.opens(address) => Err(format!(
            "“{text}” leads to the server itself, to what its cloud tells it, or nowhere. Such an address is never open to \
             sandboxes."
        )),
        _ => Ok(()),
    }
}

impl Orchestrator {
    /// Changes a project's settings. Commands that differ from what was there count as a person's from then on.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fields that cannot be accepted, [`Error::NotFound`] for a project that is not the team's.
    pub async fn update_project(
        &self,
        scope: &Can<WriteProjects>,
        project: ProjectId,
        settings: &ProjectSettings,
    ) -> Result<()> {
        let mut new = settings.checked(self.settings().sandbox_reach)?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        name_of(&mut tx, scope, project).await?;
        new.allowed_models = checked_models(&mut tx, scope.team(), &new.allowed_models).await?;
        let old = select(&mut tx, scope, Some(project), None).await?.pop().ok_or(Error::NotFound)?;
        sqlx::query!(
            "UPDATE projects SET name = $3, description = $4, default_branch = $5, setup_command = $6, build_command = $7,
                    test_command = $8, commands_edited_at = coalesce($9, commands_edited_at), egress_allow = $10,
                    cpu_millis = $11, memory_mb = $12, pids = $13, disk_mb = $14, wall_minutes = $15, allowed_models = $16,
                    models_inside = $17
             WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            project as ProjectId,
            new.name,
            new.description,
            new.default_branch,
            new.commands.setup,
            new.commands.build,
            new.commands.test,
            (new.commands != old.commands).then_some(now),
            &new.egress_allow,
            new.limits.cpu_millis,
            new.limits.memory_mb,
            new.limits.pids,
            new.limits.disk_mb,
            new.limits.wall_minutes,
            &new.allowed_models,
            new.models_inside,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("projects_name_is_unique", || taken(&new.name))?;
        let details = serde_json::json!({
            "name": new.name, "default_branch": new.default_branch, "setup": new.commands.setup,
            "build": new.commands.build, "test": new.commands.test, "egress_allow": new.egress_allow,
            "cpu_millis": new.limits.cpu_millis, "memory_mb": new.limits.memory_mb, "pids": new.limits.pids,
            "disk_mb": new.limits.disk_mb, "wall_minutes": new.limits.wall_minutes,
            "allowed_models": new.allowed_models, "models_inside": new.models_inside,
        });
        if new.allowed_models != old.allowed_models {
            catalogue_changed(&mut tx, scope.team()).await?;
            crate::runs::let_go_on_with_models(&mut tx, scope.team(), now).await?;
        }
        audit::append(&mut tx, scope, now, happening("project.changed", project, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a project out of the lists. Its tasks stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a project that is not the team's.
    pub async fn archive_project(&self, scope: &Can<WriteProjects>, project: ProjectId) -> Result<()> {
        self.shelve(scope, project, true).await
    }

    /// Takes an archived project back into the lists.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a project that is not the team's.
    pub async fn restore_project(&self, scope: &Can<WriteProjects>, project: ProjectId) -> Result<()> {
        self.shelve(scope, project, false).await
    }

    async fn shelve(&self, scope: &Can<WriteProjects>, project: ProjectId, away: bool) -> Result<()> {
        let now = self.clock().now();
        let user = scope.user()?;
        let mut tx = self.db().team(scope).await?;
        let name = name_of(&mut tx, scope, project).await?;
        let changed = sqlx::query!(
            "UPDATE projects SET archived_at = $3, archived_by = $4
             WHERE team_id = $1 AND id = $2 AND (archived_at IS NULL) = $5",
            scope.team() as TeamId,
            project as ProjectId,
            away.then_some(now),
            away.then_some(user) as Option<UserId>,
            away,
        )
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() > 0 {
            let action = if away { "project.archived" } else { "project.restored" };
            let details = serde_json::json!({ "name": name });
            audit::append(&mut tx, scope, now, happening(action, project, details)).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_what_is_none() {
        let open = |rule: &str| check_egress_rule(rule, SandboxReach::Public);
        for good in ["packages.example", "*.mirror.example", "git.example:8443", "localhost", "1.1.1.1", "1.1.1.1:8443"]
        {
            assert_eq!(open(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "*",
            "*.com:0",
            "https://packages.example",
            "a b",
            "-a.example",
            "a..b",
            "*.*.a",
            "*.org",
            "a:70000",
            "1.2.3",
            "10.0.0.0/8",
            "0x7f.1",
        ] {
            assert!(open(bad).is_err_and(|said| said.contains("is no host")), "{bad}");
        }
    }

    #[test]
    fn addresses_are_open_as_the_installation_allows() {
        for private in ["10.0.0.7", "192.168.1.2:8080", "[fd12::1]:443"] {
            let refused = check_egress_rule(private, SandboxReach::Public).unwrap_err();
            assert!(refused.contains("private network") && refused.contains("sandbox.private_addresses"), "{refused}");
            assert_eq!(check_egress_rule(private, SandboxReach::Private), Ok(()), "{private}");
        }
        for never in ["127.0.0.1:5432", "[::1]:80", "0.0.0.0", "169.254.169.254", "168.63.129.16", "100.100.100.200"] {
            for reach in [SandboxReach::Public, SandboxReach::Private] {
                let refused = check_egress_rule(never, reach).unwrap_err();
                assert!(refused.contains("never open"), "{refused}");
            }
        }
    }

    #[test]
    fn branch_names_follow_git() {
        for good in ["main", "release/1.2", "käse"] {
            assert!(is_branch_name(good), "{good}");
        }
        for bad in ["", "-x", "a b", "a..b", "/a", "a/", "a.lock", "a@{1}", "a//b", "a:b"] {
            assert!(!is_branch_name(bad), "{bad}");
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let settings = ProjectSettings {
            name: " ".into(),
            description: "x".repeat(2_001),
            default_branch: "a b".into(),
            commands: Commands { test: Some("x".repeat(1_001)), ..Commands::default() },
            egress_allow: vec!["https://x".into()],
            models_inside: false,
            allowed_models: Vec::new(),
            limits: Limits { pids: 1, ..Limits::default() },
        };
        let Err(Error::Invalid(errors)) = settings.checked(SandboxReach::Public) else { panic!("refused") };
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["name", "description", "default_branch", "test_command", "egress_allow", "pids"]);
    }
}
