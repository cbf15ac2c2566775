//! A private PostgreSQL server for one machine, from the installed binaries.
//!
//! [`Cluster::start`] makes a data folder when there is none, starts a server that only this
//! machine can reach, waits until it answers, and stops it again when the value is dropped. A second start from
//! the same folder uses the running server instead of failing.

mod account;
mod cluster;
mod data;
mod error;
mod folder;
mod install;
mod postmaster;

pub use cluster::{Cluster, Options, Port};
pub use error::{StartError, StopError};
