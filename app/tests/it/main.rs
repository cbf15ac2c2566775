//! HTTP tests through the router, on a real Postgres.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod analytics;
mod budgets;
mod client;
mod forms;
mod from_run;
mod git;
mod live;
mod llm;
mod routes;
mod squads;
mod work;
