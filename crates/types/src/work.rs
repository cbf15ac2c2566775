use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal, $label:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The form the database, the API and forms use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The words people read.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The value with this text form; `None` for a text that names none.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Where a task stands: a column of the board.
    TaskState {
        Todo = "TODO", "To do";
        InProgress = "IN_PROGRESS", "In progress";
        InReview = "IN_REVIEW", "In review";
        Blocked = "BLOCKED", "Blocked";
        Completed = "COMPLETED", "Completed";
        Failed = "FAILED", "Failed";
        Cancelled = "CANCELLED", "Cancelled";
    }
}

words! {
    /// What an agent does in a squad.
    AgentRole {
        Lead = "lead", "Lead";
        Architect = "architect", "Architect";
        Coder = "coder", "Coder";
        Tester = "tester", "Tester";
        Reviewer = "reviewer", "Reviewer";
    }
}

words! {
    /// A stage of a run, in the order in which a squad goes through them.
    Stage {
        Plan = "plan", "Plan";
        Implement = "implement", "Implement";
        Verify = "verify", "Verify";
        Review = "review", "Review";
        Deliver = "deliver", "Deliver";
    }
}

words! {
    /// How an agent is spoken to.
    AgentKind {
        /// The tool loop of Muster itself.
        Builtin = "builtin", "Built in";
        /// Agent Client Protocol over standard input and output.
        Acp = "acp", "Agent Client Protocol";
        /// JSON lines on standard output.
        Stream = "stream", "JSON lines";
    }
}

impl TaskState {
    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lead_back_to_their_values() {
        assert!(TaskState::ALL.iter().all(|state| TaskState::parse(state.as_str()) == Some(*state)));
        assert!(AgentRole::ALL.iter().all(|role| AgentRole::parse(role.as_str()) == Some(*role)));
        assert!(Stage::ALL.iter().all(|stage| Stage::parse(stage.as_str()) == Some(*stage)));
        assert!(AgentKind::ALL.iter().all(|kind| AgentKind::parse(kind.as_str()) == Some(*kind)));
        assert_eq!(TaskState::parse("todo"), None);
    }
}
