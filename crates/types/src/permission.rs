use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// One thing a member may do in a team. The text form is what the API, tokens and custom roles use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission { $($(#[$doc])* $name,)* }

        impl Permission {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The permission with this text form; `None` for a text that names none.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

permissions! {
    ReadTeam = "read:team";
    ReadMembers = "read:members";
    ReadProjects = "read:projects";
    ReadFiles = "read:files";
    ReadTasks = "read:tasks";
    ReadSquads = "read:squads";
    ReadBudgets = "read:budgets";
    ReadAudit = "read:audit";
    WriteFiles = "write:files";
    /// Create tasks, and change those that are one's own.
    WriteTasks = "write:tasks";
    WriteAnyTask = "write:any-task";
    WriteProjects = "write:projects";
    ManageSprint = "manage:sprint";
    ExecuteRuns = "execute:runs";
    ExecuteTools = "execute:tools";
    ManageSquads = "manage:squads";
    ManageMembers = "manage:members";
    ManageRoles = "manage:roles";
    ManageBudgets = "manage:budgets";
    ManageIntegrations = "manage:integrations";
    ManageTeam = "manage:team";
    /// Owners only: plan and payment, transfer and deletion of the team.
    ManageBilling = "manage:billing";
    OwnTeam = "own:team";
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Permission {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("no permission is called {text}")))
    }
}

/// A set of permissions: what a role grants, what a scope holds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct PermissionSet(u64);

const _: () = assert!(Permission::ALL.len() <= 64, "a PermissionSet is one u64");

impl PermissionSet {
    pub const NONE: Self = Self(0);

    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < permissions.len() {
            bits |= 1 << permissions[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    #[must_use]
    pub const fn all() -> Self {
        Self::of(Permission::ALL)
    }

    /// Every permission whose text form starts with `read:`.
    #[must_use]
    pub fn reading() -> Self {
        Permission::ALL.iter().copied().filter(|permission| permission.as_str().starts_with("read:")).collect()
    }

    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Whether every permission of `other` is in this set too.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn without(self, permission: Permission) -> Self {
        Self(self.0 & !(1 << permission as u8))
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, |set, permission| set.union(Self::of(&[permission])))
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_round_trip() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(*permission));
        }
        assert_eq!(Permission::parse("read:everything"), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = PermissionSet::of(&[Permission::ReadFiles, Permission::OwnTeam]);
        assert!(set.contains(Permission::OwnTeam));
        assert!(!set.contains(Permission::ManageTeam));
        assert!(PermissionSet::all().covers(set));
        assert!(!set.covers(PermissionSet::all()));
        assert_eq!(set.iter().collect::<PermissionSet>(), set);
    }
}
