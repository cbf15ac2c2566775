//! Where the team's code is: the list of projects, a new one, the settings of one.

pub mod list;
pub mod new;
pub mod settings;

use leptos::prelude::*;

use crate::{
    components::{
        banner::{Banner, Tone, framed},
        button::Button,
    },
    layout::shell::Shell,
};

/// Whether a project's code has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Repository {
    #[default]
    Pending,
    Ready,
    /// With the sentence that says why.
    Failed(String),
}

/// A project by what its own pages show above their content.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub id: String,
    pub name: String,
    pub repository: Repository,
    pub archived: bool,
}

impl Head {
    #[must_use]
    pub fn path(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.id)
    }
}

/// What is out of order with a project: its repository, or that it is put away.
#[must_use]
pub fn notice(shell: &Shell, project: &Head, may_write: bool) -> Option<AnyView> {
    if project.archived {
        let told = Banner {
            tone: Tone::Info,
            lead: "This project is archived.".to_owned(),
            text: "Its tasks are kept; new ones are refused.".to_owned(),
            action: None,
        };
        let restore = may_write.then(|| {
            view! {
                <form method="post" action=shell.link(&project.path("/restore"))>{Button::new("Restore").small().submit()}</form>
            }
            .into_any()
        });
        return Some(framed(&told, restore));
    }
    let Repository::Failed(problem) = &project.repository else { return None };
    let told = Banner {
        tone: Tone::Danger,
        lead: "The code could not be fetched.".to_owned(),
        text: problem.clone(),
        action: None,
    };
    Some(framed(&told, None))
}
