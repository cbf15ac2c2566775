//! Domain tests on a real Postgres: one database per test, the three roles as in production.
#![allow(clippy::disallowed_methods, reason = "tests look behind the fences with statements of their own")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod allowed_models;
mod analytics;
mod audit;
mod budget_pages;
mod budgets;
mod content;
mod fenced;
mod gateway_keys;
mod isolation;
mod members;
mod models;
mod projects;
mod row_level_security;
mod runs;
mod sources;
mod squads;
mod statements;
mod tasks;
mod work;
