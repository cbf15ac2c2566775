use leptos::prelude::*;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// When something was or will be: “12 min ago”, “in 6 days”, with the exact time on pointing and for machines.
#[must_use]
pub fn relative(at: OffsetDateTime, now: OffsetDateTime) -> AnyView {
    element(at, in_words(at, now))
}

/// The exact time in UTC: “19 Nov 2026, 14:32:07 UTC”.
#[must_use]
pub fn absolute(at: OffsetDateTime) -> AnyView {
    element(at, full(at))
}

/// A day without its year: “19 Nov”.
#[must_use]
pub fn day(date: time::Date) -> String {
    format!("{} {}", date.day(), MONTHS[usize::from(u8::from(date.month())) - 1])
}

/// Day and clock, without the year: for lists of one year's rows.
#[must_use]
pub fn moment(at: OffsetDateTime) -> AnyView {
    let utc = at.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = utc.to_hms();
    element(at, format!("{} {} {hour:02}:{minute:02}:{second:02}", utc.day(), month(utc)))
}

fn element(at: OffsetDateTime, words: String) -> AnyView {
    // A year past 9999 has no RFC 3339 form; such a time keeps its words and loses the machine form.
    let machine = at.to_offset(UtcOffset::UTC).format(&Rfc3339).ok();
    view! { <time datetime=machine title=full(at)>{words}</time> }.into_any()
}

#[must_use]
pub fn full(at: OffsetDateTime) -> String {
    let utc = at.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = utc.to_hms();
    format!("{} {} {}, {hour:02}:{minute:02}:{second:02} UTC", utc.day(), month(utc), utc.year())
}

fn month(at: OffsetDateTime) -> &'static str {
    MONTHS[usize::from(u8::from(at.month())) - 1]
}

/// Days are whole spans of 24 hours, not dates, so that a page needs no time zone to be true.
fn in_words(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = (now - at).whole_seconds();
    let (span, past) = (seconds.unsigned_abs(), seconds >= 0);
    let words = match span {
        0..=59 if past => return "just now".to_owned(),
        0..=59 => return "in under a minute".to_owned(),
        60..=3_599 => format!("{} min", span / 60),
        3_600..=86_399 => format!("{} h", span / 3_600),
        86_400..=172_799 => "1 day".to_owned(),
        172_800..=2_591_999 => format!("{} days", span / 86_400),
        _ => {
            let utc = at.to_offset(UtcOffset::UTC);
            return format!("{} {} {}", utc.day(), month(utc), utc.year());
        }
    };
    if past { format!("{words} ago") } else { format!("in {words}") }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::document::fragment;

    #[test]
    fn spans_are_told_in_their_largest_unit() {
        let now = datetime!(2026-11-19 14:32 UTC);
        let cases = [
            (Duration::seconds(0), "just now"),
            (Duration::seconds(-59), "just now"),
            (Duration::seconds(-60), "1 min ago"),
            (Duration::minutes(-59), "59 min ago"),
            (Duration::hours(-23), "23 h ago"),
            (Duration::hours(-25), "1 day ago"),
            (Duration::days(-29), "29 days ago"),
            (Duration::days(-41), "9 Oct 2026"),
            (Duration::seconds(30), "in under a minute"),
            (Duration::days(6), "in 6 days"),
        ];
        for (shift, words) in cases {
            assert_eq!(in_words(now + shift, now), words, "{shift}");
        }
    }

    #[test]
    fn machines_and_pointers_get_the_exact_time_in_utc() {
        let html = fragment(false, relative(datetime!(2026-11-19 15:32:07 +1), datetime!(2026-11-19 14:35 UTC)));
        assert!(html.contains(r#"datetime="2026-11-19T14:32:07Z""#), "{html}");
        assert!(html.contains(r#"title="19 Nov 2026, 14:32:07 UTC""#) && html.contains("2 min ago"), "{html}");
    }
}
