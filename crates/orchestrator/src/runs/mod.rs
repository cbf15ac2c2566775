//! A squad works on a task: what happens, in which order, and what stays of it.

pub mod machine;
