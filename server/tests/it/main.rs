//! The binary itself, as a person starts it.

mod command_line;
mod running;
mod serve;
