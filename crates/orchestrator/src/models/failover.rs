//! When a call is tried again, when it goes to the next model of its name, and when a provider is left alone for a while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use gateway::CallError;
use types::ModelProviderId;

/// Tries of one provider before the next is asked.
const TRIES: u32 = 3;
/// A provider that asks for a longer wait than this is not waited for while another may answer.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// Failures one after another until a provider is left alone.
const FAILURES: u32 = 5;
/// A provider that asks for more is asked again after this all the same.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Providers that this process remembers.
const MOST: usize = 100_000;

/// How long to wait before the same provider is asked again; `None`: not at all.
#[must_use]
pub fn wait_after(error: &CallError, tries: u32) -> Option<Duration> {
    // What may have been billed is not sent twice.
    if !error.may_retry() || error.may_have_cost() || tries >= TRIES {
        return None;
    }
    let wait = error.retry_after().unwrap_or(Duration::from_millis(250 << tries.min(6)));
    (wait <= LONGEST_WAIT).then_some(wait)
}

/// Whether another provider may do better with the same call.
#[must_use]
pub fn goes_elsewhere(error: &CallError) -> bool {
    error.may_retry() || matches!(error, CallError::OutOfCredit { .. })
}

/// Which providers are to be left alone for a while. Each process has its own, for all calls that it makes.
#[derive(Debug)]
pub struct Breaker {
    rest: Duration,
    providers: Mutex<HashMap<ModelProviderId, Health>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    failures: u32,
    rests_until: Option<Instant>,
}

impl Breaker {
    /// `rest` is for how long a provider is left alone that fails again and again.
    #[must_use]
    pub fn new(rest: Duration) -> Self {
        Self { rest, providers: Mutex::default() }
    }

    /// How long a provider is still to be left alone.
    #[must_use]
    pub fn rest(&self, provider: ModelProviderId) -> Option<Duration> {
        let until = self.providers().get(&provider)?.rests_until?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// A provider answered: whatever it was, it is well.
    pub fn works(&self, provider: ModelProviderId) {
        self.providers().remove(&provider);
    }

    /// A provider did not answer as it should.
    pub fn fails(&self, provider: ModelProviderId, error: &CallError) {
        let mut providers = self.providers();
        if providers.len() >= MOST {
            providers.clear();
        }
        let health = providers.entry(provider).or_default();
        health.failures += 1;
        let asked = error.retry_after().map(|wait| wait.min(LONGEST_REST));
        // After its rest one failure more is enough to begin another.
        let tired = (health.failures >= FAILURES).then_some(self.rest);
        if let Some(wait) = asked.max(tired) {
            health.rests_until = Some(Instant::now() + wait);
        }
    }

    fn providers(&self) -> std::sync::MutexGuard<'_, HashMap<ModelProviderId, Health>> {
        // Single inserts leave nothing half done behind a panic.
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(3_600);

    #[test]
    fn only_what_cost_nothing_is_tried_again_and_not_for_long() {
        let limited =
            |seconds| CallError::RateLimited { retry_after: Some(Duration::from_secs(seconds)), message: "m".into() };
        assert_eq!(wait_after(&limited(3), 1), Some(Duration::from_secs(3)));
        assert_eq!(wait_after(&limited(60), 1), None);
        assert_eq!(wait_after(&limited(1), TRIES), None);
        assert_eq!(wait_after(&CallError::Timeout { waited: Duration::ZERO, partial: None }, 1), None);
        let closed = CallError::Network { sent: false, message: "m".into() };
        assert!(wait_after(&closed, 1).is_some());
        assert_eq!(wait_after(&CallError::BadRequest { message: "m".into() }, 1), None);
    }

    #[test]
    fn a_provider_that_fails_again_and_again_is_left_alone_until_it_answers() {
        let (breaker, provider) = (Breaker::new(REST), ModelProviderId::new());
        let error = CallError::Network { sent: false, message: "refused".into() };
        for _ in 1..FAILURES {
            breaker.fails(provider, &error);
            assert!(breaker.rest(provider).is_none());
        }
        breaker.fails(provider, &error);
        assert!(breaker.rest(provider).is_some_and(|left| left <= REST));
        breaker.works(provider);
        assert!(breaker.rest(provider).is_none());
    }

    #[test]
    fn a_wait_that_a_provider_asks_for_holds_for_all_calls() {
        let (breaker, provider) = (Breaker::new(REST), ModelProviderId::new());
        let retry_after = Some(Duration::from_secs(3_600));
        breaker.fails(provider, &CallError::RateLimited { retry_after, message: "slow".into() });
        assert!(breaker.rest(provider).is_some_and(|left| left <= LONGEST_REST));
    }
}
