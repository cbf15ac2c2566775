//! When a limit begins anew.

use jiff::{
    Timestamp, ToSpan, Unit, Zoned,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// How long a limit lasts before it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    Week,
    Month,
    /// Never.
    Total,
}

impl Period {
    pub const ALL: &[Self] = &[Self::Day, Self::Week, Self::Month, Self::Total];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|period| period.as_str() == text)
    }
}

/// A calendar that limits follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub period: Period,
    /// Of the week (Monday is 1), or of the month; a shorter month begins anew on its last day. No meaning otherwise.
    pub reset_day: i16,
    /// A name of the IANA time zone database: `Europe/Berlin`.
    pub time_zone: String,
}

/// The stretch of time that a limit counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: OffsetDateTime,
    /// None: it never ends.
    pub end: Option<OffsetDateTime>,
}

impl Window {
    /// All of time.
    pub(crate) const ALWAYS: Self = Self { start: OffsetDateTime::UNIX_EPOCH, end: None };
}

/// Whether the database of time zones knows the name.
#[must_use]
pub fn knows_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

impl Calendar {
    /// The window that `now` lies in. A time zone that is no longer known counts as UTC.
    #[must_use]
    pub fn window(&self, now: OffsetDateTime) -> Window {
        self.window_in_zone(now).unwrap_or(Window::ALWAYS)
    }

    /// The days of the calendar's zone from the one that `from` lies in to the one of `to`, with their first moments.
    pub(crate) fn days(&self, from: OffsetDateTime, to: OffsetDateTime) -> Vec<(time::Date, OffsetDateTime)> {
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let date = |at: OffsetDateTime| {
            Some(Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok()?.to_zoned(zone.clone()).date())
        };
        let (Some(first), Some(last)) = (date(from), date(to)) else { return Vec::new() };
        let days = first.series(1.day()).take_while(|day| *day <= last);
        days.filter_map(|day| Some((calendar_date(day)?, instant(day, &zone)?))).collect()
    }

    fn window_in_zone(&self, now: OffsetDateTime) -> Option<Window> {
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let now = Timestamp::from_nanosecond(now.unix_timestamp_nanos()).ok()?.to_zoned(zone.clone());
        let (start, end) = match self.period {
            Period::Total => return None,
            Period::Day => (now.date(), now.date().tomorrow().ok()?),
            Period::Week => {
                let first = Weekday::from_monday_one_offset(self.reset_day.clamp(1, 7).try_into().ok()?).ok()?;
                let back = now.date().weekday().since(first);
                let start = now.date().checked_sub(i64::from(back).days()).ok()?;
                (start, start.checked_add(1.week()).ok()?)
            }
            Period::Month => self.month(now.date())?,
        };
        Some(Window { start: instant(start, &zone)?, end: Some(instant(end, &zone)?) })
    }

    fn month(&self, today: Date) -> Option<(Date, Date)> {
        let this = reset_in(today, self.reset_day)?;
        if today >= this {
            let next = reset_in(today.first_of_month().checked_add(1.month()).ok()?, self.reset_day)?;
            Some((this, next))
        } else {
            let before = reset_in(today.first_of_month().checked_sub(1.month()).ok()?, self.reset_day)?;
            Some((before, this))
        }
    }
}

/// The days from `from` to `to`, both included, with their first moments in the zone. A zone that is no longer known is UTC.
pub(crate) fn day_starts(zone: &str, from: time::Date, to: time::Date) -> Vec<(time::Date, OffsetDateTime)> {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let civil = |date: time::Date| {
        let (year, month) = (i16::try_from(date.year()).ok()?, i8::try_from(u8::from(date.month())).ok()?);
        Date::new(year, month, i8::try_from(date.day()).ok()?).ok()
    };
    let (Some(first), Some(last)) = (civil(from), civil(to)) else { return Vec::new() };
    let days = first.series(1.day()).take_while(|day| *day <= last);
    days.filter_map(|day| Some((calendar_date(day)?, instant(day, &zone)?))).collect()
}

/// The date that it is in the zone.
pub(crate) fn date_in(zone: &str, at: OffsetDateTime) -> time::Date {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let civil = Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok().map(|at| at.to_zoned(zone).date());
    civil.and_then(calendar_date).unwrap_or_else(|| at.date())
}

fn reset_in(month: Date, day: i16) -> Option<Date> {
    let day = i8::try_from(day.clamp(1, 31)).ok()?.min(month.days_in_month());
    Date::new(month.year(), month.month(), day).ok()
}

fn calendar_date(day: Date) -> Option<time::Date> {
    let month = time::Month::try_from(u8::try_from(day.month()).ok()?).ok()?;
    time::Date::from_calendar_date(day.year().into(), month, u8::try_from(day.day()).ok()?).ok()
}

/// The beginning of a day; where the clocks skip midnight, the first moment that exists.
fn instant(date: Date, zone: &TimeZone) -> Option<OffsetDateTime> {
    let start: Zoned = date.to_zoned(zone.clone()).ok()?.start_of_day().ok()?;
    let rounded = start.timestamp().round(Unit::Second).ok()?;
    OffsetDateTime::from_unix_timestamp(rounded.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn window(period: Period, reset_day: i16, zone: &str, now: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        let window = Calendar { period, reset_day, time_zone: zone.into() }.window(now);
        (window.start, window.end.unwrap())
    }

    #[test]
    fn a_day_is_the_zones_own() {
        let now = datetime!(2026-11-21 23:30 UTC);
        let utc = window(Period::Day, 1, "UTC", now);
        assert_eq!(utc, (datetime!(2026-11-21 0:00 UTC), datetime!(2026-11-22 0:00 UTC)));
        let berlin = window(Period::Day, 1, "Europe/Berlin", now);
        assert_eq!(berlin, (datetime!(2026-11-21 23:00 UTC), datetime!(2026-11-22 23:00 UTC)));
    }

    #[test]
    fn a_day_with_another_clock_is_longer_or_shorter() {
        let spring = window(Period::Day, 1, "Europe/Berlin", datetime!(2026-03-29 12:00 UTC));
        assert_eq!(spring.1 - spring.0, time::Duration::hours(23));
        let autumn = window(Period::Day, 1, "Europe/Berlin", datetime!(2026-10-25 12:00 UTC));
        assert_eq!(autumn.1 - autumn.0, time::Duration::hours(25));
    }

    #[test]
    fn a_week_begins_on_its_day() {
        // 2026-11-21 is a Saturday.
        let now = datetime!(2026-11-21 12:00 UTC);
        assert_eq!(window(Period::Week, 1, "UTC", now).0, datetime!(2026-11-16 0:00 UTC));
        assert_eq!(window(Period::Week, 6, "UTC", now).0, datetime!(2026-11-21 0:00 UTC));
        assert_eq!(window(Period::Week, 7, "UTC", now).0, datetime!(2026-11-15 0:00 UTC));
    }

    #[test]
    fn a_short_month_begins_on_its_last_day() {
        let february = window(Period::Month, 31, "UTC", datetime!(2026-02-28 8:00 UTC));
        assert_eq!(february, (datetime!(2026-02-28 0:00 UTC), datetime!(2026-03-31 0:00 UTC)));
        let before = window(Period::Month, 31, "UTC", datetime!(2026-02-27 8:00 UTC));
        assert_eq!(before, (datetime!(2026-01-31 0:00 UTC), datetime!(2026-02-28 0:00 UTC)));
        let year = window(Period::Month, 1, "UTC", datetime!(2026-12-31 23:59 UTC));
        assert_eq!(year.1, datetime!(2027-01-01 0:00 UTC));
    }

    #[test]
    fn days_are_the_zones_own_and_without_gaps() {
        let berlin = Calendar { period: Period::Month, reset_day: 1, time_zone: "Europe/Berlin".into() };
        let days = berlin.days(datetime!(2026-10-23 23:30 UTC), datetime!(2026-10-26 12:00 UTC));
        let starts: Vec<_> = days.iter().map(|(_, start)| *start).collect();
        let wanted =
            [datetime!(2026-10-23 22:00 UTC), datetime!(2026-10-24 22:00 UTC), datetime!(2026-10-25 23:00 UTC)];
        assert_eq!(starts, wanted, "the clocks go back on the 25th");
        assert_eq!(days[0].0, time::macros::date!(2026 - 10 - 24));
    }

    #[test]
    fn a_total_never_ends_and_a_strange_zone_is_utc() {
        let calendar = Calendar { period: Period::Total, reset_day: 1, time_zone: "UTC".into() };
        assert_eq!(calendar.window(datetime!(2026-11-21 12:00 UTC)), Window::ALWAYS);
        assert!(knows_time_zone("America/New_York") && !knows_time_zone("Moon/Base"));
        let strange = window(Period::Day, 1, "Moon/Base", datetime!(2026-11-21 12:00 UTC));
        assert_eq!(strange.0, datetime!(2026-11-21 0:00 UTC));
    }
}
