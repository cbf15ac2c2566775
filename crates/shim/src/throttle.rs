//! The share of the processors, where no control group holds it: when the commands have had more than theirs, all are
//! stopped until they have waited for it.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::{Instant, sleep};

use crate::{
    jobs::{Jobs, is_first},
    processes::{self, signal},
    protocol::{Held, Start},
    usage,
};

/// How often is looked at most: five ticks of the clock that processors' time is counted by.
const TURN: Duration = Duration::from_millis(50);
/// While nothing runs.
const REST: Duration = Duration::from_millis(200);
/// What unused time is kept, so that commands which mostly wait are not stopped for a moment's work.
const KEPT: Duration = Duration::from_millis(200);

/// As long as the sandbox lives. Does nothing outside one, where other processes than the commands' can be seen.
pub(crate) async fn processors(start: Start, jobs: Arc<Jobs>) {
    if start.held.contains(&Held::Cpu) || start.cpu_millis == u64::MAX || !is_first() {
        return;
    }
    let mut account = Account::new(start.cpu_millis);
    let (mut meter, mut then, mut stopped) = (usage::meter(), Instant::now(), false);
    // What was used before is nobody's.
    meter.look(&processes::all(), Duration::ZERO, false, processes::share);
    loop {
        sleep(if stopped || jobs.count() > 0 { TURN + by_chance() } else { REST }).await;
        let (all, now) = (processes::all(), Instant::now());
        let over = account.turn(now - then, meter.look(&all, now - then, stopped, processes::share));
        then = now;
        if over || stopped {
            // Again at each turn: what began meanwhile runs.
            everything(if over { Signal::SIGSTOP } else { Signal::SIGCONT });
        }
        stopped = over;
    }
}

/// Up to half a turn, so that commands cannot keep in step with the looks.
fn by_chance() -> Duration {
    TURN.mul_f64((RandomState::new().hash_one(()) % 1000) as f64 / 2000.0)
}

/// Signals all processes that can be seen but the first, which is this one (kill(2)).
fn everything(what: Signal) {
    signal(kill(Pid::from_raw(-1), what));
}

/// Time of processors that may still be used, in thousandths of a millisecond; below zero it is owed.
#[derive(Debug)]
struct Account {
    rate: i128,
    left: i128,
}

impl Account {
    fn new(cpu_millis: u64) -> Self {
        let rate = i128::from(cpu_millis);
        Self { rate, left: rate * millis(KEPT) }
    }

    /// Books what passed and what was used meanwhile. Whether the commands have to wait.
    fn turn(&mut self, passed: Duration, used: Duration) -> bool {
        let most = self.rate * millis(KEPT);
        self.left = (self.left + self.rate * millis(passed)).min(most) - 1000 * millis(used);
        self.left < 0
    }
}

fn millis(time: Duration) -> i128 {
    i128::try_from(time.as_millis()).unwrap_or(i128::MAX >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands that take `greed` milliseconds of processors in each turn in which they may run; their part of the time.
    fn part(cpu_millis: u64, greed: u64) -> u64 {
        let (mut account, mut over, mut used) = (Account::new(cpu_millis), false, 0);
        const TURNS: u64 = 2000;
        for _ in 0..TURNS {
            let took = if over { 0 } else { greed };
            used += took;
            over = account.turn(TURN, Duration::from_millis(took));
        }
        used * 1000 / (TURNS * 50)
    }

    #[test]
    fn the_greedy_get_their_share_and_no_more() {
        for (share, greed) in [(500, 50), (500, 200), (100, 50), (1500, 100), (10, 100)] {
            let part = part(share, greed);
            assert!(part.abs_diff(share) <= share / 50 + 2, "{part} of {share}");
        }
    }

    #[test]
    fn the_modest_are_never_stopped() {
        let mut account = Account::new(500);
        assert!((0..100).all(|_| !account.turn(TURN, Duration::from_millis(25))));
        // A moment's work after a while of waiting.
        assert!(!account.turn(Duration::from_secs(60), Duration::from_millis(100)));
        assert!(account.turn(TURN, Duration::from_millis(200)), "what was kept does not grow without end");
    }
}
