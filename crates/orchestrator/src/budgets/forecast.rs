//! What a period will have cost when it ends, from the days before. Pure.

use types::MicroUsd;

/// Full days that the pace is taken from, at most.
pub(crate) const PACE_DAYS: usize = 14;
/// Below this many full days, a pace is a guess that looks like a fact.
const LEAST_DAYS: usize = 3;
const DAY_SECONDS: i128 = 86_400;

/// What will have been spent at the end of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub likely: MicroUsd,
    /// Four of five outcomes lie between the two, if days vary as they did.
    pub low: MicroUsd,
    pub high: MicroUsd,
}

/// The mean of the last full days for each day that is left. The range takes days as independent: its half width is 1.28
/// standard deviations (80 % of a normal distribution) times the root of the days that are left.
///
/// `days` are full days, oldest first; those before the first spending are left out, since nobody worked then.
pub(crate) fn forecast(days: &[i64], spent: i64, seconds_left: i64) -> Option<Forecast> {
    let begun = days.iter().position(|&day| day > 0)?;
    let days = &days[begun.max(days.len().saturating_sub(PACE_DAYS))..];
    if days.len() < LEAST_DAYS {
        return None;
    }
    let count = i128::try_from(days.len()).ok()?;
    let left = i128::from(seconds_left.max(0));
    let mean = days.iter().map(|&day| i128::from(day)).sum::<i128>() / count;
    let squares: i128 = days.iter().map(|&day| (i128::from(day) - mean).pow(2)).sum();
    let variance = squares / (count - 1) * left / DAY_SECONDS;
    let spread = variance.isqrt() * 128 / 100;
    let likely = i128::from(spent) + mean * left / DAY_SECONDS;
    let amount = |micros: i128| MicroUsd::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
    Some(Forecast {
        likely: amount(likely),
        low: amount((likely - spread).max(i128::from(spent))),
        high: amount(likely + spread),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(days: &[i64], spent: i64, seconds: i64) -> Option<(i64, i64, i64)> {
        forecast(days, spent, seconds).map(|f| (f.low.micros(), f.likely.micros(), f.high.micros()))
    }

    #[test]
    fn even_days_leave_no_doubt() {
        assert_eq!(micros(&[100, 100, 100, 100], 450, 86_400 * 2), Some((650, 650, 650)));
        assert_eq!(micros(&[100, 100, 100], 450, 43_200), Some((500, 500, 500)), "half a day counts half");
    }

    #[test]
    fn uneven_days_make_a_range_that_grows_with_time_and_never_ends_below_what_is_spent() {
        let soon = micros(&[0, 50, 0, 250, 100], 400, 86_400).unwrap();
        let late = micros(&[0, 50, 0, 250, 100], 400, 86_400 * 4).unwrap();
        assert_eq!((soon.1, late.1), (500, 800));
        assert!(soon.0 == 400 && soon.2 > 500, "{soon:?}");
        assert!(late.2 - late.1 >= 2 * (soon.2 - soon.1) - 2, "{soon:?} {late:?}");
    }

    #[test]
    fn too_few_days_say_nothing_and_days_before_the_first_do_not_count() {
        assert_eq!(micros(&[0, 0, 0, 0, 100, 100], 200, 86_400), None);
        assert_eq!(micros(&[], 200, 86_400), None);
        assert_eq!(micros(&[0, 0, 100, 100, 100], 300, 86_400), Some((400, 400, 400)));
    }

    #[test]
    fn only_the_last_two_weeks_set_the_pace() {
        let days: Vec<i64> = [1_000; 10].into_iter().chain([100; 14]).collect();
        assert_eq!(micros(&days, 0, 86_400), Some((100, 100, 100)));
    }

    #[test]
    fn a_period_that_is_over_ends_where_it_stands() {
        assert_eq!(micros(&[1, 2, 3], 6, -5), Some((6, 6, 6)));
    }
}
