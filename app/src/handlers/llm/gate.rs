use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use gateway::face::{Fault, Situation};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock};
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
    /// Who tried too many, and until when they wait.
    shut: Mutex<HashMap<String, Instant>>,
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
        Self(Arc::new(Inner { keys, wrong_keys, shut: Mutex::default() }))
    }

    /// Refuses who tried too many keys that do not work, before another is looked up.
    pub(super) fn may_be_wrong(&self, source: &str) -> Result<(), Fault> {
        let mut shut = self.0.shut.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = shut.get(source) else { return Ok(()) };
        match until.checked_duration_since(Instant::now()) {
            Some(wait) => Err(too_many(wait)),
            None => {
                shut.remove(source);
                Ok(())
            }
        }
    }

    /// Counts a key that does not work, and who tried it: a network, or a run.
    pub(super) fn count_wrong_key(&self, source: &str) -> Result<(), Fault> {
        let Some(limiter) = &self.0.wrong_keys else { return Ok(()) };
        if limiter.len() > MOST {
            limiter.retain_recent();
        }
        limiter.check_key(&source.to_owned()).map_err(|early| {
            let wait = early.wait_time_from(governor::clock::DefaultClock::default().now());
            let (mut shut, now) = (self.0.shut.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
            if shut.len() > MOST {
                shut.retain(|_, until| *until > now);
            }
            shut.insert(source.to_owned(), now + wait);
            too_many(wait)
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

fn too_many(wait: std::time::Duration) -> Fault {
    Fault::new(Situation::RateLimited, "Too many keys that do not work were tried.").after(Some(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_tried_too_many_keys_is_refused_before_the_next_is_looked_up() {
        let one = NonZeroU32::MIN;
        let gate = Gate::new(GateLimits { calls: one, wrong_keys: Some(one) });
        assert!(gate.may_be_wrong("10.0.0.1").is_ok() && gate.count_wrong_key("10.0.0.1").is_ok());
        assert!(gate.may_be_wrong("10.0.0.1").is_ok() && gate.count_wrong_key("10.0.0.1").is_err());
        assert!(gate.may_be_wrong("10.0.0.1").is_err(), "one a minute");
        assert!(gate.may_be_wrong("10.0.0.2").is_ok() && gate.count_wrong_key("10.0.0.2").is_ok());
        let open = Gate::new(GateLimits { calls: one, wrong_keys: None });
        assert!((0..9).all(|_| open.may_be_wrong("a").is_ok() && open.count_wrong_key("a").is_ok()));
    }
}
