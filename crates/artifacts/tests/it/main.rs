//! The embedded endpoint, driven by the client of the crate and by Amazon's SDK itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails, in its helpers too")]

mod access;
mod boto3;
mod durability;
mod endpoint;
mod http;
mod limits;
mod multipart;
mod objects;
mod seaweed;
mod server;
mod store;
mod suite;
