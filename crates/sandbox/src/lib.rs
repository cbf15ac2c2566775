//! Places where programs run that nobody here trusts.
//!
//! A [`Backend`] makes a [`Sandbox`] after a [`Spec`]: a workspace at `/work`, programs of an image or of this machine,
//! no network, hard limits. Inside, the first process is `muster-shim`, which runs commands for us over a socket in a
//! shared folder; it does so in the same way whatever the backend. A sandbox outlives the process that made it: after a
//! restart it is found again ([`Backend::list`], [`Backend::attach`]), and a command asked for twice under one key runs
//! once.
//!
//! What may be reached from inside is decided outside, and answered there, by [`egress`].

mod backend;
mod client;
mod docker;
pub mod egress;
mod error;
mod host;
mod local;
mod sandbox;
mod sockets;
mod spec;

pub use backend::{Backend, Choice, Found, Probe, Settings, Surveyed, pick, survey};
pub use docker::Docker;
pub use error::{Error, Result, Trouble};
pub use local::Local;
pub use sandbox::{Command, Event, Exec, Finished, Sandbox};
/// The parts of the shim's protocol that callers see, and where things stand inside a sandbox.
pub use shim::protocol::{Exit, HOME, PROGRAM, Reason, Stats, Stream, WORK};
pub use spec::{Image, Limits, ORIGIN, Spec};
