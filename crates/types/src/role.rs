use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Permission, PermissionSet};

/// The roles every team has. Teams add their own beside them, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuiltinRole {
    Reader,
    Contributor,
    Planner,
    Executor,
    Admin,
    Owner,
}

impl BuiltinRole {
    pub const ALL: &[Self] =
        &[Self::Reader, Self::Contributor, Self::Planner, Self::Executor, Self::Admin, Self::Owner];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Contributor => "contributor",
            Self::Planner => "planner",
            Self::Executor => "executor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == text)
    }

    /// What the role is for, in the words of the role picker.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Reader => "Reads files and tasks",
            Self::Contributor => "Writes files and own tasks",
            Self::Planner => "Plans: writes any task, manages sprints",
            Self::Executor => "Runs squads and tools, writes files",
            Self::Admin => "Everything but billing and ownership",
            Self::Owner => "Everything",
        }
    }

    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        use Permission as P;
        let reader = PermissionSet::of(&[
            P::ReadTeam,
            P::ReadMembers,
            P::ReadProjects,
            P::ReadFiles,
            P::ReadTasks,
            P::ReadSquads,
        ]);
        let contributor = reader.union(PermissionSet::of(&[P::WriteFiles, P::WriteTasks]));
        match self {
            Self::Reader => reader,
            Self::Contributor => contributor,
            Self::Planner => contributor
                .union(PermissionSet::reading().without(P::ReadAudit))
                .union(PermissionSet::of(&[P::WriteAnyTask, P::WriteProjects, P::ManageSprint])),
            Self::Executor => PermissionSet::reading().without(P::ReadAudit).union(PermissionSet::of(&[
                P::WriteFiles,
                P::ExecuteRuns,
                P::ExecuteTools,
            ])),
            Self::Admin => PermissionSet::all().without(P::ManageBilling).without(P::OwnTeam),
            Self::Owner => PermissionSet::all(),
        }
    }
}

impl fmt::Display for BuiltinRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_grant_what_they_say() {
        use Permission as P;
        let cases = [
            (BuiltinRole::Reader, P::ReadFiles, true),
            (BuiltinRole::Reader, P::WriteFiles, false),
            (BuiltinRole::Contributor, P::WriteTasks, true),
            (BuiltinRole::Contributor, P::WriteAnyTask, false),
            (BuiltinRole::Planner, P::ManageSprint, true),
            (BuiltinRole::Planner, P::ExecuteRuns, false),
            (BuiltinRole::Executor, P::ExecuteTools, true),
            (BuiltinRole::Executor, P::WriteTasks, false),
            (BuiltinRole::Admin, P::ManageMembers, true),
            (BuiltinRole::Admin, P::OwnTeam, false),
            (BuiltinRole::Owner, P::OwnTeam, true),
        ];
        for (role, permission, granted) in cases {
            assert_eq!(role.permissions().contains(permission), granted, "{role} {permission}");
        }
    }

    #[test]
    fn owners_cover_every_role() {
        for role in BuiltinRole::ALL {
            assert!(BuiltinRole::Owner.permissions().covers(role.permissions()));
        }
    }
}
