use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::{Duration, OffsetDateTime};

/// Where time comes from: the system, or a hand that a test moves.
///
/// Times are cut to microseconds, which is what Postgres keeps: a nanosecond that is hashed and then lost on
/// the way to the table would break the audit chain.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// Microseconds since the Unix epoch.
    Set(Arc<AtomicI64>),
}

impl Clock {
    #[must_use]
    pub fn set_to(at: OffsetDateTime) -> Self {
        Self::Set(Arc::new(AtomicI64::new(micros(at))))
    }

    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
            Self::System => from_micros(micros(OffsetDateTime::now_utc())),
            Self::Set(hand) => from_micros(hand.load(Ordering::SeqCst)),
        }
    }

    /// Moves a set clock; the system's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Self::Set(hand) = self {
            hand.fetch_add(i64::try_from(by.whole_microseconds()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

/// Microseconds since the Unix epoch, the rest cut off.
pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_cut() {
        assert_eq!(Clock::System.now().nanosecond() % 1_000, 0);
    }

    #[test]
    fn a_set_clock_moves_only_by_hand() {
        let clock = Clock::set_to(OffsetDateTime::UNIX_EPOCH);
        clock.advance(Duration::minutes(10));
        assert_eq!(clock.now(), OffsetDateTime::UNIX_EPOCH + Duration::minutes(10));
    }
}
