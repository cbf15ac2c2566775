use leptos::prelude::*;
use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A span that is over: “23:47”, “1:02:33”.
#[must_use]
pub fn span(length: Duration) -> AnyView {
    view! { <time class="clock" datetime=machine(length)>{words(length)}</time> }.into_any()
}

/// How long something has been going on. `live.js` lets it tick; without it, it stands as of the page.
#[must_use]
pub fn since(start: OffsetDateTime, now: OffsetDateTime) -> AnyView {
    let length = now - start;
    view! { <time class="clock" datetime=machine(length) data-since=rfc(start)>{words(length)}</time> }.into_any()
}

/// How long is left until something happens by itself; it ticks down.
#[must_use]
pub fn until(end: OffsetDateTime, now: OffsetDateTime) -> AnyView {
    let length = end - now;
    view! { <time class="clock" datetime=machine(length) data-until=rfc(end)>{words(length)}</time> }.into_any()
}

/// The time of day in UTC, to the second: “14:32:07”.
#[must_use]
pub fn of_day(at: OffsetDateTime) -> AnyView {
    let (hour, minute, second) = at.to_offset(UtcOffset::UTC).to_hms();
    let title = super::time::full(at);
    view! { <time datetime=rfc(at) title=title>{format!("{hour:02}:{minute:02}:{second:02}")}</time> }.into_any()
}

/// “23:47”, “1:02:33”; nothing below zero.
#[must_use]
pub fn words(length: Duration) -> String {
    let seconds = length.whole_seconds().max(0);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long a call took: “0.3 s” and “38.2 s” below a minute, “2:03” above.
#[must_use]
pub fn took(length: Duration) -> String {
    let tenths = length.whole_milliseconds().max(0) / 100;
    if tenths < 600 { format!("{}.{} s", tenths / 10, tenths % 10) } else { words(length) }
}

/// The duration as HTML has it (section 2.3.6 of the standard): “PT1427S”.
fn machine(length: Duration) -> String {
    format!("PT{}S", length.whole_seconds().max(0))
}

fn rfc(at: OffsetDateTime) -> Option<String> {
    // A year past 9999 has no RFC 3339 form; such a clock does not tick.
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::document::fragment;

    #[test]
    fn spans_line_up_and_are_never_negative() {
        for (seconds, expected) in [(-4, "0:00"), (19, "0:19"), (1_427, "23:47"), (3_753, "1:02:33")] {
            assert_eq!(words(Duration::seconds(seconds)), expected);
        }
        for (millis, expected) in [(34, "0.0 s"), (38_249, "38.2 s"), (59_999, "59.9 s"), (123_000, "2:03")] {
            assert_eq!(took(Duration::milliseconds(millis)), expected);
        }
    }

    #[test]
    fn a_running_clock_says_where_it_started() {
        let html = fragment(false, since(datetime!(2026-11-19 15:08:21 +1), datetime!(2026-11-19 14:32:08 UTC)));
        assert!(html.contains(r#"data-since="2026-11-19T14:08:21Z""#) && html.contains(">23:47<"), "{html}");
        assert!(html.contains(r#"datetime="PT1427S""#), "{html}");
    }
}
