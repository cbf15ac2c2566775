use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use gateway::{
    CallError,
    face::{Fault, Situation},
};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock};
use orchestrator::Origin;
use types::{GatewayKeyId, ModelProviderId};

/// How often somebody may call in a minute.
#[derive(Clone, Copy, Debug)]
pub struct GateLimits {
    /// Calls of one key.
    pub calls: NonZeroU32,
    /// Keys that do not work, from one network; `None`: no limit.
    pub wrong_keys: Option<NonZeroU32>,
}

impl Default for GateLimits {
    fn default() -> Self {
        const CALLS: NonZeroU32 = NonZeroU32::new(300_000).expect("above 0");
        const WRONG_KEYS: NonZeroU32 = NonZeroU32::new(100).expect("above 0");
        Self { calls: CALLS, wrong_keys: Some(WRONG_KEYS) }
    }
}

/// Failures one after another until a provider is left alone.
const FAILURES: u32 = 5;
/// For how long.
const REST: Duration = Duration::from_secs(15);
/// A provider that asks for more is asked again after this all the same.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Keys and providers that this process remembers.
const MOST: usize = 100_000;

/// Who may call how often, and which providers are to be left alone for a while. Each process has its own.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: DefaultKeyedRateLimiter<GatewayKeyId>,
    wrong_keys: Option<DefaultKeyedRateLimiter<String>>,
    providers: Mutex<HashMap<ModelProviderId, Health>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    failures: u32,
    rests_until: Option<Instant>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(GateLimits::default())
    }
}

impl Gate {
    #[must_use]
    pub fn new(limits: GateLimits) -> Self {
        let keys = DefaultKeyedRateLimiter::keyed(Quota::per_minute(limits.calls));
        let wrong_keys = limits.wrong_keys.map(|limit| DefaultKeyedRateLimiter::keyed(Quota::per_minute(limit)));
        Self(Arc::new(Inner { keys, wrong_keys, providers: Mutex::default() }))
    }

    /// Counts a key that does not work.
    pub(super) fn count_wrong_key(&self, origin: &Origin) -> Result<(), Fault> {
        let Some(limiter) = &self.0.wrong_keys else { return Ok(()) };
        if limiter.len() > MOST {
            limiter.retain_recent();
        }
        limiter.check_key(&origin.network()).map_err(|early| {
            let wait = early.wait_time_from(governor::clock::DefaultClock::default().now());
            Fault::new(Situation::RateLimited, "Too many keys that do not work were tried.").after(Some(wait))
        })
    }

    /// Counts a call of a key.
    pub(super) fn count(&self, key: GatewayKeyId) -> Result<(), Fault> {
        if self.0.keys.len() > MOST {
            self.0.keys.retain_recent();
        }
        self.0.keys.check_key(&key).map_err(|early| {
            let wait = early.wait_time_from(governor::clock::DefaultClock::default().now());
            Fault::new(Situation::RateLimited, "This key makes too many calls.").after(Some(wait))
        })
    }

    /// How long a provider is still to be left alone.
    pub(super) fn rest(&self, provider: ModelProviderId) -> Option<Duration> {
        let until = self.providers().get(&provider)?.rests_until?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// A provider answered: whatever it was, it is well.
    pub(super) fn works(&self, provider: ModelProviderId) {
        self.providers().remove(&provider);
    }

    /// A provider did not answer as it should.
    pub(super) fn fails(&self, provider: ModelProviderId, error: &CallError) {
        let mut providers = self.providers();
        if providers.len() >= MOST {
            providers.clear();
        }
        let health = providers.entry(provider).or_default();
        health.failures += 1;
        let asked = error.retry_after().map(|wait| wait.min(LONGEST_REST));
        // After its rest one failure more is enough to begin another.
        let tired = (health.failures >= FAILURES).then_some(REST);
        if let Some(wait) = asked.max(tired) {
            health.rests_until = Some(Instant::now() + wait);
        }
    }

    fn providers(&self) -> std::sync::MutexGuard<'_, HashMap<ModelProviderId, Health>> {
        // Single inserts leave nothing half done behind a panic.
        self.0.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_fails_again_and_again_is_left_alone_until_it_answers() {
        let (gate, provider) = (Gate::default(), ModelProviderId::new());
        let error = CallError::Network { sent: false, message: "refused".into() };
        for _ in 1..FAILURES {
            gate.fails(provider, &error);
            assert!(gate.rest(provider).is_none());
        }
        gate.fails(provider, &error);
        assert!(gate.rest(provider).is_some_and(|left| left <= REST));
        gate.works(provider);
        assert!(gate.rest(provider).is_none());
    }

    #[test]
    fn a_wait_that_a_provider_asks_for_holds_for_all_calls() {
        let (gate, provider) = (Gate::default(), ModelProviderId::new());
        let retry_after = Some(Duration::from_secs(3_600));
        gate.fails(provider, &CallError::RateLimited { retry_after, message: "slow".into() });
        assert!(gate.rest(provider).is_some_and(|left| left <= LONGEST_REST));
    }
}
