#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a broken test should say so at once")]

mod demo;
mod hand;
mod resume;
mod sample;
mod turn;
