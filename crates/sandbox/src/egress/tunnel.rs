use std::{io, time::Duration};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::copy_bidirectional,
    time::{Instant, sleep},
};

use super::{
    Bounds,
    count::{Opened, Passed},
};

/// A connection that was asked for with CONNECT, and what it leads to.
pub(super) struct Tunnel {
    upgrade: OnUpgrade,
    opened: Opened,
    bounds: Bounds,
}

impl Tunnel {
    pub(super) fn new(upgrade: OnUpgrade, opened: Opened, bounds: Bounds) -> Self {
        Self { upgrade, opened, bounds }
    }

    /// Carries bytes until both sides have said their last, or nothing passed for too long.
    pub(super) async fn carry(self) {
        let Self { upgrade, mut opened, bounds } = self;
        let (passed, host) = (opened.passed(), opened.host().to_owned());
        let carrying = async {
            let upgraded = upgrade.await.map_err(io::Error::other)?;
            copy_bidirectional(&mut TokioIo::new(upgraded), &mut opened).await
        };
        tokio::select! {
            carried = carrying => {
                if let Err(error) = carried {
                    tracing::debug!(%error, host, "a tunnel out of a sandbox broke");
                }
            }
            () = stillness(&passed, bounds) => tracing::debug!(host, "a tunnel out of a sandbox stood still and was closed"),
        }
    }
}

/// Returns when nothing has passed for longer than the bounds allow.
async fn stillness(passed: &Passed, bounds: Bounds) {
    let look = (bounds.half_closed / 4).max(Duration::from_millis(1));
    let state = || (passed.bytes(), passed.is_half_closed());
    let (mut last, mut since) = (state(), Instant::now());
    loop {
        sleep(look).await;
        let now = state();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        let (_, half_closed) = now;
        if since.elapsed() >= if half_closed { bounds.half_closed } else { bounds.idle } {
            return;
        }
    }
}
