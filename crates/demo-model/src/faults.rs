//! Faults that happen a given number of times.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::script::{Fault, FaultKind};

/// Older counts are forgotten beyond this many requests, so that a long test run does not grow without end.
const MOST: usize = 10_000;

#[derive(Debug)]
pub(crate) enum Fit {
    None,
    Now(FaultKind),
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<HashMap<u64, u32>>);

impl Faults {
    /// Whether the request with this number meets the fault this time.
    pub(crate) fn meet(&self, fault: Option<&Fault>, request: u64) -> Fit {
        let Some(fault) = fault else { return Fit::None };
        let Some(times) = fault.times else { return Fit::Now(fault.kind.clone()) };
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if met.len() >= MOST {
            met.clear();
        }
        let count = met.entry(request).or_default();
        if *count >= times {
            return Fit::None;
        }
        *count += 1;
        Fit::Now(fault.kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_ends_after_its_times() {
        let faults = Faults::default();
        let twice = Fault { kind: FaultKind::Cut, times: Some(2) };
        let met = |request| matches!(faults.meet(Some(&twice), request), Fit::Now(_));
        assert_eq!([met(1), met(1), met(1), met(2)], [true, true, false, true]);
    }
}
