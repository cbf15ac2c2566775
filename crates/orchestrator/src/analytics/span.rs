use time::{Date, Duration, OffsetDateTime};
use types::TeamId;

use crate::{
    Can, Error, Orchestrator, Result,
    budgets::{date_in, day_starts},
    grants::ReadBudgets,
};

/// The longest stretch that is shown at once.
pub const MAX_DAYS: i64 = 366;

/// A stretch of days as a person asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// The last days, today among them.
    Last(u16),
    /// From the first of the month to today.
    ThisMonth,
    /// Both included.
    Days(Date, Date),
}

/// A stretch of whole days in the team's time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Oldest first, with their first moments; never empty.
    days: Vec<(Date, OffsetDateTime)>,
    end: OffsetDateTime,
    zone: String,
}

impl Span {
    fn of(zone: &str, from: Date, to: Date) -> Result<Self> {
        if from > to {
            return Err(Error::field("to", "The last day comes before the first. Enter a later one."));
        }
        if (to - from).whole_days() >= MAX_DAYS {
            return Err(Error::field("from", format!("Show at most {MAX_DAYS} days at once.")));
        }
        let past = || Error::field("to", "Enter a day of this age.");
        let mut days = day_starts(zone, from, to.next_day().ok_or_else(past)?);
        let (_, end) = days.pop().ok_or_else(past)?;
        if days.is_empty() {
            return Err(past());
        }
        Ok(Self { days, end, zone: zone.to_owned() })
    }

    pub(crate) fn resolve(zone: &str, range: Range, now: OffsetDateTime) -> Result<Self> {
        let today = date_in(zone, now);
        let (from, to) = match range {
            Range::Last(days) => (today.saturating_sub(Duration::days(i64::from(days.max(1)) - 1)), today),
            Range::ThisMonth => (today.replace_day(1).unwrap_or(today), today),
            Range::Days(from, to) => (from, to),
        };
        Self::of(zone, from, to)
    }

    /// As many days right before these.
    ///
    /// # Errors
    /// At the beginning of the calendar.
    pub fn before(&self) -> Result<Self> {
        let count = Duration::days(i64::try_from(self.days.len()).unwrap_or(MAX_DAYS));
        Self::of(&self.zone, self.from().saturating_sub(count), self.to().saturating_sub(count))
    }

    #[must_use]
    pub fn days(&self) -> &[(Date, OffsetDateTime)] {
        &self.days
    }

    #[must_use]
    pub fn from(&self) -> Date {
        self.days.first().map_or(Date::MIN, |day| day.0)
    }

    #[must_use]
    pub fn to(&self) -> Date {
        self.days.last().map_or(Date::MIN, |day| day.0)
    }

    /// A name of the IANA time zone database.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    pub(super) fn starts(&self) -> Vec<OffsetDateTime> {
        self.days.iter().map(|day| day.1).collect()
    }

    pub(super) fn start(&self) -> OffsetDateTime {
        self.days.first().map_or(self.end, |day| day.1)
    }

    pub(super) const fn end(&self) -> OffsetDateTime {
        self.end
    }
}

impl Orchestrator {
    /// The days that a range means for the team: its zone is that of its own budget.
    ///
    /// # Errors
    /// [`Error::Invalid`] for days that end before they begin, or too many of them.
    pub async fn analytics_span(&self, scope: &Can<ReadBudgets>, range: Range) -> Result<Span> {
        let mut tx = self.db().team(scope).await?;
        let zone = sqlx::query_scalar!(
            "SELECT time_zone FROM budgets WHERE team_id = $1 AND parent_id IS NULL",
            scope.team() as TeamId
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Span::resolve(zone.as_deref().unwrap_or("UTC"), range, self.clock().now())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn days_are_the_teams_own() {
        let now = datetime!(2026-11-21 23:30 UTC);
        let span = Span::resolve("Europe/Berlin", Range::Last(7), now).unwrap();
        assert_eq!((span.from(), span.to()), (date!(2026 - 11 - 16), date!(2026 - 11 - 22)));
        assert_eq!((span.start(), span.end()), (datetime!(2026-11-15 23:00 UTC), datetime!(2026-11-22 23:00 UTC)));
        let month = Span::resolve("Europe/Berlin", Range::ThisMonth, now).unwrap();
        assert_eq!((month.from(), month.days().len()), (date!(2026 - 11 - 01), 22));
        let before = span.before().unwrap();
        assert_eq!((before.from(), before.to()), (date!(2026 - 11 - 09), date!(2026 - 11 - 15)));
    }

    #[test]
    fn a_day_with_another_hour_is_still_one_day() {
        let (from, to) = (date!(2026 - 10 - 25), date!(2026 - 10 - 25));
        let span = Span::resolve("Europe/Berlin", Range::Days(from, to), OffsetDateTime::UNIX_EPOCH).unwrap();
        assert_eq!((span.end() - span.start()).whole_hours(), 25);
    }

    #[test]
    fn a_range_that_cannot_be_is_said_at_its_field() {
        let resolve = |from, to| Span::resolve("UTC", Range::Days(from, to), OffsetDateTime::UNIX_EPOCH);
        let field = |result: Result<Span>| match result {
            Err(Error::Invalid(fields)) => fields[0].field.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(field(resolve(date!(2026 - 11 - 02), date!(2026 - 11 - 01))), "to");
        assert_eq!(field(resolve(date!(2025 - 11 - 01), date!(2026 - 11 - 02))), "from");
        assert!(resolve(date!(2025 - 11 - 02), date!(2026 - 11 - 02)).is_ok());
        assert!(resolve(Date::MAX, Date::MAX).is_err());
    }
}
