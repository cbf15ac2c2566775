use leptos::prelude::*;

use crate::components::avatar;

/// Who did or does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// `letters` are those of its role, at most two: “C1”.
    Agent {
        name: String,
        letters: String,
    },
    Person {
        name: String,
    },
    /// The product itself.
    Muster,
}

impl Who {
    #[must_use]
    pub fn agent(name: impl Into<String>, letters: impl Into<String>) -> Self {
        Self::Agent { name: name.into(), letters: letters.into() }
    }

    #[must_use]
    pub fn person(name: impl Into<String>) -> Self {
        Self::Person { name: name.into() }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Agent { name, .. } | Self::Person { name } => name,
            Self::Muster => "Muster",
        }
    }

    /// Square for agents, round for people. Silent: the name stands beside it.
    #[must_use]
    pub fn avatar(&self) -> AnyView {
        match self {
            Self::Agent { letters, .. } => avatar::agent(letters.clone()),
            Self::Person { name } => avatar::person(name),
            Self::Muster => avatar::agent("M"),
        }
    }
}
