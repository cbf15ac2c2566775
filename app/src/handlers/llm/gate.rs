use std::{num::NonZeroU32, sync::Arc};

use gateway::face::{Fault, Situation};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock};
use orchestrator::Origin;
use types::GatewayKeyId;

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

/// Keys that this process remembers.
const MOST: usize = 100_000;

/// Who may call how often. Each process has its own.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: DefaultKeyedRateLimiter<GatewayKeyId>,
    wrong_keys: Option<DefaultKeyedRateLimiter<String>>,
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
        Self(Arc::new(Inner { keys, wrong_keys }))
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
}
