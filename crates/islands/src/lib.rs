//! What runs in the browser: the only views that are compiled twice (features `ssr` and `hydrate`).
//!
//! An island's props are written into the page as JSON, so they hold nothing that its reader may not see.
//! A panic stops every island of a page: nothing here unwraps.

mod command;
#[cfg(feature = "ssr")]
mod names;
pub mod palette;

pub use command::{Command, Kind};
#[cfg(feature = "ssr")]
pub use names::component_names;
pub use palette::Palette;
