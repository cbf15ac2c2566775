pub mod accessibility;
pub mod account;
pub mod agent_types;
pub mod analytics;
pub mod auth;
pub mod board;
pub mod budgets;
pub mod dashboard;
pub mod errors;
pub mod gallery;
pub mod home;
pub mod inbox;
pub mod onboarding;
pub mod outbox;
pub mod pricing;
pub mod projects;
pub mod review;
pub mod search;
pub mod security;
pub mod squads;
pub mod status;
pub mod task;
pub mod task_form;
pub mod team;
pub mod teams;

/// A part of a page by the id of its element, drawn alone for the page's event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    pub target: String,
    pub html: String,
}

impl Fragment {
    pub(crate) fn new(target: impl Into<String>, view: leptos::prelude::AnyView) -> Self {
        Self { target: target.into(), html: crate::document::fragment(false, view) }
    }
}
