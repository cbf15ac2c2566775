//! The time of processors that the processes of a sandbox have used, where no control group counts it.
//!
//! A process counts its own time, and that of its children that it waited for. A child that nobody has to wait for, because
//! its parent ignores SIGCHLD, takes its time with it (wait(2), notes): what was seen of it is kept here, and what was not is
//! estimated from how many processes are found running that are gone at the next look.

use std::{collections::HashMap, time::Duration};

use crate::processes::Process;

/// How far the estimate may be above what was counted before the rest is charged: chance alone brings it some looks ahead.
const AHEAD: i64 = 200_000;
/// How far behind it is remembered.
const BEHIND: i64 = -500_000;

/// All times are in microseconds.
#[derive(Debug)]
pub(crate) struct Meter {
    /// By number and start, because numbers are used again.
    known: HashMap<(i32, u64), Known>,
    /// Counted of processes that vanished, and not yet found in a parent: it may have been looked at before its child.
    credit: u64,
    /// The estimate, less what was counted of the same processes.
    owed: i64,
    processors: u64,
    tick: u64,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    own: u64,
    children: u64,
    /// What is expected of it since, should it be gone at the next look, for each microsecond that passes, in thousandths.
    expected: u64,
    /// What was counted when it was found, if that was at the last look.
    first: u64,
}

impl Meter {
    pub(crate) fn new(processors: u64, tick: u64) -> Self {
        Self { known: HashMap::new(), credit: 0, owed: 0, processors, tick }
    }

    /// What was used since the last look, `passed` ago, after which `all` is found. `stopped`: all were meanwhile. `share` is
    /// how much of the time that it could have run a process did, in thousandths.
    pub(crate) fn look(
        &mut self,
        all: &[Process],
        passed: Duration,
        stopped: bool,
        share: impl Fn(i32) -> u64,
    ) -> Duration {
        let passed = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX >> 20);
        let (mut own, mut waited_for) = (0, 0);
        let mut known = HashMap::with_capacity(all.len());
        for process in all {
            let before = self.known.remove(&(process.pid, process.born));
            let mut now =
                Known { own: process.own * self.tick, children: process.children * self.tick, expected: 0, first: 0 };
            own += now.own.saturating_sub(before.map_or(0, |before| before.own));
            waited_for += now.children.saturating_sub(before.map_or(0, |before| before.children));
            match before {
                // It could not run, so what was expected of it still is.
                Some(before) if stopped => (now.expected, now.first) = (before.expected, before.first),
                // One that lasts ends in the middle between two looks; one that was just found stands for those that were not.
                Some(_) if process.running => now.expected = share(process.pid) / 2,
                None if process.running => (now.expected, now.first) = (share(process.pid), now.own),
                _ => {}
            }
            known.insert((process.pid, process.born), now);
        }
        let gone = std::mem::replace(&mut self.known, known);
        let counted: u64 = gone.values().map(|gone| gone.own + gone.children).sum();
        let estimated: u64 = gone.values().map(|gone| gone.expected * passed / 1000).sum();
        let first: u64 = gone.values().map(|gone| gone.first).sum();

        let most = passed.saturating_mul(self.processors);
        let new = waited_for.saturating_sub(self.credit + counted);
        self.credit = (self.credit + counted).saturating_sub(waited_for).min(counted);
        let owed = self.owed + signed(estimated.min(most)) - signed(new + first);
        let lost = u64::try_from(owed - AHEAD).unwrap_or(0);
        self.owed = owed.clamp(BEHIND, AHEAD);
        Duration::from_micros((own + new + lost).min(most))
    }
}

fn signed(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: u64 = 10_000;
    const LOOK: u64 = 50_000;

    /// Children one after the other, each of which runs for `life` microseconds and rests for `rest`. The parts of the time
    /// that they used and that was charged, in thousandths.
    fn forker(life: u64, rest: u64, waits: bool) -> (u64, u64) {
        const LOOKS: u64 = 4_000;
        let mut meter = Meter::new(2, TICK);
        let (mut charged, mut used, mut reaped) = (0, 0, 0);
        let (mut now, mut began, mut pid, mut chance) = (0, 0, 10, 1_u64);
        for _ in 0..LOOKS {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let passed = LOOK + (chance >> 33) % (LOOK / 2);
            now += passed;
            while began + life + rest <= now {
                used += life;
                reaped += if waits { life } else { 0 };
                began += life + rest;
                pid += 1;
            }
            let parent = process(2, 0, 0, reaped, false);
            let ran = now - began;
            let child = process(pid, pid as u64, ran.min(life), 0, true);
            let all = if ran < life { vec![parent, child] } else { vec![parent] };
            let took = meter.look(&all, Duration::from_micros(passed), false, |_| 1000);
            charged += took.as_micros() as u64;
        }
        (used * 1000 / now, charged * 1000 / now)
    }

    fn process(pid: i32, born: u64, own: u64, children: u64, running: bool) -> Process {
        Process {
            pid,
            born,
            zombie: false,
            running,
            group: 1,
            own: own / TICK,
            children: children / TICK,
            threads: 1,
            pages: 1,
        }
    }

    #[test]
    fn children_that_are_waited_for_are_counted_once() {
        for (life, rest) in [(4_000, 0), (17_000, 0), (30_000, 20_000), (70_000, 5_000), (900_000, 0), (2_000, 30_000)]
        {
            let (used, charged) = forker(life, rest, true);
            assert!(charged.abs_diff(used) <= used / 10 + 15, "{life} and {rest}: {charged} of {used}");
        }
    }

    #[test]
    fn children_that_nobody_waits_for_are_counted_too() {
        for (life, rest) in [(4_000, 0), (17_000, 0), (30_000, 3_000), (70_000, 5_000), (900_000, 0)] {
            let (used, charged) = forker(life, rest, false);
            assert!((used * 7 / 10..=used * 12 / 10).contains(&charged), "{life} and {rest}: {charged} of {used}");
        }
    }

    #[test]
    fn the_end_of_one_that_ran_for_long_is_no_new_time() {
        let second = Duration::from_secs(1);
        let mut meter = Meter::new(2, TICK);
        let parent = |children| process(2, 0, 0, children, false);
        let child = process(3, 5, 1_000_000, 0, true);
        assert_eq!(meter.look(&[parent(0), child], second, false, |_| 1000), second);
        // The parent was read before it waited, and the child after it was gone.
        assert_eq!(meter.look(&[parent(0)], second / 20, false, |_| 1000), Duration::ZERO);
        assert_eq!(meter.look(&[parent(1_000_000)], second / 20, false, |_| 1000), Duration::ZERO);
        // Another process of the same number.
        let other = process(3, 9, 40_000, 0, true);
        assert_eq!(meter.look(&[parent(1_000_000), other], second / 20, false, |_| 1000), Duration::from_millis(40));
    }

    #[test]
    fn no_more_is_charged_than_the_processors_can_have_given() {
        let mut meter = Meter::new(2, TICK);
        let many: Vec<_> = (0..40).map(|pid| process(pid, 1, 0, 0, true)).collect();
        let moment = Duration::from_millis(50);
        let turns =
            (0..20).map(|turn| meter.look(if turn % 2 == 0 { many.as_slice() } else { &[] }, moment, false, |_| 1000));
        assert!(turns.sum::<Duration>() <= moment * 2 * 20);
    }
}
