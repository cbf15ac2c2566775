//! One suite for all backends. Docker's part says that it is skipped where no daemon answers; `cargo xtask test` starts one.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "tests and their helpers")]

/// Each test once per backend.
macro_rules! on_each_backend {
    ($($test:ident),* $(,)?) => {
        mod local {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::world::World::local()).await;
            })*
        }
        mod docker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(world) = crate::world::World::docker().await {
                    super::$test(world).await;
                }
            })*
        }
    };
}

mod commands;
mod egress;
mod isolation;
mod life;
mod limits;
mod users;
mod world;
